#!/usr/bin/python3
"""Latency of reads that have nothing to do with the writes beside them, under each fsync policy.

    bench/compare/bystanders.py
    bench/compare/bystanders.py --seconds 5 --rounds 5 --write

Fifty clients write in a closed loop; ten others read keys that nobody writes, on a schedule (open loop), and their
latencies are counted from the moment at which each read was due. Servers and policies are interleaved."""

import argparse
import pathlib
import statistics
import subprocess
import sys
import json

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib import doc, host, load, subject  # noqa: E402

POLICIES = ("everysec", "always")
KEYS = 100000


def measure(server, seconds, rate):
    """One round: the readers' figures, and the writers' throughput."""
    writers = subprocess.Popen(
        load.argv(server, cpus=[1], connections=50, seconds=seconds + 1, warmup=0.3, keys=KEYS, key_prefix="w:",
                  commands=[("SET __key__ __data__", 1)]),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    readers = load.run(server, cpus=[1], connections=10, seconds=seconds, warmup=0.5, rate=rate, keys=KEYS,
                       key_prefix="r:", commands=[("GET __key__", 1)])  # fmt: skip
    written = json.loads(writers.communicate()[0])
    return {"p50_us": readers["p50_us"], "p99_us": readers["p99_us"], "writes_per_s": written["ops_per_s"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=2000, help="reads per second, of all readers together")
    parser.add_argument("--subject", action="append")
    parser.add_argument("--write", action="store_true", help="put the results into docs/PERF.md")
    options = parser.parse_args()
    mark = host.fingerprint()
    cases = [(name, make, policy) for name, make in subject.parse(options.subject or ["redis", "basalt"]).items()
             for policy in POLICIES]  # fmt: skip
    servers = {(name, policy): subject.Server(name, make, cpus=[0], persistence=policy) for name, make, policy in cases}
    results = {case: [] for case in servers}
    try:
        for server in servers.values():
            server.wait_ready()
            load.fill(server, cpus=[1], keys=KEYS, data_bytes=32, key_prefix="r:")
        for _ in range(options.rounds):
            for case, server in servers.items():
                results[case].append(measure(server, options.seconds, options.rate))
    finally:
        for server in servers.values():
            server.stop()
    rows = []
    for (name, policy), runs in results.items():
        figures = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        rows.append([f"{name}, {policy}"] + [f"{figures[key]:,.0f}" for key in ("p50_us", "p99_us", "writes_per_s")])
        print("%-20s p50 %9s us  p99 %9s us  beside %9s writes/s" % tuple(rows[-1]), flush=True)
    if options.write:
        lead = f"{options.rate:,} reads per second beside 50 writers; medians of {options.rounds} rounds."
        table = doc.table(["server, policy", "p50 of a read, µs", "p99 of a read, µs", "writes per second"], rows)
        doc.save("bystanders", {"machine": mark, "rows": rows})
        doc.replace("bystanders", "\n\n".join([lead, host.fingerprint_lines(mark), table]))


if __name__ == "__main__":
    main()
