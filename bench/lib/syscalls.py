"""Counts a server's system calls per operation. strace slows the server down, so this is never part of a timed run."""

import pathlib
import signal
import subprocess
import tempfile
import time

from lib import load


def total_calls(summary):
    """The count in the last line of `strace -c`: percentage, seconds, microseconds per call, calls, ..., total."""
    for line in reversed(summary.splitlines()):
        words = line.split()
        if words and words[-1] == "total":
            return int(words[3])
    return 0


def per_operation(server, settings, seconds=1.0):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "summary"
        words = ["strace", "-f", "-qq", "-c", "-o", str(path)]
        tracer = subprocess.Popen([*words, "-p", str(server.pid)], stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        result = load.run(server, **{**settings, "seconds": seconds, "warmup": 0})
        tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
        return total_calls(path.read_text(encoding="utf-8")) / max(result["replies"], 1)
