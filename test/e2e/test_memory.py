"""The memory limit: refusing, evicting, and never half a command."""

import time

import pytest

from support.resp import Error, info_dict

# Each number of shards once, and both backends: these tests take long.
pytestmark = pytest.mark.parametrize("server", [(1, "io_uring"), (2, "epoll"), (7, "io_uring")], indirect=True,
                                     ids=lambda pair: f"{pair[0]}-{pair[1]}")

VALUE = "x" * 1000


def used_memory(client):
    return int(info_dict(client("INFO", "memory"))["used_memory"])


def limit_here(client, extra):
    client("CONFIG", "SET", "maxmemory", used_memory(client) + extra)


def fill(client, prefix, count, until_error=True, options=()):
    for i in range(count):
        reply = client("SET", f"{prefix}:{i}", VALUE, *options)
        if isinstance(reply, Error):
            assert reply.startswith("OOM command not allowed when used memory > 'maxmemory'"), reply
            assert until_error
            return i
    return count


@pytest.fixture
def client(server):
    client = server.client()
    yield client
    client("CONFIG", "SET", "maxmemory", "0")
    client("CONFIG", "SET", "maxmemory-policy", "noeviction")


def test_without_eviction_writes_are_refused_and_reads_go_on(client):
    limit_here(client, 4 << 20)
    stored = fill(client, "k", 20000)
    assert 1000 < stored < 20000
    assert client("GET", "k:0") == VALUE.encode()
    assert isinstance(client("SET", "another", VALUE), Error)
    assert isinstance(client("APPEND", "k:0", VALUE), Error)
    assert client("DEL", "k:0") == 1
    assert client("DBSIZE") == stored - 1
    client("FLUSHALL")
    assert client("SET", "k", "v") == "OK"


def test_a_command_over_several_shards_is_refused_whole(client):
    limit_here(client, 4 << 20)
    fill(client, "k", 20000)
    keys = [f"new{i}" for i in range(16)]
    reply = client("MSET", *[word for key in keys for word in (key, VALUE)])
    assert isinstance(reply, Error) and reply.code == "OOM"
    assert client("EXISTS", *keys) == 0


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
def test_eviction_keeps_memory_at_the_limit(client, policy):
    client("CONFIG", "SET", "maxmemory-policy", policy)
    limit_here(client, 6 << 20)
    limit = int(client("CONFIG", "GET", "maxmemory")[1])
    assert fill(client, "k", 15000, until_error=False) == 15000
    assert client("DBSIZE") < 15000
    assert used_memory(client) < limit * 1.10 + (1 << 20)
    assert int(info_dict(client("INFO", "stats"))["evicted_keys"]) > 0


@pytest.mark.parametrize("policy", ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"])
def test_volatile_policies_leave_other_keys_alone(client, policy):
    client("CONFIG", "SET", "maxmemory-policy", policy)
    for i in range(500):
        client("SET", f"stays:{i}", VALUE)
    limit_here(client, 5 << 20)
    fill(client, "goes", 12000, until_error=False, options=("EX", 10000))
    keys = [f"stays:{i}" for i in range(500)]
    assert client("EXISTS", *keys) == 500
    assert client("DBSIZE") < 12500


def test_volatile_policy_without_volatile_keys_refuses(client):
    client("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    limit_here(client, 4 << 20)
    stored = fill(client, "k", 20000)
    assert stored < 20000


def test_lru_prefers_what_nobody_reads(client):
    client("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    client("CONFIG", "SET", "maxmemory-samples", "10")
    hot = [f"hot:{i}" for i in range(50)]
    client("MSET", *[word for key in hot for word in (key, VALUE)])
    for i in range(3000):
        client("SET", f"cold:{i}", VALUE)
    limit_here(client, 2 << 20)
    time.sleep(2.1)  # the clock of last access ticks in seconds
    client("MGET", *hot)
    for i in range(3000):
        assert client("SET", f"new:{i}", VALUE) == "OK"
    assert client("DBSIZE") < 6050
    assert client("EXISTS", *hot) >= 45


def test_memory_usage_grows_with_the_value(client):
    client("SET", "small", "x")
    client("SET", "large", "x" * 100000)
    small, large = client("MEMORY", "USAGE", "small"), client("MEMORY", "USAGE", "large")
    assert 16 <= small < 300
    assert 100000 <= large < 140000
    assert client("MEMORY", "USAGE", "missing") is None


def test_memory_comes_back_after_flushing(client):
    before = used_memory(client)
    for i in range(5000):
        client("SET", f"k:{i}", VALUE)
    assert used_memory(client) > before + 5000 * 1000
    client("FLUSHALL")
    client("MEMORY", "PURGE")
    assert used_memory(client) < before + (2 << 20)
