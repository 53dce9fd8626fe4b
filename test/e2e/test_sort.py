"""SORT over several shards: one instant, whatever keys its patterns name, and in its place among its client's commands."""

import itertools
import threading
import time

import pytest

from support.resp import Error

pytestmark = pytest.mark.smoke

ELEMENTS = list(range(1, 31))


def weights(generation):
    """Ascending with the elements in one generation, descending in the next."""
    return [word for i in ELEMENTS
            for word in (f"weight_{i}", generation * 1000 + (i if generation % 2 else 500 - i))]


def is_of_one_moment(found):
    """The values that GET gave are those that BY sorted by: ascending, and all of one generation."""
    values = [int(value) for value in found]
    return values == sorted(values) and len({value // 1000 for value in values}) <= 1


@pytest.mark.parametrize("shards, backend", [(1, "io_uring"), (2, "epoll"), (7, "io_uring")])
def test_no_weight_is_from_another_moment(new_server, shards, backend):
    server = new_server(shards=shards, backend=backend)
    client = server.client()
    client("RPUSH", "list", *ELEMENTS)
    client("MSET", *weights(0))
    stop = threading.Event()
    generations = itertools.count(1)
    wrong = []
    full = []

    def repeat(work):
        def run(client=server.client()):
            while not stop.is_set():
                work(client)
        return run

    def write(client):
        client.pipeline(*[("MSET", *weights(next(generations))) for _ in range(10)])

    def move(client):
        client.pipeline(("RENAME", "list", "other"), ("RENAME", "other", "list"))

    def look(client):
        for found in client.pipeline(*[("SORT", "list", "BY", "weight_*", "GET", "weight_*")] * 10,
                                     ("SORT", "list", "BY", "weight_*", "GET", "weight_*", "STORE", "stored"),
                                     ("LRANGE", "stored", 0, -1)):
            if isinstance(found, list):
                full.append(len(found))
                if len(found) not in (0, len(ELEMENTS)) or not is_of_one_moment(found):
                    wrong.append(found)

    threads = [threading.Thread(target=repeat(work)) for work in (write, write, move, look, look)]
    for thread in threads:
        thread.start()
    time.sleep(3)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]
    assert full.count(len(ELEMENTS)) > 20


@pytest.mark.parametrize("shards", [1, 3, 7])
def test_a_pipeline_sees_sort_in_its_place(new_server, shards):
    client = new_server(shards=shards).client()
    client("RPUSH", "list", 1, 2, 3)
    for round_number in range(50):
        answers = client.pipeline(
            ("MSET", "w_1", 1, "w_2", 2, "w_3", 3), ("SORT", "list", "BY", "w_*", "GET", "w_*"),
            ("SET", "w_1", 9), ("SORT", "list", "BY", "w_*", "GET", "#", "STORE", "to"), ("LRANGE", "to", 0, -1),
            ("SORT", "list", "BY", "w_*", "LIMIT", "x", 1), ("SORT_RO", "w_1", "BY", "w_*"), ("DEL", "w_1"),
            ("SORT", "list", "BY", "w_*", "GET", "w_*", "DESC"))
        assert answers[1] == [b"1", b"2", b"3"]
        assert answers[3:5] == [3, [b"2", b"3", b"1"]]
        assert isinstance(answers[5], Error) and isinstance(answers[6], Error)
        assert str(answers[6]).startswith("WRONGTYPE")
        assert answers[8] == [b"3", b"2", None]


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("fsync", ["always", "everysec"])
def test_what_sort_stores_is_on_disk(new_server, shards, fsync):
    server = new_server(shards=shards, args={"appendonly": "yes", "appendfsync": fsync})
    client = server.client()
    client("RPUSH", "list", *ELEMENTS)
    client("MSET", *[word for i in ELEMENTS for word in (f"weight_{i}", -i)])
    for i in range(10):
        assert client("SORT", "list", "BY", "weight_*", "STORE", f"to_{i}") == len(ELEMENTS)
    if fsync == "always":
        server.kill()
    else:
        assert server.terminate() == 0
    server.start()
    client = server.client()
    for i in range(10):
        assert client("LRANGE", f"to_{i}", 0, -1) == [b"%d" % e for e in reversed(ELEMENTS)]


@pytest.mark.parametrize("shards", [1, 2, 7])
def test_who_waits_for_the_list_is_served(new_server, shards):
    server = new_server(shards=shards)
    client = server.client()
    client("RPUSH", "list", 3, 1, 2)
    client("MSET", "w_1", 30, "w_2", 20, "w_3", 10)
    for options in ([], ["BY", "w_*"], ["BY", "w_*", "GET", "w_*"]):
        waiter = server.client()
        answer = []
        thread = threading.Thread(target=lambda waiter=waiter, answer=answer: answer.append(waiter("BLPOP", "to", 5)))
        thread.start()
        time.sleep(0.1)
        assert client("SORT", "list", *options, "STORE", "to") == 3
        thread.join()
        assert answer[0][0] == b"to"
        assert client("LLEN", "to") == 2
        client("DEL", "to")
