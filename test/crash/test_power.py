"""Power cuts on a real file system: what was not synced is really gone.

The server works on an ext4 of its own, in a file behind a loop device. A cut is ext4's shutdown ioctl, without flushing its
journal: from then on nothing reaches the disk any more. Then the file system is mounted again, which replays the journal,
as after a power failure. That needs root and loop devices; elsewhere these tests are skipped.

An fsync that is under way while the journal is dropped may report success for what is lost, which no power failure does: it
lets nobody report anything. So the server's threads are stopped just before the cut, in the middle of what they do, and
never go on.

BASALT_CUTS=N is the number of cuts per test.
"""

import fcntl
import os
import random
import shutil
import signal
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

from story import Voice, contents, prefix_length, random_command, survivors
from support.resp import Client

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32)
NO_LOG_FLUSH = 2
DISK_BYTES = 256 << 20
SHARDS = (2, 1, 7, 3, 2, 5)
BACKENDS = ("io_uring", "epoll")
EVERYSEC_LOSS_SECONDS = 2.5


def stop_threads(process):
    """SIGSTOP, until every thread has come to a halt; workers of the kernel finish what they have."""
    process.send_signal(signal.SIGSTOP)
    deadline = time.monotonic() + 10
    tasks = Path(f"/proc/{process.pid}/task")
    while True:
        stats = [(task / "stat").read_text() for task in tasks.iterdir()]
        if all("(iou-" in stat or stat.rsplit(")", 1)[1].split()[0] in "TtZX" for stat in stats):
            return
        assert time.monotonic() < deadline, stats


class Disk:
    """An ext4 in a file, mounted at `folder` while it has power."""

    def __init__(self, place):
        self.image = place / "disk"
        self.folder = place / "mounted"
        self.folder.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(DISK_BYTES)
        self.run("mkfs.ext4", "-q", "-F", str(self.image))
        self.is_mounted = False

    @staticmethod
    def run(*command):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip(f"there is no {command[0]}")
        if done.returncode != 0:
            pytest.skip(f"{' '.join(command)}: {done.stderr.strip()}")

    def mount(self):
        self.run("mount", "-o", "loop", str(self.image), str(self.folder))
        self.is_mounted = True

    def cut(self, process):
        """The end of the power; of the process too, if there is one."""
        if process is not None and process.poll() is None:
            stop_threads(process)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        except OSError as fault:
            pytest.skip(f"ext4 here knows no shutdown: {fault}")
        finally:
            os.close(handle)
        if process is not None:
            process.kill()

    def unmount(self):
        """The kernel's io_uring workers may hold files for a moment after the end of their process."""
        deadline = time.monotonic() + 20
        while self.is_mounted:
            done = subprocess.run(["umount", str(self.folder)], capture_output=True, text=True, check=False)
            self.is_mounted = done.returncode != 0
            assert not self.is_mounted or time.monotonic() < deadline, done.stderr
            if self.is_mounted:
                time.sleep(0.05)


class Probe(threading.Thread):
    """How slow the disk is: the longest fsync so far, one under way included. What everysec loses depends on it."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.file = open(folder / "probe", "ab", buffering=0)
        self.slowest = 0
        self.begun = None
        self.is_over = False

    def run(self):
        try:
            while not self.is_over:
                self.begun = time.monotonic()
                self.file.write(b"x")
                os.fsync(self.file.fileno())
                self.slowest = max(self.slowest, time.monotonic() - self.begun)
                self.begun = None
                time.sleep(0.05)
        except OSError:
            pass
        self.file.close()

    def seconds(self):
        begun = self.begun
        return max(self.slowest, time.monotonic() - begun if begun else 0)


@pytest.fixture
def disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("power cuts need root, to mount a file system")
    if not shutil.which("mkfs.ext4"):
        pytest.skip("there is no mkfs.ext4")
    disk = Disk(tmp_path)
    disk.mount()
    yield disk
    disk.unmount()


@pytest.fixture
def powered(disk, new_server, tmp_path, seed):
    """A server on that disk; its log lines go elsewhere, so that they survive."""
    chance = random.Random(seed)

    def make(policy):
        server = new_server(shards=chance.choice(SHARDS), backend=chance.choice(BACKENDS), folder=disk.folder, start=False,
                            args={"appendonly": "yes", "appendfsync": policy})
        server.log_path = tmp_path / "server.log"
        return server.start()
    make.chance = chance
    yield make
    for server in new_server.made:
        if server.is_alive():
            server.kill()


def cuts(usual):
    return int(os.environ.get("BASALT_CUTS", usual))


def restart(disk, server, chance):
    """The machine comes back."""
    server.wait_for_exit()
    disk.unmount()
    disk.mount()
    server.start(shards=chance.choice(SHARDS), backend=chance.choice(BACKENDS))
    return contents(server.client(timeout=60))


def test_the_cut_takes_what_was_not_synced(disk):
    """Else the tests below would show nothing."""
    (disk.folder / "synced").write_text("x")
    subprocess.run(["sync", str(disk.folder / "synced")], check=True)
    (disk.folder / "unsynced").write_text("x")
    disk.cut(None)
    disk.unmount()
    disk.mount()
    assert (disk.folder / "synced").read_text() == "x"
    assert not (disk.folder / "unsynced").exists() or (disk.folder / "unsynced").read_text() == ""


@pytest.mark.slow
def test_always_loses_nothing_acknowledged(disk, powered):
    chance = powered.chance
    server = powered("always")
    worlds = {f"t{i}:": {} for i in range(6)}
    total = 0
    for round_number in range(cuts(4)):
        voices = [Voice(server.port, prefix, chance.random(), world) for prefix, world in worlds.items()]
        for voice in voices:
            voice.start()
        time.sleep(chance.uniform(0.1, 0.8))
        disk.cut(server.process)
        for voice in voices:
            voice.join(20)
        found = restart(disk, server, chance)
        for voice in voices:
            assert voice.failure is None, voice.failure
            mine = {key: value for key, value in found.items() if key.startswith(voice.prefix)}
            kept = survivors(voice.begin, voice.sent, voice.acked, mine)
            assert kept is not None, (f"round {round_number}, {voice.prefix} {voice.acked} of {len(voice.sent)} acknowledged, "
                                      f"{server.shards} shards: what is there is not what was acknowledged")
            total += voice.acked
            worlds[voice.prefix] = mine
    assert total > 50


@pytest.mark.slow
def test_everysec_keeps_a_prefix_of_the_order_of_all_commands(disk, powered):
    chance = powered.chance
    server = powered("everysec")
    world = {}
    for round_number in range(cuts(3)):
        clients = [Client(server.port, timeout=20) for _ in range(5)]
        told, acked_at = [], []
        probe = Probe(disk.folder)
        probe.start()
        until = time.monotonic() + chance.uniform(0.5, 4)
        while time.monotonic() < until:
            batch = [random_command(chance, "", f"{round_number}.{len(told) + i}") for i in range(chance.randint(1, 6))]
            chance.choice(clients).pipeline(*batch)
            told += batch
            acked_at += [time.monotonic()] * len(batch)
        cut_at = time.monotonic()
        loss_seconds = EVERYSEC_LOSS_SECONDS + 2 * probe.seconds()
        disk.cut(server.process)
        probe.is_over = True
        probe.join(20)
        for client in clients:
            client.close()
        found = restart(disk, server, chance)
        length = prefix_length(world, told, found)
        assert length is not None, f"round {round_number}: what is there is no prefix of the {len(told)} commands told"
        safe = sum(1 for at in acked_at if at < cut_at - loss_seconds)
        assert length >= safe, f"round {round_number}: {length} of {len(told)} are there, {safe} were older than {loss_seconds} seconds"
        world = found
