#!/usr/bin/python3
"""Bytes of resident memory per key, for servers beside each other.

    bench/memory/memory.py                     5 million string keys of 16 B with values of 32 B, in ten steps
    bench/memory/memory.py --grid              a table over key and value sizes, 1 million keys each
    bench/memory/memory.py --types             bytes per element of the other types, half a million each
    bench/memory/memory.py --keys 1000000 --value-bytes 100 --subject redis --subject basalt --write

A fresh server's resident set is subtracted. Filling in steps shows what a table that doubles does between two sizes:
the figure at one number of keys can be lucky. *Peak* is the highest resident set that the server ever had on its way,
which is what a machine has to have."""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib import doc, host, load, subject, svg  # noqa: E402

STEPS = 10
GRID_KEY_BYTES = [16, 40]
GRID_VALUE_BYTES = [8, 32, 64, 200, 1000]
COMMANDS = {"string": "SET __key__ __data__", "string with expiry": "SET __key__ __data__ EX 1000000"}


# Elements of 16 B. The number of elements is odd where a command takes two numbers, so that a walk through them in order
# meets each of them in both places.
TYPE_ELEMENTS = 500001
TYPES = {
    "hash, values of 4 B": "HSET hash __key__ __data__",
    "sorted set": "ZADD zset __key__ __key__",
    "set": "SADD set __key__",
    "list": "RPUSH list __key__",
    "small hash: 5 fields of 5 B, values of 4 B": "HSET __key__ name1 val1 name2 val2 name3 val3 name4 val4 name5 val5",
}


def peak_bytes(server):
    for line in host.read(f"/proc/{server.pid}/status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def fill_steps(name, make, shape, steps):
    """Fills a fresh server; a list of (keys, bytes per key now, bytes per key at the peak)."""
    step = shape["keys"] // steps
    points = []
    with subject.Server(name, make, cpus=[0], shards=shape["shards"]) as server:
        server.wait_ready()
        empty = server.rss_bytes()
        for i in range(steps):
            load.run(
                server, cpus=[1], requests=step, keys=step, key_min=i * step, key_dist="sequential",
                key_bytes=shape["key_bytes"], key_prefix="k", data_bytes=shape["value_bytes"],
                connections=4, pipeline=64, commands=[(shape["command"], 1)],
            )  # fmt: skip
            keys = server.call("DBSIZE")
            if keys != (i + 1) * step:
                raise SystemExit(f"{name} has {keys} keys instead of {(i + 1) * step}")
            points.append((keys, (server.rss_bytes() - empty) / keys, (peak_bytes(server) - empty) / keys))
    return points


def type_bytes(name, make, command, shards):
    with subject.Server(name, make, cpus=[0], shards=shards) as server:
        server.wait_ready()
        # Input buffers and the like, which do not depend on the number of elements, are there before the count begins.
        load.run(server, cpus=[1], requests=TYPE_ELEMENTS, connections=4, pipeline=64, data_bytes=64,
                 commands=[("SET warm __data__", 1)])  # fmt: skip
        empty = server.rss_bytes()
        load.run(server, cpus=[1], requests=TYPE_ELEMENTS, keys=TYPE_ELEMENTS, key_dist="sequential", key_bytes=16, key_prefix="",
                 data_bytes=4, connections=4, pipeline=64, commands=[(command, 1)])  # fmt: skip
        return (server.rss_bytes() - empty) / TYPE_ELEMENTS


def types(subjects, options):
    rows = []
    for kind, command in TYPES.items():
        per_element = {name: type_bytes(name, make, command, options.shards) for name, make in subjects.items()}
        row = [kind, *(f"{value:.1f}" for value in per_element.values())]
        if "redis" in per_element:
            row += [f"{value / per_element['redis']:.2f} x" for name, value in per_element.items() if name != "redis"]
        print("  ".join(row), flush=True)
        rows.append(row)
    ratios = [f"{name} / redis" for name in subjects if name != "redis"] if "redis" in subjects else []
    return doc.table(["bytes per element", *subjects, *ratios], rows)


def curve(subjects, options):
    table_rows, now = [], {}
    for kind, command in COMMANDS.items():
        for name, make in subjects.items():
            shape = {**vars(options), "command": command}
            points = fill_steps(name, make, shape, STEPS)
            keys, at_end, peak = points[-1]
            worst = max(per_key for _, per_key, _ in points)
            payload = options.key_bytes + options.value_bytes
            print(f"{kind:20} {name:10} {keys:9} keys: {at_end:6.1f} B/key, peak {peak:6.1f}, payload {payload}", flush=True)
            table_rows.append([kind, name, f"{at_end:.1f}", f"{worst:.1f}", f"{peak:.1f}", f"{at_end - payload:.1f}"])
            now[f"{name}, {kind}"] = [(f"{count / 1e6:.1f}", per_key) for count, per_key, _ in points]
    return table_rows, now


def grid(subjects, options):
    rows = []
    for key_bytes in GRID_KEY_BYTES:
        for value_bytes in GRID_VALUE_BYTES:
            row = [f"{key_bytes} B, {value_bytes} B"]
            for name, make in subjects.items():
                shape = {**vars(options), "key_bytes": key_bytes, "value_bytes": value_bytes, "keys": 1000000}
                _, per_key, _ = fill_steps(name, make, {**shape, "command": COMMANDS["string"]}, 1)[-1]
                row.append(f"{per_key:.1f}")
            print("  ".join(row), flush=True)
            rows.append(row)
    return doc.table(["key, value", *(f"{name}, B per key" for name in subjects)], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=5000000)
    parser.add_argument("--key-bytes", type=int, default=16)
    parser.add_argument("--value-bytes", type=int, default=32)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--subject", action="append")
    parser.add_argument("--grid", action="store_true")
    parser.add_argument("--types", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the results into docs/PERF.md")
    options = parser.parse_args()
    mark = host.fingerprint()
    subjects = subject.parse(options.subject or ["redis", "basalt"])
    if options.grid:
        text = grid(subjects, options)
        if options.write:
            doc.replace("memory_grid", host.fingerprint_lines(mark) + "\n\n" + text)
        return
    if options.types:
        text = types(subjects, options)
        if options.write:
            doc.replace("memory_types", host.fingerprint_lines(mark) + "\n\n" + text)
        return
    rows, now = curve(subjects, options)
    if options.write:
        header = ["kind", "server", "B per key", "worst step", "peak", "beyond key and value"]
        title = f"Resident bytes per key ({options.key_bytes} B keys, {options.value_bytes} B values)"
        image = doc.save_plot("memory", svg.lines(title, "million keys", "B per key", now))
        doc.save("memory", {"machine": mark, "rows": rows, "curve": now})
        lead = f"{options.keys:,} keys of {options.key_bytes} B, values of {options.value_bytes} B."
        doc.replace("memory", "\n\n".join([lead, host.fingerprint_lines(mark), doc.table(header, rows), f"![{title}]({image})"]))


if __name__ == "__main__":
    main()
