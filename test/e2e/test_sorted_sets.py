"""Sorted sets and places: options newer than the Redis we compare with, waiting, large ones, restarts."""

import random
import time

import pytest

from support.resp import info_dict

pytestmark = pytest.mark.smoke

FORMS = {"listpack": 128, "ranking": 0}


def doubles(resp, *texts):
    """What a server says for these doubles."""
    return [float(text) if resp == 3 else text.encode() for text in texts]


def flat(reply):
    """Pairs are arrays of their own in RESP3."""
    return [part for item in reply for part in (item if isinstance(item, list) else [item])]


@pytest.fixture(params=FORMS)
def zsets(client, request):
    """A client of a server whose sorted sets have that form."""
    client("CONFIG", "SET", "zset-max-listpack-entries", FORMS[request.param])
    yield client
    client("CONFIG", "SET", "zset-max-listpack-entries", 128)


def test_ranks_come_with_scores(zsets, resp):
    zsets("ZADD", "z", "1", "a", "2.5", "b", "0.1", "c")
    assert zsets("ZRANK", "z", "b", "WITHSCORE") == [2, *doubles(resp, "2.5")]
    assert zsets("ZREVRANK", "z", "c", "WITHSCORE") == [2, *doubles(resp, "0.1")]
    assert zsets("ZRANK", "z", "none", "WITHSCORE") is None


def test_union_and_intersection_may_count(zsets, resp):
    zsets("ZADD", "a", "10", "x", "20", "y")
    zsets("ZADD", "b", "30", "y", "40", "z")
    zsets("SADD", "s", "y")
    union = zsets("ZUNION", "3", "a", "b", "s", "AGGREGATE", "COUNT", "WITHSCORES")
    assert flat(union) == [b"x", *doubles(resp, "1"), b"z", *doubles(resp, "1"), b"y", *doubles(resp, "3")]
    weighed = zsets("ZINTER", "3", "a", "b", "s", "WEIGHTS", "1", "5", "0.5", "AGGREGATE", "COUNT", "WITHSCORES")
    assert flat(weighed) == [b"y", *doubles(resp, "6.5")]
    assert zsets("ZINTERSTORE", "out", "2", "a", "b", "AGGREGATE", "COUNT") == 1
    assert zsets("ZSCORE", "out", "y") == doubles(resp, "2")[0]


def test_scores_are_printed_short(zsets, resp):
    for text in ("0.1", "1e-7", "0.000001", "3", "1.5e+300", "100000000000000000", "1e+20", "-inf", "5e-324"):
        zsets("ZADD", "z", text, "m")
        assert zsets("ZSCORE", "z", "m") == doubles(resp, text)[0]
    if resp == 3:
        zsets("ZADD", "z", "0.1", "m")
        zsets("ZSCORE", "z", "m")
        assert zsets.raw == b",0.1\r\n"


@pytest.mark.parametrize("command, reply", [
    (("BZPOPMIN", "{}", "none", "0"), ["key", "low", "1"]),
    (("BZPOPMAX", "none", "{}", "0"), ["key", "high", "2"]),
    (("BZMPOP", "0", "2", "none", "{}", "MAX", "COUNT", "2"), ["key", "high", "2", "low", "1"]),
])
def test_a_zadd_serves_the_client_that_waits(server, client, command, reply):
    for number in range(6):
        key = f"key:{number}"
        with server.client() as waiter:
            waiter.send(*(word.format(key) for word in command))
            time.sleep(0.02)
            client("ZADD", key, "2", "high", "1", "low")
            got = waiter.read()
            got = flat(flat(got)) if command[0] == "BZMPOP" else got
            assert got == [part.encode() if part != "key" else key.encode() for part in reply]


def test_a_stored_result_serves_the_client_that_waits(server, client):
    client("ZADD", "a", "1", "m")
    with server.client() as waiter:
        waiter.send("BZPOPMIN", "out", "0")
        time.sleep(0.02)
        assert client("ZUNIONSTORE", "out", "1", "a") == 1
        assert waiter.read() == [b"out", b"m", b"1"]
    assert client("EXISTS", "out") == 0


def test_a_scan_finds_all_that_stays(server, client, seed):
    rng = random.Random(seed)
    for start in range(0, 5000, 500):
        client("ZADD", "z", *(word for n in range(start, start + 500) for word in (str(rng.random()), f"stay:{n}")))
    found = []
    cursor = b"0"
    while True:
        cursor, page = client("ZSCAN", "z", cursor, "COUNT", "50", "MATCH", "stay:*")
        found += page[::2]
        for _ in range(20):
            client(*rng.choice([("ZADD", "z", "1"), ("ZREM", "z")]), f"go:{rng.randrange(2000)}")
        if cursor == b"0":
            break
    assert sorted(found) == sorted(f"stay:{n}".encode() for n in range(5000))


def test_restarts_keep_sorted_sets(new_server, seed):
    rng = random.Random(seed)
    server = new_server(shards=3, args={"appendonly": "yes"})
    with server.client() as client:
        for n in range(3000):
            key = f"z{n % 7}"
            client("ZADD", key, f"{rng.uniform(-100, 100):.3f}", f"m{rng.randrange(400)}")
            if n % 10 == 0:
                client("ZINCRBY", key, "0.1", f"m{rng.randrange(400)}")
                client("ZPOPMIN", key)
                client("ZREMRANGEBYRANK", key, "-1", "-1")
                client("ZMPOP", "2", "none", key, "MAX", "COUNT", "2")
            if n % 100 == 0:
                client("ZUNIONSTORE", f"out{n % 3}", "3", "z1", "z2", "z3", "WEIGHTS", "1", "0.3", "7")
                client("ZRANGESTORE", "part", key, "5", "20")
                client("GEOADD", "places", f"{rng.uniform(-180, 180)}", f"{rng.uniform(-85, 85)}", f"p{n}")
        client("GEOSEARCHSTORE", "near", "places", "FROMLONLAT", "0", "0", "BYRADIUS", "8000", "km", "STOREDIST")
        before = client("DEBUG", "DIGEST")
        size = client("DBSIZE")
    server.terminate()
    server.start(shards=2)
    with server.client() as client:
        assert client("DBSIZE") == size
        assert client("DEBUG", "DIGEST") == before


def test_deleting_a_large_one_answers_at_once(new_server):
    """What is freed later is freed in steps: a client that asks all the time never waits for all of it."""
    client = new_server(shards=2).client()
    rng = random.Random(1)
    for start in range(0, 200000, 10000):
        client("ZADD", "z", *(word for n in range(start, start + 10000) for word in (str(rng.random()), f"member:{n}")))
    assert client("DEL", "z") == 1
    assert client("EXISTS", "z") == 0
    freed = []
    for _ in range(2000):
        freed.append(int(info_dict(client("INFO", "memory"))["used_memory"]))
        if freed[-1] < 4 << 20:
            break
    assert freed[-1] < 4 << 20
