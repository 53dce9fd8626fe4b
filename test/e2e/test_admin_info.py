"""INFO and MEMORY: what tools read about the server."""

import re
import time

import pytest

from support.resp import Error, Map, Verbatim

DEFAULT = ["Server", "Clients", "Memory", "Persistence", "Threads", "Stats", "Replication", "CPU", "Errorstats", "Cluster",
           "Keyspace"]


def sections(text):
    """The sections with their fields, in order."""
    found = {}
    for line in text.split("\r\n"):
        if line.startswith("# "):
            current = found.setdefault(line[2:], {})
        elif line:
            name, value = line.split(":", 1)
            current[name] = value
    return found


def info(client, *args):
    return sections(client("INFO", *args).decode())


def test_default_sections_stand_in_order(client):
    assert list(info(client)) == DEFAULT
    assert list(info(client, "default")) == DEFAULT


def test_all_and_everything_add_sections(client):
    everything = list(info(client, "everything"))
    assert set(everything) == set(DEFAULT) | {"Modules", "Commandstats", "Latencystats"}
    assert set(everything) - set(info(client, "ALL")) == {"Modules"}


def test_several_sections_may_be_named_and_unknown_ones_are_empty(client):
    assert list(info(client, "KEYSPACE", "server", "nonsense")) == ["Server", "Keyspace"]
    assert client("INFO", "nonsense") == b""


def test_resp3_sends_a_verbatim_text(server):
    assert isinstance(server.client(resp=3)("INFO"), Verbatim)


def test_every_line_has_the_form_that_parsers_expect(client):
    client("SET", "k", "v", "EX", "100")
    client("NOSUCHCOMMAND")
    text = client("INFO", "everything").decode()
    assert text.endswith("\r\n")
    for line in text.split("\r\n"):
        assert re.fullmatch(r"|# [A-Za-z]+|[A-Za-z0-9_|.-]+:[^\r\n]*", line), line


def test_server_tells_who_it_is(server, client):
    found = info(client, "server")["Server"]
    assert found["redis_version"] == "7.4.0"
    assert re.fullmatch(r"\d+\.\d+\.\d+", found["basalt_version"])
    assert found["redis_mode"] == "standalone"
    assert found["tcp_port"] == str(server.port)
    assert found["process_id"] == str(server.process.pid)
    assert re.fullmatch(r"[0-9a-f]{40}", found["run_id"])
    assert found["shards"] == str(server.shards)
    assert found["multiplexing_api"] in ("io_uring", "epoll")
    assert int(found["uptime_in_seconds"]) >= 0


def test_clients_wait_for_loading_to_be_over(client):
    assert info(client, "persistence")["Persistence"]["loading"] == "0"


def test_keyspace_sums_over_shards(client):
    for i in range(100):
        client("SET", f"k{i}", "v")
    for i in range(40):
        client("EXPIRE", f"k{i}", "1000")
    client("SELECT", "3")
    client("SET", "other", "v")
    found = info(client, "keyspace")["Keyspace"]
    numbers = dict(pair.split("=") for pair in found["db0"].split(","))
    assert numbers["keys"] == "100" and numbers["expires"] == "40"
    assert 990_000 < int(numbers["avg_ttl"]) <= 1_000_000
    assert found["db3"].startswith("keys=1,expires=0,avg_ttl=0")
    assert set(found) == {"db0", "db3"}


def test_counters_count_each_command_once(client):
    """A command that is cut into parts for several shards is one call."""
    client("CONFIG", "RESETSTAT")
    keys = [f"k{i}" for i in range(50)]
    client("MSET", *[word for key in keys for word in (key, "v")])
    client("MGET", *keys)
    client("MGET", *keys, "absent")
    client("GET", "k1")
    client("GET")
    found = info(client, "commandstats")["Commandstats"]
    calls = {name: dict(p.split("=") for p in value.split(",")) for name, value in found.items()}
    assert calls["cmdstat_mset"]["calls"] == "1"
    assert calls["cmdstat_mget"]["calls"] == "2"
    assert calls["cmdstat_get"]["calls"] == "1"
    assert calls["cmdstat_get"]["rejected_calls"] == "1"
    assert list(calls["cmdstat_get"]) == ["calls", "usec", "usec_per_call", "rejected_calls", "failed_calls"]
    stats = info(client, "stats")["Stats"]
    assert stats["keyspace_hits"] == "101" and stats["keyspace_misses"] == "1"
    # RESETSTAT is counted before it resets, on its own shard; the five, then INFO twice.
    assert 5 <= int(stats["total_commands_processed"]) <= 7


def test_errors_are_counted_by_their_code(client):
    client("CONFIG", "RESETSTAT")
    client("SET", "text", "v")
    client("INCR", "text")
    client("NOSUCHCOMMAND")
    client("GETBIT", "text", "-1")
    found = info(client, "errorstats", "stats", "commandstats")
    assert found["Errorstats"] == {"errorstat_ERR": "count=3"}
    assert found["Stats"]["total_error_replies"] == "3"
    assert "failed_calls=1" in found["Commandstats"]["cmdstat_incr"]


def test_latency_percentiles_are_monotone(client):
    for _ in range(200):
        client("SET", "k", "v")
    found = info(client, "latencystats")["Latencystats"]
    values = [float(p.split("=")[1]) for p in found["latency_percentiles_usec_set"].split(",")]
    assert [p.split("=")[0] for p in found["latency_percentiles_usec_set"].split(",")] == ["p50", "p99", "p99.9"]
    assert values == sorted(values) and values[0] > 0
    assert client("CONFIG", "SET", "latency-tracking-info-percentiles", "50.0 75.5") == "OK"
    found = info(client, "latencystats")["Latencystats"]
    assert [p.split("=")[0] for p in found["latency_percentiles_usec_set"].split(",")] == ["p50", "p75.5"]


def test_memory_grows_with_data_and_shrinks_again(client):
    before = int(info(client, "memory")["Memory"]["used_memory"])
    for i in range(64):
        client("SET", f"k{i}", "v" * 10000)
    full = info(client, "memory")["Memory"]
    assert int(full["used_memory"]) - before >= 640_000
    assert int(full["used_memory_peak"]) >= int(full["used_memory"])
    assert int(full["used_memory_dataset"]) >= 640_000
    assert int(full["used_memory_rss"]) > 1_000_000
    assert full["used_memory_human"].endswith(("K", "M"))
    client("FLUSHALL")
    assert int(info(client, "memory")["Memory"]["used_memory"]) < before + 100_000


def test_operations_per_second_follow_the_load(client):
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        for _ in range(50):
            client.send("PING")
        for _ in range(50):
            client.read()
    assert int(info(client, "stats")["Stats"]["instantaneous_ops_per_sec"]) > 100


def test_clients_are_counted(server, client):
    others = [server.client() for _ in range(5)]
    for other in others:
        other("PING")
    deadline = time.monotonic() + 5  # earlier tests' connections may still be closing
    while (count := int(info(client, "clients")["Clients"]["connected_clients"])) != 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert count == 6


def test_threads_show_each_shard(server, client):
    client("SET", "k", "v")
    found = info(client, "threads")["Threads"]
    assert list(found) == [f"shard_{i}" for i in range(server.shards)]
    shards = [dict(p.split("=") for p in value.split(",")) for value in found.values()]
    assert sum(int(s["keys"]) for s in shards) == 1
    assert sum(int(s["clients"]) for s in shards) >= 1
    assert all(int(s["turns"]) > 0 and int(s["cpu_usec"]) > 0 for s in shards)


def test_replication_is_that_of_a_primary_without_replicas(client):
    found = info(client, "replication")["Replication"]
    assert found["role"] == "master" and found["connected_slaves"] == "0"
    assert re.fullmatch(r"[0-9a-f]{40}", found["master_replid"])


# ---- MEMORY ----

def test_memory_stats_has_the_figures_of_redis(client):
    for i in range(100):
        client("SET", f"k{i}", "v")
    reply = client("MEMORY", "STATS")
    stats = dict(reply) if isinstance(reply, Map) else dict(zip(reply[::2], reply[1::2]))
    assert stats[b"keys.count"] == 100
    assert stats[b"total.allocated"] > stats[b"startup.allocated"]
    assert stats[b"peak.allocated"] >= stats[b"total.allocated"]
    assert stats[b"overhead.total"] + stats[b"dataset.bytes"] == stats[b"total.allocated"]
    assert 0 < float(stats[b"dataset.percentage"]) <= 100


def test_memory_usage_doctor_purge(client):
    client("SET", "k", "v" * 1000)
    assert client("MEMORY", "USAGE", "k") >= 1000
    assert client("MEMORY", "USAGE", "absent") is None
    assert client("MEMORY", "DOCTOR").startswith(b"There is too little data")
    assert client("MEMORY", "PURGE") == "OK"
    assert len(client("MEMORY", "MALLOC-STATS")) > 50
    assert client("MEMORY", "HELP")[-2] == "HELP"
    assert client("MEMORY", "NOPE") == Error("ERR unknown subcommand 'NOPE'. Try MEMORY HELP.")


@pytest.mark.parametrize("shards", (1, 2, 7))
def test_eviction_keeps_used_memory_near_maxmemory(new_server, shards):
    client = new_server(shards=shards).client()
    client("CONFIG", "SET", "maxmemory", "4mb", "maxmemory-policy", "allkeys-lru")
    for i in range(20000):
        client.send("SET", f"k{i}", "v" * 1000)
        if i % 100 == 99:
            for _ in range(100):
                client.read()
    found = info(client, "memory", "stats")
    assert int(found["Stats"]["evicted_keys"]) > 1000
    assert int(found["Memory"]["used_memory"]) < 6 * 1024 * 1024
