"""The first things anybody does with a server."""

import pytest

from support.resp import Map, Status

pytestmark = pytest.mark.smoke


def test_answers_ping(client):
    assert client("PING") == Status("PONG")


def test_keeps_what_it_is_given(client):
    assert client("SET", "k", "v") == "OK"
    assert client("GET", "k") == b"v"
    assert client("DEL", "k") == 1
    assert client("GET", "k") is None


def test_hello_speaks_the_version_asked_for(server):
    client = server.client()
    assert isinstance(client("HELLO", "2"), list)
    hello = client("HELLO", "3")
    assert isinstance(hello, Map)
    assert hello.as_dict()[b"proto"] == 3
