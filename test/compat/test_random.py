"""Random commands to Basalt and to stock Redis. A difference is cut down to the few commands that show it."""

import pytest

from random_commands import Generator
from random_types import TypesGenerator
from script import Answer, same
from support.pool import make_clean
from support.resp import Client, encode, quote, show
from support.server import redis_server

COMMANDS = 12000
CHUNK = 40
SHRINK_RUNS_MAX = 300


def chunks(commands):
    """Pipelines of up to CHUNK commands. DEBUG DIGEST asks all shards without an order, so it is sent alone."""
    chunk = []
    for command in commands:
        is_alone = command[1] == [b"DEBUG", b"DIGEST"]
        if chunk and (is_alone or len(chunk) == CHUNK):
            yield chunk
            chunk = []
        chunk.append(command)
        if is_alone:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def play(server, commands, resp):
    """The answers of an empty server to the commands, sent in pipelines."""
    answers = []
    with Client(server.port, resp=resp) as client:
        client("FLUSHALL")
        for chunk in chunks(commands):
            client.sock.sendall(b"".join(encode(*command) for _, command in chunk))
            for _ in chunk:
                reply = client.read()
                answers.append(Answer(client.raw, [reply]))
    return answers


def first_difference(ours, theirs, commands, resp):
    """(index, our answer, their answer) of the first command answered differently, or None."""
    for i, (a, b) in enumerate(zip(play(ours, commands, resp), play(theirs, commands, resp))):
        if not same(commands[i][0], a, b):
            return i, a, b
    return None


def shrink(ours, theirs, commands, resp):
    """Leaves out what is not needed for the last command's answers to differ."""
    runs = 0
    size = len(commands) // 2
    while size > 0:
        begin = 0
        while begin < len(commands) - 1 and runs < SHRINK_RUNS_MAX:
            shorter = commands[:begin] + commands[min(begin + size, len(commands) - 1):]
            runs += 1
            found = first_difference(ours, theirs, shorter, resp)
            if found:
                commands = shorter[:found[0] + 1]
            else:
                begin += size
        size //= 2
    return commands


@pytest.fixture(params=[(1, "io_uring"), (3, "epoll"), (8, "io_uring")], ids=lambda p: f"{p[0]}-{p[1]}")
def random_server(request, pool):
    server = pool.get(*request.param)
    make_clean(server)
    yield server
    server.close_clients()
    server.check()


@pytest.fixture(scope="session")
def debug_oracle():
    """A stock Redis that allows DEBUG."""
    with redis_server(args={"enable-debug-command": "yes"}) as server:
        yield server


def compare(server, oracle, commands, resp, title):
    found = first_difference(server, oracle, commands, resp)
    if found is None:
        return
    _, ours, theirs = found
    commands = shrink(server, oracle, commands[:found[0] + 1], resp)
    story = "\n".join("  " + quote(command) for _, command in commands)
    pytest.fail(f"{title}: after\n{story}\nRedis says  {show(theirs.raw)[:500]}\n"
                f"Basalt says {show(ours.raw)[:500]}", pytrace=False)


@pytest.mark.parametrize("round_number", range(3))
def test_random_commands_are_answered_like_redis(random_server, redis_oracle, seed, resp, long, round_number):
    generator = Generator(seed + round_number)
    commands = [next(generator) for _ in range(int(COMMANDS * long))]
    compare(random_server, redis_oracle, commands, resp, f"seed {seed}, round {round_number}")


@pytest.mark.parametrize("round_number", range(3))
def test_random_commands_on_all_types_are_answered_like_redis(random_server, debug_oracle, seed, resp, long,
                                                              round_number):
    with Client(random_server.port) as client:
        known = {name.decode() for name in client("COMMAND", "LIST")}
    generator = TypesGenerator(seed + round_number, known)
    commands = [next(generator) for _ in range(int(COMMANDS * long))]
    compare(random_server, debug_oracle, commands, resp, f"seed {seed}, round {round_number}")
