"""What takes long goes on between other commands: KEYS over a large database, the freeing of a dropped one."""

import threading
import time

from support.resp import info_dict

KEYS = 60000


def fill(client, count=KEYS):
    for start in range(0, count, 2000):
        client("MSET", *[word for i in range(start, min(start + 2000, count)) for word in (f"key:{i}", i)])


def test_keys_lists_every_key_once_while_transactions_borrow_them(server):
    client = server.client()
    fill(client)
    stop = threading.Event()

    def borrow():
        """The keys of a COPY over two shards are out of their tables while it runs."""
        with server.client() as other:
            i = 0
            while not stop.is_set():
                other.pipeline(*[("COPY", f"key:{(i + k) % KEYS}", f"copy:{k}", "REPLACE") for k in range(16)])
                i += 16

    threads = [threading.Thread(target=borrow) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            listed = client("KEYS", "key:*")
            assert len(listed) == KEYS
            assert len(set(listed)) == KEYS
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_keys_answers_behind_what_was_sent_before_and_before_what_comes_after(server):
    client = server.client()
    fill(client)
    ok, listed, pong = client.pipeline(("SET", "one", "more"), ("KEYS", "*"), ("ECHO", "after"))
    assert ok == "OK" and len(listed) == KEYS + 1 and pong == b"after"


def test_a_client_that_leaves_does_not_disturb_its_keys(server):
    fill(server.client())
    for _ in range(5):
        leaving = server.client()
        leaving.send("KEYS", "*")
        leaving.close()
    assert server.client()("DBSIZE") == KEYS


def test_dropped_databases_are_freed_soon(server):
    client = server.client()
    fill(client)
    client("FLUSHALL")
    assert client("DBSIZE") == 0
    deadline = time.monotonic() + 5
    while int(info_dict(client("INFO", "memory"))["lazyfree_pending_objects"]) > 0:
        assert time.monotonic() < deadline


def test_several_walks_go_on_side_by_side(server):
    """Each takes its turns; what is sent behind one of them waits for that one only."""
    fill(server.client())
    walkers = [server.client() for _ in range(6)]
    for walker in walkers:
        walker.send("KEYS", "key:*")
        walker.send("ECHO", "done")
    quick = server.client()
    assert quick("GET", "key:1") == b"1"
    for walker in walkers:
        assert len(walker.reply()) == KEYS
        assert walker.reply() == b"done"


def test_a_walk_survives_the_flush_of_what_it_walks_over(server):
    client = server.client()
    fill(client)
    other = server.client()
    for _ in range(5):
        client.send("KEYS", "*")
        other("FLUSHALL")
        listed = client.reply()
        assert len(listed) == len(set(listed)) <= KEYS
        fill(other, 5000)


def test_the_server_stops_in_the_middle_of_walks(new_server):
    for shards in (1, 3):
        server = new_server(shards=shards)
        fill(server.client())
        for _ in range(10):
            server.client().send("KEYS", "*")
        assert server.terminate() == 0
