"""Servers that several tests share, one for each combination of shards and backend."""

from support.resp import Error
from support.server import Server


class Pool:
    """The session's servers, started when first asked for."""

    def __init__(self):
        self.servers = {}

    def get(self, shards, backend):
        key = (shards, backend)
        server = self.servers.get(key)
        if server is not None and not server.is_alive():
            server.stop()
            server = None
        if server is None:
            server = Server(shards=shards, backend=backend, args={"enable-debug-command": "yes"}, unix=True)
            server.start()
            self.servers[key] = server
            with server.client() as client:
                server.defaults = config_of(client)
        return server

    def stop(self):
        for server in self.servers.values():
            server.stop()


def config_of(client):
    """All directives and their values."""
    pairs = client("CONFIG", "GET", "*")
    if isinstance(pairs, Error):
        return {}
    return dict(zip(pairs[::2], pairs[1::2]))


def make_clean(server):
    """An empty server with its first configuration."""
    with server.client() as client:
        client("CLIENT", "UNPAUSE")
        client("FLUSHALL")
        changed = {name: value for name, value in config_of(client).items() if server.defaults.get(name) != value}
        for name in changed:
            client("CONFIG", "SET", name, server.defaults[name])
