"""XREAD and XREADGROUP that wait: what wakes them, and what they are told."""

import time

import pytest

from support.resp import Map, info_dict

pytestmark = pytest.mark.smoke

KEYS = [f"stream:{i}" for i in range(8)]


def blocked(server):
    with server.client() as watcher:
        return int(info_dict(watcher("INFO", "clients"))["blocked_clients"])


def waiting(server, *command, resp=2):
    """A client that waits with this command."""
    client = server.client(resp)
    before = blocked(server)
    client.send(*command)
    deadline = time.monotonic() + 5
    while blocked(server) != before + 1:
        assert time.monotonic() < deadline, command
        time.sleep(0.002)
    return client


def ids(answer):
    """{stream: [ids]} of an answer to XREAD, whichever the protocol."""
    pairs = [list(pair) for pair in answer] if isinstance(answer, Map) else answer
    return {stream: [entry[0] for entry in entries] for stream, entries in pairs}


def test_all_readers_get_a_new_entry(server, client, resp):
    client("XADD", "s", "1-1", "a", "1")
    readers = [waiting(server, "XREAD", "BLOCK", "0", "STREAMS", "s", "$", resp=resp) for _ in range(4)]
    readers.append(waiting(server, "XREAD", "BLOCK", "0", "STREAMS", "s", "1-1", resp=resp))
    client("XADD", "s", "2-1", "a", "2")
    assert [ids(reader.reply()) for reader in readers] == [{b"s": [b"2-1"]}] * 5


def test_a_reader_of_several_streams_is_served_by_any(server, client):
    for key in KEYS:
        reader = waiting(server, "XREAD", "BLOCK", "0", "STREAMS", *KEYS, *["$"] * len(KEYS))
        client("XADD", key, "*", "a", "1")
        assert list(ids(reader.reply())) == [key.encode()]


def test_what_came_before_the_id_wakes_nobody(server, client):
    reader = waiting(server, "XREAD", "BLOCK", "0", "STREAMS", "s", "5-0")
    client("XADD", "s", "4-0", "a", "1")
    client("XADD", "s", "5-0", "a", "1")
    client("XADD", "s", "5-1", "a", "1")
    assert ids(reader.reply()) == {b"s": [b"5-1"]}


def test_a_wait_in_vain_ends_with_null(client):
    begun = time.monotonic()
    assert client("XREAD", "BLOCK", "30", "STREAMS", "s", "$") is None
    assert 0.025 < time.monotonic() - begun < 2


def test_the_last_entry_is_given_at_once_or_waited_for(server, client):
    reader = waiting(server, "XREAD", "BLOCK", "0", "STREAMS", "s", "+")
    client("XADD", "s", "1-0", "a", "1")
    assert ids(reader.reply()) == {b"s": [b"1-0"]}
    client("XADD", "s", "2-0", "a", "1")
    assert ids(client("XREAD", "BLOCK", "0", "STREAMS", "s", "+")) == {b"s": [b"2-0"]}


def test_each_message_goes_to_one_consumer_of_a_group(server, client):
    client("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
    readers = [waiting(server, "XREADGROUP", "GROUP", "g", f"c{i}", "BLOCK", "0", "STREAMS", "s", ">") for i in range(3)]
    for i, reader in enumerate(readers):
        client("XADD", "s", f"{i + 1}-0", "a", "1")
        assert ids(reader.reply()) == {b"s": [f"{i + 1}-0".encode()]}
    assert [entry[1] for entry in client("XPENDING", "s", "g", "-", "+", "9")] == [b"c0", b"c1", b"c2"]


def make_group(client, *keys):
    client("DEL", *keys)
    for key in keys:
        client("XGROUP", "CREATE", key, "g", "$", "MKSTREAM")


def test_readers_of_a_group_hear_that_it_is_gone(server, client):
    def reader():
        make_group(client, "s", "t")
        return waiting(server, "XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", "t", ">", ">")

    for command in (["XGROUP", "DESTROY", "t", "g"], ["DEL", "s"], ["FLUSHALL"], ["RENAME", "s", "u"]):
        other = reader()
        client(*command)
        assert other.reply().code == "NOGROUP", command
    other = reader()
    client("SET", "t", "v")
    assert other.reply().code == "WRONGTYPE"


def test_a_renamed_stream_serves_its_new_readers(server, client):
    make_group(client, "s", "t")
    reader = waiting(server, "XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "t", ">")
    client("XADD", "s", "7-0", "a", "1")
    client("RENAME", "s", "t")
    assert ids(reader.reply()) == {b"t": [b"7-0"]}


def test_a_message_that_is_given_back_wakes_who_claims(server, client):
    make_group(client, "s")
    client("XADD", "s", "1-0", "a", "1")
    client("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")
    reader = waiting(server, "XREADGROUP", "GROUP", "g", "d", "BLOCK", "0", "CLAIM", "100000", "STREAMS", "s", ">")
    client("XNACK", "s", "g", "FAIL", "IDS", "1", "1-0")
    assert ids(reader.reply()) == {b"s": [b"1-0"]}
    assert client("XPENDING", "s", "g", "-", "+", "9")[0][1] == b"d"
