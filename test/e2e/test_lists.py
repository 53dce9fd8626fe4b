"""List commands newer than the Redis we compare with, and lists that are long."""

import random
import time

import pytest

from support.resp import Error, info_dict

pytestmark = pytest.mark.smoke

PAIRS = [(f"from:{i}", f"to:{i}") for i in range(8)]  # on several shards, where there are several


def waits(server, count=1, timeout=5.0):
    with server.client() as watcher:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if int(info_dict(watcher("INFO", "clients"))["blocked_clients"]) == count:
                return True
            time.sleep(0.002)
    return False


def test_several_elements_move_at_once(client):
    for source, destination in PAIRS:
        client("RPUSH", source, *"123456789")
        assert client("LMOVEM", source, destination, "LEFT", "RIGHT") == [b"1"]
        assert client("LMOVEM", source, destination, "LEFT", "LEFT", "COUNT", "2", "OBO") == [b"3", b"2"]
        assert client("LMOVEM", source, destination, "LEFT", "LEFT", "COUNT", "2", "BULK") == [b"4", b"5"]
        assert client("LMOVEM", source, destination, "RIGHT", "RIGHT", "EXACTLY", "5", "BULK") is None
        assert client("LRANGE", source, "0", "-1") == [b"6", b"7", b"8", b"9"]
        assert client("LMOVEM", source, destination, "RIGHT", "RIGHT", "COUNT", "100", "OBO") == [b"9", b"8", b"7", b"6"]
        assert client("EXISTS", source) == 0
        assert client("LRANGE", destination, "0", "-1") == [b"4", b"5", b"3", b"2", b"1", b"9", b"8", b"7", b"6"]
        assert client("LMOVEM", source, destination, "LEFT", "LEFT") is None


def test_a_list_turns_in_itself(client):
    client("RPUSH", "k", *"12345")
    assert client("LMOVEM", "k", "k", "LEFT", "RIGHT", "COUNT", "2", "BULK") == [b"1", b"2"]
    assert client("LRANGE", "k", "0", "-1") == [b"3", b"4", b"5", b"1", b"2"]
    assert client("LMOVEM", "k", "k", "RIGHT", "LEFT", "EXACTLY", "5", "OBO") == [b"3", b"4", b"5", b"1", b"2"]
    assert client("LRANGE", "k", "0", "-1") == [b"3", b"4", b"5", b"1", b"2"]


@pytest.mark.parametrize("words", [("COUNT", "1"), ("COUNT", "1", "ALL"), ("OBO",), ("COUNT", "0", "OBO"), ("EXACTLY", "x", "OBO")])
def test_errors_move_nothing(client, words):
    client("RPUSH", "a", "1", "2")
    assert isinstance(client("LMOVEM", "a", "b", "LEFT", "LEFT", *words), Error)
    assert client("LLEN", "a") == 2 and client("EXISTS", "b") == 0


def test_blmovem_waits_for_as_many_as_it_needs(server, client):
    for source, destination in PAIRS:
        waiter = server.client()
        waiter.send("BLMOVEM", source, destination, "LEFT", "RIGHT", "0", "EXACTLY", "3", "BULK")
        assert waits(server)
        for element in "ab":
            client("RPUSH", source, element)
            assert client("LLEN", source) >= 1
        assert client("EXISTS", destination) == 0
        client("RPUSH", source, "c", "d")
        assert waiter.read() == [b"a", b"b", b"c"]
        assert client("LRANGE", source, "0", "-1") == [b"d"]
        waiter.close()
    assert client("BLMOVEM", "none", "x", "LEFT", "RIGHT", "0.01", "COUNT", "3", "OBO") is None


def test_a_long_list_is_what_a_python_list_is(client):
    rng = random.Random(7)
    model = []
    for _ in range(60):
        batch = [str(rng.randrange(10**9)) * rng.choice([1, 1, 5, 40]) for _ in range(rng.randrange(1, 300))]
        if rng.random() < 0.5:
            client("RPUSH", "k", *batch)
            model += batch
        else:
            client("LPUSH", "k", *batch)
            model = batch[::-1] + model
        index = rng.randrange(len(model))
        client("LINSERT", "k", "BEFORE", model[index], "inserted")
        model.insert(model.index(model[index]), "inserted")
        client("LSET", "k", str(index), "x" * rng.randrange(12000))
        model[index] = client("LINDEX", "k", str(index)).decode()
        cut = rng.randrange(len(model) // 3 + 1)
        assert client("LPOP", "k", str(cut + 1)) == [v.encode() for v in model[:cut + 1]]
        model = model[cut + 1:]
    assert client("LLEN", "k") == len(model)
    assert client("LRANGE", "k", "0", "-1") == [v.encode() for v in model]
    for _ in range(100):
        index = rng.randrange(-len(model), len(model))
        assert client("LINDEX", "k", str(index)) == model[index].encode()
    assert client("OBJECT", "ENCODING", "k") == b"quicklist"
