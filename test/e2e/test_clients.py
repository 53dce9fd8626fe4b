"""What a server knows of its clients and does to them."""

import threading
import time

import pytest

from support.resp import Closed, Error

pytestmark = pytest.mark.smoke


def fields(line):
    return dict(word.split("=", 1) for word in line.split(" "))


def clients(client, *args):
    text = bytes(client("CLIENT", "LIST", *args)).decode()
    return [fields(line) for line in text.splitlines()]


def test_ids_are_unique_and_rise(server):
    ids = [server.client()("CLIENT", "ID") for _ in range(20)]
    assert ids == sorted(set(ids))


def test_list_shows_every_client(server):
    first, second = server.client(), server.client(resp=3)
    first("CLIENT", "SETNAME", "one")
    second("CLIENT", "SETNAME", "two")
    second("SELECT", "3")
    listed = {one["name"]: one for one in clients(first)}
    assert {"one", "two"} <= set(listed)
    assert listed["two"]["db"] == "3"
    assert listed["two"]["resp"] == "3"
    assert listed["one"]["cmd"] == "client|list"
    assert listed["one"]["addr"].startswith("127.0.0.1:")
    assert listed["one"]["laddr"] == f"127.0.0.1:{server.port}"
    for name in ("id", "fd", "age", "idle", "flags", "sub", "psub", "multi", "qbuf", "qbuf-free", "argv-mem", "obl", "oll",
                 "omem", "tot-mem", "events", "user", "redir", "lib-name", "lib-ver"):
        assert name in listed["one"], name


def test_list_by_id(server):
    first, second = server.client(), server.client()
    wanted = [first("CLIENT", "ID"), second("CLIENT", "ID")]
    assert sorted(int(one["id"]) for one in clients(first, "ID", *wanted)) == sorted(wanted)


def test_info_is_the_own_line(server):
    client = server.client()
    client("CLIENT", "SETNAME", "me")
    info = fields(bytes(client("CLIENT", "INFO")).decode().strip())
    assert info["name"] == "me"
    assert int(info["id"]) == client("CLIENT", "ID")


def test_setinfo_names_the_library(server):
    client = server.client()
    assert client("CLIENT", "SETINFO", "LIB-NAME", "lib") == "OK"
    assert client("CLIENT", "SETINFO", "LIB-VER", "1.2.3") == "OK"
    info = fields(bytes(client("CLIENT", "INFO")).decode().strip())
    assert (info["lib-name"], info["lib-ver"]) == ("lib", "1.2.3")
    assert isinstance(client("CLIENT", "SETINFO", "NOSUCH", "x"), Error)
    assert isinstance(client("CLIENT", "SETINFO", "LIB-NAME", "a b"), Error)


def test_kill_by_id(server):
    killer, victim = server.client(), server.client()
    assert killer("CLIENT", "KILL", "ID", victim("CLIENT", "ID")) == 1
    assert victim.is_closed()
    assert killer("PING") == "PONG"


def test_kill_by_address(server):
    killer, victim = server.client(), server.client()
    assert victim("PING") == "PONG"  # only now the server surely knows it
    address = "%s:%d" % victim.sock.getsockname()
    assert killer("CLIENT", "KILL", address) == "OK"
    assert victim.is_closed()
    assert killer("CLIENT", "KILL", address) == "ERR No such client"


def test_kill_by_filters(server):
    killer = server.client()
    victims = [server.client() for _ in range(5)]
    for victim in victims:
        victim("PING")
    assert killer("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") >= 5
    assert all(victim.is_closed() for victim in victims)
    assert killer("PING") == "PONG"


def test_killing_oneself_answers_first(server):
    client = server.client()
    assert client("CLIENT", "KILL", "ID", client("CLIENT", "ID"), "SKIPME", "no") == 1
    assert client.is_closed()


def test_pause_holds_every_command_back(server):
    """Also UNPAUSE, as in Redis: a pause of everything ends by its time."""
    boss, worker = server.client(), server.client()
    worker("PING")
    assert boss("CLIENT", "PAUSE", "300") == "OK"
    worker.send("GET", "k")
    boss.send("CLIENT", "UNPAUSE")
    assert worker.is_silent(0.1)
    assert boss.is_silent(0.01)
    assert worker.reply() is None
    assert boss.reply() == "OK"


def test_pause_of_writes_lets_reads_through(server):
    boss, worker = server.client(), server.client()
    worker("SET", "k", "v")
    assert boss("CLIENT", "PAUSE", "10000", "WRITE") == "OK"
    try:
        assert worker("GET", "k") == b"v"
        worker.send("SET", "k", "w")
        assert worker.is_silent(0.1)
    finally:
        assert boss("CLIENT", "UNPAUSE") == "OK"
    assert worker.reply() == "OK"


def test_pause_ends_by_itself(server):
    boss, worker = server.client(), server.client()
    worker("PING")
    boss("CLIENT", "PAUSE", "150")
    began = time.monotonic()
    worker("SET", "k", "v")
    assert 0.05 < time.monotonic() - began < 2


def test_reset_forgets_what_the_connection_was(server):
    client = server.client(resp=3)
    client("CLIENT", "SETNAME", "me")
    client("SELECT", "2")
    assert client("RESET") == "RESET"
    assert client("CLIENT", "GETNAME") is None
    info = fields(bytes(client("CLIENT", "INFO")).decode().strip())
    assert info["db"] == "0"
    assert info["resp"] == "2"


def test_monitor_shows_commands_and_hides_secrets(server):
    watcher, worker = server.client(), server.client()
    assert watcher("MONITOR") == "OK"
    worker("SET", "k", "a \"quoted\" value\n")
    worker("AUTH", "default", "secret-word")
    worker("GET", "k")
    lines = []
    while not lines or '"GET"' not in lines[-1].upper():
        lines.append(str(watcher.read()))
    assert any('"SET" "k" "a \\"quoted\\" value\\n"' in line for line in lines)
    assert not any("secret-word" in line for line in lines)
    stamp = lines[0].split(" ")[0]
    assert abs(float(stamp) - time.time()) < 60


def test_monitor_sees_commands_of_all_shards_in_the_order_of_their_replies(server):
    watcher, worker = server.client(), server.client()
    watcher("MONITOR")
    for i in range(30):
        worker("SET", f"key{i}", i)
    seen = [str(watcher.read()).rsplit(" ", 1)[1] for _ in range(30)]
    assert seen == [f'"{i}"' for i in range(30)]


def test_quit_closes_after_answering(server):
    client = server.client()
    replies = client.pipeline("SET k v", "QUIT")
    assert replies == ["OK", "OK"]
    assert client.is_closed()


def test_a_client_that_vanishes_amid_a_request_harms_nobody(server):
    for size in (1, 10, 100, 30000):
        victim = server.client()
        victim.send_raw((b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$40000\r\n" + b"x" * 40000)[:size])
        victim.close()
    assert server.client()("PING") == "PONG"


def test_a_client_that_vanishes_before_its_replies(server):
    for _ in range(20):
        victim = server.client()
        victim.send_raw(b"*2\r\n$4\r\nMGET\r\n$1\r\nk\r\n" * 500)
        victim.close()
    assert server.client()("PING") == "PONG"


def test_many_connections_at_once(server):
    crowd = [server.client() for _ in range(300)]
    for i, client in enumerate(crowd):
        client.send("SET", f"k{i}", i)
    assert [client.reply() for client in crowd] == ["OK"] * 300
    assert crowd[0]("DBSIZE") == 300


def test_replies_come_in_order_under_a_deep_pipeline(server):
    client = server.client()
    commands = []
    for i in range(3000):
        commands += [("SET", f"k{i % 50}", i), ("GET", f"k{i % 50}")]
    replies = client.pipeline(*commands)
    assert replies == [value for i in range(3000) for value in ("OK", str(i).encode())]


def test_large_values_travel_whole(server):
    client = server.client(timeout=30)
    value = bytes(range(256)) * 40000
    assert client("SET", "k", value) == "OK"
    assert client("STRLEN", "k") == len(value)
    assert client("GET", "k") == value
    assert client("MGET", "k", "missing", "k") == [value, None, value]


def test_a_request_may_come_byte_by_byte(server):
    client = server.client()
    for byte in b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhello\r\n":
        client.send_raw(bytes([byte]))
    assert client.reply() == "OK"
    assert client("GET", "k") == b"hello"


def test_a_slow_reader_gets_everything(server):
    client = server.client(timeout=60)
    client("SET", "k", b"x" * 100000)
    client.send_raw(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" * 300)
    time.sleep(0.3)
    other = server.client()
    assert other("PING") == "PONG"
    assert all(len(client.reply()) == 100000 for _ in range(300))


def test_sender_that_does_not_read_does_not_block_others(server):
    client = server.client()
    client("SET", "k", b"x" * 100000)

    def push():
        client.sock.sendall(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" * 5000)  # 500 MB of replies

    thread = threading.Thread(target=push)
    thread.start()
    try:
        other = server.client()
        slowest = 0
        for _ in range(50):
            began = time.monotonic()
            assert other("PING") == "PONG"
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.01)
        assert slowest < 1  # all of it at once would take longer than that on a busy machine
    finally:
        thread.join()
        client.close()


def test_unix_socket_is_served_too(server):
    client = server.client(unix=True)
    assert client("SET", "k", "v") == "OK"
    assert server.client()("GET", "k") == b"v"


@pytest.mark.parametrize("request_line", [b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"Host: x\r\n",
                                          b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_http_requests_are_cut_off(server, request_line):
    client = server.client()
    client.send_raw(request_line)
    assert client.is_closed(2)


def test_protocol_errors_are_answered_and_end_the_connection(server):
    client = server.client()
    client.send_raw(b"*1\r\n$x\r\n")
    assert client.reply() == "ERR Protocol error: invalid bulk length"
    with pytest.raises(Closed):
        client.reply()


def test_big_inline_request_is_refused(server):
    client = server.client()
    client.send_raw(b"PING " + b"x" * (70 * 1024))
    assert client.reply() == "ERR Protocol error: too big inline request"
    assert client.is_closed()
