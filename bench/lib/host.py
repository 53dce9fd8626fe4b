"""The machine and the commit that a figure belongs to."""

import datetime
import os
import pathlib
import platform
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def read(path, default=""):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return default


def output(*argv):
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT).stdout.strip()
    except OSError:
        return ""


def cpu_model():
    for line in read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def cache_sizes():
    sizes = {}
    for index in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if read(index / "type") != "Instruction":
            sizes["L" + read(index / "level")] = read(index / "size")
    return " ".join(f"{level} {size}" for level, size in sizes.items())


def is_guest():
    return "hypervisor" in read("/proc/cpuinfo")


def fingerprint():
    """One dict of strings, in the order in which it is printed."""
    memory_kib = next((line.split()[1] for line in read("/proc/meminfo").splitlines() if line.startswith("MemTotal")), "0")
    commit = output("git", "rev-parse", "--short=12", "HEAD")
    if output("git", "status", "--porcelain", "--untracked-files=no"):
        commit += " with local changes"
    return {
        "processor": cpu_model() + (" (virtual machine)" if is_guest() else ""),
        "cores": str(os.cpu_count()),
        "caches": cache_sizes(),
        "memory": f"{int(memory_kib) / 1048576:.0f} GiB",
        "kernel": platform.release(),
        "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "none"),
        "transparent huge pages": read("/sys/kernel/mm/transparent_hugepage/enabled", "unknown"),
        "redis": output("redis-server", "--version").split(" sha=")[0].replace("Redis server v=", "") or "none",
        "commit": commit,
        "date": datetime.date.today().isoformat(),
    }


def fingerprint_lines(mark):
    """The fingerprint as one paragraph of Markdown."""
    return "Measured on: " + "; ".join(f"{name} {value}" for name, value in mark.items()) + "."
