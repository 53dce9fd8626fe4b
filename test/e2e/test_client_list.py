"""CLIENT: what a client says about itself, and what the server tells about its clients."""

import pytest

from support.resp import Error, Status, Verbatim

FIELDS = ("id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf qbuf-free argv-mem multi-mem rbs rbp "
          "obl oll omem tot-mem events cmd user redir resp lib-name lib-ver io-thread tot-net-in tot-net-out tot-cmds").split()


def rows(text):
    return [dict(pair.split("=", 1) for pair in line.split(" ")) for line in bytes(text).decode().splitlines()]


def address(client):
    host, port = client.sock.getsockname()
    return f"{host}:{port}"


def test_every_connection_has_a_number_of_its_own_that_rises(server):
    clients = [server.client() for _ in range(20)]
    ids = [c("CLIENT", "ID") for c in clients]
    assert ids == sorted(ids) and len(set(ids)) == len(ids)
    assert [c("CLIENT", "ID") for c in clients] == ids


def test_list_shows_the_connections_of_all_shards_in_order_of_arrival(server):
    clients = [server.client() for _ in range(20)]
    ids = [c("CLIENT", "ID") for c in clients]
    listed = rows(clients[3]("CLIENT", "LIST"))
    assert [int(row["id"]) for row in listed if int(row["id"]) in ids] == ids
    assert {row["addr"] for row in listed} >= {address(c) for c in clients}
    assert len({row["io-thread"] for row in listed}) == min(server.shards, 20)


def test_a_line_has_all_fields_in_their_order(server):
    client = server.client()
    text = bytes(client("CLIENT", "INFO")).decode()
    assert text.endswith("\n") and text.count("\n") == 1
    assert [pair.split("=")[0] for pair in text.split()] == FIELDS


def test_a_line_tells_the_truth(server):
    client = server.client()
    client("SELECT", "3")
    client("CLIENT", "SETNAME", "me")
    client("CLIENT", "SETINFO", "LIB-NAME", "lib(x)")
    client("CLIENT", "SETINFO", "lib-ver", "1.2")
    client("CLIENT", "NO-EVICT", "on")
    client("CLIENT", "NO-TOUCH", "on")
    row = rows(client("CLIENT", "LIST", "ID", client("CLIENT", "ID")))[0]
    assert (row["addr"], row["laddr"]) == (address(client), f"127.0.0.1:{server.port}")
    assert (row["name"], row["lib-name"], row["lib-ver"], row["db"]) == ("me", "lib(x)", "1.2", "3")
    assert (row["flags"], row["cmd"], row["resp"], row["user"]) == ("eT", "client|list", "2", "default")
    assert int(row["tot-cmds"]) == 8
    assert int(row["tot-net-in"]) > 100 and int(row["tot-net-out"]) >= 7 * 5
    assert int(row["tot-mem"]) > 0


def test_the_last_command_of_others_is_shown_by_its_full_name(server):
    one, two = server.client(), server.client()
    one("CONFIG", "GET", "port")
    assert rows(two("CLIENT", "LIST", "ID", one("CLIENT", "ID")))[0]["cmd"] == "client|id"
    one("SET", "k", "v")
    assert rows(two("CLIENT", "LIST", "ID", "1", two("CLIENT", "ID")))[-1]["cmd"] == "client|list"


def test_a_client_on_a_unix_socket_shows_its_path(server):
    client = server.client(unix=True)
    row = rows(client("CLIENT", "INFO"))[0]
    assert (row["addr"], row["flags"]) == (f"{server.unix_path}:0", "U")


def test_resp3_gives_lists_as_verbatim_text(server):
    client = server.client(3)
    assert isinstance(client("CLIENT", "LIST"), Verbatim)
    assert rows(client("CLIENT", "INFO"))[0]["resp"] == "3"


def test_list_can_be_asked_for_some_numbers_and_kinds(server):
    clients = [server.client() for _ in range(9)]
    ids = [c("CLIENT", "ID") for c in clients]
    wanted = [ids[7], ids[2], 1 << 60]
    assert [int(r["id"]) for r in rows(clients[0]("CLIENT", "LIST", "ID", *wanted))] == [ids[2], ids[7]]
    assert len(rows(clients[0]("CLIENT", "LIST", "TYPE", "Normal"))) >= 9
    for kind in ("replica", "slave", "master", "pubsub"):
        assert clients[0]("CLIENT", "LIST", "TYPE", kind) == b""


def test_a_closed_connection_leaves_the_list(server):
    one, two = server.client(), server.client()
    number = one("CLIENT", "ID")
    one.close()
    for _ in range(200):
        if two("CLIENT", "LIST", "ID", number) == b"":
            return
    pytest.fail("still listed")


@pytest.mark.parametrize("call, answer", [
    ("CLIENT LIST TYPE foo", "ERR Unknown client type 'foo'"),
    ("CLIENT LIST ID", "ERR syntax error"),
    ("CLIENT LIST ID 1 x", "ERR Invalid client ID"),
    ("CLIENT LIST nonsense 1", "ERR syntax error"),
    ("CLIENT SETNAME 'a b'", "ERR Client names cannot contain spaces, newlines or special characters."),
    ("CLIENT SETINFO lib-name 'a b'", "ERR lib-name cannot contain spaces, newlines or special characters."),
    ("CLIENT SETINFO lib-ver \"a\\n\"", "ERR lib-ver cannot contain spaces, newlines or special characters."),
    ("CLIENT SETINFO what x", "ERR Unrecognized option 'what'"),
    ("CLIENT NO-EVICT maybe", "ERR syntax error"),
    ("CLIENT NO-TOUCH maybe", "ERR syntax error"),
    ("CLIENT REPLY maybe", "ERR syntax error"),
    ("CLIENT ID x", "ERR wrong number of arguments for 'client|id' command"),
    ("CLIENT MAINT_NOTIFICATIONS on", "ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP."),
    ("CLIENT UNBLOCK x", "ERR value is not an integer or out of range"),
    ("CLIENT UNBLOCK 1 now", "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"),
])
def test_mistakes_are_told_as_redis_tells_them(server, call, answer):
    assert server.client().do(call) == Error(answer)


def test_a_name_can_be_taken_back(server):
    client = server.client()
    assert client("CLIENT", "GETNAME") is None
    assert client("CLIENT", "SETNAME", "x") == "OK"
    assert client("CLIENT", "GETNAME") == b"x"
    assert client("CLIENT", "SETNAME", "") == "OK"
    assert client("CLIENT", "GETNAME") is None


def test_help_lists_subcommands(server):
    lines = server.client()("CLIENT", "HELP")
    assert lines[0] == "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    assert lines[-2:] == ["HELP", "    Print this help."] or lines[-2] == "HELP"


def test_no_touch_leaves_the_access_time_alone(server):
    client = server.client()
    client("SET", "k", "v")
    client("CLIENT", "NO-TOUCH", "on")
    assert client("GET", "k") == b"v"
    assert client("CLIENT", "NO-TOUCH", "off") == "OK"


def test_replies_can_be_turned_off_and_on(server):
    client = server.client()
    client.send("CLIENT", "REPLY", "OFF")
    for i in range(10):
        client.send("SET", f"k{i}", i)
    client.send("NOSUCHCOMMAND")
    client.send("CLIENT", "REPLY", "SKIP")
    client.send("CLIENT", "REPLY", "ON")
    assert client.reply() == Status("OK")
    assert client("MGET", *[f"k{i}" for i in range(10)]) == [b"%d" % i for i in range(10)]


def test_one_reply_can_be_skipped(server):
    client = server.client()
    client.send("CLIENT", "REPLY", "SKIP")
    client.send("SET", "a", "1")
    assert client("SET", "b", "2") == "OK"
    client.send("CLIENT", "REPLY", "SKIP")
    client.send("NOSUCHCOMMAND")
    assert client("MGET", "a", "b") == [b"1", b"2"]
    assert client.is_silent()


def test_replies_are_skipped_in_the_middle_of_a_pipeline(server):
    client = server.client()
    for i in range(20):
        client.send("SET", f"k{i}", i)
    client.send("CLIENT", "REPLY", "SKIP")
    client.send("MGET", "k0", "k1", "k2")
    client.send("MGET", "k3", "k4")
    client.send("CLIENT", "REPLY", "OFF")
    client.send("MGET", "k5", "k6")
    client.send("CLIENT", "REPLY", "ON")
    assert [client.reply() for _ in range(20)] == ["OK"] * 20
    assert client.reply() == [b"3", b"4"]
    assert client.reply() == Status("OK")
    assert client("PING") == Status("PONG")


def test_reset_forgets_what_the_client_has_said(server):
    client = server.client(3)
    client("SELECT", "5")
    client("CLIENT", "SETNAME", "x")
    client("CLIENT", "NO-TOUCH", "on")
    assert client("RESET") == Status("RESET")
    row = rows(client("CLIENT", "INFO"))[0]
    assert (row["db"], row["name"], row["resp"], row["flags"]) == ("0", "", "2", "N")
