#!/usr/bin/python3
"""Seconds from the start of a server with data on disk until it answers.

    bench/loading/loading.py                    1 million keys, from an append-only log and from an RDB file
    bench/loading/loading.py --keys 5000000 --shards 1 --shards 2 --write

The files are in the page cache: this measures the reader, not the disk. A server has answered when PING says PONG, INFO
says loading:0, and DBSIZE is the number of keys written."""

import argparse
import pathlib
import shutil
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib import doc, host, load, subject  # noqa: E402
from lib.resp import Client  # noqa: E402

ROUNDS = 3


def populate(name, make, directory, source, settings):
    """Leaves `directory` as the server does at a normal stop."""
    persistence = "everysec" if source == "log" else "none"
    with subject.Server(name, make, directory=directory, persistence=persistence, **settings["where"]) as server:
        server.wait_ready()
        load.fill(server, cpus=[1], keys=settings["keys"], data_bytes=settings["value_bytes"])
        if source == "rdb":
            server.call("SAVE")


def start_seconds(name, make, directory, source, settings):
    persistence = "everysec" if source == "log" else "none"
    with subject.Server(name, make, directory=directory, persistence=persistence, **settings["where"]) as server:
        seconds = server.wait_ready()
        keys = server.call("DBSIZE")
        if keys != settings["keys"]:
            raise SystemExit(f"{name} loaded {keys} keys instead of {settings['keys']}")
        return seconds


def measure(name, make, source, settings):
    """Median over rounds; None where the server cannot write such a file."""
    directory = tempfile.mkdtemp(prefix=f"bench-loading-{name}-")
    try:
        populate(name, make, directory, source, settings)
        return statistics.median(start_seconds(name, make, directory, source, settings) for _ in range(ROUNDS))
    except Client.Error as error:
        print(f"# {name}, {source}: {error}")
        return None
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=1000000)
    parser.add_argument("--value-bytes", type=int, default=32)
    parser.add_argument("--shards", type=int, action="append", help="of Basalt; may be repeated (default 1)")
    parser.add_argument("--subject", action="append")
    parser.add_argument("--write", action="store_true", help="put the results into docs/PERF.md")
    options = parser.parse_args()
    mark = host.fingerprint()
    rows = []
    for name, make in subject.parse(options.subject or ["redis", "basalt"]).items():
        for shards in (options.shards or [1]) if name == "basalt" else [1]:
            where = {"cpus": list(range(shards)), "shards": shards}
            settings = {"keys": options.keys, "value_bytes": options.value_bytes, "where": where}
            shown = f"{name}, {shards} shard{'s' if shards > 1 else ''}" if name == "basalt" else name
            for source in ("log", "rdb"):
                seconds = measure(name, make, source, settings)
                if seconds is not None:
                    rows.append([shown, source, f"{seconds:.2f}", f"{options.keys / seconds / 1e6:.2f}"])
                    print(f"{shown:20} {source}: {seconds:.2f} s", flush=True)
    if options.write:
        lead = f"{options.keys:,} keys of 16 B with values of {options.value_bytes} B."
        table = doc.table(["server", "from", "seconds", "million keys per second"], rows)
        doc.save("loading", {"machine": mark, "rows": rows})
        doc.replace("loading", "\n\n".join([lead, host.fingerprint_lines(mark), table]))


if __name__ == "__main__":
    main()
