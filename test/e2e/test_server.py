"""INFO, COMMAND, DEBUG, SHUTDOWN: the server about itself."""

import signal
import time

import pytest

from support.resp import Error, Map, info_dict
from support.server import is_redis

SECTIONS = ("Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Errorstats", "Cluster", "Keyspace")


@pytest.mark.smoke
def test_info_has_its_sections(client):
    text = bytes(client("INFO")).decode()
    for section in SECTIONS:
        assert f"# {section}\r\n" in text, section


@pytest.mark.smoke
def test_info_fields_that_tools_read(server):
    client = server.client()
    client("SET", "k", "v")
    info = info_dict(client("INFO", "everything"))
    for name in ("redis_version", "redis_mode", "os", "arch_bits", "multiplexing_api", "process_id", "run_id", "tcp_port",
                 "uptime_in_seconds", "uptime_in_days", "hz", "executable", "config_file", "connected_clients",
                 "maxclients", "blocked_clients", "used_memory", "used_memory_human", "used_memory_rss",
                 "used_memory_peak", "maxmemory", "maxmemory_policy", "mem_fragmentation_ratio", "mem_allocator", "loading",
                 "rdb_changes_since_last_save", "rdb_bgsave_in_progress", "rdb_last_save_time", "aof_enabled",
                 "aof_rewrite_in_progress", "total_connections_received", "total_commands_processed",
                 "instantaneous_ops_per_sec", "total_net_input_bytes", "total_net_output_bytes", "rejected_connections",
                 "expired_keys", "evicted_keys", "keyspace_hits", "keyspace_misses", "pubsub_channels",
                 "total_error_replies", "role", "connected_slaves", "master_replid", "master_repl_offset",
                 "used_cpu_sys", "used_cpu_user", "cluster_enabled", "db0"):
        assert name in info, name
    assert info["tcp_port"] == str(server.port)
    assert info["role"] == "master"
    assert int(info["process_id"]) == server.process.pid
    if not is_redis(server.program):
        assert server.backend in info["multiplexing_api"]


@pytest.mark.smoke
def test_info_of_one_section(client):
    text = bytes(client("INFO", "server")).decode()
    assert text.startswith("# Server\r\n")
    assert "# Clients" not in text
    assert bytes(client("INFO", "nosuch")) == b""


@pytest.mark.smoke
def test_info_counts_commands_and_errors(server):
    client = server.client()
    client("CONFIG", "RESETSTAT")
    for i in range(20):
        client("SET", f"k{i}", "v")
    client("INCR", "k0")
    client("GET")
    client("NOSUCH")
    info = info_dict(client("INFO", "everything"))
    stats = dict(fact.split("=") for fact in info["cmdstat_set"].split(","))
    assert stats["calls"] == "20"
    stats = dict(fact.split("=") for fact in info["cmdstat_incr"].split(","))
    assert stats["failed_calls"] == "1"
    assert int(dict([info["errorstat_ERR"].split("=")])["count"]) >= 3
    assert int(info["total_error_replies"]) >= 3


@pytest.mark.smoke
def test_info_keyspace_counts_over_all_shards(client):
    client("MSET", *[word for i in range(100) for word in (f"k{i}", "v")])
    client("SELECT", "3")
    client("SET", "k", "v")
    info = info_dict(client("INFO", "keyspace"))
    assert info["db0"].startswith("keys=100,expires=0")
    assert info["db3"].startswith("keys=1,expires=0")


@pytest.mark.smoke
def test_command_tables_agree(client):
    count = client("COMMAND", "COUNT")
    listed = client("COMMAND", "LIST")
    commands = [name for name in listed if b"|" not in name]
    assert count == len(client("COMMAND")) == len(commands)
    assert b"object|encoding" in listed
    docs = client("COMMAND", "DOCS")
    names = [pair[0] for pair in docs] if isinstance(docs, Map) else docs[::2]
    assert len(names) == count
    assert set(names) == set(commands)


@pytest.mark.smoke
def test_command_docs_say_something(client):
    docs = client("COMMAND", "DOCS", "set")
    facts = docs[0][1] if isinstance(docs, Map) else docs[1]
    facts = facts.as_dict() if isinstance(facts, Map) else dict(zip(facts[::2], facts[1::2]))
    assert facts[b"group"] == b"string"
    assert facts[b"since"] == b"1.0.0"
    assert len(facts[b"summary"]) > 10


@pytest.mark.smoke
def test_time_is_now(client):
    seconds, micros = client("TIME")
    assert abs(int(seconds) - time.time()) < 5
    assert 0 <= int(micros) < 1000000


@pytest.mark.smoke
def test_lolwut_says_something(client):
    assert len(client("LOLWUT")) > 10
    assert len(client("LOLWUT", "VERSION", "5")) > 10


@pytest.mark.smoke
def test_debug_object_describes_the_value(client):
    client("SET", "k", "12345")
    text = str(client("DEBUG", "OBJECT", "k"))
    assert "encoding:int" in text
    assert isinstance(client("DEBUG", "OBJECT", "missing"), Error)


@pytest.mark.smoke
def test_debug_digest_value_depends_on_the_value_only(client):
    client("MSET", "a", "v", "b", "v", "c", "w")
    a, b, c = client("DEBUG", "DIGEST-VALUE", "a", "b", "c")
    assert a == b != c


def test_debug_is_off_unless_enabled(new_server):
    client = new_server(shards=2).client()
    reply = client("DEBUG", "OBJECT", "k")
    assert isinstance(reply, Error) and "DEBUG command not allowed" in reply


@pytest.mark.parametrize("shards", [1, 2, 7])
@pytest.mark.parametrize("backend", ["io_uring", "epoll"])
def test_sigterm_ends_it_well(new_server, shards, backend):
    server = new_server(shards=shards, backend=backend)
    server.client()("SET", "k", "v")
    assert server.terminate() == 0


@pytest.mark.parametrize("backend", ["io_uring", "epoll"])
def test_sigterm_under_load_ends_it_well(new_server, backend):
    server = new_server(shards=3, backend=backend)
    crowd = [server.client() for _ in range(20)]
    for client in crowd:
        client.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*2\r\n$4\r\nMGET\r\n$1\r\nk\r\n" * 2000)
    assert server.terminate() == 0


@pytest.mark.parametrize("how", ["NOSAVE", "NOSAVE FORCE", "NOSAVE NOW"])
def test_shutdown_ends_it_without_an_answer(new_server, how):
    server = new_server(shards=2)
    client = server.client()
    client.send("SHUTDOWN", *how.split())
    assert client.is_closed()
    assert server.wait_for_exit() == 0


def test_shutdown_abort_without_a_shutdown(new_server):
    client = new_server().client()
    assert client("SHUTDOWN", "ABORT") == "ERR No shutdown in progress."


def test_sigint_ends_it_too(new_server):
    server = new_server(shards=2)
    server.process.send_signal(signal.SIGINT)
    assert server.wait_for_exit() == 0


def test_idle_server_uses_no_cpu(new_server):
    """An idle server sleeps: a fiftieth of a core at most, whatever the number of shards."""
    server = new_server(shards=7)
    client = server.client()
    client("SET", "k", "v")
    time.sleep(0.3)

    def cpu_seconds():
        with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as stat:
            words = stat.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / 100

    before = cpu_seconds()
    time.sleep(2)
    assert cpu_seconds() - before <= 0.2


def test_one_log_line_tells_the_backend(new_server):
    for backend in ("io_uring", "epoll"):
        server = new_server(shards=2, backend=backend)
        lines = [line for line in server.log().splitlines() if "multiplexing" in line]
        assert len(lines) == 1 and backend in lines[0]


def test_fresh_start_is_quick_with_many_shards(new_server):
    began = time.monotonic()
    server = new_server(shards=32)
    assert server.client()("DBSIZE") == 0
    assert time.monotonic() - began < 5
