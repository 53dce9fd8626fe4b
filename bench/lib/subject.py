"""Servers under test: how each is started, and the running process.

A subject is a name and a way to make a command line. Known ones are `ceiling`, `redis` and `basalt`; others are given
as NAME=COMMAND with {port}, {dir}, {shards} and {cpus} replaced, as in
    'valkey=valkey-server --port {port} --dir {dir} --save "" --appendonly no'
Each runs in an empty directory of its own, pinned to the given processors."""

import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from lib import host
from lib.resp import Client, info

PERSISTENCE = {
    "none": ["--appendonly", "no"],
    "everysec": ["--appendonly", "yes", "--appendfsync", "everysec"],
    "always": ["--appendonly", "yes", "--appendfsync", "always"],
}


def build_dir():
    return pathlib.Path(os.environ.get("BENCH_BUILD", host.ROOT / "build" / "release"))


def program(name):
    return str(build_dir() / name)


def ceiling_argv(port, _directory, _shards, cpus, _persistence, value_bytes):
    return [program("basalt-ceiling"), "--port", str(port), "--cpu", str(cpus[0]), "--value-bytes", str(value_bytes)]


def redis_argv(port, directory, _shards, _cpus, persistence, _value_bytes):
    return [
        shutil.which("redis-server") or "redis-server",
        "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", "", "--daemonize", "no",
        *PERSISTENCE[persistence],
    ]  # fmt: skip


def basalt_argv(port, directory, shards, cpus, persistence, _value_bytes):
    return [
        program("basalt-server"),
        "--port", str(port), "--shards", str(shards), "--cpu-list", ",".join(map(str, cpus)), "--save", "",
        *PERSISTENCE[persistence], "--dir", str(directory),
    ]  # fmt: skip


def custom_argv(template):
    def make(port, directory, shards, cpus, _persistence, _value_bytes):
        words = {"port": port, "dir": directory, "shards": shards, "cpus": ",".join(map(str, cpus))}
        return [word.format(**words) for word in shlex.split(template)]

    return make


KNOWN = {"ceiling": ceiling_argv, "redis": redis_argv, "basalt": basalt_argv}
DATALESS = {"ceiling"}


def parse(texts):
    """Subjects of a command line, as a dict from name to argv maker. Known ones that are not installed are left out."""
    subjects = {}
    for text in texts:
        name, equals, template = text.partition("=")
        make = custom_argv(template) if equals else KNOWN.get(name)
        if make is None:
            raise SystemExit(f"unknown subject {name}; known: {', '.join(KNOWN)}, or NAME=COMMAND")
        first = make(1, "/", 1, [0], "none", 1)[0]
        if not equals and not pathlib.Path(first).exists():
            print(f"# {name} is left out: there is no {first}")
            continue
        subjects[name] = make
    return subjects


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def is_loading(client):
    """Whether INFO says so. A server without INFO has nothing to say about it."""
    try:
        return info(client, "persistence").get("loading", "0") != "0"
    except Client.Error:
        return False


class Server:
    """A running subject. Its directory is deleted when it stops, unless it was passed in."""

    def __init__(self, name, make, *, cpus, shards=1, persistence="none", value_bytes=32, directory=None, options=()):
        self.name = name
        self.port = free_port()
        self.cpus = cpus
        self.own_directory = None
        if directory is None:
            self.own_directory = tempfile.mkdtemp(prefix=f"bench-{name}-")
            directory = self.own_directory
        self.directory = pathlib.Path(directory)
        argv = make(self.port, directory, shards, cpus, persistence, value_bytes) + list(options)
        self.log_path = self.directory / "bench.log"
        with self.log_path.open("ab") as log:
            pinned = ["taskset", "-c", ",".join(map(str, cpus)), *argv]
            self.started = time.monotonic()
            self.process = subprocess.Popen(pinned, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.pid = self.process.pid

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def wait_ready(self, timeout=120.0):
        """Seconds from start to the first PONG of a loaded server."""
        deadline = self.started + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended with {self.process.returncode}:\n{self.log()[-2000:]}")
            try:
                with Client(self.port, timeout) as client:
                    if client.call("PING") == "PONG" and not is_loading(client):
                        return time.monotonic() - self.started
            except (OSError, Client.Error):
                pass
            time.sleep(0.002)
        raise SystemExit(f"{self.name} was not ready after {timeout:.0f} s:\n{self.log()[-2000:]}")

    def call(self, *words):
        with Client(self.port) as client:
            return client.call(*words)

    def info(self, section):
        with Client(self.port) as client:
            return info(client, section)

    def rss_bytes(self):
        for line in host.read(f"/proc/{self.pid}/status").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.own_directory is not None:
            shutil.rmtree(self.own_directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
