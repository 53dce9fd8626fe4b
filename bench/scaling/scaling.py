#!/usr/bin/python3
"""Throughput and CPU time per operation with 1, 2, 4 ... shards, each on a core of its own.

    bench/scaling/scaling.py                    as many shards as there are cores
    bench/scaling/scaling.py --shards 1 --shards 2 --seconds 1 --rounds 3 --write

With random keys all but 1/shards of the commands belong to a shard other than the connection's. Where the server offers
shard ports, a last workload sends every key straight to its owner; multi-key commands touch several shards. The load
takes the cores that are left. Where none is left it shares them all, and throughput says little; the server's CPU
time per operation still does: flat is perfect scaling, the rise is what the hop costs."""

import argparse
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib import doc, host, load, subject, svg  # noqa: E402

SET = [("SET __key__ __data__", 1)]
GET = [("GET __key__", 1)]
WORKLOADS = {
    "SET, 64 x 1": {"commands": SET, "connections": 64, "pipeline": 1},
    "SET, 64 x 16": {"commands": SET, "connections": 64, "pipeline": 16},
    "GET, 64 x 16": {"commands": GET, "connections": 64, "pipeline": 16},
    "GET, 1000 x 32": {"commands": GET, "connections": 1000, "pipeline": 32},
    "MSET of 2, 64 x 16": {"commands": [("MSET __key__ __data__ __key__ __data__", 1)], "connections": 64, "pipeline": 16},
    "MGET of 8, 64 x 16": {"commands": [("MGET " + "__key__ " * 8, 1)], "connections": 64, "pipeline": 16},
}
SHARD_PORTS = {"GET, 64 x 16, shard ports": {"commands": GET, "connections": 64, "pipeline": 16, "cluster": True}}
KEYS = 100000


def shard_counts():
    counts, shards = [], 1
    while shards <= (os.cpu_count() or 1):
        counts.append(shards)
        shards *= 2
    return counts


def load_cpus(shards):
    cores = os.cpu_count() or 1
    return list(range(shards, cores)) if shards < cores else list(range(cores))


def measure(make, shards, workloads, options, extra=()):
    """Workload -> medians."""
    results = {}
    with subject.Server("basalt", make, cpus=list(range(shards)), shards=shards, options=extra) as server:
        server.wait_ready()
        load.fill(server, cpus=load_cpus(shards), keys=KEYS, data_bytes=32)
        for name, settings in workloads.items():
            runs = [
                load.run(
                    server, cpus=load_cpus(shards), keys=KEYS, data_bytes=32, seconds=options.seconds, warmup=0.3, **settings
                )
                for _ in range(options.rounds)
            ]
            results[name] = load.medians(runs)
            figures = results[name]
            print(
                f"{shards} shards  {name:28} {figures['server_cpu_us']:8.3f} us/op {figures['ops_per_s']:12.0f} op/s"
                f"   p99 {figures['p99_us']:6.0f} us   denied {100 * figures['server_wait']:.0f} %",
                flush=True,
            )
    return results


def measure_shard_ports(make, shards, options):
    """The same with a port per shard; nothing where the server has no such option yet."""
    try:
        return measure(make, shards, SHARD_PORTS, options, ["--shard-ports", "yes"])
    except SystemExit as refusal:
        print(f"# shard ports with {shards} shards: {str(refusal)[:200]}")
        return {}


def report(by_shards, mark):
    names = list(dict.fromkeys(name for results in by_shards.values() for name in results))
    header = ["workload"] + [f"{shards} shard{'s' if shards > 1 else ''}, {what}" for shards in by_shards for what in ("µs", "op/s")]
    rows = []
    for name in names:
        row = [name]
        for results in by_shards.values():
            figures = results.get(name)
            row += [f"{figures['server_cpu_us']:.3f}", f"{figures['ops_per_s']:,.0f}"] if figures else ["", ""]
        rows.append(row)
    curves = {
        name: [(shards, results[name]["server_cpu_us"]) for shards, results in by_shards.items() if name in results]
        for name in names
        if "x 1" not in name or "x 16" in name
    }
    title = "Server CPU per operation by number of shards"
    image = doc.save_plot("scaling", svg.lines(title, "shards", "µs per operation", curves))
    doc.save("scaling", {"machine": mark, "results": by_shards})
    doc.replace("scaling", "\n\n".join([host.fingerprint_lines(mark), doc.table(header, rows), f"![{title}]({image})"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, action="append")
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the results into docs/PERF.md")
    options = parser.parse_args()
    subjects = subject.parse(["basalt"])
    if not subjects:
        raise SystemExit(1)
    by_shards = {}
    for shards in options.shards or shard_counts():
        by_shards[shards] = measure(subjects["basalt"], shards, WORKLOADS, options)
        by_shards[shards].update(measure_shard_ports(subjects["basalt"], shards, options))
    if options.write:
        report(by_shards, host.fingerprint())


if __name__ == "__main__":
    main()
