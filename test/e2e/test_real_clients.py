"""Clients that people use, unchanged: redis-cli, redis-benchmark, redis-py, ioredis, node-redis."""

import shutil
import subprocess
import threading
from pathlib import Path

import pytest

# Each number of shards once, and both backends: these tests take long.
pytestmark = pytest.mark.parametrize("server", [(1, "io_uring"), (2, "epoll"), (7, "io_uring")], indirect=True,
                                     ids=lambda pair: f"{pair[0]}-{pair[1]}")

NODE = Path(__file__).parent / "node"


def cli(server, *args, stdin=None, timeout=30):
    result = subprocess.run(["redis-cli", "-h", "127.0.0.1", "-p", str(server.port), *args], input=stdin, text=True,
                            capture_output=True, timeout=timeout, check=False)
    return result.stdout.strip()


needs_cli = pytest.mark.skipif(not shutil.which("redis-cli"), reason="redis-cli is not installed")
needs_node = pytest.mark.skipif(not shutil.which("node") or not (NODE / "node_modules").exists(),
                                reason="node or its packages are missing: npm ci in test/e2e/node")


@needs_cli
def test_redis_cli_runs_commands(server):
    assert cli(server, "SET", "k", "v") == "OK"
    assert cli(server, "GET", "k") == "v"
    assert cli(server, "-3", "CONFIG", "GET", "maxmemory").replace('"', "").split() == ["maxmemory", "0"]
    assert cli(server, "--no-raw", "MGET", "k", "x") == '1) "v"\n2) (nil)'
    assert cli(server, "-n", "3", "SET", "k", "three") == "OK"
    assert cli(server, "-n", "3", "DBSIZE") == "1"
    assert "redis_version" in cli(server, "INFO", "server")
    assert cli(server, stdin="SET a 1\nINCR a\nGET a\n").split() == ["OK", "2", "2"]


@needs_cli
def test_redis_cli_walks_the_keys(server):
    client = server.client()
    client("MSET", *[word for i in range(500) for word in (f"key:{i}", "v" * (i % 50 + 1))])
    assert len(set(cli(server, "--scan").split())) == 500
    assert len(set(cli(server, "--scan", "--pattern", "key:1*").split())) == 111
    assert "Biggest string found" in cli(server, "--bigkeys")
    assert "Biggest string found" in cli(server, "--memkeys").replace("largest", "Biggest") or \
        "500" in cli(server, "--memkeys")


@needs_cli
def test_redis_cli_loads_by_pipe(server):
    commands = "".join(f"*3\r\n$3\r\nSET\r\n${len(key)}\r\n{key}\r\n$1\r\nv\r\n" for key in (f"k{i}" for i in range(5000)))
    result = subprocess.run(["redis-cli", "-h", "127.0.0.1", "-p", str(server.port), "--pipe"], input=commands.encode(),
                            capture_output=True, timeout=30, check=False)
    assert b"errors: 0, replies: 5000" in result.stdout
    assert server.client()("DBSIZE") == 5000


@pytest.mark.skipif(not shutil.which("redis-benchmark"), reason="redis-benchmark is not installed")
@pytest.mark.parametrize("options", [(), ("-P", "32"), ("--threads", "2", "-c", "40")], ids=lambda o: "".join(o) or "plain")
def test_redis_benchmark_runs(server, options):
    result = subprocess.run(["redis-benchmark", "-h", "127.0.0.1", "-p", str(server.port), "-q", "-n", "3000", "-r", "1000",
                             "-t", "ping,set,get,incr,mset", *options], text=True, capture_output=True, timeout=60,
                            check=False)
    assert result.returncode == 0, result.stderr
    assert "error" not in (result.stdout + result.stderr).lower().replace("error rate", "")
    for name in ("PING_INLINE", "SET", "GET", "INCR", "MSET"):
        assert name in result.stdout


class TestRedisPy:
    """redis-py, with both protocols where it has them."""

    @pytest.fixture
    def redis(self, server):
        redis = pytest.importorskip("redis")
        client = redis.Redis(port=server.port, client_name="redis-py-test")
        yield client
        client.close()

    def test_strings(self, redis):
        assert redis.set("k", "v", ex=100) is True
        assert redis.get("k") == b"v"
        assert 95 < redis.ttl("k") <= 100
        assert redis.set("k", "w", nx=True) is None
        assert redis.getex("k", persist=True) == b"v"
        assert redis.getdel("k") == b"v"
        assert redis.incrbyfloat("f", 1.5) == 1.5
        assert redis.mset({"a": 1, "b": 2}) is True
        assert redis.mget("a", "b", "c") == [b"1", b"2", None]
        assert redis.msetnx({"a": 1, "z": 2}) is False
        assert redis.setrange("r", 3, "x") == 4
        assert redis.lcs("a", "b") == b""

    def test_bits(self, redis):
        assert redis.setbit("b", 7, 1) == 0
        assert redis.bitcount("b") == 1
        assert redis.bitop("NOT", "n", "b") == 1
        assert redis.bitfield("b").get("u8", 0).execute() == [1]

    def test_keys(self, redis):
        redis.mset({f"k{i}": i for i in range(100)})
        assert sorted(redis.scan_iter(count=10)) == sorted(redis.keys())
        assert redis.rename("k1", "renamed") is True
        assert redis.copy("k2", "copied") is True
        assert redis.object("ENCODING", "k3") == b"int"
        assert redis.dbsize() == 101
        assert redis.delete(*redis.keys()) == 101

    def test_server_replies_parse(self, redis):
        assert redis.info()["redis_mode"] == "standalone"
        assert redis.info("keyspace") == {}
        assert redis.config_get("maxmemory")["maxmemory"] == "0"
        assert any(one["name"] == "redis-py-test" for one in redis.client_list())
        assert redis.command_count() > 60
        assert "get" in redis.command()
        assert isinstance(redis.slowlog_get(), list)
        assert redis.time()[0] > 1700000000
        assert redis.memory_usage("none") is None
        assert redis.ping() is True

    def test_pipeline(self, redis):
        pipe = redis.pipeline(transaction=False)
        for i in range(300):
            pipe.set(f"p{i}", i)
            pipe.get(f"p{i}")
        replies = pipe.execute()
        assert replies[1::2] == [str(i).encode() for i in range(300)]

    def test_errors_become_exceptions(self, redis):
        import redis as module
        redis.set("k", "v")
        with pytest.raises(module.ResponseError, match="not an integer"):
            redis.incr("k")

    def test_threads_share_a_pool(self, redis):
        def work():
            for _ in range(200):
                redis.incr("counter")

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert redis.get("counter") == b"1600"


@needs_node
@pytest.mark.parametrize("program", ["ioredis.test.js", "node_redis.test.js"])
def test_node_clients(server, program):
    result = subprocess.run(["node", program, str(server.port)], cwd=NODE, text=True, capture_output=True, timeout=60,
                            check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.strip().endswith(": ok")
