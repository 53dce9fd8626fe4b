"""As much of a client as the scripts need: one command, one simple reply."""

import socket


class Client:
    """A connection to 127.0.0.1:port. Replies: str, int, None, list, or an Error."""

    class Error(Exception):
        """An error reply."""

    def __init__(self, port, timeout=10.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, *words):
        parts = [f"*{len(words)}\r\n".encode()]
        for word in words:
            data = str(word).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
        self.socket.sendall(b"".join(parts))
        return self._reply()

    def _reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("connection closed")
        kind, text = line[:1], line[1:-2].decode("utf-8", "replace")
        if kind == b"-":
            raise Client.Error(text)
        if kind == b":":
            return int(text)
        if kind == b"$":
            if int(text) < 0:
                return None
            data = self.file.read(int(text) + 2)
            return data[:-2].decode("utf-8", "replace")
        if kind in (b"*", b"~"):
            return [self._reply() for _ in range(int(text))]
        return text


def info(client, section):
    """An INFO section as a dict of strings."""
    lines = (client.call("INFO", section) or "").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)
