"""Limits that clients meet: output and input buffers, idle time, their number, and who may come at all."""

import os
import re
import socket
import time

import pytest

from support.resp import Client, Closed, Error, Status, encode, info_dict


def flood(client, command, count):
    client.send_raw(command * count)


def fill(client, key, size):
    assert client("SETRANGE", key, size - 1, "x") == size


def wait_until(what, seconds=10):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "did not come true"
        time.sleep(0.01)


def log_has(server, text):
    return text in server.log_since_start()


def test_a_hard_output_limit_closes_who_does_not_read(server):
    control = server.client()
    fill(control, "big", 1_000_000)
    assert control("CONFIG", "SET", "client-output-buffer-limit", "normal 8000000 0 0") == "OK"
    greedy = server.client()
    number = greedy("CLIENT", "ID")
    flood(greedy, b"GET big\r\n", 40)
    wait_until(lambda: control("CLIENT", "LIST", "ID", number) == b"")
    wait_until(lambda: log_has(server, f"Client id={number} "))
    assert log_has(server, "closed for overcoming of output buffer limits.")
    assert int(info_dict(control("INFO", "stats"))["client_output_buffer_limit_disconnections"]) >= 1
    assert control("PING") == "PONG"


def test_a_soft_output_limit_closes_after_its_time(server):
    control = server.client()
    fill(control, "big", 1_000_000)
    assert control("CONFIG", "SET", "client-output-buffer-limit", "normal 0 5000000 1") == "OK"
    greedy = server.client()
    number = greedy("CLIENT", "ID")
    flood(greedy, b"GET big\r\n", 30)
    begun = time.monotonic()
    wait_until(lambda: control("CLIENT", "LIST", "ID", number) == b"", seconds=20)
    assert time.monotonic() - begun > 0.9


def test_a_client_that_reads_in_time_survives_a_soft_limit(server):
    control = server.client()
    fill(control, "big", 1_000_000)
    assert control("CONFIG", "SET", "client-output-buffer-limit", "normal 0 5000000 3") == "OK"
    client = server.client()
    for _ in range(3):
        flood(client, b"GET big\r\n", 20)
        time.sleep(1.2)
        for _ in range(20):
            assert len(client.read()) == 1_000_000
    assert client("PING") == "PONG"


def test_a_client_may_write_everything_before_it_reads(server):
    """Redis keeps the replies, whatever they amount to; so do we, and they come in order and whole."""
    client = server.client(timeout=60)
    keys = [f"big{i}" for i in range(8)]
    for i, key in enumerate(keys):
        client("SET", key, f"{i}" * 100_000)
    rounds = 120
    requests = b"".join(encode("GET", keys[i % 8]) + encode("ECHO", f"{i}:" + "y" * 20_000) for i in range(8 * rounds))
    client.send_raw(requests)  # some 20 MB; the replies are 115 MB
    other = server.client()
    deadline = time.monotonic() + 20
    while "omem=0 " in next(line for line in other("CLIENT", "LIST").decode().splitlines() if "cmd=echo" in line or "cmd=get" in line):
        assert time.monotonic() < deadline
    for i in range(8 * rounds):
        assert client.reply() == str(i % 8).encode() * 100_000
        assert client.reply() == f"{i}:".encode() + b"y" * 20_000
    client("DEL", *keys)


def test_too_much_unfinished_input_closes_the_client(server):
    control = server.client()
    assert control("CONFIG", "SET", "client-query-buffer-limit", "1048576") == "OK"
    client = server.client()
    try:
        client.send_raw(b"*2\r\n$4\r\nECHO\r\n$2000000\r\n" + b"x" * 1_900_000)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert client.is_closed()
    wait_until(lambda: log_has(server, "Closing client that reached max query buffer length: id="))
    assert int(info_dict(control("INFO", "stats"))["client_query_buffer_limit_disconnections"]) >= 1


def test_strangers_have_small_limits(new_server):
    for shards in (1, 2, 7):
        server = new_server(shards=shards, args={"requirepass": "secret"}, start=False)
        server.start(wait=False)
        wait_until(lambda: log_has(server, "Ready to accept"))
        many = server.client()
        many.send("ECHO", *["x"] * 10)
        assert many.read() == Error("ERR Protocol error: unauthenticated multibulk length")
        assert many.is_closed()
        long = server.client()
        long.send_raw(b"*2\r\n$4\r\nECHO\r\n$20000\r\n")
        assert long.read() == Error("ERR Protocol error: unauthenticated bulk length")
        assert long.is_closed()
        deaf = server.client()
        try:
            for _ in range(300):
                deaf.send_raw(b"GET k\r\n" * 1000)
        except (BrokenPipeError, ConnectionResetError):
            pass
        else:
            assert deaf.is_closed()
        known = server.client()
        assert known("GET", "k") == Error("NOAUTH Authentication required.")
        assert known("AUTH", "secret") == "OK"
        assert known("ECHO", "x" * 100_000) == b"x" * 100_000


def test_http_requests_are_refused_and_logged_once(new_server):
    for shards in (1, 2, 7):
        server = new_server(shards=shards)
        keeper = server.client()
        for request in (b"POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k v\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nSET k v\r\n"):
            browser = server.client()
            browser.send_raw(request)
            assert browser.is_closed()
        assert keeper("GET", "k") is None
        log = server.log_since_start()
        assert log.count("Possible SECURITY ATTACK detected.") == 1
        assert re.search(r"Connection from 127\.0\.0\.1:\d+ aborted\.", log)


def test_idle_clients_are_disconnected(server):
    control = server.client()
    quiet = [server.client() for _ in range(6)]
    for c in quiet:
        c("PING")
    control("CONFIG", "SET", "timeout", "1")
    for _ in range(40):
        time.sleep(0.05)
        assert control("PING") == "PONG"
    for c in quiet:
        assert c.is_closed()
    assert control("PING") == "PONG"


def test_a_monitor_is_not_idle(server):
    control, watcher = server.client(), server.client()
    watcher("MONITOR")
    control("CONFIG", "SET", "timeout", "1")
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        control("PING")
        time.sleep(0.2)
    assert b" flags=O " in control("CLIENT", "LIST")


def test_one_client_too_many_is_told_so(new_server):
    for shards in (1, 2, 7):
        server = new_server(shards=shards, args={"maxclients": "10"})
        clients = []
        time.sleep(0.05)
        for _ in range(10):
            clients.append(server.client())
            assert clients[-1]("PING") == "PONG"
        extra = server.client()
        assert extra.read() == Error("ERR max number of clients reached")
        assert extra.is_closed()
        clients.pop().close()
        wait_until(lambda: answers(server))
        assert int(info_dict(clients[0]("INFO", "stats"))["rejected_connections"]) >= 1


def answers(server):
    client = server.client()
    try:
        return client("PING") == "PONG"
    except (Closed, ConnectionError):
        return False


def own_address():
    """An address of this machine that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address = probe.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") or address == "0.0.0.0" else address


def test_protected_mode_refuses_other_machines(new_server):
    address = own_address()
    if not address:
        pytest.skip("this machine has no address but loopback")
    server = new_server(shards=2, args={"bind": "*"})
    with Client(server.port, host=address) as stranger:
        assert stranger.read().code == "DENIED"
        assert stranger.is_closed()
    assert server.client()("CONFIG", "SET", "protected-mode", "no") == "OK"
    with Client(server.port, host=address) as guest:
        assert guest("PING") == "PONG"


def test_keepalive_is_set_on_connections(server):
    client = server.client()
    client("PING")
    port = client.sock.getsockname()[1]
    sockets = os.popen("ss -tno state established 2>/dev/null").read()
    if not sockets:
        pytest.skip("no tool to look at sockets")
    line = [l for l in sockets.splitlines() if f":{server.port} " in l and f":{port}" in l]
    assert any("keepalive" in l for l in line)


def test_memory_of_connections_is_counted(server):
    control = server.client()
    idle = [server.client() for _ in range(50)]
    for c in idle:
        c.send_raw(b"*2\r\n$4\r\nECHO\r\n$60000\r\n" + b"x" * 50000)
    wait_until(lambda: int(info_dict(control("INFO", "memory"))["mem_clients_normal"]) > 50 * 50000)
    for c in idle:
        c.close()
    wait_until(lambda: int(info_dict(control("INFO", "memory"))["mem_clients_normal"]) < 50 * 50000)


@pytest.mark.parametrize("shards", (1, 2, 7))
def test_a_pipeline_longer_than_the_bound_goes_on_when_replies_wait_for_the_disk(new_server, shards):
    server = new_server(shards=shards, args={"appendonly": "yes", "appendfsync": "always"})
    client = server.client()
    count = 5000
    client.send_raw(b"".join(b"SET k%d v\r\n" % i for i in range(count)))
    assert [client.read() for _ in range(count)] == ["OK"] * count
    assert client("DBSIZE") == count
