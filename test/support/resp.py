"""A small RESP client of our own, made for tests: it shows the exact bytes of each reply beside its meaning.

Types. A status is a `Status`, an error an `Error` (a value, never raised), a bulk string `bytes`, a null `None`,
an array `list`. RESP3 adds `float`, `bool`, `Map` (a list of pairs, in order), `SetReply`, `Push`, `Verbatim` and `BigNumber`.
All of them compare by value.
"""

import shlex
import socket
import time


class Status(str):
    """A simple string such as +OK."""


class Error(str):
    """An error reply, without its leading minus sign."""

    @property
    def code(self):
        return self.split(" ", 1)[0]


class Map(list):
    """A RESP3 map: pairs in the order they came."""

    def as_dict(self):
        return dict(self)


class SetReply(list):
    """A RESP3 set."""


class Push(list):
    """A RESP3 push message."""


class Verbatim(bytes):
    """A RESP3 verbatim string, its three letter format left off."""


class BigNumber(int):
    """A RESP3 big number."""


class Incomplete(Exception):
    """The buffer ends before the reply does."""


class ProtocolError(Exception):
    """The bytes are no reply."""


class Closed(Exception):
    """The server has closed the connection."""


def _line(buffer, at):
    end = buffer.find(b"\r\n", at)
    if end < 0:
        raise Incomplete
    return bytes(buffer[at:end]), end + 2


def _sized(buffer, at, size):
    end = at + size
    if len(buffer) < end + 2:
        raise Incomplete
    if buffer[end:end + 2] != b"\r\n":
        raise ProtocolError(f"no line end after a string: {bytes(buffer[at:end + 2])!r}")
    return bytes(buffer[at:end]), end + 2


def _items(buffer, at, count):
    items = []
    for _ in range(count):
        item, at = parse(buffer, at)
        items.append(item)
    return items, at


def _pairs(buffer, at, count):
    items, at = _items(buffer, at, 2 * count)
    return Map(zip(items[::2], items[1::2])), at


def parse(buffer, at=0):
    """Returns (reply, position behind it); raises Incomplete or ProtocolError."""
    if len(buffer) <= at:
        raise Incomplete
    kind = buffer[at:at + 1]
    line, at = _line(buffer, at + 1)
    if kind == b"+":
        return Status(line.decode("latin-1")), at
    if kind == b"-":
        return Error(line.decode("latin-1")), at
    if kind == b":":
        return int(line), at
    if kind in (b"$", b"*") and line == b"-1":
        return None, at
    if kind == b"$":
        return _sized(buffer, at, int(line))
    if kind == b"*":
        return _items(buffer, at, int(line))
    return _parse_resp3(kind, line, buffer, at)


def _parse_resp3(kind, line, buffer, at):
    if kind == b"_":
        return None, at
    if kind == b",":
        return float(line), at
    if kind == b"#":
        return line == b"t", at
    if kind == b"(":
        return BigNumber(line), at
    if kind == b"=":
        text, at = _sized(buffer, at, int(line))
        return Verbatim(text[4:]), at
    if kind == b"!":
        text, at = _sized(buffer, at, int(line))
        return Error(text.decode("latin-1")), at
    if kind == b"%":
        return _pairs(buffer, at, int(line))
    if kind == b"|":
        _, at = _pairs(buffer, at, int(line))
        return parse(buffer, at)
    if kind == b"~":
        items, at = _items(buffer, at, int(line))
        return SetReply(items), at
    if kind == b">":
        items, at = _items(buffer, at, int(line))
        return Push(items), at
    raise ProtocolError(f"a reply cannot begin with {kind!r}")


def encode(*args):
    """One command as RESP; text is sent as UTF-8, numbers as they print."""
    out = [b"*%d\r\n" % len(args)]
    for arg in args:
        if not isinstance(arg, (bytes, bytearray)):
            arg = str(arg).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(arg), arg))
    return b"".join(out)


_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "b": b"\b", "a": b"\a"}


def split_line(text):
    """Splits a line into arguments as redis-cli does: "..." with \\n, \\xHH; '...' with \\' only."""
    args = []
    i = 0
    while True:
        while i < len(text) and text[i].isspace():
            i += 1
        if i == len(text):
            return args
        arg, i = _argument(text, i)
        args.append(arg)


def _argument(text, i):
    out = bytearray()
    quote = None
    while True:
        if i == len(text):
            if quote:
                raise ValueError(f"no closing quote: {text}")
            return bytes(out), i
        char = text[i]
        if quote is None and char.isspace():
            return bytes(out), i
        if quote is None and char in "\"'":
            quote = char
        elif quote and char == quote:
            quote = None
        elif quote == '"' and text[i:i + 2] == "\\x":
            out.append(int(text[i + 2:i + 4], 16))
            i += 3
        elif quote == '"' and char == "\\":
            i += 1
            out += _ESCAPES.get(text[i], text[i].encode("utf-8"))
        elif quote == "'" and text[i:i + 2] == "\\'":
            out += b"'"
            i += 1
        else:
            out += char.encode("utf-8")
        i += 1


class Client:
    """One connection. Calls time out rather than hang a test."""

    def __init__(self, port=None, path=None, host="127.0.0.1", resp=2, timeout=10.0):
        if path:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(path)
        else:
            self.sock = socket.create_connection((host, port), timeout=timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout = timeout
        self.buffer = bytearray()
        self.pushes = []
        self.raw = b""
        self.resp = 2
        if resp == 3:
            hello = self("HELLO", "3")
            assert isinstance(hello, Map), hello
            self.resp = 3

    def send(self, *args):
        """Sends one command and does not read."""
        self.sock.sendall(encode(*args))

    def send_raw(self, data):
        self.sock.sendall(data)

    def read(self, timeout=None):
        """The next reply, pushes included; `raw` then holds its bytes."""
        self.sock.settimeout(self.timeout if timeout is None else timeout)
        while True:
            try:
                reply, end = parse(self.buffer)
            except Incomplete:
                pass
            else:
                self.raw = bytes(self.buffer[:end])
                del self.buffer[:end]
                return reply
            try:
                more = self.sock.recv(1 << 16)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed(f"closed with {bytes(self.buffer)!r} unread")
            self.buffer += more

    def reply(self, timeout=None):
        """The next reply that is no push; pushes on the way are kept in `pushes`."""
        while True:
            reply = self.read(timeout)
            if not isinstance(reply, Push):
                return reply
            self.pushes.append(reply)

    def __call__(self, *args):
        self.send(*args)
        return self.reply()

    def do(self, line):
        """Runs a command written as in redis-cli."""
        return self(*split_line(line))

    def call_raw(self, *args):
        """Runs a command and returns (reply, its exact bytes)."""
        reply = self(*args)
        return reply, self.raw

    def pipeline(self, *commands):
        """Sends several commands (tuples or lines) in one write; returns their replies."""
        commands = [split_line(c) if isinstance(c, str) else c for c in commands]
        self.sock.sendall(b"".join(encode(*c) for c in commands))
        return [self.reply() for _ in commands]

    def is_closed(self, timeout=5.0):
        """Waits for the server to close; False if it does not in time. What it still sends is read away."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self.sock.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                more = self.sock.recv(1 << 16)
            except (TimeoutError, socket.timeout):
                return False
            except ConnectionError:
                return True
            if not more:
                return True
            self.buffer += more
        return False

    def is_silent(self, seconds=0.05):
        """True when nothing arrives for so long."""
        if self.buffer:
            return False
        self.sock.settimeout(seconds)
        try:
            more = self.sock.recv(1 << 16)
        except (TimeoutError, socket.timeout):
            return True
        self.buffer += more
        return False

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def show(raw):
    """Bytes as a person reads them."""
    return raw.decode("latin-1").replace("\r\n", "\\r\\n ").strip()


def info_dict(text):
    """The fields of INFO's text."""
    lines = bytes(text).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))


def quote(args):
    """A command as one line, for messages."""
    return " ".join(shlex.quote(a.decode("latin-1") if isinstance(a, bytes) else str(a)) for a in args)
