"""CONFIG: reading, changing and writing the configuration of a running server."""

import time

import pytest

from support.resp import Client, Error, Map
from support.server import free_port


def pairs(reply):
    return dict(reply) if isinstance(reply, Map) else dict(zip(reply[::2], reply[1::2]))


def test_get_gives_what_the_patterns_match(client):
    found = pairs(client("CONFIG", "GET", "maxmemory", "appendf*"))
    assert found[b"maxmemory"] == b"0"
    assert found[b"appendfsync"] == b"everysec"
    assert b"port" not in found


def test_get_answers_what_benchmarks_ask_first(client):
    assert pairs(client("CONFIG", "GET", "save")) == {b"save": b""}
    assert pairs(client("CONFIG", "GET", "appendonly")) == {b"appendonly": b"no"}


def test_get_of_nothing_is_empty(client):
    assert pairs(client("CONFIG", "GET", "no-such-directive")) == {}


def test_set_changes_what_get_shows(client):
    assert client("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-samples", "7") == "OK"
    assert pairs(client("CONFIG", "GET", "maxmemory")) == {b"maxmemory": b"104857600"}
    assert pairs(client("CONFIG", "GET", "maxmemory-samples")) == {b"maxmemory-samples": b"7"}


def test_set_changes_all_or_nothing(client):
    reply = client("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-samples", "many")
    assert reply == Error("ERR CONFIG SET failed (possibly related to argument 'maxmemory-samples') - "
                          "argument couldn't be parsed into an integer")
    assert pairs(client("CONFIG", "GET", "maxmemory")) == {b"maxmemory": b"0"}


@pytest.mark.parametrize("args, error", [
    (("a", "b", "c"), "ERR syntax error"),
    (("no-such", "1"), "ERR Unknown option or number of arguments for CONFIG SET - 'no-such'"),
    (("databases", "3"), "ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config"),
    (("maxmemory", "1mb", "maxmemory", "2mb"),
     "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - duplicate parameter"),
    (("dir", "/"), "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config"),
    (("a",), "ERR wrong number of arguments for 'config|set' command"),
])
def test_set_refuses(client, args, error):
    assert client("CONFIG", "SET", *args) == Error(error)


def test_every_shard_works_with_the_new_value_when_set_has_answered(client):
    """Keys of every shard are written with the limit that the same client has just set."""
    for limit, answer in (("1mb", "OK"), ("1000000000", "OK"), ("1mb", "OK")):
        assert client("CONFIG", "SET", "proto-max-bulk-len", limit) == answer
    for i in range(50):
        reply = client("SETRANGE", f"k{i}", "1048577", "x")
        assert isinstance(reply, Error) and "exceeds maximum allowed size" in reply


def test_two_clients_may_set_at_the_same_time(server):
    clients = [server.client() for _ in range(4)]
    for turn in range(50):
        for n, client in enumerate(clients):
            client.send("CONFIG", "SET", "maxmemory-samples", str(1 + (turn + n) % 9))
        for client in clients:
            assert client.read() == "OK"
    value = pairs(clients[0]("CONFIG", "GET", "maxmemory-samples"))[b"maxmemory-samples"]
    assert value in [str(n).encode() for n in range(1, 10)]


def test_a_password_holds_for_new_clients_and_its_end_lets_everybody_in(server):
    client = server.client()
    assert client("CONFIG", "SET", "requirepass", "secret") == "OK"
    assert client("PING") == "PONG"
    stranger = server.client()
    assert stranger("PING").code == "NOAUTH"
    assert stranger("AUTH", "secret") == "OK"
    other = server.client()
    assert other("PING").code == "NOAUTH"
    assert client("CONFIG", "SET", "requirepass", "") == "OK"
    assert other("PING") == "PONG"


def test_resetstat_sets_counters_to_zero(client):
    client("GET", "nothing")
    client("NOSUCHCOMMAND")
    assert client("CONFIG", "RESETSTAT") == "OK"
    info = client("INFO", "stats", "errorstats", "commandstats").decode()
    assert "keyspace_misses:0\r\n" in info
    assert "errorstat_" not in info
    assert "cmdstat_get:" not in info


def test_rewrite_needs_a_file(client):
    assert client("CONFIG", "REWRITE") == Error("ERR The server is running without a config file")


@pytest.mark.parametrize("shards", (1, 2, 7))
def test_rewrite_keeps_the_file_and_changes_its_lines(new_server, tmp_path, shards):
    path = tmp_path / "basalt.conf"
    path.write_text("# mine\nmaxmemory 50mb\nhz 20\n")
    server = new_server(shards=shards, start=False, args={})
    plain = server.command
    server.command = lambda: [plain()[0], str(path)] + plain()[1:]
    server.start()
    client = server.client()
    assert pairs(client("CONFIG", "GET", "maxmemory")) == {b"maxmemory": b"52428800"}
    assert client("CONFIG", "SET", "maxmemory", "60mb", "maxmemory-samples", "8") == "OK"
    assert client("CONFIG", "REWRITE") == "OK"
    lines = path.read_text().splitlines()
    assert lines[0] == "# mine"
    assert "maxmemory 60mb" in lines
    assert "hz 20" in lines
    assert "maxmemory-samples 8" in lines
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".tmp"] == []


def test_help_and_unknown_subcommands(client):
    lines = client("CONFIG", "HELP")
    assert lines[0] == "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    assert lines[-2:] == ["HELP", "    Prints this help."]
    assert client("CONFIG", "NOPE") == Error("ERR unknown subcommand 'NOPE'. Try CONFIG HELP.")


def test_a_changed_hz_takes_effect(client):
    """Expiry is looked for hz times a second."""
    assert client("CONFIG", "SET", "hz", "100") == "OK"
    for i in range(20):
        client("SET", f"k{i}", "v", "PX", "1")
    deadline = time.monotonic() + 2
    while client("DBSIZE") != 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client("DBSIZE") == 0


# ---- listeners ----

@pytest.mark.parametrize("backend", ("io_uring", "epoll"))
@pytest.mark.parametrize("shards", (1, 2, 7))
def test_the_port_can_be_changed_while_running(new_server, shards, backend):
    server = new_server(shards=shards, backend=backend)
    first = server.client()
    old, new = server.port, free_port()
    assert first("CONFIG", "SET", "port", str(new), "timeout", "60") == "OK"
    server.port = new
    second = server.client()
    assert second("PING") == "PONG"
    assert first("PING") == "PONG"
    assert f"tcp_port:{new}\r\n" in second("INFO", "server").decode()
    with pytest.raises(OSError):
        Client(old, timeout=1)("PING")


@pytest.mark.parametrize("shards", (1, 7))
def test_a_port_in_use_is_refused_and_the_old_one_stays(new_server, shards):
    server = new_server(shards=shards)
    other = new_server()
    client = server.client()
    assert client("CONFIG", "SET", "port", str(other.port), "timeout", "60") == Error(
        "ERR CONFIG SET failed (possibly related to argument 'port') - "
        "Unable to listen on this port. Check server logs.")
    assert pairs(client("CONFIG", "GET", "timeout")) == {b"timeout": b"0"}
    assert server.client()("PING") == "PONG"
    assert pairs(client("CONFIG", "GET", "port")) == {b"port": str(server.port).encode()}


@pytest.mark.parametrize("shards", (1, 7))
def test_bind_can_be_changed_while_running(new_server, shards):
    server = new_server(shards=shards)
    client = server.client()
    assert client("CONFIG", "SET", "bind", "127.0.0.1 -::1") == "OK"
    assert server.client()("PING") == "PONG"
    assert client("CONFIG", "SET", "bind", "192.0.2.1") == Error(
        "ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.")
    assert server.client()("PING") == "PONG"
    assert pairs(client("CONFIG", "GET", "bind")) == {b"bind": b"127.0.0.1 -::1"}


def test_the_log_cannot_be_turned_on_while_running(client):
    reply = client("CONFIG", "SET", "appendonly", "yes")
    assert isinstance(reply, Error) and "restart" in reply
    assert pairs(client("CONFIG", "GET", "appendonly")) == {b"appendonly": b"no"}


@pytest.mark.parametrize("shards", (1, 2, 7))
def test_the_kernel_is_told_how_readily_to_kill_the_server(new_server, shards):
    server = new_server(shards=shards, args={"oom-score-adj": "relative", "oom-score-adj-values": ("5", "6", "7")})
    own = int(open("/proc/self/oom_score_adj").read())

    def score():
        with open(f"/proc/{server.process.pid}/oom_score_adj") as file:
            return int(file.read()) - own

    client = server.client()
    assert score() == 5
    assert client("CONFIG", "SET", "oom-score-adj-values", "15 6 7") == "OK"
    assert score() == 15
    assert client("CONFIG", "SET", "oom-score-adj", "no") == "OK"
    assert score() == 0


def test_transparent_huge_pages_are_turned_off(server, client):
    with open(f"/proc/{server.process.pid}/status") as file:
        assert "THP_enabled:\t0" in file.read()
