"""CLIENT PAUSE and UNPAUSE over all shards."""

import time

import pytest

from support.resp import Error, info_dict

KEYS = [f"key:{i}" for i in range(24)]


def test_writes_wait_on_every_shard_and_reads_go_on(server):
    control = server.client()
    control("MSET", *[x for k in KEYS for x in (k, "old")])
    assert control("CLIENT", "PAUSE", "60000", "WRITE") == "OK"
    writers = [server.client() for _ in KEYS]
    for writer, key in zip(writers, KEYS):
        writer.send("SET", key, "new")
    assert all(w.is_silent(0.01) for w in writers)
    assert control("MGET", *KEYS) == [b"old"] * len(KEYS)
    assert server.client()("GET", KEYS[0]) == b"old"
    assert control("CLIENT", "UNPAUSE") == "OK"
    assert [w.reply() for w in writers] == ["OK"] * len(KEYS)
    assert control("MGET", *KEYS) == [b"new"] * len(KEYS)


def test_writes_over_several_shards_wait_too(server):
    control, writer = server.client(), server.client()
    assert control("CLIENT", "PAUSE", "60000", "write") == "OK"
    writer.send("MSET", *[x for k in KEYS for x in (k, "v")])
    assert writer.is_silent()
    assert control("EXISTS", *KEYS) == 0
    control("CLIENT", "UNPAUSE")
    assert writer.reply() == "OK"


def test_a_pause_ends_by_itself(server):
    control, writer = server.client(), server.client()
    begun = time.monotonic()
    assert control("CLIENT", "PAUSE", "300", "WRITE") == "OK"
    assert writer("SET", "k", "v") == "OK"
    assert 0.25 < time.monotonic() - begun < 2


def test_a_pause_of_everything_holds_reads_and_lasts_its_time(server):
    clients = [server.client() for _ in range(8)]
    control = server.client()
    for c in clients:
        c("PING")
    begun = time.monotonic()
    assert control("CLIENT", "PAUSE", "400") == "OK"
    for c in clients:
        c.send("GET", "k")
        c.send("PING")
    assert all(c.is_silent(0.01) for c in clients)
    for c in clients:
        assert (c.reply(), c.reply()) == (None, "PONG")
    assert 0.35 < time.monotonic() - begun < 2


def test_what_follows_a_pause_in_the_same_pipeline_waits(server):
    client = server.client()
    begun = time.monotonic()
    replies = client.pipeline("CLIENT PAUSE 200 ALL", "SET k v", "GET k")
    assert replies == ["OK", "OK", b"v"]
    assert time.monotonic() - begun > 0.15


def test_a_pipeline_keeps_its_order_over_a_pause(server):
    control, client = server.client(), server.client()
    control("CLIENT", "PAUSE", "60000", "WRITE")
    for i in range(200):
        client.send("INCR", f"n{i % 5}")
        client.send("GET", f"n{i % 5}")
    assert client.is_silent()
    control("CLIENT", "UNPAUSE")
    for i in range(200):
        assert client.reply() == i // 5 + 1
        assert client.reply() == b"%d" % (i // 5 + 1)


def test_a_later_pause_replaces_the_one_before(server):
    control, client = server.client(), server.client()
    control("CLIENT", "PAUSE", "60000", "WRITE")
    client.send("SET", "k", "v")
    assert client.is_silent()
    control("CLIENT", "PAUSE", "100", "WRITE")
    assert client.reply(timeout=2) == "OK"


def test_keys_do_not_vanish_during_a_pause(server):
    control = server.client()
    for key in KEYS:
        control("SET", key, "v", "PX", "50")
    control("CLIENT", "PAUSE", "60000", "WRITE")
    time.sleep(0.4)
    assert control("GET", KEYS[0]) is None
    control("CLIENT", "UNPAUSE")
    deadline = time.monotonic() + 5
    while control("DBSIZE") > 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_waiting_clients_can_be_killed_or_leave(server):
    control, killed, leaving = server.client(), server.client(), server.client()
    number = killed("CLIENT", "ID")
    leaving("PING")
    control("CLIENT", "PAUSE", "60000", "WRITE")
    killed.send("SET", "a", "1")
    leaving.send("SET", "b", "1")
    assert killed.is_silent() and leaving.is_silent()
    assert b"flags=b" in control("CLIENT", "LIST", "ID", number)
    assert info_dict(control("INFO", "clients"))["blocked_clients"] == "2"
    assert control("CLIENT", "KILL", "ID", number) == 1
    assert killed.is_closed()
    leaving.close()
    control("CLIENT", "UNPAUSE")
    assert control("GET", "a") is None


def test_refused_commands_are_answered_during_a_pause(server):
    control, client = server.client(), server.client()
    control("CLIENT", "PAUSE", "60000", "WRITE")
    assert client("SET", "k") == Error("ERR wrong number of arguments for 'set' command")
    assert client("NOSUCH").startswith("ERR unknown command")
    control("CLIENT", "UNPAUSE")


@pytest.mark.parametrize("call, answer", [
    ("CLIENT PAUSE x", "ERR timeout is not an integer or out of range"),
    ("CLIENT PAUSE -1", "ERR timeout is negative"),
    ("CLIENT PAUSE 9223372036854775807", "ERR timeout is out of range"),
    ("CLIENT PAUSE 1 foo", "ERR CLIENT PAUSE mode must be WRITE or ALL"),
    ("CLIENT PAUSE 1 ALL x", "ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP."),
    ("CLIENT UNPAUSE x", "ERR wrong number of arguments for 'client|unpause' command"),
])
def test_mistakes_are_told_as_redis_tells_them(server, call, answer):
    assert server.client().do(call) == Error(answer)
