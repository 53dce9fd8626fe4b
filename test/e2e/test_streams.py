"""Streams where the Redis we compare with has no answer: commands and options newer than it, streams on several shards, and
what a restart brings back."""

import pytest

from support.resp import Closed, Error, Map

pytestmark = pytest.mark.smoke


def fill(client, key, count, group=None):
    for i in range(1, count + 1):
        client("XADD", key, f"{i}-0", "n", str(i))
    if group:
        client("XGROUP", "CREATE", key, group, "0")


def read(client, *args):
    """The streams of an answer to XREAD or XREADGROUP, whichever the protocol."""
    answer = client(*args)
    return [list(pair) for pair in answer] if isinstance(answer, Map) else answer


def fields(reply):
    """An answer of XINFO as a dictionary, whichever the protocol."""
    return reply.as_dict() if isinstance(reply, Map) else dict(zip(reply[::2], reply[1::2]))


def ids(entries):
    return [entry[0] for entry in entries]


def test_entries_are_deleted_under_conditions(client):
    fill(client, "s", 4, "g")
    client("XREADGROUP", "GROUP", "g", "c", "COUNT", "3", "STREAMS", "s", ">")
    assert client("XDELEX", "s", "ACKED", "IDS", "3", "1-0", "4-0", "9-0") == [2, 2, -1]
    assert client("XDELEX", "s", "IDS", "1", "1-0") == [1]
    assert client("XPENDING", "s", "g")[0] == 3
    assert client("XDELEX", "s", "DELREF", "IDS", "2", "1-0", "2-0") == [-1, 1]
    assert client("XPENDING", "s", "g")[0] == 1
    assert client("XACK", "s", "g", "3-0") == 1
    assert client("XDELEX", "s", "ACKED", "IDS", "1", "3-0") == [1]
    assert client("XDELEX", "none", "IDS", "1", "3-0") == [-1]
    assert client("XDELEX", "s", "IDS", "2", "3-0").code == "ERR"


def test_messages_are_acknowledged_and_deleted_at_once(client):
    fill(client, "s", 3, "g")
    client("XGROUP", "CREATE", "s", "h", "0")
    client("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")
    client("XREADGROUP", "GROUP", "h", "c", "STREAMS", "s", ">")
    assert client("XACKDEL", "s", "g", "ACKED", "IDS", "2", "1-0", "9-0") == [2, -1]
    assert client("XACKDEL", "s", "h", "ACKED", "IDS", "1", "1-0") == [1]
    assert client("XACKDEL", "s", "g", "IDS", "1", "2-0") == [1]
    assert client("XPENDING", "s", "h")[0] == 2
    assert client("XLEN", "s") == 1


def test_trimming_leaves_what_groups_need(client):
    fill(client, "s", 5, "g")
    client("XREADGROUP", "GROUP", "g", "c", "COUNT", "3", "STREAMS", "s", ">")
    client("XACK", "s", "g", "1-0", "3-0")
    assert client("XTRIM", "s", "MAXLEN", "0", "ACKED") == 2
    assert ids(client("XRANGE", "s", "-", "+")) == [b"2-0", b"4-0", b"5-0"]
    assert client("XADD", "s", "DELREF", "MAXLEN", "2", "6-0", "n", "6") == b"6-0"
    assert client("XPENDING", "s", "g")[0] == 0


def test_messages_are_given_back(client):
    fill(client, "s", 3, "g")
    client("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")
    assert client("XNACK", "s", "g", "FAIL", "IDS", "2", "2-0", "1-0") == 2
    assert client("XNACK", "s", "g", "SILENT", "IDS", "1", "9-0") == 0
    owners = [(entry[0], entry[1]) for entry in client("XPENDING", "s", "g", "-", "+", "10")]
    assert owners == [(b"1-0", b""), (b"2-0", b""), (b"3-0", b"c")]
    [[_, entries]] = read(client, "XREADGROUP", "GROUP", "g", "d", "COUNT", "1", "CLAIM", "60000", "STREAMS", "s", ">")
    assert entries[0][0] == b"2-0" and entries[0][3] == 1
    assert client("XNACK", "s", "g", "FATAL", "IDS", "1", "3-0") == 1
    assert client("XPENDING", "s", "g", "3-0", "3-0", "1")[0][3] == (1 << 63) - 1
    assert client("XNACK", "s", "g", "WHAT", "IDS", "1", "3-0").code == "ERR"
    assert client("XNACK", "s", "none", "FAIL", "IDS", "1", "3-0").code == "NOGROUP"


def test_reading_can_claim_what_is_due(client):
    fill(client, "s", 2, "g")
    client("XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", "s", ">")
    [[_, entries]] = read(client, "XREADGROUP", "GROUP", "g", "d", "CLAIM", "0", "STREAMS", "s", ">")
    assert ids(entries) == [b"1-0", b"2-0"]
    assert entries[0][3] == 1 and entries[1][2:] == [0, 0]
    assert read(client, "XREADGROUP", "GROUP", "g", "d", "CLAIM", "60000", "STREAMS", "s", ">") is None


def test_consumers_tell_when_they_last_got_something(client):
    fill(client, "s", 1, "g")
    client("XGROUP", "CREATECONSUMER", "s", "g", "c")
    [consumer] = client("XINFO", "CONSUMERS", "s", "g")
    assert fields(consumer)[b"inactive"] == -1
    client("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")
    [consumer] = client("XINFO", "CONSUMERS", "s", "g")
    assert fields(consumer)[b"inactive"] >= 0


def test_streams_of_several_shards_are_read_at_once(client):
    keys = [f"s{i}" for i in range(20)]
    for key in keys:
        fill(client, key, 2, "g")
    answer = read(client, "XREAD", "COUNT", "1", "STREAMS", *keys, *["1-0"] * 20)
    assert [stream[0].decode() for stream in answer] == keys
    assert all(ids(stream[1]) == [b"2-0"] for stream in answer)
    answer = read(client, "XREADGROUP", "GROUP", "g", "c", "STREAMS", *keys, *[">"] * 20)
    assert [len(stream[1]) for stream in answer] == [2] * 20
    assert [client("XPENDING", key, "g")[0] for key in keys] == [2] * 20
    assert read(client, "XREADGROUP", "GROUP", "g", "c", "STREAMS", *keys, *[">"] * 20) is None
    assert isinstance(read(client, "XREADGROUP", "GROUP", "g", "c", "STREAMS", "s1", "none", ">", ">"), Error)


def test_a_message_that_is_sent_twice_is_added_once(client):
    first = client("XADD", "s", "IDMP", "producer", "order-1", "*", "n", "1")
    assert client("XADD", "s", "IDMP", "producer", "order-1", "*", "n", "1") == first
    assert client("XADD", "s", "IDMP", "other", "order-1", "*", "n", "1") != first
    second = client("XADD", "s", "IDMPAUTO", "producer", "*", "n", "2")
    assert client("XADD", "s", "IDMPAUTO", "producer", "*", "n", "2") == second
    assert client("XLEN", "s") == 3
    assert client("XIDMPRECORD", "s", "producer", "order-1", first) == "OK"
    info = fields(client("XINFO", "STREAM", "s"))
    assert [info[name] for name in (b"pids-tracked", b"iids-tracked", b"iids-duplicates")] == [2, 3, 2]
    assert client("XCFGSET", "s", "IDMP-DURATION", "10", "IDMP-MAXSIZE", "5") == "OK"
    assert client("XADD", "s", "IDMP", "producer", "order-1", "*", "n", "1") != first


def everything(client, key):
    """What the stream is, without the times at which consumers were seen."""

    def plain(reply):
        if isinstance(reply, list):
            return [plain(item) if i == 0 or reply[i - 1] not in (b"seen-time", b"active-time") else None
                    for i, item in enumerate(reply)]
        return reply

    return plain(client("XINFO", "STREAM", key, "FULL", "COUNT", "0"))


@pytest.mark.parametrize("shards", (1, 3))
def test_a_restart_brings_back_groups_and_pending_messages(new_server, shards):
    server = new_server(shards=shards, args={"appendonly": "yes"})
    with server.client() as client:
        fill(client, "s", 300, "g")
        client("XGROUP", "CREATE", "s", "h", "$", "ENTRIESREAD", "300")
        message = client("XADD", "s", "IDMP", "p", "1", "*", "n", "301")
        client("XREADGROUP", "GROUP", "g", "c", "COUNT", "250", "STREAMS", "s", ">")
        client("XREADGROUP", "GROUP", "g", "d", "COUNT", "10", "NOACK", "STREAMS", "s", ">")
        client("XREADGROUP", "GROUP", "g", "c", "COUNT", "5", "STREAMS", "s", "0")
        client("XCLAIM", "s", "g", "e", "0", "7-0", "8-0")
        client("XNACK", "s", "g", "FAIL", "IDS", "1", "9-0")
        client("XACK", "s", "g", "10-0", "11-0")
        client("XDEL", "s", "12-0", "300-0")
        client("XTRIM", "s", "MAXLEN", "~", "150")
        client("XAUTOCLAIM", "s", "g", "e", "0", "-", "COUNT", "3")
        client("RENAME", "s", "t")
        before = everything(client, "t")
        with pytest.raises((Closed, ConnectionError)):
            client("SHUTDOWN")
    assert server.wait_for_exit() == 0
    server.start()
    with server.client() as client:
        after = everything(client, "t")
        assert after[:after.index(b"iids-added")] == before[:before.index(b"iids-added")]
        assert after[after.index(b"entries"):] == before[before.index(b"entries"):]
        assert client("XADD", "t", "IDMP", "p", "1", "*", "n", "301") == message
