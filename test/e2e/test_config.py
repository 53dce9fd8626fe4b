"""CONFIG, and what directives do."""

import time

import pytest

from support.resp import Closed, Error, Map, info_dict


@pytest.mark.smoke
def test_config_get_by_patterns(client):
    reply = client("CONFIG", "GET", "maxmemory*")
    pairs = reply.as_dict() if isinstance(reply, Map) else dict(zip(reply[::2], reply[1::2]))
    assert {b"maxmemory", b"maxmemory-policy", b"maxmemory-samples"} <= set(pairs)


@pytest.mark.smoke
def test_every_directive_can_be_set_to_what_it_is(server):
    client = server.client()
    pairs = client("CONFIG", "GET", "*")
    pairs = dict(zip(pairs[::2], pairs[1::2]))
    assert len(pairs) > 100
    refused = {}
    for name, value in pairs.items():
        reply = client("CONFIG", "SET", name, value)
        if reply != "OK":
            refused[name.decode()] = str(reply)
    assert all("immutable" in text or "protected" in text for text in refused.values()), refused
    again = client("CONFIG", "GET", "*")
    assert dict(zip(again[::2], again[1::2])) == pairs


@pytest.mark.smoke
def test_several_directives_change_together_or_not_at_all(client):
    assert isinstance(client("CONFIG", "SET", "timeout", "77", "maxmemory-policy", "nosuch"), Error)
    assert client.do("CONFIG GET timeout") in ([b"timeout", b"0"], [(b"timeout", b"0")])


def test_rewrite_keeps_comments_and_what_was_changed(new_server, tmp_path):
    config = tmp_path / "basalt.conf"
    config.write_text("# a comment of mine\nmaxmemory 100mb\ntimeout 0\n")
    server = new_server(start=False, shards=2)
    server.command = lambda plain=server.command: [plain()[0], str(config), *plain()[1:]]
    server.start()
    client = server.client()
    assert client("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"104857600"]
    assert client("CONFIG", "SET", "timeout", "123") == "OK"
    assert client("CONFIG", "REWRITE") == "OK"
    text = config.read_text()
    assert "# a comment of mine" in text
    assert "timeout 123" in text
    assert "maxmemory 100mb" in text or "maxmemory 104857600" in text
    server.terminate()
    server.start()
    assert server.client()("CONFIG", "GET", "timeout") == [b"timeout", b"123"]


def test_rewrite_without_a_file_is_an_error(new_server):
    client = new_server().client()
    reply = client("CONFIG", "REWRITE")
    assert isinstance(reply, Error) and "without a config file" in reply


def test_unknown_flag_stops_the_start(new_server):
    server = new_server(start=False, args={"no-such-directive": "1"})
    server.start(wait=False)
    assert server.wait_for_exit() != 0
    assert "no-such-directive" in server.log()


def test_resetstat_zeroes_counters(new_server):
    client = new_server(shards=2).client()
    for i in range(50):
        client("SET", f"k{i}", "v")
        client("GET", f"k{i}")
        client("GET", "missing")
    before = info_dict(client("INFO", "stats"))
    assert int(before["keyspace_hits"]) == 50
    assert int(before["keyspace_misses"]) == 50
    assert int(before["total_commands_processed"]) >= 150
    assert client("CONFIG", "RESETSTAT") == "OK"
    after = info_dict(client("INFO", "stats"))
    assert int(after["keyspace_hits"]) == 0
    assert int(after["total_commands_processed"]) < 10


def test_maxclients_refuses_politely(new_server):
    server = new_server(shards=2, args={"maxclients": "10"})
    crowd = [server.client() for _ in range(10)]
    for client in crowd:
        assert client("PING") == "PONG"
    extra = server.client()
    assert extra.reply() == "ERR max number of clients reached"
    assert extra.is_closed()
    crowd.pop().close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        late = server.client()
        try:
            if late("PING") == "PONG":
                break
        except (Closed, OSError):
            pass
        time.sleep(0.02)
    else:
        pytest.fail("no place came free")


def test_maxclients_counts_over_all_shards(new_server):
    server = new_server(shards=7, args={"maxclients": "20"})
    crowd = [server.client() for _ in range(40)]
    served = 0
    for client in crowd:
        try:
            client.send("PING")
            served += client.reply() == "PONG"
        except (Closed, OSError):
            pass
    assert served == 20


def test_idle_clients_are_disconnected(new_server):
    server = new_server(shards=2, args={"timeout": "1"})
    idle, busy = server.client(), server.client()
    began = time.monotonic()
    while time.monotonic() - began < 2.6:
        assert busy("PING") == "PONG"
        time.sleep(0.1)
    assert idle.is_closed(1)
    assert busy("PING") == "PONG"


def test_password_from_the_command_line(new_server):
    server = new_server(shards=2, args={"requirepass": "sesame"})
    client = server.client()
    assert client("GET", "k") == "NOAUTH Authentication required."
    assert client("AUTH", "wrong").code == "WRONGPASS"
    assert client("AUTH", "sesame") == "OK"
    assert client("GET", "k") is None
    assert "sesame" not in server.log()


def test_unauthenticated_clients_cannot_send_much(new_server):
    server = new_server(args={"requirepass": "sesame"})
    client = server.client()
    client.send_raw(b"*1000\r\n")
    assert client.reply() == "ERR Protocol error: unauthenticated multibulk length"
    assert client.is_closed()
    client = server.client()
    client.send_raw(b"*1\r\n$20000\r\n")
    assert client.reply() == "ERR Protocol error: unauthenticated bulk length"
    assert client.is_closed()


def test_protected_mode_refuses_strangers(new_server):
    """A connection from an address that is not loopback, where this machine has one."""
    import socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address = probe.getsockname()[0]
        except OSError:
            pytest.skip("this machine has no address but loopback")
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    server = new_server(shards=2, args={"bind": "0.0.0.0", "protected-mode": "yes"})
    from support.resp import Client
    stranger = Client(server.port, host=address)
    try:
        reply = stranger.reply()
        assert isinstance(reply, Error) and reply.code == "DENIED"
        assert stranger.is_closed()
    finally:
        stranger.close()
    server.client()("CONFIG", "SET", "protected-mode", "no")
    with Client(server.port, host=address) as friend:
        assert friend("PING") == "PONG"


def test_slowlog_records_slow_commands(new_server):
    client = new_server(shards=2, args={"slowlog-log-slower-than": "0", "slowlog-max-len": "5"}).client()
    client("SLOWLOG", "RESET")
    client("CLIENT", "SETNAME", "tester")
    for i in range(8):
        client("SET", f"slow{i}", "v" * 200)
    entries = client("SLOWLOG", "GET", "-1")
    assert len(entries) == 5
    assert client("SLOWLOG", "LEN") == 5
    newest = [entry for entry in entries if entry[3][0].upper() == b"SET"][0]
    assert newest[3][1] == b"slow7"
    assert newest[3][2].startswith(b"v" * 100) and b"more bytes" in newest[3][2]
    assert abs(newest[1] - time.time()) < 60
    assert newest[2] >= 0
    assert newest[4].startswith(b"127.0.0.1:")
    assert newest[5] == b"tester"
    ids = [entry[0] for entry in entries]
    assert ids == sorted(ids, reverse=True)
    client("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    client("SLOWLOG", "RESET")
    client("GET", "k")
    assert client("SLOWLOG", "LEN") == 0


def test_slowlog_hides_passwords(new_server):
    client = new_server(args={"slowlog-log-slower-than": "0"}).client()
    client("AUTH", "default", "very-secret")
    client("CONFIG", "SET", "requirepass", "very-secret")
    client("CONFIG", "SET", "requirepass", "")
    assert b"very-secret" not in repr(client("SLOWLOG", "GET", "-1")).encode()


def test_latency_events_can_be_asked_for(new_server):
    client = new_server(shards=2, args={"latency-monitor-threshold": "1"}).client()
    assert client("LATENCY", "RESET") == 0
    assert client("LATENCY", "LATEST") == []
    assert client("LATENCY", "HISTORY", "command") == []
    histogram = client("LATENCY", "HISTOGRAM", "set")
    assert isinstance(histogram, list)
