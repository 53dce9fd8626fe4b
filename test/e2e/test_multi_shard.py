"""Commands whose keys lie on several shards do what they do on one."""

import threading

import pytest

pytestmark = pytest.mark.smoke

KEYS = [f"key:{i}" for i in range(40)]


def words(values):
    return [word for pair in values for word in pair]


def test_mset_and_mget_keep_the_order_of_their_arguments(client):
    assert client("MSET", *words((key, i) for i, key in enumerate(KEYS))) == "OK"
    assert client("MGET", *KEYS) == [str(i).encode() for i in range(40)]
    assert client("MGET", *reversed(KEYS)) == [str(i).encode() for i in reversed(range(40))]
    assert client("MGET", KEYS[3], "missing", KEYS[3]) == [b"3", None, b"3"]


def test_counts_are_sums(client):
    client("MSET", *words((key, "v") for key in KEYS))
    assert client("EXISTS", *KEYS, "missing") == 40
    assert client("TOUCH", *KEYS) == 40
    assert client("DBSIZE") == 40
    assert client("UNLINK", *KEYS[:10], "missing") == 10
    assert client("DEL", *KEYS) == 30
    assert client("DBSIZE") == 0


def test_keys_scan_and_randomkey_reach_every_shard(client):
    client("MSET", *words((key, "v") for key in KEYS))
    assert sorted(client("KEYS", "*")) == sorted(key.encode() for key in KEYS)
    found, cursor = [], b"0"
    while True:
        cursor, some = client("SCAN", cursor, "COUNT", 7)
        found += some
        if cursor == b"0":
            break
    assert sorted(set(found)) == sorted(key.encode() for key in KEYS)
    seen = {client("RANDOMKEY") for _ in range(400)}
    assert len(seen) > 20


def test_scan_returns_what_stays_while_the_table_grows(client):
    stays = {f"stays:{i}".encode() for i in range(300)}
    client("MSET", *words((key, "v") for key in stays))
    found, cursor, added = set(), b"0", 0
    while True:
        cursor, some = client("SCAN", cursor, "COUNT", 10)
        found.update(some)
        if cursor == b"0":
            break
        client.pipeline(*[("SET", f"new:{added + i}", "v") for i in range(50)])
        added += 50
        assert added < 200000
    assert stays <= found


def test_rename_moves_value_and_time_to_live_between_shards(client):
    client("SET", KEYS[0], "v", "EX", 1000)
    for here, there in zip(KEYS, KEYS[1:]):
        assert client("RENAME", here, there) == "OK"
    assert client("GET", KEYS[-1]) == b"v"
    assert 990 < client("TTL", KEYS[-1]) <= 1000
    assert client("DBSIZE") == 1


def test_renamenx_and_copy_between_all_pairs(client):
    client("SET", "a", "v")
    for key in KEYS:
        assert client("COPY", "a", key) == 1
        assert client("COPY", "a", key) == 0
        assert client("RENAMENX", "a", key) == 0
    assert client("MGET", *KEYS) == [b"v"] * 40


def test_bitop_over_all_shards(client):
    client("MSET", *words((key, bytes([1 << (i % 8)])) for i, key in enumerate(KEYS)))
    assert client("BITOP", "OR", "out", *KEYS) == 1
    assert client("GET", "out") == b"\xff"
    assert client("BITOP", "XOR", "out", *KEYS[:3]) == 1
    assert client("GET", "out") == b"\x07"


def test_lcs_of_two_shards(client):
    client("MSET", "x1", "ohmytext", "y2", "mynewtext")
    assert client("LCS", "x1", "y2") == b"mytext"


def test_flushall_empties_every_shard_and_database(client):
    for db in (0, 1, 7):
        client("SELECT", db)
        client("MSET", *words((key, "v") for key in KEYS))
    assert client("FLUSHALL") == "OK"
    for db in (0, 1, 7):
        client("SELECT", db)
        assert client("DBSIZE") == 0


def test_swapdb_swaps_on_every_shard(client):
    client("MSET", *words((key, "zero") for key in KEYS))
    client("SELECT", 1)
    client("MSET", *words((key, "one") for key in KEYS))
    assert client("SWAPDB", 0, 1) == "OK"
    assert client("MGET", *KEYS) == [b"zero"] * 40
    client("SELECT", 0)
    assert client("MGET", *KEYS) == [b"one"] * 40


def test_no_crossslot_without_cluster_mode(client):
    reply = client("MSET", "{a}1", "x", "{b}2", "y", "{c}3", "z")
    assert reply == "OK"
    assert client("MGET", "{a}1", "{b}2", "{c}3") == [b"x", b"y", b"z"]


def test_pipeline_over_all_shards_answers_in_order(client):
    commands = []
    for key in KEYS:
        commands += [("INCR", key), ("INCR", key), ("GET", key), ("DEL", key), ("GET", key)]
    assert client.pipeline(*commands) == [1, 2, b"2", 1, None] * 40


def test_commands_of_a_pipeline_see_each_other_in_order(client):
    replies = client.pipeline(("SET", "a", "1"), ("RENAME", "a", "b"), ("RENAME", "b", "c"), ("MGET", "a", "b", "c"),
                              ("COPY", "c", "a"), ("DEL", "c"), ("DBSIZE",), ("FLUSHALL",), ("DBSIZE",),
                              ("MSETNX", "a", "x", "b", "y"), ("MGET", "a", "b"))
    assert replies == ["OK", "OK", "OK", [None, None, b"1"], 1, 1, 1, "OK", 0, 1, [b"x", b"y"]]


def test_concurrent_two_phase_commands_finish(server):
    """Threads rename around the same keys: whoever waits for a lock gets it."""
    errors = []

    def work(seed):
        try:
            client = server.client(timeout=20)
            for i in range(300):
                a, b = KEYS[(seed * 7 + i) % 10], KEYS[(seed * 3 + i * i) % 10]
                client.pipeline(("RENAME", a, b), ("COPY", b, a, "REPLACE"), ("MSET", a, i, b, i), ("BITOP", "OR", a, b),
                                ("MSETNX", a, 1, "fresh", 2))
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(repr(error))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
