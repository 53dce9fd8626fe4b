"""Commands that wait for a key: who is served, in which order, and what ends a wait."""

import random
import threading
import time

import pytest

from support.resp import Error, info_dict

KEYS = [f"key:{i}" for i in range(12)]


def waits(server, count, timeout=5.0):
    """Waits until so many clients wait."""
    with server.client() as watcher:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if int(info_dict(watcher("INFO", "clients"))["blocked_clients"]) == count:
                return True
            time.sleep(0.002)
    return False


def waiting(server, *command, resp=2):
    """A client that waits with this command."""
    client = server.client(resp)
    before = blocked(server)
    client.send(*command)
    assert waits(server, before + 1), command
    return client


def blocked(server):
    with server.client() as watcher:
        return int(info_dict(watcher("INFO", "clients"))["blocked_clients"])


def test_an_element_that_is_there_is_taken_at_once(server, client):
    for key in KEYS:
        client("RPUSH", key, "a", "b")
        assert client("BLPOP", "none", key, "0") == [key.encode(), b"a"]
        assert client("BRPOP", key, "0") == [key.encode(), b"b"]
        assert client("EXISTS", key) == 0


def test_a_push_serves_the_client_that_waits(server, client):
    for key in KEYS:
        other = waiting(server, "BLPOP", key, "0")
        assert client("LPUSH", key, "v") == 1
        assert client("EXISTS", key) == 0
        assert other.reply() == [key.encode(), b"v"]
        assert other("PING") == "PONG"


def test_clients_are_served_in_the_order_of_their_arrival(server, client):
    for key in KEYS[:4]:
        others = [waiting(server, "BLPOP", key, "0") for _ in range(5)]
        client("RPUSH", key, *range(7))
        for i, other in enumerate(others):
            assert other.reply() == [key.encode(), str(i).encode()]
        assert client("LRANGE", key, "0", "-1") == [b"5", b"6"]


def test_order_of_arrival_holds_for_clients_with_several_keys(server, client):
    """Whether all keys of a client lie on one shard or not."""
    for _ in range(5):
        chosen = [random.sample(KEYS, random.randint(1, 4)) for _ in range(8)]
        for keys in chosen:
            if KEYS[0] not in keys:
                keys.insert(random.randint(0, len(keys)), KEYS[0])
        others = [waiting(server, "BLPOP", *keys, "0") for keys in chosen]
        for i, other in enumerate(others):
            assert client("RPUSH", KEYS[0], i) == 1
            assert other.reply() == [KEYS[0].encode(), str(i).encode()]


def test_any_of_several_keys_serves(server, client):
    for key in KEYS:
        other = waiting(server, "BLPOP", *KEYS, "0")
        client("RPUSH", key, "x", "y")
        assert other.reply() == [key.encode(), b"x"]
        assert client("LLEN", key) == 1
        client("DEL", key)


def test_a_served_client_waits_for_its_other_keys_no_more(server, client):
    other = waiting(server, "BLPOP", *KEYS, "0")
    client("RPUSH", KEYS[3], "x")
    assert other.reply() == [KEYS[3].encode(), b"x"]
    for key in KEYS:
        assert client("RPUSH", key, "stays") == 1
    assert other("PING") == "PONG"
    assert [client("LLEN", key) for key in KEYS] == [1] * len(KEYS)
    assert info_dict(client("INFO", "clients"))["total_blocking_keys"] == "0"


def test_the_same_key_twice_counts_once(server, client):
    other = waiting(server, "BLPOP", KEYS[0], KEYS[0], KEYS[1], KEYS[0], "0")
    client("RPUSH", KEYS[0], "a", "b")
    assert other.reply() == [KEYS[0].encode(), b"a"]
    assert client("LLEN", KEYS[0]) == 1


def test_a_wait_ends_in_time(server, client, resp):
    for key in KEYS[:4]:
        for seconds in (0.05, 0.2):
            begun = time.monotonic()
            assert client("BLPOP", key, KEYS[5], str(seconds)) is None
            took = time.monotonic() - begun
            assert seconds - 0.003 <= took < seconds + 0.25, took
            assert client.raw == (b"*-1\r\n" if resp == 2 else b"_\r\n")
    assert client("BLMOVE", KEYS[0], KEYS[1], "LEFT", "RIGHT", "0.02") is None
    assert client.raw == (b"*-1\r\n" if resp == 2 else b"_\r\n")
    assert blocked(server) == 0


def test_many_timeouts_end_in_their_order(server):
    others = [(0.3 - 0.02 * i, waiting(server, "BLPOP", KEYS[i % 3], KEYS[i % 5], str(0.5 - 0.02 * i))) for i in range(10)]
    ends = []
    threads = [threading.Thread(target=lambda o=o, s=s: ends.append((s, o.reply()))) for s, o in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reply for _, reply in ends] == [None] * 10
    assert blocked(server) == 0


def test_nothing_behind_a_waiting_command_runs_before_it(server, client):
    for key in KEYS:
        other = server.client()
        for command in (("SET", "seen", "1"), ("BLPOP", key, KEYS[0], "0"), ("SET", "seen", "2"), ("GET", "seen"), ("LLEN", key)):
            other.send(*command)
        assert other.reply() == "OK"
        assert waits(server, 1)
        assert client("GET", "seen") == b"1"
        client("RPUSH", key, "a", "b")
        assert other.reply() == [key.encode(), b"a"]
        assert other.reply() == "OK"
        assert other.reply() == b"2"
        assert other.reply() == 1
        client("DEL", key)


def test_two_waits_in_one_pipeline(server, client):
    other = server.client()
    other.send("BLPOP", KEYS[0], "0")
    other.send("BLPOP", KEYS[1], KEYS[2], "0")
    other.send("PING")
    for key in (KEYS[0], KEYS[2]):
        assert waits(server, 1)
        assert other.is_silent()
        client("RPUSH", key, "v")
        assert other.reply() == [key.encode(), b"v"]
    assert other.reply() == "PONG"


def test_unblock_ends_a_wait(server, client, resp):
    for keys in ([KEYS[0]], KEYS[:5]):
        for how, reply in (((), None), (("TIMEOUT",), None),
                           (("ERROR",), Error("UNBLOCKED client unblocked via CLIENT UNBLOCK"))):
            other = server.client(resp)
            number = other("CLIENT", "ID")
            assert client("CLIENT", "UNBLOCK", number, *how) == 0
            other.send("BLPOP", *keys, "0")
            assert waits(server, 1)
            assert client("CLIENT", "UNBLOCK", number, *how) == 1
            assert other.reply() == reply
            assert client("CLIENT", "UNBLOCK", number, *how) == 0
            assert client("RPUSH", keys[0], "v") == 1
            assert client("DEL", keys[0]) == 1
    assert client("CLIENT", "UNBLOCK", "x") == Error("ERR value is not an integer or out of range")
    assert client("CLIENT", "UNBLOCK", "1", "BOTH") == Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")


def test_a_client_that_goes_away_takes_nothing_with_it(server, client):
    for keys in ([KEYS[0]], KEYS[:5]):
        other = waiting(server, "BLPOP", *keys, "0")
        other.close()
        assert waits(server, 0)
        assert client("RPUSH", keys[0], "v") == 1
        assert client("LPOP", keys[0]) == b"v"


def test_a_client_that_goes_away_is_noticed_with_commands_behind_its_wait(server, client):
    other = server.client()
    other.send("BLPOP", KEYS[0], KEYS[1], "0")
    other.send("SET", "never", "1")
    assert waits(server, 1)
    other.close()
    assert waits(server, 0)
    assert client("EXISTS", "never") == 0


def test_kill_ends_a_wait(server, client):
    for keys in ([KEYS[0]], KEYS[:5]):
        other = server.client()
        number = other("CLIENT", "ID")
        other.send("BLPOP", *keys, "0")
        assert waits(server, 1)
        assert client("CLIENT", "KILL", "ID", number) == 1
        assert other.is_closed()
        assert waits(server, 0)
        assert client("RPUSH", keys[0], "v") == 1
        assert client("LPOP", keys[0]) == b"v"


def test_client_list_and_info_show_who_waits(server, client):
    other = server.client()
    number = other("CLIENT", "ID")
    other.send("BLPOP", KEYS[0], KEYS[1], "100")
    assert waits(server, 1)
    line = client("CLIENT", "LIST", "ID", number).decode()
    assert " flags=b " in line and " cmd=blpop " in line
    info = info_dict(client("INFO", "clients"))
    assert info["blocked_clients"] == "1"
    assert info["clients_in_timeout_table"] == "1"
    assert info["total_blocking_keys"] == "2"
    client("RPUSH", KEYS[1], "v")
    assert other.reply() == [KEYS[1].encode(), b"v"]
    assert " flags=N " in client("CLIENT", "LIST", "ID", number).decode()
    assert info_dict(client("INFO", "clients"))["clients_in_timeout_table"] == "0"


def test_a_wait_counts_as_one_call_however_it_ends(server, client):
    def calls():
        text = client("INFO", "commandstats").decode()
        return [line.split(":")[1].split(",") for line in text.splitlines() if line.startswith("cmdstat_blpop:")]

    for keys in ([KEYS[0]], KEYS[:5]):
        client("CONFIG", "RESETSTAT")
        other = waiting(server, "BLPOP", *keys, "0")
        assert not calls()
        client("RPUSH", keys[0], "v")
        assert other.reply() == [keys[0].encode(), b"v"]
        assert calls()[0][0] == "calls=1"
        assert other("BLPOP", *keys, "0.01") is None
        assert calls()[0][0] == "calls=2"
        number = other("CLIENT", "ID")
        other.send("BLPOP", *keys, "0")
        assert waits(server, 1)
        client("CLIENT", "UNBLOCK", number, "ERROR")
        assert other.reply().code == "UNBLOCKED"
        assert calls()[0][0] == "calls=3" and calls()[0][-1] == "failed_calls=1"


def test_move_between_all_pairs_of_keys(server, client):
    for source in KEYS[:4]:
        for target in KEYS[:4]:
            other = waiting(server, "BLMOVE", source, target, "LEFT", "RIGHT", "0")
            client("RPUSH", source, "a", "b")
            assert other.reply() == b"a"
            if source == target:
                assert client("LRANGE", source, "0", "-1") == [b"b", b"a"]
            else:
                assert client("LRANGE", source, "0", "-1") == [b"b"]
                assert client("LRANGE", target, "0", "-1") == [b"a"]
            client("DEL", source, target)


def test_move_serves_who_waits_for_its_target(server, client):
    chain = KEYS[:6]
    movers = [waiting(server, "BLMOVE", a, b, "LEFT", "RIGHT", "0") for a, b in zip(chain, chain[1:])]
    last = waiting(server, "BLPOP", chain[-1], "0")
    client("RPUSH", chain[0], "v")
    for mover in movers:
        assert mover.reply() == b"v"
    assert last.reply() == [chain[-1].encode(), b"v"]
    assert client("EXISTS", *chain) == 0


def test_a_circle_of_moves_ends(server, client):
    one = waiting(server, "BLMOVE", KEYS[0], KEYS[1], "LEFT", "RIGHT", "0")
    two = waiting(server, "BLMOVE", KEYS[1], KEYS[0], "LEFT", "RIGHT", "0")
    client("RPUSH", KEYS[0], "v")
    assert one.reply() == b"v"
    assert two.reply() == b"v"
    assert client("LRANGE", KEYS[0], "0", "-1") == [b"v"]


def test_move_to_a_key_of_another_type_is_an_error_and_keeps_the_element(server, client):
    for target in KEYS[1:4]:
        client("SET", target, "x")
        other = waiting(server, "BLMOVE", KEYS[0], target, "LEFT", "RIGHT", "0")
        behind = waiting(server, "BLPOP", KEYS[0], "0")
        client("RPUSH", KEYS[0], "v")
        assert other.reply().code == "WRONGTYPE"
        assert behind.reply() == [KEYS[0].encode(), b"v"]


def test_a_key_of_another_type_does_not_wake(server, client):
    other = waiting(server, "BLPOP", KEYS[0], KEYS[1], "0")
    client("SET", KEYS[0], "string")
    client("SET", KEYS[1], "string")
    assert other.is_silent()
    assert client("BLPOP", KEYS[0], "1").code == "WRONGTYPE"
    client("DEL", KEYS[0])
    client("RPUSH", KEYS[0], "v")
    assert other.reply() == [KEYS[0].encode(), b"v"]


def test_rename_and_copy_wake(server, client):
    for source, target in ((KEYS[0], KEYS[1]), (KEYS[2], KEYS[9]), (KEYS[5], KEYS[4])):
        for command in ("RENAME", "COPY", "RENAMENX"):
            client("RPUSH", source, "v", "w")
            other = waiting(server, "BLPOP", target, KEYS[11], "0")
            client(command, source, target)
            assert other.reply() == [target.encode(), b"v"]
            assert client("LRANGE", target, "0", "-1") == [b"w"]
            client("DEL", source, target)


def test_restore_wakes(server, client):
    client("RPUSH", "source", "v")
    dump = client("DUMP", "source")
    for key in KEYS[:4]:
        other = waiting(server, "BLPOP", key, KEYS[11], "0")
        assert client("RESTORE", key, "0", dump) == "OK"
        assert other.reply() == [key.encode(), b"v"]


def test_move_and_swapdb_wake_in_their_database(server, client):
    one = server.client()
    one("SELECT", "1")
    for key in KEYS[:4]:
        one.send("BLPOP", key, KEYS[11], "0")
        assert waits(server, 1)
        client("RPUSH", key, "v")
        assert one.is_silent()
        assert client("MOVE", key, "1") == 1
        assert one.reply() == [key.encode(), b"v"]
        one.send("BLPOP", key, KEYS[11], "0")
        assert waits(server, 1)
        client("RPUSH", key, "v")
        assert client("SWAPDB", "0", "1") == "OK"
        assert one.reply() == [key.encode(), b"v"]
        assert client("DBSIZE") == 0


def test_flushall_leaves_clients_waiting(server, client):
    other = waiting(server, "BLPOP", KEYS[0], KEYS[1], "0")
    client("FLUSHALL")
    assert other.is_silent()
    client("RPUSH", KEYS[1], "v")
    assert other.reply() == [KEYS[1].encode(), b"v"]


def test_maxmemory_is_asked_again_when_a_move_is_woken(server, client):
    for target in KEYS[1:4]:
        other = waiting(server, "BLMOVE", KEYS[0], target, "LEFT", "RIGHT", "0")
        client("RPUSH", "full", "v")
        client("CONFIG", "SET", "maxmemory", "1")
        assert client("RENAME", "full", KEYS[0]) == "OK"
        assert other.reply().code == "OOM"
        client("CONFIG", "SET", "maxmemory", "0")
        assert client("LPOP", KEYS[0]) == b"v"


def test_sort_store_wakes(server, client):
    for key in KEYS[:4]:
        client("RPUSH", "source", "3", "1", "2")
        other = waiting(server, "BLPOP", key, KEYS[11], "0")
        assert client("SORT", "source", "STORE", key) == 3
        assert other.reply() == [key.encode(), b"1"]
        assert client("LRANGE", key, "0", "-1") == [b"2", b"3"]
        client("DEL", "source", key)


def test_sorted_sets_serve_in_order_too(server, client):
    for key in KEYS[:6]:
        lowest = waiting(server, "BZPOPMIN", KEYS[7], key, "0")
        highest = waiting(server, "BZPOPMAX", key, KEYS[8], KEYS[9], "0")
        several = waiting(server, "BZMPOP", "0", "2", KEYS[10], key, "MIN", "COUNT", "2")
        lists = waiting(server, "BLPOP", key, "0")
        client("ZADD", key, "1", "a", "2", "b", "3", "c", "4", "d", "5", "e")
        assert lowest.reply() == [key.encode(), b"a", b"1"]
        assert highest.reply() == [key.encode(), b"e", b"5"]
        assert several.reply() == [key.encode(), [[b"b", b"2"], [b"c", b"3"]]]
        assert lists.is_silent()
        client("DEL", key)
        client("RPUSH", key, "v")
        assert lists.reply() == [key.encode(), b"v"]


def test_readers_of_a_stream_all_hear(server, client):
    for key in KEYS[:4]:
        readers = [waiting(server, "XREAD", "BLOCK", "0", "STREAMS", key, KEYS[7], "$", "$") for _ in range(3)]
        late = waiting(server, "XREAD", "BLOCK", "0", "STREAMS", key, "2-0")
        assert client("XADD", key, "1-1", "f", "v") == b"1-1"
        for reader in readers:
            assert reader.reply() == [[key.encode(), [[b"1-1", [b"f", b"v"]]]]]
        assert late.is_silent()
        client("XADD", key, "2-1", "f", "w")
        assert late.reply() == [[key.encode(), [[b"2-1", [b"f", b"w"]]]]]


def test_readers_of_one_group_are_served_in_order(server, client):
    for key in KEYS[:4]:
        client("XGROUP", "CREATE", key, "g", "$", "MKSTREAM")
        readers = [waiting(server, "XREADGROUP", "GROUP", "g", f"c{i}", "BLOCK", "0", "STREAMS", key, ">") for i in range(4)]
        for i, reader in enumerate(readers):
            entry = client("XADD", key, "*", "n", i)
            assert reader.reply() == [[key.encode(), [[entry, [b"n", str(i).encode()]]]]]


def test_groups_take_each_entry_once_over_streams_of_all_shards(server, client):
    for key in KEYS:
        client("XGROUP", "CREATE", key, "g", "$", "MKSTREAM")
    for one, two in zip(KEYS, KEYS[1:]):
        readers = [waiting(server, "XREADGROUP", "GROUP", "g", f"c{i}", "BLOCK", "0", "STREAMS", one, two, ">", ">")
                   for i in range(3)]
        ids = [line.split()[0][3:] for line in client("CLIENT", "LIST").decode().splitlines() if "cmd=xreadgroup" in line]
        entries = [client("XADD", key, "*", "n", "v") for key in (one, two, one)]
        got = []
        deadline = time.monotonic() + 5
        while len(got) < len(entries) and time.monotonic() < deadline:
            for reader in readers:
                if not reader.is_silent(0.005):
                    got += [entry[0] for _, stream in reader.reply() for entry in stream]
        assert sorted(got) == sorted(entries)
        for number in ids:
            client("CLIENT", "UNBLOCK", number)


def test_group_readers_hear_when_their_stream_goes_away(server, client):
    for one, two in zip(KEYS[:5], KEYS[1:]):
        for how in (("DEL", two), ("SET", two, "x"), ("XGROUP", "DESTROY", two, "g"), ("RENAME", two, "other"),
                    ("PEXPIRE", two, "5"), ("FLUSHALL",), ("SWAPDB", "0", "1")):
            for keys in ((two,), (one, two)):
                client("FLUSHALL")
                for key in keys:
                    client("XGROUP", "CREATE", key, "g", "$", "MKSTREAM")
                reader = waiting(server, "XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", *keys, *(">" for _ in keys))
                client(*how)
                assert isinstance(reader.reply(), Error), (how, keys)


def test_a_group_reader_and_a_plain_reader_do_not_disturb_each_other(server, client):
    client("XGROUP", "CREATE", KEYS[0], "g", "$", "MKSTREAM")
    plain = waiting(server, "XREAD", "BLOCK", "0", "STREAMS", KEYS[0], KEYS[1], "$", "$")
    group = waiting(server, "XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", KEYS[0], ">")
    client("XADD", KEYS[0], "1-1", "f", "v")
    assert plain.reply() == group.reply() == [[KEYS[0].encode(), [[b"1-1", [b"f", b"v"]]]]]


def test_many_clients_take_each_element_once(server):
    """Producers and consumers on the same keys, each consumer on a choice of them."""
    elements, producers, consumers = 300, 3, 6
    got, failures = [], []

    def consume(index):
        client = server.client(timeout=20)
        while True:
            keys = random.sample(KEYS, 1 + index % 4)
            reply = client("BLPOP", *keys, "stop", "0")
            if reply[0] == b"stop":
                return
            if reply[0].decode() not in keys:
                failures.append((keys, reply))
            got.append(reply[1])

    def produce(index):
        client = server.client(timeout=20)
        for i in range(elements):
            client(random.choice(("RPUSH", "LPUSH")), random.choice(KEYS), f"{index}:{i}")

    takers = [threading.Thread(target=consume, args=(i,)) for i in range(consumers)]
    givers = [threading.Thread(target=produce, args=(i,)) for i in range(producers)]
    for thread in takers + givers:
        thread.start()
    for thread in givers:
        thread.join()
    with server.client() as client:
        for key in KEYS:
            while (rest := client("LPOP", key)) is not None:
                got.append(rest)
        client("RPUSH", "stop", *range(consumers))
        for thread in takers:
            thread.join()
        while (rest := client("LPOP", "stop")) is not None:
            failures.append(rest)
    assert not failures
    assert sorted(got) == sorted(f"{p}:{i}".encode() for p in range(producers) for i in range(elements))
    assert blocked(server) == 0


@pytest.mark.parametrize("shards", (1, 2, 7))
@pytest.mark.parametrize("policy", ("everysec", "always"))
def test_what_waiting_clients_took_is_gone_after_a_restart(new_server, shards, policy):
    server = new_server(shards=shards, args={"appendonly": "yes", "appendfsync": policy})
    client = server.client()
    expected = {}
    for i, key in enumerate(KEYS):
        target = KEYS[i - 1] + ":moved"
        popper = waiting(server, "BLPOP", key, "none", "0")
        mover = waiting(server, "BLMOVE", key, target, "LEFT", "RIGHT", "0")
        client("RPUSH", key, "a", "b", "c")
        assert popper.reply() == [key.encode(), b"a"]
        assert mover.reply() == b"b"
        expected[key] = [b"c"]
        expected[target] = [b"b"]
    for key in ("x", "y"):
        waiting(server, "BLPOP", "never", key, "0")
    assert server.terminate() == 0
    server.start()
    client = server.client()
    assert {key: client("LRANGE", key, "0", "-1") for key in expected} == expected
    assert client("DBSIZE") == len(expected)


@pytest.mark.parametrize("shards", (1, 2))
def test_what_was_answered_under_always_survives_a_kill(new_server, shards):
    server = new_server(shards=shards, args={"appendonly": "yes", "appendfsync": "always"})
    client = server.client()
    for i, key in enumerate(KEYS):
        popper = waiting(server, "BLPOP", key, "none", "0")
        mover = waiting(server, "BLMOVE", key, "target", "LEFT", "RIGHT", "0")
        client("RPUSH", key, f"a{i}", f"b{i}", f"c{i}")
        assert popper.reply() == [key.encode(), f"a{i}".encode()]
        assert mover.reply() == f"b{i}".encode()
    server.kill()
    server.start()
    client = server.client()
    assert [client("LRANGE", key, "0", "-1") for key in KEYS] == [[f"c{i}".encode()] for i in range(len(KEYS))]
    assert client("LRANGE", "target", "0", "-1") == [f"b{i}".encode() for i in range(len(KEYS))]


def test_a_server_stops_with_clients_waiting(new_server):
    for shards in (1, 2, 7):
        server = new_server(shards=shards)
        for i in range(10):
            waiting(server, "BLPOP", *random.sample(KEYS, i % 5 + 1), str(i % 2 * 100))
        assert server.terminate() == 0
