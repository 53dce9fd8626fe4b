"""MONITOR shows the commands of all shards."""

import re
import time

from support.resp import Closed, Error, Status

LINE = re.compile(r"^(\d+)\.(\d{6}) \[(\d+) ([^\]]+)\] (.*)$")


def monitor(server, resp=2):
    client = server.client(resp)
    assert client("MONITOR") == Status("OK")
    return client


def address(client):
    host, port = client.sock.getsockname()
    return f"{host}:{port}"


def shown(client, count):
    """The next lines as (db, address, command)."""
    found = []
    for _ in range(count):
        match = LINE.match(client.read())
        assert abs(float(match[1]) - time.time()) < 60
        found.append((int(match[3]), match[4], match[5]))
    return found


def test_commands_of_one_client_are_shown_in_their_order(server):
    watcher, client = monitor(server), server.client()
    client.pipeline(*[("SET", f"k{i}", i) for i in range(50)])
    assert shown(watcher, 50) == [(0, address(client), f'"SET" "k{i}" "{i}"') for i in range(50)]


def test_every_monitor_sees_the_clients_of_every_shard(server):
    watchers = [monitor(server) for _ in range(8)]
    clients = [server.client() for _ in range(8)]
    for i, client in enumerate(clients):
        client("SELECT", "2")
        client("GET", f"k{i}")
    expected = {(0, address(c), '"SELECT" "2"') for c in clients}
    expected |= {(2, address(c), f'"GET" "k{i}"') for i, c in enumerate(clients)}
    for watcher in watchers:
        assert set(shown(watcher, 16)) == expected


def test_a_command_over_several_shards_is_shown_once(server):
    watcher, client = monitor(server), server.client()
    keys = [f"k{i}" for i in range(20)]
    client("MGET", *keys)
    client("PING")
    assert [line[2] for line in shown(watcher, 2)] == [" ".join(f'"{w}"' for w in ["MGET", *keys]), '"PING"']


def test_arguments_are_quoted(server):
    watcher, client = monitor(server), server.client()
    client("ECHO", b'a"b\\c\n\r\t\a\b\x00\xff~ ')
    assert shown(watcher, 1)[0][2] == r'"ECHO" "a\"b\\c\n\r\t\a\b\x00\xff~ "'


def test_passwords_and_administration_are_not_shown(server):
    watcher, client = monitor(server), server.client()
    client("AUTH", "secret")
    client("AUTH", "default", "secret")
    client("HELLO", "2", "AUTH", "default", "secret")
    client("CONFIG", "GET", "port")
    client("CLIENT", "LIST")
    client("SET", "k")
    client("NOSUCH")
    client("PING")
    assert [line[2] for line in shown(watcher, 4)] == [
        '"AUTH" "(redacted)"', '"AUTH" "(redacted)" "(redacted)"', '"HELLO" "2" "AUTH" "(redacted)" "(redacted)"', '"PING"']


def test_the_monitor_sees_its_own_commands_after_the_ok(server):
    client = server.client()
    client.send_raw(b"PING\r\nMONITOR\r\nPING\r\n")
    assert [client.read(), client.read()] == ["PONG", "OK"]
    rest = {client.read(), client.read()}
    assert "PONG" in rest
    assert any(line.endswith(' "PING"') for line in rest)


def test_a_monitor_may_not_touch_keys(server):
    watcher = monitor(server)
    assert watcher("GET", "k") == Error("ERR Replica can't interact with the keyspace")
    assert watcher("SET", "k", "v") == Error("ERR Replica can't interact with the keyspace")


def test_reset_and_quit_end_it(server):
    watcher, client = monitor(server), server.client()
    client("PING")
    shown(watcher, 1)
    watcher.send("RESET")
    replies = [watcher.read()]
    while replies[-1] != "RESET":
        replies.append(watcher.read())
    client("ECHO", "unseen")
    assert watcher("ECHO", "x") == b"x"
    assert watcher.is_silent()
    other = monitor(server)
    other.send("QUIT")
    while True:
        try:
            other.read()
        except Closed:
            break
    assert client("PING") == "PONG"


def test_it_shows_in_the_client_list_and_ends_with_its_connection(server):
    watcher, client = monitor(server), server.client()
    assert b" flags=O " in client("CLIENT", "LIST")
    watcher.close()
    for _ in range(100):
        client("PING")
    deadline = time.monotonic() + 5
    while b" flags=O " in client("CLIENT", "LIST"):
        assert time.monotonic() < deadline


def test_a_unix_socket_is_shown_by_its_path(server):
    watcher, client = monitor(server), server.client(unix=True)
    client("PING")
    assert shown(watcher, 1)[0] == (0, f"unix:{server.unix_path}", '"PING"')


def test_a_monitor_that_does_not_read_meets_its_output_limit(server):
    control = server.client()
    assert control("CONFIG", "SET", "client-output-buffer-limit", "normal 1000000 0 0") == "OK"
    watcher, client = monitor(server), server.client()
    value = "x" * 100000
    for i in range(400):
        assert client("SET", f"k{i}", value) == "OK"
        if b" flags=O " not in control("CLIENT", "LIST"):
            break
    assert b" flags=O " not in control("CLIENT", "LIST")
    assert watcher.is_closed()
