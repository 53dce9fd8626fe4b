"""A story: commands whose effects are known exactly, told to a server by several connections, and the question how much
of it a server still knows after a crash.

`World` is a model of the few commands that the stories use. `Teller` sends commands, either one connection after another,
so that the order of all commands is known, or in threads that each have keys of their own, so that each one's order is.
"""

import itertools
import random
import threading
import time

from support.resp import Client, Closed, encode, parse

KEYS = 40


class World(dict):
    """The contents of a database, as far as SET, MSET, MSETNX, DEL, INCR, APPEND, RENAME and COPY can change them."""

    def apply(self, command):
        """Runs one command; returns the keys that it may have changed."""
        name, *words = command
        method = self.delete if name == "DEL" else getattr(self, name.lower())
        return method(*words)

    def set(self, key, value):
        self[key] = value
        return (key,)

    def mset(self, *words):
        for key, value in zip(words[::2], words[1::2]):
            self[key] = value
        return words[::2]

    def msetnx(self, *words):
        if any(key in self for key in words[::2]):
            return ()
        return self.mset(*words)

    def delete(self, *keys):
        for key in keys:
            self.pop(key, None)
        return keys

    def incr(self, key):
        self[key] = str(int(self.get(key, "0")) + 1)
        return (key,)

    def append(self, key, text):
        self[key] = self.get(key, "") + text
        return (key,)

    def rename(self, source, target):
        if source not in self:
            return ()
        value = self.pop(source)
        self[target] = value
        return (source, target)

    def copy(self, source, target, _replace):
        if source not in self:
            return ()
        self[target] = self[source]
        return (target,)

    def flushall(self):
        keys = tuple(self)
        self.clear()
        return keys


def random_command(chance, prefix, number):
    """A command on keys that begin with prefix; `number` makes its values unique."""

    def key():
        return f"{prefix}{chance.randrange(KEYS)}"

    what = chance.random()
    if what < 0.40:
        return ("SET", key(), f"v{number}")
    if what < 0.62:
        count = chance.randint(2, 5)
        return ("MSET", *[word for i in range(count) for word in (key(), f"m{number}.{i}")])
    if what < 0.70:
        return ("DEL", key(), key())
    if what < 0.80:
        return ("INCR", f"{prefix}counter{chance.randrange(4)}")
    if what < 0.86:
        return ("APPEND", f"{prefix}text{chance.randrange(4)}", f"<{number}>")
    if what < 0.93:
        return ("RENAME", key(), key())
    if what < 0.97:
        return ("COPY", key(), key(), "REPLACE")
    return ("MSETNX", key(), f"n{number}", key(), f"n{number}")


def contents(client):
    """All keys and values of a server, as text."""
    keys = client("KEYS", "*")
    if not keys:
        return {}
    values = client("MGET", *keys)
    return {key.decode(): value.decode() for key, value in zip(keys, values) if value is not None}


def prefix_length(begin, commands, found):
    """How many of the commands, run on the world `begin`, give just what was found; the longest such, or None."""
    world = World(begin)
    wrong = {key for key in set(world) | set(found) if world.get(key) != found.get(key)}
    best = 0 if not wrong else None
    for n, command in enumerate(commands, 1):
        for key in world.apply(command):
            if world.get(key) == found.get(key):
                wrong.discard(key)
            else:
                wrong.add(key)
        if not wrong:
            best = n
    return best


def survivors(begin, commands, acked, found):
    """Which of the commands from number `acked` on must have survived beside all before it, so that just `found` is there;
    a list of their numbers, or None. Commands that were on their way on different shards may be lost one without the other."""
    world = World(begin)
    for command in commands[:acked]:
        world.apply(command)
    rest = range(acked, len(commands))
    for kept in itertools.product((True, False), repeat=len(rest)):
        after = World(world)
        for number, is_kept in zip(rest, kept):
            if is_kept:
                after.apply(commands[number])
        if after == found:
            return [number for number, is_kept in zip(rest, kept) if is_kept]
    return None


class Voice(threading.Thread):
    """One connection with keys of its own, sending pipelines until the server is gone."""

    def __init__(self, port, prefix, seed, begin):
        super().__init__(daemon=True)
        self.client = Client(port, timeout=20)
        self.prefix = prefix
        self.chance = random.Random(seed)
        self.begin = World(begin)
        self.sent = []
        self.acked = 0
        self.ack_times = []
        self.failure = None

    def run(self):
        number = 0
        try:
            while True:
                batch = []
                for _ in range(self.chance.randint(1, 8)):
                    number += 1
                    batch.append(random_command(self.chance, self.prefix, number))
                self.sent += batch
                self.client.sock.sendall(b"".join(encode(*command) for command in batch))
                for _ in batch:
                    self.client.reply()
                    self.acked += 1
                    self.ack_times.append(time.monotonic())
        except (Closed, OSError):
            self.count_leftover()
        except Exception as error:  # noqa: BLE001 - reported by the test
            self.failure = repr(error)

    def count_leftover(self):
        """Replies that had arrived before the end count as acknowledged."""
        at = 0
        while True:
            try:
                _, at = parse(self.client.buffer, at)
            except Exception:  # noqa: BLE001 - the rest is no whole reply
                return
            self.acked += 1


class Watcher(threading.Thread):
    """Reads counters while they are written, and remembers the largest value that it was shown."""

    def __init__(self, port, keys):
        super().__init__(daemon=True)
        self.client = Client(port, timeout=20)
        self.keys = keys
        self.seen = {key: 0 for key in keys}

    def run(self):
        try:
            while True:
                values = self.client("MGET", *self.keys)
                for key, value in zip(self.keys, values):
                    self.seen[key] = max(self.seen[key], int(value or 0))
        except (Closed, OSError):
            pass
