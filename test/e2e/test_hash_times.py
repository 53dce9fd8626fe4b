"""Fields of hashes that expire: commands newer than the Redis we compare with, and what no command is needed for."""

import time

import pytest

from support.resp import Error

pytestmark = pytest.mark.smoke

FORMS = {"listpack": 512, "table": 0}


@pytest.fixture(params=FORMS)
def hashes(client, request):
    """A client of a server whose hashes have that form."""
    client("CONFIG", "SET", "hash-max-listpack-entries", FORMS[request.param])
    yield client
    client("CONFIG", "SET", "hash-max-listpack-entries", 512)


def wait_until(condition, seconds=3):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_times_are_set_and_read(hashes):
    hashes("HSET", "h", "a", "1", "b", "2", "c", "3")
    assert hashes("HEXPIRE", "h", "100", "FIELDS", "2", "a", "x") == [1, -2]
    assert hashes("HPEXPIRE", "h", "200000", "NX", "FIELDS", "2", "a", "b") == [0, 1]
    assert hashes("HTTL", "h", "FIELDS", "4", "a", "b", "c", "x") == [100, 200, -1, -2]
    left = hashes("HPTTL", "h", "FIELDS", "1", "a")[0]
    assert 95000 < left <= 100000
    now = time.time()
    assert hashes("HEXPIREAT", "h", str(int(now) + 300), "GT", "FIELDS", "3", "a", "b", "c") == [1, 1, 0]
    assert hashes("HEXPIRETIME", "h", "FIELDS", "2", "a", "c") == [int(now) + 300, -1]
    at = int(now * 1000) + 123456
    assert hashes("HPEXPIREAT", "h", str(at), "LT", "FIELDS", "2", "a", "c") == [1, 1]
    assert hashes("HPEXPIRETIME", "h", "FIELDS", "3", "a", "b", "c") == [at, (int(now) + 300) * 1000, at]
    assert hashes("HPERSIST", "h", "FIELDS", "3", "a", "x", "c") == [1, -2, 1]
    assert hashes("HPERSIST", "h", "FIELDS", "1", "a") == [-1]
    assert hashes("HTTL", "h", "FIELDS", "1", "a") == [-1]


def test_a_past_time_deletes(hashes):
    hashes("HSET", "h", "a", "1", "b", "2")
    assert hashes("HEXPIREAT", "h", "1", "FIELDS", "2", "a", "x") == [2, -2]
    assert hashes("HKEYS", "h") == [b"b"] and hashes("HVALS", "h") == [b"2"]
    assert hashes("HPEXPIRE", "h", "0", "FIELDS", "1", "b") == [2]
    assert hashes("EXISTS", "h") == 0


def test_getex_setex_getdel(hashes):
    assert hashes("HSETEX", "h", "EX", "100", "FIELDS", "2", "a", "1", "b", "2") == 1
    assert hashes("HSETEX", "h", "FNX", "FIELDS", "2", "b", "x", "c", "x") == 0
    assert hashes("HSETEX", "h", "FXX", "KEEPTTL", "FIELDS", "1", "b", "3") == 1
    assert hashes("HTTL", "h", "FIELDS", "2", "a", "b") == [100, 100]
    assert hashes("HGETEX", "h", "PERSIST", "FIELDS", "2", "a", "x") == [b"1", None]
    assert hashes("HGETEX", "h", "PX", "50000", "FIELDS", "1", "b") == [b"3"]
    assert hashes("HTTL", "h", "FIELDS", "2", "a", "b") == [-1, 50]
    assert hashes("HGETDEL", "h", "FIELDS", "3", "a", "b", "x") == [b"1", b"3", None]
    assert hashes("EXISTS", "h") == 0


def test_fields_vanish_without_being_touched(hashes):
    for key in range(20):
        hashes("HSET", f"h{key}", "a", "1", "b", "2")
        hashes("HPEXPIRE", f"h{key}", "30", "FIELDS", "1", "a")
        hashes("HSETEX", f"gone{key}", "PX", "30", "FIELDS", "2", "a", "1", "b", "2")
    wait_until(lambda: hashes("DBSIZE") == 20)
    wait_until(lambda: all(hashes("HLEN", f"h{key}") == 1 for key in range(20)))


def test_an_expired_field_is_not_seen_while_it_is_still_there(hashes):
    hashes("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    try:
        hashes("HSET", "h", "a", "1", "b", "2", "c", "3")
        hashes("HPEXPIRE", "h", "5", "FIELDS", "2", "a", "b")
        time.sleep(0.02)
        assert hashes("HLEN", "h") == 3
        assert hashes("HKEYS", "h") == [b"c"]
        assert hashes("HMGET", "h", "b", "c") == [None, b"3"]
        assert hashes("HLEN", "h") == 2
        assert hashes("HSCAN", "h", "0", "NOVALUES")[1] == [b"c"]
        assert hashes("HRANDFIELD", "h", "5") == [b"c"]
        assert hashes("HLEN", "h") == 1
    finally:
        hashes("DEBUG", "SET-ACTIVE-EXPIRE", "1")


def test_times_follow_the_key(hashes):
    hashes("HSETEX", "h", "EX", "100", "FIELDS", "1", "a", "1")
    hashes("HSET", "h", "b", "2")
    assert hashes("COPY", "h", "copy") == 1
    assert hashes("RENAME", "h", "moved") == "OK"
    assert hashes("HTTL", "copy", "FIELDS", "2", "a", "b") == [100, -1]
    assert hashes("HTTL", "moved", "FIELDS", "2", "a", "b") == [100, -1]
    hashes("HPEXPIRE", "copy", "20", "FIELDS", "1", "a")
    hashes("HPEXPIRE", "moved", "20", "FIELDS", "1", "a")
    hashes("RENAME", "moved", "again")
    wait_until(lambda: hashes("HLEN", "copy") == 1 and hashes("HLEN", "again") == 1)


def test_info_counts_hashes_with_times(hashes):
    hashes("HSETEX", "h", "EX", "100", "FIELDS", "1", "a", "1")
    hashes("HSET", "g", "a", "1")
    text = hashes("INFO", "keyspace").decode()
    assert "keys=2,expires=0,avg_ttl=0,subexpiry=1" in text
    hashes("HPERSIST", "h", "FIELDS", "1", "a")
    assert "subexpiry=0" in hashes("INFO", "keyspace").decode()


def test_errors_name_what_is_wrong(hashes):
    hashes("SET", "s", "x")
    assert hashes("HEXPIRE", "s", "1", "FIELDS", "1", "f").code == "WRONGTYPE"
    for command in (("HTTL", "h", "FIELDS", "2", "f"), ("HGETDEL", "h", "FIELDS", "0", "f"),
                    ("HSETEX", "h", "FIELDS", "1", "f"), ("HEXPIRE", "h", "-1", "FIELDS", "1", "f")):
        reply = hashes(*command)
        assert isinstance(reply, Error) and reply.code == "ERR"


def with_times(client, key):
    """What a hash holds, with the time of each field."""
    fields = sorted(client("HKEYS", key))
    if not fields:
        return {}
    values = client("HMGET", key, *fields)
    times = client("HPEXPIRETIME", key, "FIELDS", str(len(fields)), *fields)
    return {field: (value, at) for field, value, at in zip(fields, values, times)}


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("entries", FORMS.values(), ids=FORMS.keys())
def test_times_survive_a_restart(new_server, shards, entries):
    server = new_server(shards=shards, args={"appendonly": "yes", "appendfsync": "always",
                                             "hash-max-listpack-entries": str(entries)})
    client = server.client()
    at = int(time.time() * 1000) + 500000
    for i in range(30):
        key = f"h{i}"
        client("HSET", key, "a", "1", "b", "2", "c", "3", "d", "4", "e", "5")
        client("HPEXPIREAT", key, str(at + i), "FIELDS", "2", "a", "b")
        client("HSETEX", key, "EX", "1000", "FIELDS", "2", "c", "30", "f", "6")
        client("HPERSIST", key, "FIELDS", "1", "b")
        client("HPEXPIRE", key, "20", "FIELDS", "1", "d")
        client("HINCRBYFLOAT", key, "c", "0.5")
        client("HGETEX", key, "PXAT", str(at), "FIELDS", "1", "e")
        client("HSETEX", f"gone{i}", "PX", "20", "FIELDS", "1", "a", "1")
    wait_until(lambda: client("DBSIZE") == 30)
    wait_until(lambda: all(client("HLEN", f"h{i}") == 5 for i in range(30)))
    client("HSETEX", "later", "PX", "300", "FIELDS", "1", "a", "1")
    client("RENAME", "h0", "renamed")
    client("COPY", "h1", "copied")
    keys = ["renamed", "copied"] + [f"h{i}" for i in range(1, 30)]
    before = {key: with_times(client, key) for key in keys}
    assert before["h1"][b"a"] == (b"1", at + 1) and before["h1"][b"c"][0] == b"30.5"
    server.kill()
    server.start()
    client = server.client()
    assert {key: with_times(client, key) for key in keys} == before
    wait_until(lambda: client("EXISTS", "later") == 0)
    assert client("DBSIZE") == len(keys)


def test_a_lent_hash_is_read_without_its_expired_fields(new_server):
    server = new_server(shards=4)
    client = server.client()
    client("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    for i in range(8):
        client("HSET", f"h{i}", "a", "1", "b", "2")
        client("HPEXPIRE", f"h{i}", "1", "FIELDS", "1", "a")
    time.sleep(0.02)
    for i in range(8):
        client("COPY", f"h{i}", f"copy{i}")
        client("RENAME", f"h{i}", f"renamed{i}")
        assert client("HGETALL", f"copy{i}") == client("HGETALL", f"renamed{i}")
        assert client("HKEYS", f"copy{i}") == [b"b"]
    client("DEBUG", "SET-ACTIVE-EXPIRE", "1")
    wait_until(lambda: all(client("HLEN", f"{name}{i}") == 1 for name in ("copy", "renamed") for i in range(8)))


def test_a_million_fields_would_not_stop_the_server(hashes):
    """Many fields that expire at once go in steps; others are answered meanwhile."""
    count = 20000
    for start in range(0, count, 1000):
        hashes("HSETEX", "big", "PX", "400", "FIELDS", "1000",
               *(word for i in range(start, start + 1000) for word in (f"field:{i}", "value")))
    slowest = 0.0
    end = time.monotonic() + 20
    while hashes("EXISTS", "big"):
        began = time.monotonic()
        hashes("PING")
        slowest = max(slowest, time.monotonic() - began)
        assert time.monotonic() < end
    assert slowest < 0.5
