"""Sets and HyperLogLogs beyond what scripts compare with Redis: newer commands, chance, many shards at once, restarts."""

import random

import pytest

KEYS = [f"key:{i}" for i in range(12)]  # on every shard some


@pytest.mark.smoke
def test_cardinality_of_unions_and_differences(client):
    client("SADD", "a", *range(100))
    client("SADD", "b", *range(50, 150))
    client("SADD", "c", "x")
    assert client("SUNIONCARD", "3", "a", "b", "c") == 151
    assert client("SUNIONCARD", "3", "a", "b", "c", "LIMIT", "120") == 120
    assert abs(client("SUNIONCARD", "3", "a", "b", "c", "APPROX") - 151) <= 5
    assert client("SUNIONCARD", "3", "a", "b", "c", "APPROX", "LIMIT", "7") == 7
    assert client("SDIFFCARD", "2", "a", "b") == 50
    assert client("SDIFFCARD", "2", "a", "b", "LIMIT", "20") == 20
    assert client("SDIFFCARD", "3", "a", "b", "missing") == 50
    assert client("SDIFFCARD", "1", "missing") == 0
    assert client("SUNIONCARD", "1", "missing") == 0
    assert client("SDIFFCARD", "2", "a").code == "ERR"
    assert client("SUNIONCARD", "1", "a", "APPROX", "LIMIT").code == "ERR"


def test_hyperloglog_tests_itself(client):
    assert client("PFSELFTEST") == "OK"


def test_algebra_over_all_shards_is_as_python_does_it(client, seed):
    rng = random.Random(seed)
    sets = {}
    for key in KEYS:
        kind = rng.choice(("few", "numbers", "many"))
        count = {"few": 30, "numbers": 300, "many": 700}[kind]
        members = {rng.randrange(1000) for _ in range(count)}
        sets[key] = {(f"m{m}" if kind == "few" else str(m)).encode() for m in members}
        client("SADD", key, *sets[key])
    for _ in range(60):
        keys = rng.sample(KEYS, rng.randint(1, 6))
        values = [sets[key] for key in keys]
        wanted = {"SINTER": set.intersection(*values), "SUNION": set.union(*values),
                  "SDIFF": values[0].difference(*values[1:])}
        for command, members in wanted.items():
            assert set(client(command, *keys)) == members
            assert client(command + "CARD", len(keys), *keys) == len(members)
            assert client(command + "STORE", "result", *keys) == len(members)
            assert set(client("SMEMBERS", "result")) == members


def test_moving_over_shards_loses_nothing(client, seed):
    rng = random.Random(seed)
    client("SADD", KEYS[0], *range(200))
    for member in range(200):
        for _ in range(5):
            source = next(key for key in KEYS if client("SISMEMBER", key, member))
            assert client("SMOVE", source, rng.choice(KEYS), member) == 1
    assert sum(client("SCARD", key) for key in KEYS) == 200
    assert client("SUNIONCARD", len(KEYS), *KEYS) == 200


@pytest.mark.parametrize("count", (5, 400, 900))
def test_pop_gives_each_member_once(client, count):
    everything = {f"member:{i}".encode() for i in range(1000)}
    client("SADD", "s", *everything)
    popped = []
    while client("EXISTS", "s"):
        popped += client("SPOP", "s", count)
        assert client("SCARD", "s") == 1000 - len(popped)
    assert len(popped) == 1000 and set(popped) == everything


def test_chance_is_fair(client):
    """Of 50 members each is drawn about as often as any other, alone and in groups."""
    for size in (50, 500):
        client("DEL", "s")
        client("SADD", "s", *(f"member:{i}" for i in range(size)))
        draws = client("SRANDMEMBER", "s", -200 * size)
        groups = [m for _ in range(40) for m in client("SRANDMEMBER", "s", size // 2)]
        for members, expected in ((draws, 200), (groups, 20)):
            counts = {}
            for member in members:
                counts[member] = counts.get(member, 0) + 1
            assert len(counts) == size
            assert max(counts.values()) < expected * 2 and min(counts.values()) > expected / 4


def test_scan_of_a_large_set_while_it_changes(client):
    client("SADD", "s", *(f"stay:{i}" for i in range(5000)))
    seen, cursor, turn = set(), b"0", 0
    while True:
        cursor, members = client("SSCAN", "s", cursor, "COUNT", "100")
        seen |= set(members)
        client("SADD", "s", *(f"come:{turn}:{i}" for i in range(200)))
        client("SREM", "s", *(f"come:{turn - 3}:{i}" for i in range(200)))
        turn += 1
        if cursor == b"0":
            break
    assert {f"stay:{i}".encode() for i in range(5000)} <= seen
    assert turn > 40


@pytest.mark.parametrize("shards", (1, 2, 7))
def test_what_was_stored_is_there_after_a_restart(new_server, shards):
    server = new_server(shards=shards, args={"appendonly": "yes"})
    client = server.client()
    for i, key in enumerate(KEYS):
        client("SADD", key, *range(i, 20 + i * 40))
        client("SADD", key + ":words", *(f"word {j} of {key}" for j in range(10 + i * 30)))
    client("SPOP", KEYS[3], 17)
    client("SPOP", KEYS[4] + ":words", 100)
    client("SPOP", KEYS[5])
    client("SMOVE", KEYS[6], KEYS[7], "30")
    client("SINTERSTORE", "inter", KEYS[8], KEYS[9])
    client("SUNIONSTORE", "union", KEYS[2] + ":words", KEYS[9], KEYS[10])
    client("SDIFFSTORE", "diff", KEYS[11], KEYS[1])
    client("SUNIONSTORE", KEYS[0], KEYS[1], KEYS[2])
    client("PFADD", "hll", *range(500))
    client("PFADD", "other", *range(400, 5000))
    client("PFCOUNT", "hll")
    client("PFMERGE", "merged", "hll", "other")
    keys = sorted(client("KEYS", "*"))
    sets = [key for key in keys if client("TYPE", key) == "set"]
    before = {key: (set(client("SMEMBERS", key)), client("OBJECT", "ENCODING", key)) for key in sets}
    counts = [client("PFCOUNT", key) for key in ("hll", "other", "merged")]
    server.terminate()
    server.start()
    client = server.client()
    assert sorted(client("KEYS", "*")) == keys
    for key in sets:
        assert set(client("SMEMBERS", key)) == before[key][0]
    assert [client("PFCOUNT", key) for key in ("hll", "other", "merged")] == counts
