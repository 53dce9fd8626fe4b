"""Values that travel as one piece: through DUMP and RESTORE, through the log when a key gets a new name or place, and into stock
Redis and back."""

import random
import struct

import pytest

from support.resp import Error
from support.server import redis_server

pytestmark = pytest.mark.smoke

POLYNOMIAL = 0xad93d23594c935a9


def reflected(value, bits):
    return int(f"{value:0{bits}b}"[::-1], 2)


def crc_table():
    table = []
    for byte in range(256):
        crc = reflected(byte, 8) << 56
        for _ in range(8):
            crc = ((crc << 1) ^ POLYNOMIAL if crc >> 63 else crc << 1) & (2 ** 64 - 1)
        table.append(reflected(crc, 64))
    return table


TABLE = crc_table()


def with_footer(body, version=10):
    """A dump with a true checksum around any body."""
    data = body + struct.pack("<H", version)
    crc = 0
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return data + struct.pack("<Q", crc)


def fill(client, far_future=None):
    """One key of every type and encoding; gives their names. Not what Redis 7.0 does not know."""
    client("SET", "str", "hello")
    client("SET", "int", "-70000")
    client("SET", "long", "abc" * 5000)
    client("RPUSH", "list", "a", "17", "", "x" * 100)
    client("RPUSH", "quicklist", *[f"element {i}" for i in range(2000)], "y" * 9000)
    client("SADD", "intset", *range(-50, 400, 7))
    client("SADD", "smallset", "a", "b", "17")
    client("SADD", "set", *[f"member {i}" for i in range(1000)])
    client("ZADD", "smallzset", 1, "a", -2.5, "b", "inf", "c")
    client("ZADD", "zset", *[word for i in range(1000) for word in (i / 8, f"member {i}")])
    client("HSET", "smallhash", "f", "v", "17", "18")
    client("HSET", "hash", *[f"word {i}" for i in range(2000)])
    for i in range(500):
        client("XADD", "stream", f"{i + 1}-1", "field", f"value {i}", "other", i)
    client("XDEL", "stream", "7-1", "100-1")
    client("XGROUP", "CREATE", "stream", "group", "0")
    client("XGROUP", "CREATE", "stream", "idle", "$")
    client("XREADGROUP", "GROUP", "group", "alice", "COUNT", "20", "STREAMS", "stream", ">")
    client("XREADGROUP", "GROUP", "group", "bob", "COUNT", "3", "STREAMS", "stream", ">")
    client("XACK", "stream", "group", "1-1", "2-1")
    client("PEXPIREAT", "smallzset", far_future or 4000000000000)
    return sorted(client("KEYS", "*"))


def facts(client, key):
    """What does not depend on how a value is kept."""
    found = [client("DEBUG", "DIGEST-VALUE", key), client("TYPE", key), client("PEXPIRETIME", key)]
    if client("TYPE", key) == "stream":
        found += [client("XLEN", key), client("XRANGE", key, "-", "+", "COUNT", 3),
                  [group[:8] for group in client("XINFO", "GROUPS", key)], client("XPENDING", key, "group"),
                  [entry[:2] + entry[3:] for entry in client("XPENDING", key, "group", "-", "+", "100")]]
    return found


ARGS = {"enable-debug-command": "yes", "appendonly": "yes"}


@pytest.mark.parametrize("shards, later", [(1, 3), (3, 2), (4, 4)])
def test_keys_of_all_types_survive_a_new_name_and_a_restart(new_server, shards, later):
    server = new_server(shards=shards, args=ARGS)
    client = server.client()
    keys = fill(client)
    before = {key: facts(client, key) for key in keys}
    for key in keys:
        assert client("COPY", key, b"copy:" + key) == 1
        assert client("RENAME", key, b"renamed:" + key) == "OK"
        assert client("COPY", b"copy:" + key, b"moved:" + key) == 1
        assert client("MOVE", b"moved:" + key, "1") == 1
    digest = client("DEBUG", "DIGEST")
    assert server.terminate() == 0
    server.start(shards=later)
    client = server.client()
    assert client("DEBUG", "DIGEST") == digest
    for key in keys:
        assert facts(client, b"copy:" + key) == before[key]
        assert facts(client, b"renamed:" + key) == before[key]
    client("SELECT", "1")
    for key in keys:
        assert facts(client, b"moved:" + key) == before[key]


def test_sorted_and_restored_keys_survive_a_restart(new_server):
    server = new_server(shards=3, args=ARGS)
    client = server.client()
    fill(client)
    client("RPUSH", "numbers", *range(100, 0, -1))
    client("MSET", *[word for i in range(1, 101) for word in (f"weight_{i}", i * 37 % 101)])
    assert client("SORT", "numbers", "BY", "weight_*", "GET", "#", "GET", "weight_*", "STORE", "sorted") == 200
    assert client("SORT", "numbers", "STORE", "numbers") == 100
    client("RESTORE", "again", "0", client("DUMP", "zset"))
    client("RESTORE", "late", "4000000000001", client("DUMP", "hash"), "ABSTTL")
    digest, late = client("DEBUG", "DIGEST"), facts(client, "late")
    assert server.terminate() == 0
    server.start(shards=2)
    client = server.client()
    assert client("DEBUG", "DIGEST") == digest
    assert facts(client, "late") == late
    assert client("LRANGE", "numbers", 0, 2) == [b"1", b"2", b"3"]


def test_stock_redis_takes_our_dumps_and_we_take_its(new_server):
    ours = new_server(shards=2, args={"enable-debug-command": "yes"}).client()
    with redis_server(args={"enable-debug-command": "yes"}) as redis:
        theirs = redis.client()
        for from_, to in ((ours, theirs), (theirs, ours)):
            from_("FLUSHALL")
            to("FLUSHALL")
            for key in fill(from_):
                expire = max(from_("PEXPIRETIME", key), 0)
                assert to("RESTORE", key, expire, from_("DUMP", key), "ABSTTL") == "OK", key
                assert facts(to, key) == facts(from_, key), key


def test_times_of_fields_travel_too(new_server):
    server = new_server(shards=2, args=ARGS)
    client = server.client()
    client("HSET", "small", "a", "1", "b", "2")
    client("HSET", "large", *[f"word {i}" for i in range(2000)])
    for key in ("small", "large"):
        client("HPEXPIREAT", key, 4000000000000, "FIELDS", 1, "a" if key == "small" else "word 0")
        client("RESTORE", "restored:" + key, 0, client("DUMP", key))
        client("RENAME", key, "renamed:" + key)
    names = ("restored:small", "renamed:small", "restored:large", "renamed:large")
    for _ in range(2):
        for key in names:
            field = "a" if "small" in key else "word 0"
            assert client("HPEXPIRETIME", key, "FIELDS", 2, field, "b") == [4000000000000, -1 if "small" in key else -2]
        assert server.terminate() == 0
        server.start(shards=3)
        client = server.client()


FOLLOWERS = {
    "string": [("GET",), ("APPEND", "x"), ("GETRANGE", 0, 10)],
    "list": [("LRANGE", 0, -1), ("RPUSH", "x"), ("LPOP",), ("LINDEX", 1), ("LREM", 0, "a"), ("LTRIM", 0, 5), ("SORT_RO", "ALPHA")],
    "set": [("SMEMBERS",), ("SADD", "x", 12), ("SREM", "a"), ("SPOP",), ("SISMEMBER", "b"), ("SCARD",)],
    "zset": [("ZRANGE", 0, -1, "WITHSCORES"), ("ZADD", 3, "x"), ("ZPOPMIN",), ("ZRANK", "b"), ("ZREMRANGEBYRANK", 0, 1),
             ("ZRANGEBYSCORE", "-inf", "inf")],
    "hash": [("HGETALL",), ("HSET", "x", "y"), ("HDEL", "f"), ("HRANDFIELD", 3), ("HLEN",), ("HPEXPIRE", 100000, "FIELDS", 1, "x")],
    "stream": [("XRANGE", "-", "+"), ("XADD", "*", "a", "b"), ("XDEL", "3-1"), ("XTRIM", "MAXLEN", 5), ("XLEN",),
               ("XPENDING", "group", "-", "+", 10), ("XAUTOCLAIM", "group", "carol", 0, 0), ("XGROUP", "DELCONSUMER", "group", "bob"),
               ("XREADGROUP",)],
}


def follow(client, key, rng):
    """Commands that walk and change whatever the value is."""
    kind = client("TYPE", key)
    for _ in range(12):
        name, *args = rng.choice(FOLLOWERS[str(kind)])
        if name == "XREADGROUP":
            client("XREADGROUP", "GROUP", "group", "dave", "COUNT", 5, "STREAMS", key, ">")
        else:
            client(name, key, *args)
    client("DEBUG", "DIGEST-VALUE", key)
    client("OBJECT", "ENCODING", key)
    client("COPY", key, "other", "REPLACE")
    client("RESTORE", "third", 0, client("DUMP", "other") or b"", "REPLACE")
    client("DEL", key, "other", "third")


def damaged(body, rng):
    body = bytearray(body)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(min(len(body), 40) if rng.random() < 0.5 else len(body))
        how = rng.randrange(5)
        if how == 0:
            body[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            body[at] = rng.randrange(256)
        elif how == 2:
            body[at] = 255
        elif how == 3:
            del body[at:at + rng.randint(1, 4)]
        else:
            body[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 3)))
        if not body:
            return b"\x00"
    return bytes(body)


@pytest.mark.parametrize("shards", [1, 3])
def test_damaged_dumps_are_refused_or_make_sound_values(new_server, shards, seed, long):
    server = new_server(shards=shards, args={"enable-debug-command": "yes"})
    client = server.client()
    rng = random.Random(seed)
    keys = fill(client)
    client("XTRIM", "stream", "MAXLEN", 30)
    client("HSET", "timed", "f", "v", "x", "w")
    client("HPEXPIRE", "timed", 10000000, "FIELDS", 1, "f")
    small = [key for key in keys if key not in (b"long", b"quicklist", b"set", b"zset", b"hash")] + [b"timed"]
    bodies = {key: client("DUMP", key)[:-10] for key in keys + [b"timed"]}
    taken = 0
    for _ in range(int(4000 * long)):
        key = rng.choice(small) if rng.random() < 0.8 else rng.choice(keys)
        answer = client("RESTORE", "victim", "0", with_footer(damaged(bodies[key], rng), 12))
        if answer == "OK":
            taken += 1
            follow(client, "victim", rng)
        else:
            assert isinstance(answer, Error) and str(answer) == "ERR Bad data format", answer
    assert taken > 0
    server.check()
