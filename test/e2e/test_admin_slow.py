"""SLOWLOG and LATENCY."""

import time

import pytest

from support.resp import Error, Map


def pairs(reply):
    return list(reply) if isinstance(reply, Map) else list(zip(reply[::2], reply[1::2]))


def test_slow_commands_are_logged_newest_first(client):
    client("SLOWLOG", "RESET")
    client("CONFIG", "SET", "slowlog-log-slower-than", "10000")
    started = int(time.time())
    client("DEBUG", "SLEEP", "0.02")
    client("DEBUG", "SLEEP", "0.03")
    client("GET", "fast")
    assert client("SLOWLOG", "LEN") == 2
    newest, oldest = client("SLOWLOG", "GET")
    assert newest[0] > oldest[0]
    assert abs(newest[1] - started) <= 2
    assert newest[2] >= 30000 and oldest[2] >= 20000
    assert newest[3] == [b"DEBUG", b"SLEEP", b"0.03"]
    assert newest[4].startswith(b"127.0.0.1:")
    assert client("SLOWLOG", "RESET") == "OK"
    assert client("SLOWLOG", "LEN") == 0


def test_entries_of_all_shards_are_one_log(server, client):
    client("CLIENT", "SETNAME", "tester")
    client("SLOWLOG", "RESET")
    client("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "30")
    for i in range(60):
        client("SET", f"k{i}", str(i))
    client("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    entries = client("SLOWLOG", "GET", "-1")
    assert len(entries) == client("SLOWLOG", "LEN") == 30
    ids = [entry[0] for entry in entries]
    assert ids == sorted(ids, reverse=True) and len(set(ids)) == 30
    assert [entry[3] for entry in entries[:3]] == [[b"SET", f"k{i}".encode(), str(i).encode()] for i in (59, 58, 57)]
    assert {entry[5] for entry in entries} == {b"tester"}
    assert len(client("SLOWLOG", "GET")) == 10
    assert len(client("SLOWLOG", "GET", "3")) == 3
    assert client("SLOWLOG", "GET", "0") == []


def test_long_arguments_are_cut_and_secrets_left_out(client):
    client("SLOWLOG", "RESET")
    client("CONFIG", "SET", "slowlog-log-slower-than", "0")
    client("SET", "k", "x" * 200)
    client("DEL", *[str(i) for i in range(40)], "a{same}")
    client("AUTH", "user", "password")
    client("CONFIG", "SET", "slowlog-log-slower-than", "-1", "masterauth", "hidden")
    client("CONFIG", "SET", "masterauth", "")
    entries = {entry[3][0]: entry[3] for entry in client("SLOWLOG", "GET", "-1")}
    assert entries[b"SET"][2] == b"x" * 128 + b"... (72 more bytes)"
    assert entries[b"AUTH"] == [b"AUTH", b"(redacted)", b"(redacted)"]
    assert b"hidden" not in b" ".join(entries[b"CONFIG"])


def test_more_than_32_arguments_are_counted(server):
    client = server.client()
    client("SLOWLOG", "RESET")
    client("CONFIG", "SET", "slowlog-log-slower-than", "0")
    client("DEL", *["{same}%d" % i for i in range(40)])
    client("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    entry = next(e for e in client("SLOWLOG", "GET", "-1") if e[3][0] == b"DEL")
    assert len(entry[3]) == 32
    assert entry[3][31] == b"... (10 more arguments)"


@pytest.mark.parametrize("args, error", [
    (("GET", "-2"), "ERR count should be greater than or equal to -1"),
    (("GET", "x"), "ERR count should be greater than or equal to -1"),
    (("GET", "1", "2"), "ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP."),
    (("LEN", "x"), "ERR wrong number of arguments for 'slowlog|len' command"),
    (("NOPE",), "ERR unknown subcommand 'NOPE'. Try SLOWLOG HELP."),
])
def test_slowlog_refuses(client, args, error):
    assert client("SLOWLOG", *args) == Error(error)


def test_latency_is_silent_without_a_threshold(client):
    client("LATENCY", "RESET")
    client("DEBUG", "SLEEP", "0.01")
    assert client("LATENCY", "LATEST") == []
    assert b"latency-monitor-threshold" in client("LATENCY", "DOCTOR")


def test_latency_records_slow_moments(client):
    client("LATENCY", "RESET")
    client("CONFIG", "SET", "latency-monitor-threshold", "5")
    client("DEBUG", "SLEEP", "0.01")
    time.sleep(1.1)
    client("DEBUG", "SLEEP", "0.02")
    (name, when, last, worst), = client("LATENCY", "LATEST")
    assert name == b"command"
    assert abs(when - time.time()) <= 2
    assert 20 <= last <= worst < 1000
    history = client("LATENCY", "HISTORY", "command")
    assert len(history) == 2 and history[0][0] < history[1][0]
    graph = client("LATENCY", "GRAPH", "command").decode().split("\n")
    assert graph[0].startswith("command - high ")
    assert graph[1] == "-" * 80
    assert b"1. command: 2 slow moments" in client("LATENCY", "DOCTOR")
    assert client("LATENCY", "RESET", "no-such-event") == 0
    assert client("LATENCY", "RESET", "command", "fast-command") == 1
    assert client("LATENCY", "LATEST") == []
    assert client("LATENCY", "HISTORY", "command") == []


def test_latency_histogram_counts_calls(client):
    client("CONFIG", "RESETSTAT")
    for i in range(100):
        client("SET", f"k{i}", "v")
    (name, value), = pairs(client("LATENCY", "HISTOGRAM", "set"))
    assert name == b"set"
    found = dict(pairs(value))
    assert found[b"calls"] == 100
    steps = pairs(found[b"histogram_usec"])
    counts = [count for _, count in steps]
    assert counts == sorted(counts) and counts[-1] == 100
    assert all(a[0] < b[0] for a, b in zip(steps, steps[1:]))
    assert pairs(client("LATENCY", "HISTOGRAM", "no-such-command", "get")) == []
    client("CONFIG", "GET", "port")
    names = [name for name, _ in pairs(client("LATENCY", "HISTOGRAM", "config"))]
    assert b"config|get" in names and all(n.startswith(b"config|") for n in names)


def test_latency_refuses(client):
    assert client("LATENCY", "GRAPH", "foo") == Error("ERR No samples available for event 'foo'")
    assert client("LATENCY", "HISTORY") == Error("ERR wrong number of arguments for 'latency|history' command")
    assert client("LATENCY", "NOPE") == Error("ERR unknown subcommand 'NOPE'. Try LATENCY HELP.")
    assert client("LATENCY", "HELP")[-2] == "HELP"
    assert client("SLOWLOG", "HELP")[-2] == "HELP"
