"""The server as a process: names of commands, working folder, background, pid file, title, service manager."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.resp import Client, Error
from support.server import free_port, program_under_test


def wait_until(what, seconds=10):
    deadline = time.monotonic() + seconds
    while True:
        got = what()
        if got:
            return got
        assert time.monotonic() < deadline, "did not come true"
        time.sleep(0.01)


@pytest.mark.parametrize("shards", (1, 2, 7))
def test_renamed_commands_answer_to_their_new_names_only(new_server, shards, tmp_path):
    config = tmp_path / "server.conf"
    config.write_text('rename-command FLUSHALL ""\nrename-command CONFIG guarded\nrename-command set put\nrename-command GET SET\n')
    server = new_server(shards=shards, start=False)
    plain = server.command
    server.command = lambda: [plain()[0], str(config), *plain()[1:]]
    server.start()
    client = server.client()
    assert client("FLUSHALL") == Error("ERR unknown command 'FLUSHALL', with args beginning with: ")
    assert client("CONFIG", "GET", "port") == Error("ERR unknown command 'CONFIG', with args beginning with: 'GET' 'port' ")
    assert client("GUARDED", "GET", "port") == [b"port", str(server.port).encode()]
    assert client("guarded", "nonsense") == Error("ERR unknown subcommand 'nonsense'. Try CONFIG HELP.")
    assert client("PUT", "k", "v") == "OK"
    assert client("SET", "k") == b"v"
    assert client("GET", "k").startswith("ERR unknown command 'GET'")
    assert client("PUT", "k") == Error("ERR wrong number of arguments for 'set' command")
    for key in ("a", "b", "c", "d"):
        assert client("put", key, "1") == "OK"


@pytest.mark.parametrize("line, why", [
    ("rename-command nosuch x", "No such command in rename-command"),
    ("rename-command get set", "Target command name already exists"),
])
def test_a_wrong_rename_stops_the_start(tmp_path, line, why):
    config = tmp_path / "server.conf"
    config.write_text(line + "\n")
    run = subprocess.run([program_under_test(), str(config), "--port", str(free_port()), "--dir", str(tmp_path)],
                         capture_output=True, text=True, timeout=20)
    assert run.returncode == 1
    assert why in run.stderr and "FATAL CONFIG FILE ERROR" in run.stderr


def test_config_get_dir_is_where_the_server_really_is(new_server):
    server = new_server(shards=2)
    assert server.client()("CONFIG", "GET", "dir") == [b"dir", os.path.realpath(server.folder).encode()]


def test_the_pid_file_lives_as_long_as_the_server(new_server):
    server = new_server(shards=2, args={"pidfile": "its.pid"})
    path = server.folder / "its.pid"
    assert int(path.read_text()) == server.process.pid
    assert server.terminate() == 0
    assert not path.exists()


def test_in_the_background_it_serves_and_leaves_its_pid(tmp_path):
    port = free_port()
    command = [program_under_test(), "--port", str(port), "--bind", "127.0.0.1", "--daemonize", "yes", "--dir", str(tmp_path), "--save", "",
               "--appendonly", "no", "--pidfile", str(tmp_path / "pid"), "--logfile", str(tmp_path / "log"), "--shards", "2"]
    assert subprocess.run(command, timeout=20).returncode == 0
    pid = int(wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    try:
        wait_until(lambda: "Ready to accept" in (tmp_path / "log").read_text())
        with Client(port) as client:
            assert client("PING") == "PONG"
        assert os.getsid(pid) == pid
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not (tmp_path / "pid").exists())


def title_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()


def test_the_title_shows_the_address(new_server):
    server = new_server(shards=2)
    assert title_of(server.process.pid) == f"{server.program} 127.0.0.1:{server.port}"


def test_the_title_follows_its_template(new_server):
    server = new_server(args={"proc-title-template": "{port} {config-file}{title}"})
    assert title_of(server.process.pid) == f"{server.port} {server.program}"


def test_the_title_can_be_left_alone(new_server):
    server = new_server(args={"set-proc-title": "no"})
    assert title_of(server.process.pid) == server.program
    assert len(Path(f"/proc/{server.process.pid}/cmdline").read_bytes().split(b"\0")) > 5


@pytest.mark.parametrize("mode, is_told", [("systemd", True), ("auto", True), ("no", False)])
def test_systemd_is_told_about_the_start_and_the_stop(new_server, mode, is_told, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(5)
        server = new_server(shards=2, args={"supervised": mode, "daemonize": "no"}, start=False)
        environment = server.environment
        server.environment = lambda: {**environment(), "NOTIFY_SOCKET": path}
        server.start()
        if not is_told:
            listener.settimeout(0.2)
            with pytest.raises(TimeoutError):
                listener.recv(1000)
            return
        assert b"READY=1" in listener.recv(1000)
        assert server.terminate() == 0
        assert b"STOPPING=1" in listener.recv(1000)


def test_a_low_limit_of_open_files_lowers_maxclients(new_server):
    server = new_server(shards=2, start=False)
    plain = server.command
    server.command = lambda: ["sh", "-c", 'ulimit -n 200; exec "$0" "$@"', *plain()]
    server.start()
    assert server.client()("CONFIG", "GET", "maxclients") == [b"maxclients", b"168"]
    assert "maxclients has been reduced to 168" in server.log_since_start()


# Takes most descriptors away before the server starts: there are fewer than clients are promised.
HUNGRY = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
for _ in range(60):
    os.set_inheritable(os.dup(0), True)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize("backend", ("io_uring", "epoll"))
def test_without_free_descriptors_clients_wait_in_the_queue(new_server, backend):
    server = new_server(shards=2, backend=backend, start=False)
    plain = server.command
    server.command = lambda: [sys.executable, "-c", HUNGRY, *plain()]
    server.start()
    control = server.client()
    assert control("PING") == "PONG"
    clients = [server.client() for _ in range(50)]
    for c in clients:
        c.send("PING")
    wait_until(lambda: "Accepting client connection: Too many open files" in server.log_since_start())
    time.sleep(0.3)
    assert control("PING") == "PONG"
    served = [c for c in clients if not c.is_silent(0.001)]
    waiting = [c for c in clients if c not in served]
    assert served and waiting
    while waiting:
        for c in served:
            c.close()
        served = [c for c in waiting if not c.is_silent(1)]
        assert served
        waiting = [c for c in waiting if c not in served]
    assert server.log_since_start().count("Accepting client connection") == 1
