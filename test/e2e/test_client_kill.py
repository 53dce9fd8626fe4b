"""CLIENT KILL over the connections of all shards."""

import time

import pytest

from support.resp import Closed, Error


def address(client):
    host, port = client.sock.getsockname()
    return f"{host}:{port}"


def test_kill_by_address_closes_that_connection_only(server):
    clients = [server.client() for _ in range(8)]
    for c in clients:
        assert c("PING") == "PONG"
    for victim in clients[1:]:
        assert clients[0]("CLIENT", "KILL", address(victim)) == "OK"
        assert victim.is_closed()
        assert clients[0]("CLIENT", "KILL", address(victim)) == Error("ERR No such client")
    assert clients[0]("PING") == "PONG"


def test_kill_by_number_counts_what_it_closed(server):
    clients = [server.client() for _ in range(8)]
    ids = [c("CLIENT", "ID") for c in clients]
    for victim, number in zip(clients[1:], ids[1:]):
        assert clients[0]("CLIENT", "KILL", "ID", number) == 1
        assert victim.is_closed()
        assert clients[0]("CLIENT", "KILL", "ID", number) == 0


def test_kill_by_kind_closes_all_but_the_caller(server):
    clients = [server.client() for _ in range(12)]
    for c in clients:
        c("PING")
    assert clients[5]("CLIENT", "KILL", "TYPE", "normal") >= 11
    for c in clients[:5] + clients[6:]:
        assert c.is_closed()
    assert clients[5]("PING") == "PONG"
    for kind in ("pubsub", "replica", "slave", "master"):
        assert clients[5]("CLIENT", "KILL", "TYPE", kind) == 0


def test_a_client_that_kills_itself_gets_its_answer_first(server):
    for call, answer in (("CLIENT KILL ID {id} SKIPME no", 1), ("CLIENT KILL {addr}", "OK"),
                         ("CLIENT KILL ADDR {addr} SKIPME no", 1)):
        client = server.client()
        number = client("CLIENT", "ID")
        assert client.do(call.format(id=number, addr=address(client))) == answer
        with pytest.raises(Closed):
            client.read()


def test_skipme_spares_the_caller(server):
    client = server.client()
    assert client("CLIENT", "KILL", "ID", client("CLIENT", "ID")) == 0
    assert client("CLIENT", "KILL", "ID", client("CLIENT", "ID"), "SKIPME", "yes") == 0
    assert client("PING") == "PONG"


def test_all_filters_must_match(server):
    one, two = server.client(), server.client()
    number = two("CLIENT", "ID")
    assert one("CLIENT", "KILL", "ID", number, "ADDR", address(one)) == 0
    assert one("CLIENT", "KILL", "ID", number, "TYPE", "pubsub") == 0
    assert one("CLIENT", "KILL", "ID", number, "MAXAGE", "1000") == 0
    assert one("CLIENT", "KILL", "LADDR", "10.0.0.1:1", "ID", number) == 0
    assert two("PING") == "PONG"
    laddr = f"127.0.0.1:{server.port}"
    assert one("CLIENT", "KILL", "ID", number, "ADDR", address(two), "LADDR", laddr, "TYPE", "normal", "USER", "default") == 1
    assert two.is_closed()


def test_old_connections_can_be_killed_by_age(server):
    old = server.client()
    number = old("CLIENT", "ID")
    time.sleep(2.1)
    young = server.client()
    assert young("CLIENT", "KILL", "MAXAGE", "2", "ID", number) == 1
    assert old.is_closed()
    assert young("PING") == "PONG"


def test_unix_socket_clients_are_killed_by_their_path(server):
    one, two = server.client(unix=True), server.client()
    one("PING")
    assert two("CLIENT", "KILL", "ADDR", f"{server.unix_path}:0") == 1
    assert one.is_closed()


def test_a_killed_client_with_commands_under_way_takes_nothing_with_it(server):
    killer = server.client()
    for round_number in range(20):
        victim = server.client()
        number = victim("CLIENT", "ID")
        victim.send_raw(b"".join(b"*3\r\n$3\r\nSET\r\n$4\r\nk%03d\r\n$1\r\nv\r\n" % i for i in range(400)))
        victim.send("MGET", *[f"k{i:03}" for i in range(400)])
        assert killer("CLIENT", "KILL", "ID", number) == 1
        assert victim.is_closed()
    assert killer("PING") == "PONG"
    assert killer("DBSIZE") <= 400


@pytest.mark.parametrize("call, answer", [
    ("CLIENT KILL", "ERR wrong number of arguments for 'client|kill' command"),
    ("CLIENT KILL 1.1.1.1:1", "ERR No such client"),
    ("CLIENT KILL ID x", "ERR client-id should be greater than 0"),
    ("CLIENT KILL ID 0", "ERR client-id should be greater than 0"),
    ("CLIENT KILL TYPE foo", "ERR Unknown client type 'foo'"),
    ("CLIENT KILL USER foo", "ERR No such user 'foo'"),
    ("CLIENT KILL SKIPME foo", "ERR syntax error"),
    ("CLIENT KILL SKIPME no TYPE", "ERR syntax error"),
    ("CLIENT KILL FOO bar", "ERR syntax error"),
    ("CLIENT KILL MAXAGE x", "ERR maxage is not an integer or out of range"),
    ("CLIENT KILL MAXAGE 0", "ERR maxage should be greater than 0"),
])
def test_mistakes_are_told_as_redis_tells_them(server, call, answer):
    assert server.client().do(call) == Error(answer)
