"""Keys go when their time has come: seen by readers, counted, and taken away without being asked for."""

import time

import pytest

from support.resp import info_dict

pytestmark = pytest.mark.smoke


def wait_for(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.005)
    return condition()


def test_key_is_gone_when_its_time_has_come(client):
    client("SET", "k", "v", "PX", 30)
    assert client("GET", "k") == b"v"
    time.sleep(0.04)
    assert client("GET", "k") is None
    assert client("EXISTS", "k") == 0
    assert client("TTL", "k") == -2
    assert client("TYPE", "k") == "none"
    assert client("KEYS", "*") == []


def test_expired_keys_are_taken_away_unasked(client):
    for i in range(300):
        client("SET", f"k{i}", "v", "PX", 1 + i % 50)
    client("SET", "stays", "v")
    assert wait_for(lambda: client("DBSIZE") == 1)
    info = info_dict(client("INFO", "stats"))
    assert int(info["expired_keys"]) >= 300


def test_a_reader_of_an_expired_key_removes_it(client):
    client("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    try:
        client("SET", "k", "v", "PX", 1)
        time.sleep(0.01)
        assert client("DBSIZE") == 1
        assert client("GET", "k") is None
        assert client("DBSIZE") == 0
    finally:
        client("DEBUG", "SET-ACTIVE-EXPIRE", "1")


def test_info_counts_keys_with_a_time_to_live(client):
    client("MSET", *[word for i in range(10) for word in (f"p{i}", "v")])
    for i in range(5):
        client("SET", f"t{i}", "v", "EX", 1000)
    keyspace = info_dict(client("INFO", "keyspace"))
    facts = dict(fact.split("=") for fact in keyspace["db0"].split(","))
    assert facts["keys"] == "15"
    assert facts["expires"] == "5"
    assert 900000 < int(facts["avg_ttl"]) <= 1000000


def test_overwriting_takes_the_time_to_live_off(client):
    client("SET", "k", "v", "PX", 20)
    client("SET", "k", "w")
    time.sleep(0.03)
    assert client("GET", "k") == b"w"


def test_persist_rescues_a_key(client):
    client("SET", "k", "v", "PX", 40)
    assert client("PERSIST", "k") == 1
    time.sleep(0.05)
    assert client("GET", "k") == b"v"


def test_the_end_of_the_integers_does_not_expire(client):
    client("SET", "k", "v", "PXAT", 9223372036854775807)
    assert client("GET", "k") == b"v"
    assert client("PEXPIRETIME", "k") == 9223372036854775807


def test_many_deadlines_at_one_moment(client):
    count = 20000
    at = int(time.time() * 1000) + 300
    for begin in range(0, count, 500):
        client.pipeline(*[("SET", f"key:{i}", "v", "PXAT", at) for i in range(begin, begin + 500)])
    began = time.monotonic()
    slowest = 0.0
    while client("DBSIZE") > 0 and time.monotonic() - began < 10:
        before = time.monotonic()
        client("PING")
        slowest = max(slowest, time.monotonic() - before)
    assert client("DBSIZE") == 0
    assert slowest < 1.5, f"a PING took {slowest * 1000:.0f} ms while keys expired"


def test_reading_an_expired_key_deletes_it(server):
    client = server.client()
    client("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    try:
        for i in range(8):
            client("SET", f"k{i}", "v", "PX", 5)
        time.sleep(0.02)
        assert client("DBSIZE") == 8
        assert client("GET", "k0") is None
        assert client("TTL", "k1") == -2
        assert client("OBJECT", "ENCODING", "k2") is None
        assert client("MGET", "k3", "k4") == [None, None]
        assert client("DBSIZE") == 3
        cursor = b"0"
        while True:
            cursor, keys = client("SCAN", cursor)
            assert keys == []
            if cursor == b"0":
                break
        assert client("DBSIZE") == 0
    finally:
        client("DEBUG", "SET-ACTIVE-EXPIRE", "1")
