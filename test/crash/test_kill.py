"""kill -9 in a loop. What a server promised is still there when it comes back, with any other number of shards.

BASALT_KILLS=N is the number of kills per test.
"""

import os
import random
import time

import pytest

from story import Voice, Watcher, World, contents, prefix_length, random_command, survivors
from support.resp import Client, Closed, encode

SHARDS = (2, 1, 7, 3, 2, 5)
BACKENDS = ("io_uring", "epoll")
EVERYSEC_LOSS_SECONDS = 2.5


def start(new_server, policy, chance):
    return new_server(shards=chance.choice(SHARDS), backend=chance.choice(BACKENDS),
                      args={"appendonly": "yes", "appendfsync": policy})


def restart(server, chance):
    server.start(shards=chance.choice(SHARDS), backend=chance.choice(BACKENDS))
    return contents(server.client(timeout=60))


def kills(usual):
    return int(os.environ.get("BASALT_KILLS", usual))


def own(found, prefix):
    return {key: value for key, value in found.items() if key.startswith(prefix)}


@pytest.mark.slow
def test_always_loses_nothing_acknowledged(new_server, seed, long):
    """Connections with keys of their own: of each one all that was acknowledged is there, and of the last pipeline's rest
    each command wholly or not at all. What a reader had been shown is there as well."""
    chance = random.Random(seed)
    server = start(new_server, "always", chance)
    worlds = {f"t{i}:": {} for i in range(6)}
    total = 0
    for round_number in range(kills(5 * long)):
        voices = [Voice(server.port, prefix, chance.random(), world) for prefix, world in worlds.items()]
        watched = [f"{prefix}counter0" for prefix in worlds]
        watcher = Watcher(server.port, watched)
        for thread in [*voices, watcher]:
            thread.start()
        time.sleep(chance.uniform(0.05, 0.7))
        server.kill()
        for thread in [*voices, watcher]:
            thread.join(20)
        found = restart(server, chance)
        for voice in voices:
            assert voice.failure is None, voice.failure
            mine = own(found, voice.prefix)
            kept = survivors(voice.begin, voice.sent, voice.acked, mine)
            where = f"round {round_number}, {voice.prefix} {voice.acked} of {len(voice.sent)} acknowledged, {server.shards} shards"
            assert kept is not None, f"{where}: what is there is not what was acknowledged"
            total += voice.acked
            worlds[voice.prefix] = mine
        for key, value in watcher.seen.items():
            assert int(found.get(key, 0)) >= value, f"round {round_number}: a reader was shown {key} = {value}"
        assert set(found) == {key for world in worlds.values() for key in world}
    assert total > 100


@pytest.mark.slow
def test_everysec_keeps_a_prefix_of_the_order_of_all_commands(new_server, seed, long):
    """One teller, several connections in turn, so that the order of all commands is known."""
    chance = random.Random(seed)
    server = start(new_server, "everysec", chance)
    world = {}
    for round_number in range(kills(4 * long)):
        clients = [Client(server.port, timeout=20) for _ in range(5)]
        told, acked_at = [], []
        until = time.monotonic() + chance.uniform(0.3, 3.5)
        number = 0
        while time.monotonic() < until:
            batch = []
            for _ in range(chance.randint(1, 6)):
                number += 1
                batch.append(random_command(chance, "", f"{round_number}.{number}"))
            chance.choice(clients).pipeline(*batch)
            told += batch
            acked_at += [time.monotonic()] * len(batch)
        killed_at = time.monotonic()
        server.kill()
        for client in clients:
            client.close()
        found = restart(server, chance)
        length = prefix_length(world, told, found)
        assert length is not None, f"round {round_number}: what is there is no prefix of the {len(told)} commands told"
        safe = sum(1 for at in acked_at if at < killed_at - EVERYSEC_LOSS_SECONDS)
        assert length >= safe, f"round {round_number}: {length} of {len(told)} are there, {safe} were older than two seconds"
        world = found


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["always", "everysec"])
@pytest.mark.parametrize("how", ["sigterm", "shutdown"])
def test_an_orderly_end_under_load_loses_nothing(new_server, seed, policy, how):
    chance = random.Random(seed)
    server = start(new_server, policy, chance)
    worlds = {f"t{i}:": {} for i in range(4)}
    for _ in range(2):
        voices = [Voice(server.port, prefix, chance.random(), world) for prefix, world in worlds.items()]
        for voice in voices:
            voice.start()
        time.sleep(0.3)
        if how == "sigterm":
            assert server.terminate() == 0
        else:
            with Client(server.port) as client:
                client.send("SHUTDOWN")
                client.is_closed(10)
            assert server.wait_for_exit() == 0
        for voice in voices:
            voice.join(20)
        found = restart(server, chance)
        for voice in voices:
            mine = own(found, voice.prefix)
            length = prefix_length(voice.begin, voice.sent, mine)
            assert length is not None and length >= voice.acked, f"{voice.acked} acknowledged, {length} there"
            worlds[voice.prefix] = mine


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_everything_that_can_be_logged_comes_back(new_server, policy):
    """Databases, times to live, moves between shards and databases, flushes: after an orderly end all of it is there."""
    server = new_server(shards=3, args={"appendonly": "yes", "appendfsync": policy})
    client = server.client()
    commands = """SET keeps v|SET ttl v PXAT 33177117420123|SET gone v PX 1|SET renamed v|RENAME renamed {x}new|
        SETRANGE range 5 x|APPEND text a|APPEND text b|SETBIT bits 100 1|BITFIELD field SET i16 #2 -77|
        INCRBYFLOAT float 3.25|INCR n|DECRBY n 10|MSET a 1 b 2 c 3 d 4|MSETNX e 5 f 6|DEL a|GETDEL b|GETEX c PXAT 33177117420999|
        COPY d copied|BITOP OR both c d|SELECT 2|MSET x 1 y 2|MOVE x 3|SELECT 3|SET z 3|PERSIST z|SWAPDB 3 4|SELECT 5|SET dead v|
        FLUSHDB|SET after v|SELECT 0|EXPIREAT keeps 33177117420|GETSET n 5|MSETEX 2 g 1 h 2 PXAT 33177117421000|DELEX h|
        INCREX limiter BYINT 7|SET e w KEEPTTL""".replace("\n", "").split("|")
    for command in commands:
        reply = client.do(command.strip())
        assert not str(reply).startswith("ERR"), (command, reply)

    def everything(client):
        state = {}
        for db in range(16):
            client("SELECT", db)
            for key in client("KEYS", "*"):
                state[(db, key)] = (client("GET", key), client("PEXPIRETIME", key))
        return state

    time.sleep(0.01)
    before = everything(client)
    assert len(before) > 20
    for shards in (1, 7, 3):
        assert server.terminate() == 0
        server.start(shards=shards)
        assert everything(server.client()) == before


def test_a_large_value_comes_back(new_server):
    server = new_server(shards=2, args={"appendonly": "yes", "appendfsync": "always"})
    client = server.client(timeout=60)
    value = bytes(range(256)) * 20000
    client("SET", "large", value)
    client("SETBIT", "sparse", 8 * 1000000, 1)
    server.kill()
    server.start(shards=7)
    client = server.client(timeout=60)
    assert client("GET", "large") == value
    assert client("STRLEN", "sparse") == 1000001


def test_binary_keys_and_values_come_back(new_server):
    server = new_server(shards=2, args={"appendonly": "yes", "appendfsync": "always"})
    client = server.client()
    pairs = {bytes([i, 13, 10, 255 - i]): b"*3\r\n$3\r\nDEL\r\n#E 1 2\r\n" + bytes([i]) for i in range(256)}
    pairs[b""] = b""
    for key, value in pairs.items():
        client("SET", key, value)
    server.kill()
    server.start(shards=3)
    client = server.client()
    assert client("MGET", *pairs) == list(pairs.values())
    assert client("DBSIZE") == len(pairs)


def test_an_expired_key_does_not_rise_from_the_log(new_server):
    server = new_server(shards=2, args={"appendonly": "yes", "appendfsync": "always"})
    client = server.client()
    client("SET", "k", "v", "PX", 100)
    client("SET", "k2", "v", "PX", 100)
    server.kill()
    time.sleep(0.15)
    server.start(shards=3)
    assert server.client()("MGET", "k", "k2") == [None, None]
    assert server.client()("DBSIZE") == 0


def test_two_restarts_with_writes_between(new_server):
    """What is written after a recovery is found by the next one, also behind a tail that was cut off."""
    server = new_server(shards=3, args={"appendonly": "yes", "appendfsync": "always"})
    world = World()
    for life in range(6):
        client = server.client()
        for i in range(50):
            command = ("MSET", f"a{life}.{i}", "x", f"b{i}", f"{life}")
            assert client(*command) == "OK"
            world.apply(command)
        client.send_raw(b"".join(encode("MSET", f"unfinished{i}", "x", f"half{i}", "x") for i in range(200)))
        server.kill()
        server.start(shards=(3, 2, 7, 1, 4, 3)[life])
        found = contents(server.client())
        extra = {key for key in found if key.startswith(("unfinished", "half"))}
        assert {key: value for key, value in found.items() if key not in extra} == world
        for i in range(200):
            assert (f"unfinished{i}" in extra) == (f"half{i}" in extra), "half of an MSET came back"
        server.client()("DEL", *extra, "none")


def test_the_log_can_be_switched_on_while_running(new_server):
    server = new_server(shards=2, args={"appendonly": "no"})
    client = server.client()
    client("SET", "before", "v")
    reply = client("CONFIG", "SET", "appendonly", "yes")
    if reply != "OK":
        assert "appendonly" in reply or "immutable" in reply
        pytest.skip("the log cannot be switched on while running")
    client("SET", "after", "v")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if b"aof_rewrite_in_progress:0" in bytes(client("INFO", "persistence")):
            break
        time.sleep(0.05)
    assert server.terminate() == 0
    server.start(args={"appendonly": "yes"})
    assert server.client()("MGET", "before", "after") == [b"v", b"v"]


def test_a_second_server_in_the_same_folder_is_refused_or_harmless(new_server):
    server = new_server(shards=2, args={"appendonly": "yes", "appendfsync": "always"})
    server.client()("SET", "k", "v")
    second = new_server(start=False, shards=2, args={"appendonly": "yes"}, folder=server.folder)
    second.log_path = server.folder / "second.log"
    second.start(wait=False)
    time.sleep(0.7)
    if second.is_alive():
        second.kill()
    second.process = None
    assert server.client()("SET", "k2", "v") == "OK"
    server.kill()
    server.start()
    assert server.client()("MGET", "k", "k2") == [b"v", b"v"]


def test_connections_are_refused_or_told_of_loading_but_never_answered_wrongly(new_server):
    server = new_server(shards=2, args={"appendonly": "yes", "appendfsync": "no"})
    client = server.client(timeout=60)
    for begin in range(0, 60000, 1000):
        client.pipeline(*[("SET", f"key:{i}", "v" * 50) for i in range(begin, begin + 1000)])
    assert server.terminate() == 0
    server.start(wait=False)
    answers = set()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with Client(server.port, timeout=20) as early:
                reply = early("GET", "key:59999")
        except (OSError, Closed):
            continue
        answers.add(reply if isinstance(reply, bytes) else str(reply).split(" ")[0])
        if reply == b"v" * 50:
            break
    assert answers <= {b"v" * 50, "LOADING"}, answers
    assert server.client()("DBSIZE") == 60000
