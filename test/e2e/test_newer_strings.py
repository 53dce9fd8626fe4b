"""String commands newer than the Redis we compare with: what they promise, written out."""

import time

import pytest

from support.resp import Error

pytestmark = pytest.mark.smoke


def near(value, wanted, limit=2):
    return abs(value - wanted) <= limit


def test_digest_is_the_hash_of_the_value(client):
    client("SET", "k", "Hello world")
    digest = client("DIGEST", "k")
    assert len(digest) == 16 and set(digest) <= set(b"0123456789abcdef")
    assert client("DIGEST", "missing") is None
    client("SET", "same", "Hello world")
    assert client("DIGEST", "same") == digest
    client("SET", "k", "")
    assert client("DIGEST", "k") == b"2d06800538d394c2"  # XXH3 of nothing, from its own documentation
    assert client("DIGEST").code == "ERR"


def test_digest_sees_the_text_of_a_number(client):
    client("SET", "a", "12345")
    client("SET", "b", "1234")
    client("APPEND", "b", "5")
    assert client("DIGEST", "a") == client("DIGEST", "b")


def test_set_if_equal(client):
    assert client("SET", "k", "v", "IFEQ", "x") is None
    assert client("EXISTS", "k") == 0
    client("SET", "k", "v")
    assert client("SET", "k", "w", "IFEQ", "x") is None
    assert client("SET", "k", "w", "IFEQ", "v") == "OK"
    assert client("GET", "k") == b"w"
    assert client("SET", "k", "z", "IFEQ", "w", "GET") == b"w"
    assert client("GET", "k") == b"z"


def test_delete_if_equal(client):
    client("SET", "k", "v")
    assert client("DELIFEQ", "k", "w") == 0
    assert client("GET", "k") == b"v"
    assert client("DELIFEQ", "k", "v") == 1
    assert client("DELIFEQ", "k", "v") == 0
    assert client("EXISTS", "k") == 0
    assert client("DELIFEQ", "k").code == "ERR"


def test_set_if_not_equal(client):
    assert client("SET", "k", "v", "IFNE", "x") == "OK"
    assert client("SET", "k", "w", "IFNE", "v") is None
    assert client("SET", "k", "w", "IFNE", "x") == "OK"
    assert client("GET", "k") == b"w"


def test_set_if_digest_is_or_is_not(client):
    client("SET", "k", "v")
    digest = client("DIGEST", "k")
    assert client("SET", "k", "w", "IFDEQ", "0" * 16) is None
    assert client("SET", "k", "w", "IFDEQ", digest) == "OK"
    assert client("SET", "k", "x", "IFDNE", client("DIGEST", "k")) is None
    assert client("SET", "k", "x", "IFDNE", digest) == "OK"
    assert client("GET", "k") == b"x"


def test_set_takes_one_condition_only(client):
    for conditions in (("NX", "IFEQ", "v"), ("IFEQ", "v", "XX"), ("IFEQ", "v", "IFNE", "w"), ("IFEQ",)):
        assert isinstance(client("SET", "k", "v", *conditions), Error), conditions
    assert client("EXISTS", "k") == 0


def test_delex_deletes_under_a_condition(client):
    client("SET", "k", "v")
    digest = client("DIGEST", "k")
    assert client("DELEX", "k", "IFEQ", "x") == 0
    assert client("DELEX", "k", "IFNE", "v") == 0
    assert client("DELEX", "k", "IFDEQ", "0" * 16) == 0
    assert client("DELEX", "k", "IFDNE", digest) == 0
    assert client("EXISTS", "k") == 1
    assert client("DELEX", "k", "IFDEQ", digest) == 1
    assert client("DELEX", "k") == 0
    client("SET", "k", "v")
    assert client("DELEX", "k") == 1
    client("SET", "k", "v")
    assert client("DELEX", "k", "IFEQ", "v") == 1
    assert client("EXISTS", "k") == 0
    assert isinstance(client("DELEX", "k", "IFEQ"), Error)
    assert isinstance(client("DELEX", "k", "NOSUCH", "v"), Error)


def test_msetex_sets_all_with_one_time_to_live(client):
    keys = [f"m{i}" for i in range(6)]
    words = [word for key in keys for word in (key, f"v-{key}")]
    assert client("MSETEX", 6, *words, "EX", 100) == 1
    assert client("MGET", *keys) == [f"v-{key}".encode() for key in keys]
    deadlines = {client("PEXPIRETIME", key) for key in keys}
    assert len(deadlines) == 1, "one clock value for the whole command"
    assert near(client("TTL", keys[0]), 100)


def test_msetex_is_all_or_nothing(client):
    client("SET", "b", "old")
    assert client("MSETEX", 3, "a", 1, "b", 2, "c", 3, "NX") == 0
    assert client("MGET", "a", "b", "c") == [None, b"old", None]
    assert client("MSETEX", 2, "a", 1, "b", 2, "XX") == 0
    assert client("EXISTS", "a") == 0
    assert client("MSETEX", 1, "b", 2, "XX", "PX", 100000) == 1
    assert near(client("PTTL", "b"), 100000, 500)
    assert client("MSETEX", 1, "b", 3, "KEEPTTL") == 1
    assert near(client("PTTL", "b"), 100000, 500)
    assert client("MSETEX", 1, "b", 3) == 1
    assert client("TTL", "b") == -1


def test_msetex_errors_change_nothing(client):
    for words in ((0,), ("x", "a", 1), (2, "a", 1), (1, "a", 1, "EX", 0), (1, "a", 1, "EX"), (1, "a", 1, "NX", "XX"),
                  (1, "a", 1, "NOSUCH"), (-1, "a", 1), (9223372036854775807, "a", 1)):
        assert isinstance(client("MSETEX", *words), Error), words
    assert client("EXISTS", "a") == 0


def test_increx_counts_within_bounds(client):
    assert client("INCREX", "k") == [1, 1]
    assert client("INCREX", "k", "BYINT", 5) == [6, 5]
    assert client("INCREX", "k", "BYINT", -10) == [-4, -10]
    assert client("GET", "k") == b"-4"
    client("SET", "k", 9)
    assert client("INCREX", "k", "BYINT", 5, "UBOUND", 10, "SATURATE") == [10, 1]
    assert client("INCREX", "k", "BYINT", 5, "UBOUND", 10, "SATURATE") == [10, 0]
    assert client("INCREX", "k", "BYINT", -50, "LBOUND", 0, "SATURATE") == [0, -10]
    assert client("GET", "k") == b"0"


def test_increx_sets_the_time_to_live(client):
    client("INCREX", "k", "EX", 100)
    assert near(client("TTL", "k"), 100)
    client("INCREX", "k", "EX", 500, "ENX")
    assert near(client("TTL", "k"), 100)
    client("INCREX", "k", "PERSIST")
    assert client("TTL", "k") == -1
    client("INCREX", "k", "EX", 500, "ENX")
    assert near(client("TTL", "k"), 500)


def test_bitop_of_newer_redis(client):
    client("MSET", "a", b"\x0f\xff", "b", b"\x03\x00", "c", b"\x00\x0f")
    assert client("BITOP", "DIFF", "d", "a", "b", "c") == 2
    assert client("GET", "d") == b"\x0c\xf0"
    assert client("BITOP", "DIFF1", "d", "b", "a") == 2
    assert client("GET", "d") == b"\x0c\xff"
    assert client("BITOP", "ANDOR", "d", "a", "b", "c") == 2
    assert client("GET", "d") == b"\x03\x0f"
    assert client("BITOP", "ONE", "d", "a", "b", "c") == 2
    assert client("GET", "d") == b"\x0c\xf0"


def test_keys_of_a_whole_command_expire_together(server):
    """MSETEX over all shards: no reader sees some keys gone and others not."""
    client = server.client()
    keys = [f"e{i}" for i in range(12)]
    words = [word for key in keys for word in (key, "v")]
    client("MSETEX", len(keys), *words, "PX", 60)
    deadline = time.monotonic() + 2
    seen = set()
    while time.monotonic() < deadline:
        count = client("EXISTS", *keys)
        seen.add(count)
        if count == 0:
            break
    assert seen <= {0, len(keys)}, seen
