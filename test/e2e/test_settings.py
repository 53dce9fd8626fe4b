"""Directives whose effect can only be seen in what the server then does."""

import signal
import time

from support.resp import info_dict

VALUE = "x" * 1000


def stat(client, name):
    return int(info_dict(client("INFO", "everything"))[name])


def wait_for_line(server, text, seconds=10):
    deadline = time.monotonic() + seconds
    while text not in server.log_since_start():
        assert time.monotonic() < deadline, f"no line {text!r} in:\n{server.log()}"
        time.sleep(0.01)


def test_a_signal_shuts_down_with_the_options_it_was_given(new_server):
    server = new_server(shards=2, args={"shutdown-on-sigterm": "save"})
    client = server.client()
    server.process.send_signal(signal.SIGTERM)
    wait_for_line(server, "SIGTERM received but errors trying to shut down the server")
    assert client("PING") == "PONG"
    assert client("CONFIG", "SET", "shutdown-on-sigterm", "save force") == "OK"
    assert server.terminate() == 0


def test_the_other_signal_has_options_of_its_own(new_server):
    server = new_server(shards=1, args={"shutdown-on-sigterm": "save"})
    server.process.send_signal(signal.SIGINT)
    assert server.wait_for_exit() == 0


def test_tenacity_says_how_many_keys_one_command_evicts(new_server):
    server = new_server(shards=1, args={"maxmemory-policy": "allkeys-random", "enable-debug-command": "yes"})
    client = server.client()
    evicted_by_one_write = {}
    for tenacity in (0, 10, 15, 100):
        client("FLUSHALL")
        client("CONFIG", "SET", "maxmemory", "0")
        client("DEBUG", "POPULATE", 3000, "k", 1000)
        client("CONFIG", "SET", "maxmemory-eviction-tenacity", tenacity)
        client("CONFIG", "SET", "maxmemory", stat(client, "used_memory") - 2_000_000)
        before = stat(client, "evicted_keys")
        client("SET", "another", VALUE)
        evicted_by_one_write[tenacity] = stat(client, "evicted_keys") - before
    assert evicted_by_one_write[0] == 16
    assert evicted_by_one_write[10] == 64
    assert 64 * 1.15**5 - 5 <= evicted_by_one_write[15] <= 64 * 1.15**5
    assert 1500 < evicted_by_one_write[100] < 2500


def expired_in_a_while(client, effort):
    client("FLUSHALL")
    client("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    client("CONFIG", "SET", "active-expire-effort", effort)
    for first in range(0, 200000, 1000):
        client.pipeline(*[("SET", f"k{i}", "v", "PX", "1") for i in range(first, first + 1000)])
    before = stat(client, "expired_keys")
    client("DEBUG", "SET-ACTIVE-EXPIRE", "1")
    time.sleep(0.25)
    return stat(client, "expired_keys") - before


def test_more_effort_finds_more_expired_keys(new_server):
    client = new_server(shards=1, args={"enable-debug-command": "yes"}).client()
    little, much = expired_in_a_while(client, 1), expired_in_a_while(client, 10)
    assert little > 0
    assert much > 2 * little, (little, much)


def test_directives_without_effect_are_named_at_the_start(new_server):
    server = new_server(shards=1, args={"io-threads": "4", "acllog-max-len": "7"})
    log = server.log_since_start()
    assert "The directive 'io-threads' is accepted but has no effect in this server; set 'shards' instead\n" in log
    assert "The directive 'acllog-max-len' is accepted but has no effect in this server yet\n" in log
    assert "'save'" not in log  # save "" is what this server does


def test_a_file_of_users_is_refused_rather_than_ignored(new_server):
    server = new_server(shards=1, start=False, args={"aclfile": "users.acl"})
    server.start(wait=False)
    assert server.wait_for_exit() == 1
    assert "does not have the feature behind 'aclfile'" in server.log()
