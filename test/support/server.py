"""A server process of one's own: started on a random loopback port, watched, killed, started again in the same folder.

`BASALT_SERVER` names the program under test; without it the first of build/release, build/dev that exists is taken. A
program called redis-server is started without the flags that only Basalt has, so that the tests can be tried on it.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from support.resp import Client, Closed, Error

ROOT = Path(__file__).resolve().parent.parent.parent
REDIS = shutil.which("redis-server") or "/usr/bin/redis-server"

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 20

# What a server must never write: reports of sanitizers and of our own checks.
ALARMS = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:"
                    r"|must\(|dcheck\(|Assertion|=== REDIS BUG REPORT|crash report", re.IGNORECASE)


class ServerDied(AssertionError):
    """The process ended without being asked to."""


def program_under_test():
    named = os.environ.get("BASALT_SERVER")
    if named:
        return str(Path(named).absolute())
    for preset in ("release", "dev"):
        path = ROOT / "build" / preset / "basalt-server"
        if path.exists():
            return str(path)
    return None


def is_redis(program):
    return Path(program).name == "redis-server"


def free_port():
    """A port that nobody listens on now. Somebody else may take it before we do: callers try again."""
    import socket
    while True:
        port = random.randrange(20001, 60000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Server:
    """One server process and its folder. `args` are flags as on the command line, without leading dashes."""

    def __init__(self, program=None, shards=1, backend="io_uring", args=None, folder=None, unix=False):
        self.program = str(Path(program).absolute()) if program else program_under_test()
        if not self.program:
            raise RuntimeError("no server: build it or set BASALT_SERVER")
        self.shards = shards
        self.backend = backend
        self.args = dict(args or {})
        self.owns_folder = folder is None
        self.folder = Path(folder or tempfile.mkdtemp(prefix="basalt-test-"))
        self.unix_path = str(self.folder / "sock") if unix else None
        self.port = None
        self.process = None
        self.clients = []
        self.log_path = self.folder / "server.log"
        self.log_mark = 0

    def command(self):
        flags = {"port": self.port, "bind": "127.0.0.1", "dir": self.folder, "save": "", "appendonly": "no"}
        if not is_redis(self.program):
            flags.update({"shards": self.shards, "io-backend": self.backend})
        if self.unix_path:
            flags["unixsocket"] = self.unix_path
        flags.update(self.args)
        command = [self.program]
        for name, value in flags.items():
            command.append(f"--{name}")
            command += [str(v) for v in value] if isinstance(value, (list, tuple)) else [str(value)]
        return command

    def environment(self):
        env = dict(os.environ)
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if "log_path" not in env.get(name, ""):
                kept = env[name] + ":" if env.get(name) else ""
                env[name] = f"{kept}log_path={self.folder}/sanitizer"
        return env

    def start(self, wait=True, **changes):
        """Starts the process; keyword `shards`, `backend` or `args` change what it was before."""
        assert self.process is None, "already running"
        self.shards = changes.get("shards", self.shards)
        self.backend = changes.get("backend", self.backend)
        self.args.update(changes.get("args", {}))
        for _ in range(5):
            self.port = free_port()
            self.log_mark = self.log_path.stat().st_size if self.log_path.exists() else 0
            with open(self.log_path, "ab") as log:
                self.process = subprocess.Popen(self.command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=subprocess.STDOUT, env=self.environment())
            if not wait:
                return self
            if self._wait_until_ready():
                return self
            if "already in use" not in self.log().lower() and "bind" not in self.log().lower():
                break
        code = self.process.poll() if self.process else None
        self.process = None
        raise ServerDied(f"did not start, status {code}:\n{' '.join(self.command())}\n{self.log()}")

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return False
            try:
                with Client(self.port, timeout=START_SECONDS_MAX) as client:
                    answer = client("PING")
                    if not (isinstance(answer, Error) and answer.code == "LOADING"):
                        return True
            except (OSError, Closed):
                pass
            time.sleep(0.005)
        self.process.kill()
        self.process.wait()
        return False

    def client(self, resp=2, timeout=10.0, unix=False):
        """A new connection, closed with the server."""
        client = Client(self.port, path=self.unix_path if unix else None, resp=resp, timeout=timeout)
        self.clients.append(client)
        return client

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def close_clients(self):
        for client in self.clients:
            client.close()
        self.clients.clear()

    def kill(self):
        """kill -9: no chance to write anything."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None
        self.close_clients()

    def terminate(self):
        """SIGTERM, as an operator stops it; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            self.process = None
            raise ServerDied(f"does not end at SIGTERM:\n{self.log()}") from None
        self.process = None
        self.close_clients()
        return status

    def wait_for_exit(self, seconds=STOP_SECONDS_MAX):
        """Waits until the process has ended by itself; returns its status."""
        status = self.process.wait(seconds)
        self.process = None
        self.close_clients()
        return status

    def log(self, lines=60):
        """The end of what it has written."""
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def log_since_start(self):
        if not self.log_path.exists():
            return ""
        return self.log_path.read_bytes()[self.log_mark:].decode(errors="replace")

    def alarms(self):
        """Reports of sanitizers or checks, as text; empty when all is well."""
        found = []
        if self.log_path.exists():
            text = self.log_path.read_text(errors="replace")
            found += [line for line in text.splitlines() if ALARMS.search(line)]
        for report in self.folder.glob("sanitizer.*"):
            found.append(report.read_text(errors="replace")[:4000])
        return "\n".join(found)

    def check(self):
        """Fails when the process has died, or has reported a fault."""
        if self.process is not None and self.process.poll() is not None:
            status = self.process.returncode
            self.process = None
            raise ServerDied(f"the server died with status {status}:\n{self.log()}\n{self.alarms()}")
        alarms = self.alarms()
        assert not alarms, f"the server reported a fault:\n{alarms}"

    def stop(self):
        """Ends the process if it runs, and removes the folder if it was made here. Checks nothing, unless BASALT_STOP is
        gentle: then the process ends by itself, so that it can report leaks, and a report is a failure."""
        self.close_clients()
        try:
            if self.is_alive() and os.environ.get("BASALT_STOP") == "gentle" and not is_redis(self.program):
                self.terminate()
                alarms = self.alarms()
                assert not alarms, f"the server reported a fault at its end:\n{alarms}"
        finally:
            if self.process is not None:
                if self.process.poll() is None:
                    self.process.kill()
                self.process.wait()
                self.process = None
            if self.owns_folder:
                shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.check()
        finally:
            self.stop()


def redis_server(args=None):
    """A stock Redis to compare with, not yet started."""
    return Server(program=REDIS, args=args)
