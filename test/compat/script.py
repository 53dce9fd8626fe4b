"""Scripts of commands, and the comparison of two servers' replies to them.

A script is a text file of sections, each beginning with `== title` on an empty server. A line is a command as redis-cli
would take it. A word with a tilde before the command says how its replies are compared; the rule is byte for byte:

    ~unordered   arrays, sets and maps as collections without order
    ~float       texts that read as the same double: Redis 7.0 prints 17 digits, Basalt the fewest that will do
    ~near:N      integers (also inside arrays) may differ by N, where time passes
    ~type        only the kind of reply, where the value is chance or the server's own
    ~shape       nested kinds and lengths
    ~code        errors: only the first word
    ~scan        a SCAN is followed to its end; the keys found are compared as a set

Lines with an at-sign steer:

    @on NAME         the next lines go over the connection NAME, opened when first used (the first one is `main`)
    @sleep MS        lets time pass
    @raw "bytes"     writes bytes as they are; all that comes back within a moment is compared, and whether the
                     server closed the connection
    @only resp2|resp3   the section is run with that protocol only
    @cleanup COMMAND    runs at the end of the section, whatever happened; its reply is not compared
"""

import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from support.resp import Client, Closed, Error, Map, SetReply, Status, encode, show, split_line

SILENCE_SECONDS = 0.08


@dataclass
class Line:
    number: int
    text: str
    args: list
    how: str = "exact"


@dataclass
class Section:
    path: str
    title: str
    lines: list = field(default_factory=list)
    cleanup: list = field(default_factory=list)
    resps: tuple = (2, 3)

    @property
    def name(self):
        return f"{Path(self.path).stem}:{re.sub(r'[^a-zA-Z0-9]+', '_', self.title).strip('_')}"


def read_script(path):
    """The sections of a file."""
    sections = []
    for number, text in enumerate(Path(path).read_text().splitlines(), 1):
        text = text.strip()
        if not text or text.startswith("# ") or text == "#":
            continue
        if text.startswith("== "):
            sections.append(Section(str(path), text[3:]))
        elif text.startswith("@only "):
            sections[-1].resps = (int(text[-1]),)
        elif text.startswith("@cleanup "):
            sections[-1].cleanup.append(split_line(text[9:]))
        else:
            how = "exact"
            command = text
            if text.startswith("~"):
                word, command = text.split(" ", 1)
                how = word[1:]
            try:
                args = split_line(command)
            except ValueError as error:
                raise ValueError(f"{path}:{number}: {error}") from error
            sections[-1].lines.append(Line(number, text, args, how))
    return sections


@dataclass
class Answer:
    """What came back: the bytes, their meaning, and whether the connection was closed."""

    raw: bytes
    replies: list
    closed: bool = False


def drain(client, wanted=None):
    """Reads until the server is silent, closes, or `wanted` bytes have come."""
    closed = False
    deadline = time.monotonic() + (2.0 if wanted is not None else 30.0)
    while time.monotonic() < deadline:
        if wanted is not None and len(client.buffer) >= wanted.size and not wanted.closed:
            client.is_silent(0.01)
            break
        before = len(client.buffer)
        closed = not read_more(client, 1.0 if wanted is not None else SILENCE_SECONDS)
        if closed or (wanted is None and len(client.buffer) == before):
            break
    raw = bytes(client.buffer)
    client.buffer.clear()
    return Answer(raw, [], closed)


def read_more(client, seconds):
    """Adds what arrives to the buffer; False at the end of the stream."""
    client.sock.settimeout(seconds)
    try:
        more = client.sock.recv(1 << 16)
    except TimeoutError:
        return True
    except ConnectionError:
        return False
    client.buffer += more
    return bool(more)


def follow_scan(client, args):
    """All keys that a SCAN finds until its cursor is 0 again, each once, as bytes to compare."""
    found = set()
    for _ in range(10000):
        reply = client(*args)
        if not isinstance(reply, list):
            break
        found.update(reply[1])
        if reply[0] == b"0":
            return Answer(repr(sorted(found)).encode(), [])
        args = [args[0], reply[0], *args[2:]]
    return Answer(client.raw, [])


@dataclass
class Wanted:
    size: int
    closed: bool


class Player:
    """Plays a section on one server."""

    def __init__(self, server, resp):
        self.server = server
        self.resp = resp
        self.clients = {}
        self.current = "main"

    def client(self):
        if self.current not in self.clients:
            self.clients[self.current] = Client(self.server.port, resp=self.resp, timeout=8.0)
        return self.clients[self.current]

    def step(self, line, expected=None):
        """Runs one line; None where nothing is compared."""
        word = line.args[0]
        if word == b"@on":
            self.current = line.args[1].decode()
            return None
        if word == b"@sleep":
            time.sleep(float(line.args[1]) / 1000)
            return None
        client = self.client()
        if word == b"@raw":
            client.send_raw(line.args[1])
            return drain(client, Wanted(len(expected.raw), expected.closed) if expected else None)
        try:
            if line.how == "scan":
                return follow_scan(client, line.args)
            client.sock.sendall(encode(*line.args))
            reply = client.read()
            return Answer(client.raw, [reply])
        except (Closed, ConnectionError):
            return Answer(bytes(client.buffer), [], True)
        except TimeoutError:
            return Answer(b"(no reply)", [], False)

    def close(self, section):
        for client in self.clients.values():
            client.close()
        with Client(self.server.port) as client:
            for command in section.cleanup:
                client(*command)


def play(server, section, resp, expected=None):
    """The answers of a server to a section."""
    with Client(server.port) as client:
        client("FLUSHALL")
    player = Player(server, resp)
    answers = []
    try:
        for i, line in enumerate(section.lines):
            answers.append(player.step(line, expected[i] if expected else None))
    finally:
        player.close(section)
    return answers


def kind(reply):
    if isinstance(reply, bool):
        return "bool"
    for cls in (Status, Error, Map, SetReply):
        if isinstance(reply, cls):
            return cls.__name__
    return type(reply).__name__


def shape(reply):
    if isinstance(reply, (list, tuple)):
        return [kind(reply)] + [shape(item) for item in reply]
    return kind(reply)


def near(a, b, limit):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(near(x, y, limit) for x, y in zip(a, b))
    if isinstance(a, bytes) and isinstance(b, bytes) and a.isdigit() and b.isdigit():
        return abs(int(a) - int(b)) <= limit
    if isinstance(a, int) and isinstance(b, int):
        return abs(a - b) <= limit
    return a == b


def same_floats(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same_floats(x, y) for x, y in zip(a, b))
    if kind(a) != kind(b):
        return False
    try:
        return a == b or (isinstance(a, bytes) and float(a) == float(b))
    except ValueError:
        return False


def unordered(reply):
    if isinstance(reply, (list, tuple)):
        return [kind(reply)] + sorted((unordered(item) for item in reply), key=repr)
    return reply


def same(how, ours, theirs):
    """Are two answers the same, as far as `how` asks?"""
    if ours.closed != theirs.closed:
        return False
    if how == "exact" or not (ours.replies and theirs.replies):
        return ours.raw == theirs.raw
    a, b = ours.replies[0], theirs.replies[0]
    if how == "unordered":
        return unordered(a) == unordered(b)
    if how == "float":
        return same_floats(a, b)
    if how.startswith("near:"):
        return kind(a) == kind(b) and near(a, b, int(how[5:]))
    if how == "type":
        return kind(a) == kind(b)
    if how == "shape":
        return shape(a) == shape(b)
    if how == "code":
        return isinstance(a, Error) and isinstance(b, Error) and a.code == b.code
    raise ValueError(f"no such comparison: {how}")


def differences(section, ours, theirs):
    """Lines of text, one for each answer that differs."""
    found = []
    for line, a, b in zip(section.lines, ours, theirs):
        if a is not None and not same(line.how, a, b):
            found.append(f"{Path(section.path).name}:{line.number}: {line.text}\n"
                         f"    Redis : {show(b.raw)[:600]}{' (closed)' if b.closed else ''}\n"
                         f"    Basalt: {show(a.raw)[:600]}{' (closed)' if a.closed else ''}")
    return found


