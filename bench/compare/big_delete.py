#!/usr/bin/python3
"""What other clients notice while a huge sorted set is deleted.

    bench/compare/big_delete.py
    bench/compare/big_delete.py --elements 10000000 --write

Readers ask on a schedule (open loop); in the middle one client deletes the set with DEL and then DBSIZE is asked until
memory has come back. The figures are the readers' largest latencies in a run without and in a run with the deletion."""

import argparse
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib import doc, host, load, subject  # noqa: E402

SECONDS = 8  # long enough for replies that a blocked server owes to come inside the run


def readers(server, rate):
    return load.run(server, cpus=[1], connections=10, seconds=SECONDS, warmup=0.3, rate=rate, keys=1000, key_prefix="r:",
                    commands=[("GET __key__", 1)])  # fmt: skip


def measure(name, make, options):
    with subject.Server(name, make, cpus=[0]) as server:
        server.wait_ready()
        load.fill(server, cpus=[1], keys=1000, data_bytes=32, key_prefix="r:")
        count = options.elements | 1
        load.run(server, cpus=[1], requests=count, keys=count, key_dist="sequential", key_prefix="", connections=4, pipeline=64,
                 commands=[("ZADD big __key__ __key__", 1)])  # fmt: skip
        quiet = readers(server, options.rate)
        took = []

        def delete():
            time.sleep(2)
            begun = time.monotonic()
            server.call("DEL", "big")
            took.append(time.monotonic() - begun)

        thread = threading.Thread(target=delete)
        thread.start()
        busy = readers(server, options.rate)
        thread.join()
        return [name, f"{took[0] * 1000:,.1f}", f"{quiet['max_us'] / 1000:,.1f}", f"{busy['max_us'] / 1000:,.1f}",
                f"{busy['p99_9_us'] / 1000:,.2f}"]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, default=10000000)
    parser.add_argument("--rate", type=int, default=2000, help="reads per second")
    parser.add_argument("--subject", action="append")
    parser.add_argument("--write", action="store_true", help="put the results into docs/PERF.md")
    options = parser.parse_args()
    mark = host.fingerprint()
    rows = []
    for name, make in subject.parse(options.subject or ["redis", "basalt"]).items():
        rows.append(measure(name, make, options))
        print("%-10s DEL took %s ms; slowest read without %s ms, with %s ms, p99.9 %s ms" % tuple(rows[-1]), flush=True)
    if options.write:
        header = ["server", "DEL took, ms", "slowest read without it, ms", "slowest read beside it, ms", "p99.9 beside it, ms"]
        lead = f"A sorted set of {options.elements:,} elements; {options.rate:,} reads per second."
        doc.replace("big_delete", "\n\n".join([lead, host.fingerprint_lines(mark), doc.table(header, rows)]))


if __name__ == "__main__":
    main()
