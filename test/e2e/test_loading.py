"""The time between the opened port and the loaded data."""

import time

import pytest

from support.resp import info_dict

LOADING = "LOADING Redis is loading the dataset in memory"
COUNT = 600_000
PIECE = 20_000


def fill(server):
    """Leaves a log that takes some tenths of a second to load."""
    client = server.client(timeout=60)
    for first in range(0, COUNT, PIECE):
        client.send_raw(b"".join(b"SET k%d %d\r\n" % (i % 5000, i) for i in range(first, first + PIECE)))
        for _ in range(PIECE):
            client.reply()
    assert client("DBSIZE") == 5000


def start_without_waiting(server, **changes):
    """The first connection that is accepted, while the server loads."""
    server.start(wait=False, **changes)
    deadline = time.monotonic() + 20
    while True:
        try:
            return server.client(timeout=20)
        except OSError:
            assert time.monotonic() < deadline and server.is_alive(), server.log()
            time.sleep(0.001)


def wait_until_loaded(client):
    deadline = time.monotonic() + 60
    while client("PING") == LOADING:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def check_data(client):
    assert client("DBSIZE") == 5000
    assert client("MGET", "k0", "k1", "k4999") == [b"%d" % (COUNT - 5000 + i) for i in (0, 1, 4999)]


@pytest.fixture(params=[(1, 1, "io_uring"), (2, 2, "epoll"), (3, 2, "io_uring")], ids=lambda p: f"{p[0]}-to-{p[1]}-{p[2]}")
def stopped(request, new_server):
    """A server that has written such a log and was stopped; and the number of shards that it is to load it with."""
    before, after, backend = request.param
    server = new_server(shards=before, backend=backend, args={"appendonly": "yes"})
    fill(server)
    assert server.terminate() == 0
    return server, after


def test_clients_are_answered_while_it_loads(stopped):
    server, shards = stopped
    client = start_without_waiting(server, shards=shards)
    ping, get, put, several, shown, changed, info = client.pipeline(
        "PING", "GET k1", "SET k1 x", "MSET k1 x k2 y", "CONFIG GET appendonly", "CONFIG SET hz 20", "INFO persistence")
    assert [ping, get, put, several] == [LOADING] * 4, server.log()
    assert shown == [b"appendonly", b"yes"] and changed == "OK"
    info = info_dict(info)
    assert str(info["loading"]) == "1"
    assert abs(int(info["loading_start_time"]) - time.time()) < 30
    assert int(info["loading_total_bytes"]) > 0
    assert 0 <= int(info["loading_loaded_bytes"]) <= int(info["loading_total_bytes"])
    assert 0 <= float(info["loading_loaded_perc"]) <= 100 and int(info["loading_eta_seconds"]) >= 0
    others = [server.client() for _ in range(8)]
    assert all(other("CLIENT", "ID") > 0 for other in others)
    wait_until_loaded(client)
    info = info_dict(client("INFO", "persistence"))
    assert str(info["loading"]) == "0" and "loading_start_time" not in info
    check_data(client)
    assert client("SET", "new", "1") == "OK"
    assert server.terminate() == 0
    server.start()
    assert server.client()("DEL", "new") == 1
    check_data(server.client())


@pytest.mark.parametrize("stopped", [(2, 2, "epoll")], indirect=True)
@pytest.mark.parametrize("how", ("SIGTERM", "SHUTDOWN", "SIGKILL"))
def test_a_stop_while_it_loads_loses_nothing(stopped, how):
    server, shards = stopped
    client = start_without_waiting(server, shards=shards)
    assert client("PING") == LOADING
    if how == "SHUTDOWN":
        client.send("SHUTDOWN")
        assert server.wait_for_exit() == 0
    elif how == "SIGTERM":
        assert server.terminate() == 0
    else:
        server.kill()
    if how != "SIGKILL":
        assert "Loading was interrupted" in server.log_since_start()
        assert "Ready to accept" not in server.log_since_start()
    server.start()
    check_data(server.client())


def test_a_log_that_cannot_be_loaded_ends_it(new_server):
    server = new_server(shards=2, args={"appendonly": "yes"})
    fill(server)
    assert server.terminate() == 0
    segment = next(server.folder.glob("appendonlydir/*0-of-2.seg"))
    data = bytearray(segment.read_bytes())
    data[0] ^= 1
    segment.write_bytes(data)
    server.start(wait=False)
    assert server.wait_for_exit() == 1
    assert "cannot be loaded" in server.log_since_start()


def test_a_port_in_use_is_found_before_anything_is_loaded(new_server):
    server = new_server(shards=2, args={"appendonly": "yes"})
    other = new_server(shards=2, args={"appendonly": "yes"}, start=False)
    other.args["port"] = server.port
    other.start(wait=False)
    assert other.wait_for_exit() == 1
    assert "Failed to listen" in other.log()
    assert not (other.folder / "appendonlydir").exists()
