"""The subcommands of DEBUG that look inside, and those that load the data again."""

import re
import threading
import time

import pytest

from support.resp import Error, info_dict

LOADING = "LOADING Redis is loading the dataset in memory"
DEBUG = {"enable-debug-command": "yes"}
LOGGED = {**DEBUG, "appendonly": "yes"}


@pytest.fixture(params=[(1, "io_uring"), (2, "epoll"), (7, "io_uring")], ids=lambda p: f"{p[0]}-{p[1]}")
def logged(request, new_server):
    shards, backend = request.param
    return new_server(shards=shards, backend=backend, args=LOGGED)


def fill(client):
    for i in range(300):
        client("SET", f"k{i}", f"v{i}")
    client("SET", "number", 12)
    client("SET", "raw", "s")
    client("APPEND", "raw", "hort")
    client("SET", "long", "x" * 5000)
    client("SET", "later", "v", "PX", 3_000_000)
    client("SELECT", 3)
    client("SET", "elsewhere", "y")
    client("SELECT", 0)


def test_reload_changes_nothing_that_clients_can_see(logged):
    client = logged.client()
    fill(client)
    digest = client("DEBUG", "DIGEST")
    ttl = client("PEXPIRETIME", "later")
    assert client("OBJECT", "ENCODING", "raw") == b"raw"
    assert client("DEBUG", "RELOAD") == "OK"
    assert client("DEBUG", "DIGEST") == digest and client("PEXPIRETIME", "later") == ttl
    assert client("OBJECT", "ENCODING", "raw") == b"embstr"  # it has been decoded
    assert client("DEBUG", "RELOAD", "NOFLUSH", "MERGE") == "OK"
    assert client("DEBUG", "DIGEST") == digest
    assert logged.terminate() == 0
    logged.start()
    assert logged.client()("DEBUG", "DIGEST") == digest


def test_reload_refuses_what_needs_a_snapshot(new_server):
    client = new_server(shards=2, args=DEBUG).client()
    client("SET", "k", "v")
    assert client("DEBUG", "RELOAD", "NOSAVE") == "ERR DEBUG RELOAD NOSAVE loads a snapshot, and this server has none"
    assert client("DEBUG", "RELOAD", "NOFLUSH") == "ERR Error trying to load the RDB dump, check server logs."
    assert client("DEBUG", "RELOAD", "nonsense") == "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."
    assert client("GET", "k") == b"v"


@pytest.mark.parametrize("policy", ("always", "everysec", "no"))
def test_loadaof_gives_the_same_data(logged, policy):
    client = logged.client()
    client("CONFIG", "SET", "appendfsync", policy)
    fill(client)
    client("MSET", *[word for i in range(40) for word in (f"m{i}", str(i))])
    digest = client("DEBUG", "DIGEST")
    for _ in range(3):
        assert client("DEBUG", "LOADAOF") == "OK"
        assert client("DEBUG", "DIGEST") == digest
        assert client("INCR", "number") > 12
        digest = client("DEBUG", "DIGEST")
    assert logged.terminate() == 0
    logged.start()
    assert logged.client()("DEBUG", "DIGEST") == digest


def test_loadaof_forgets_what_was_never_logged(logged):
    client = logged.client()
    client("SET", "logged", "1")
    client("DEBUG", "POPULATE", 100)
    assert client("DBSIZE") == 101
    assert client("DEBUG", "LOADAOF") == "OK"
    assert client("DBSIZE") == 1 and client("GET", "logged") == b"1"


def test_loadaof_without_a_log_is_refused(new_server):
    client = new_server(shards=2, args=DEBUG).client()
    client("SET", "k", "v")
    assert client("DEBUG", "LOADAOF") == "ERR There is no log to load: appendonly is no"
    assert client("GET", "k") == b"v"


def test_loadaof_under_load_loses_nothing_that_was_acknowledged(logged):
    """Writers go on all the time: what was answered OK is there, and nothing is torn."""
    stop = threading.Event()
    acknowledged = [0] * 4
    faults = []

    def write(i):
        client = logged.client(timeout=60)
        n = 0
        while not stop.is_set():
            n += 1
            replies = client.pipeline(("SET", f"w{i}", n), ("MSET", f"a{i}", n, f"b{i}", n, f"c{i}", n),
                                      ("MGET", f"a{i}", f"b{i}", f"c{i}"))
            if replies[0] == "OK":
                acknowledged[i] = n
            for reply in replies:
                if isinstance(reply, Error) and reply != LOADING:
                    faults.append(reply)
            if isinstance(replies[2], list) and len(set(replies[2])) != 1:
                faults.append(replies)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    client = logged.client(timeout=60)
    done = 0
    for _ in range(8):
        done += client("DEBUG", "LOADAOF") == "OK"
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults, faults[:5]
    assert done == 8
    for i in range(4):
        assert int(client("GET", f"w{i}")) == acknowledged[i]
        assert len(set(client("MGET", f"a{i}", f"b{i}", f"c{i}"))) == 1


def test_a_stop_during_loadaof_ends_the_server_and_keeps_the_data(logged):
    client = logged.client(timeout=60)
    for first in range(0, 100_000, 10_000):
        client.pipeline(*[("SET", f"k{i % 1000}", i) for i in range(first, first + 10_000)])
    digest = client("DEBUG", "DIGEST")
    client.send("DEBUG", "LOADAOF")
    time.sleep(0.005)
    assert logged.terminate() == 0
    logged.start()
    assert logged.client()("DEBUG", "DIGEST") == digest


def test_shards_and_locks_are_described(logged):
    client = logged.client()
    client("SET", "k", "v")
    shards = client("DEBUG", "SHARDS").decode().splitlines()
    assert len(shards) == logged.shards
    assert all(re.match(rf"shard {i}: (awake|visited), turn \d+, \d+ keys, ", line) for i, line in enumerate(shards))
    locks = client("DEBUG", "LOCKS").decode().splitlines()
    assert [line for line in locks if line.startswith("shard")] == [f"shard {i}:" for i in range(logged.shards)]


def test_a_new_name_for_the_history(new_server):
    client = new_server(shards=2, args=DEBUG).client()
    info = info_dict(client("INFO", "everything"))
    first = info["master_replid"]
    assert first != info["run_id"]
    assert client("DEBUG", "CHANGE-REPL-ID") == "OK"
    second = info_dict(client("INFO", "replication"))["master_replid"]
    assert second != first and re.fullmatch(r"[0-9a-f]{40}", str(second))


def test_paused_periodic_work_leaves_expired_keys_alone(new_server):
    client = new_server(shards=2, args=DEBUG).client()
    assert client("DEBUG", "PAUSE-CRON", 1) == "OK"
    for i in range(10):
        client("SET", f"k{i}", "v", "PX", 1)
    time.sleep(0.4)
    assert info_dict(client("INFO", "keyspace"))["db0"].startswith("keys=10,")
    assert client("DEBUG", "PAUSE-CRON", 0) == "OK"
    deadline = time.monotonic() + 10
    while client("DBSIZE"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_random_patterns_do_not_crash(new_server):
    client = new_server(shards=1, args=DEBUG).client()
    assert client("DEBUG", "STRINGMATCH-TEST") == "Apparently Redis did not crash: test passed"
    assert client("PING") == "PONG"
