"""DEBUG, SHUTDOWN, TIME, LOLWUT, and what a crash leaves behind."""

import re
import signal
import threading
import time

import pytest

from support.resp import Closed, Error, Status, info_dict
from support.server import redis_server


@pytest.fixture(scope="module")
def redis_debug():
    """A stock Redis that allows DEBUG."""
    with redis_server(args={"enable-debug-command": "yes"}) as server:
        yield server


# ---- DEBUG ----

DATA = [
    ("SET", "a", "1"), ("SET", "b", "hello"), ("SET", "c", "x" * 1000), ("SET", "e", "soon", "EX", "1000"),
    ("MSET", "m1", "1", "m2", "2", "m3", "three"), ("SELECT", "5"), ("SET", "a", "other"), ("SELECT", "0"),
]


def test_digest_is_that_of_redis(client, redis_debug):
    other = redis_debug.client()
    for c in (client, other):
        c("FLUSHALL")
        assert c("DEBUG", "DIGEST") == "0" * 40
        for command in DATA:
            c(*command)
    assert client("DEBUG", "DIGEST") == other("DEBUG", "DIGEST")
    keys = ("a", "b", "c", "e", "m2", "absent")
    assert client("DEBUG", "DIGEST-VALUE", *keys) == other("DEBUG", "DIGEST-VALUE", *keys)
    client("SET", "b", "hellp")
    assert client("DEBUG", "DIGEST") != other("DEBUG", "DIGEST")
    other("FLUSHALL")


def test_populate_makes_keys_on_all_shards(client):
    assert client("DEBUG", "POPULATE", "1000") == "OK"
    assert client("DBSIZE") == 1000
    assert client("GET", "key:0") == b"value:0" and client("GET", "key:999") == b"value:999"
    client("SET", "key:7", "mine")
    assert client("DEBUG", "POPULATE", "10", "key") == "OK"
    assert client("GET", "key:7") == b"mine"
    assert client("DEBUG", "POPULATE", "3", "p", "10") == "OK"
    assert client("GET", "p:1") == b"value:1\0\0\0"
    assert client("DEBUG", "POPULATE", "3", "q", "3") == "OK"
    assert client("GET", "q:1") == b"val"


def test_sleep_stops_every_shard(server):
    clients = [server.client() for _ in range(2 * server.shards)]
    for c in clients:
        c("PING")
    sleeper = server.client()
    sleeper.send("DEBUG", "SLEEP", "0.3")
    time.sleep(0.1)
    started = time.monotonic()
    for i, c in enumerate(clients):
        c.send("SET", f"k{i}", "v")
    for c in clients:
        assert c.read() == "OK"
    assert time.monotonic() - started > 0.1
    assert sleeper.read() == "OK"


def test_sleep_takes_as_long_as_told_whatever_the_number_of_shards(client):
    started = time.monotonic()
    assert client("DEBUG", "SLEEP", "0.1") == "OK"
    assert 0.1 <= time.monotonic() - started < 0.6


def test_active_expiry_can_be_turned_off(client):
    assert client("DEBUG", "SET-ACTIVE-EXPIRE", "0") == "OK"
    for i in range(20):
        client("SET", f"k{i}", "v", "PX", "1")
    time.sleep(0.4)
    assert client("DBSIZE") == 20
    assert client("DEBUG", "SET-ACTIVE-EXPIRE", "1") == "OK"
    deadline = time.monotonic() + 3
    while client("DBSIZE") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert client("DBSIZE") == 0


def test_object_describes_a_value(client):
    client("SET", "k", "hello")
    assert re.fullmatch(r"Value at:0x[0-9a-f]+ refcount:1 encoding:embstr serializedlength:6 lru:\d+ lru_seconds_idle:[01]",
                        client("DEBUG", "OBJECT", "k"))
    assert client("DEBUG", "OBJECT", "absent") == Error("ERR no such key")


def test_protocol_has_a_reply_of_each_kind(client, resp, redis_debug):
    other = redis_debug.client(resp)
    kinds = "string integer double bignum null array set map attrib push verbatim true false nonsense".split()
    for kind in kinds:
        if kind in ("attrib", "push"):
            continue
        assert client("DEBUG", "PROTOCOL", kind) == other("DEBUG", "PROTOCOL", kind), kind


def test_shards_tells_what_they_do(server, client):
    text = client("DEBUG", "SHARDS").decode()
    assert len(text.splitlines()) == server.shards
    assert text.startswith("shard 0: ")


def test_error_and_log(server, client):
    assert client("DEBUG", "ERROR", "CODE some text") == Error("CODE some text")
    assert client("DEBUG", "LOG", "a remarkable line") == "OK"
    assert "a remarkable line" in server.log()


@pytest.mark.parametrize("args", [("NOPE",), ("SLEEP",), ("POPULATE",), ("DIGEST", "x"), ("POPULATE", "1", "a", "2", "x")])
def test_unknown_debug_words_get_one_error(client, args):
    assert client("DEBUG", *args) == Error(
        f"ERR unknown subcommand or wrong number of arguments for '{args[0]}'. Try DEBUG HELP.")


@pytest.mark.parametrize("shards", (1, 2, 7))
def test_debug_must_be_allowed(new_server, shards):
    client = new_server(shards=shards).client()
    for command in (("DEBUG", "SLEEP", "0"), ("DEBUG", "OBJECT", "k"), ("DEBUG", "SET-ACTIVE-EXPIRE", "1")):
        assert client(*command).startswith("ERR DEBUG command not allowed.")
    local = new_server(shards=shards, args={"enable-debug-command": "local"}).client()
    assert local("DEBUG", "SLEEP", "0") == "OK"


# ---- TIME, LOLWUT ----

def test_time_is_now_with_microseconds(client):
    before = time.time()
    samples = []
    for _ in range(20):
        s, us = client("TIME")
        samples.append(int(s) + int(us) / 1e6)
        assert 0 <= int(us) < 1_000_000
    assert before - 0.001 <= samples[0] and samples[-1] <= time.time() + 0.001
    assert samples == sorted(samples) and len(set(samples)) == 20


def test_lolwut_ends_with_the_version(client):
    assert re.search(rb"Basalt ver\. \d+\.\d+\.\d+\n$", client("LOLWUT"))
    assert client("LOLWUT", "VERSION", "5") != b""
    assert client("LOLWUT", "VERSION", "x") == Error("ERR value is not an integer or out of range")


# ---- SHUTDOWN ----

@pytest.mark.parametrize("backend", ("io_uring", "epoll"))
@pytest.mark.parametrize("shards", (1, 2, 7))
@pytest.mark.parametrize("args", ((), ("NOSAVE",), ("NOW", "FORCE"), ("SAVE", "FORCE")))
def test_shutdown_ends_the_server_without_a_reply(new_server, shards, backend, args):
    server = new_server(shards=shards, backend=backend)
    others = [server.client() for _ in range(5)]
    for other in others:
        other("SET", "k", "v")
    client = server.client()
    with pytest.raises((Closed, ConnectionError)):
        client("SHUTDOWN", *args)
    assert server.wait_for_exit() == 0
    assert "User requested shutdown" in server.log()


@pytest.mark.parametrize("args, error", [
    (("NOPE",), "ERR syntax error"),
    (("SAVE", "NOSAVE"), "ERR syntax error"),
    (("ABORT", "NOW"), "ERR syntax error"),
    (("ABORT",), "ERR No shutdown in progress."),
    (("SAVE",), "ERR Errors trying to SHUTDOWN. Check logs."),
])
def test_shutdown_refuses(client, args, error):
    assert client("SHUTDOWN", *args) == Error(error)
    assert client("PING") == Status("PONG")


@pytest.mark.parametrize("fsync", ("everysec", "no", "always"))
@pytest.mark.parametrize("shards", (1, 2, 7))
def test_shutdown_leaves_a_complete_log(new_server, shards, fsync):
    server = new_server(shards=shards, args={"appendonly": "yes", "appendfsync": fsync})
    client = server.client()
    for i in range(200):
        assert client("SET", f"k{i}", str(i)) == "OK"
    with pytest.raises((Closed, ConnectionError)):
        client("SHUTDOWN")
    assert server.wait_for_exit() == 0
    server.start()
    client = server.client()
    assert client("DBSIZE") == 200
    assert client("MGET", "k0", "k7", "k199") == [b"0", b"7", b"199"]


def test_shutdown_under_load(new_server):
    server = new_server(shards=7)
    stop = threading.Event()

    def load(n):
        client = server.client()
        try:
            while not stop.is_set():
                client("MSET", *[word for i in range(20) for word in (f"{n}:{i}", "v")])
        except (Closed, OSError):
            pass

    threads = [threading.Thread(target=load, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    with pytest.raises((Closed, ConnectionError)):
        server.client()("SHUTDOWN", "NOSAVE")
    assert server.process.wait(20) == 0
    stop.set()
    for thread in threads:
        thread.join()
    assert server.wait_for_exit() == 0


# ---- a crash ----

@pytest.mark.parametrize("shards", (1, 2))
@pytest.mark.parametrize("word, number", (("SEGFAULT", signal.SIGSEGV), ("ASSERT", signal.SIGABRT), ("PANIC", signal.SIGABRT)))
def test_a_crash_leaves_a_report(new_server, shards, word, number):
    server = new_server(shards=shards, args={"enable-debug-command": "yes"})
    with pytest.raises((Closed, ConnectionError)):
        server.client()("DEBUG", word)
    assert server.wait_for_exit() == -number
    log = server.log(200)
    assert "=== BASALT CRASH REPORT ===" in log
    assert f"crashed by {number.name}" in log
    assert "it was running 'debug'" in log
    assert "=== END OF THE REPORT" in log
    server.log_path.write_text("")


def test_a_crash_may_be_silent(new_server):
    server = new_server(args={"enable-debug-command": "yes", "crash-log-enabled": "no"})
    with pytest.raises((Closed, ConnectionError)):
        server.client()("DEBUG", "SEGFAULT")
    assert server.wait_for_exit() == -signal.SIGSEGV
    assert "CRASH REPORT" not in server.log()


def test_lastsave_is_the_time_of_the_start_before_any_snapshot(server):
    client = server.client()
    info = info_dict(client("INFO", "persistence"))
    assert client("LASTSAVE") == int(info["rdb_last_save_time"])
    assert abs(client("LASTSAVE") - time.time()) < 100_000
