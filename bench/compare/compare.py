#!/usr/bin/python3
"""Measures servers beside each other, in turn, on the same core, under the same load.

    bench/compare/compare.py                         scenario one_core: ceiling, Redis, Basalt
    bench/compare/compare.py two_shards always idle  other scenarios, files in bench/scenario
    bench/compare/compare.py --only '50 x 16' --seconds 0.8 --rounds 2
    bench/compare/compare.py --subject redis --subject 'valkey=valkey-server --port {port} --dir {dir}'
    bench/compare/compare.py --write                 puts tables and plots into docs/PERF.md

All servers of a scenario stay alive, and idle but for the one being measured. Rounds are interleaved (A B C, A B C,
...), so that a slow minute of the machine hits all alike; the figures are medians over the rounds. The main figure is
the server's CPU time per operation, which the kernel counts per thread in nanoseconds: unlike throughput it does not
depend on which side of the connection is the bottleneck."""

import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib import doc, host, load, subject, svg, syscalls  # noqa: E402

SCENARIOS = host.ROOT / "bench" / "scenario"


def cases_of(scenario):
    """Every combination, in order: (command's name, name shown, data bytes, load settings)."""
    variants = scenario.get("load_variants", {"": {}})
    for data_bytes in scenario["data_bytes"]:
        for command_name, commands in scenario["commands"].items():
            for connections, pipeline in scenario["shapes"]:
                for variant, extra in variants.items():
                    parts = [command_name, f"{connections} x {pipeline}"]
                    if len(scenario["data_bytes"]) > 1:
                        parts.append(f"{data_bytes} B")
                    if variant:
                        parts.append(variant)
                    settings = {
                        **scenario["load"], **scenario.get("case_load", {}).get(command_name, {}), **extra, "connections": connections, "pipeline": pipeline,
                        "commands": commands, "data_bytes": data_bytes,
                    }  # fmt: skip
                    yield command_name, ", ".join(parts), data_bytes, settings


def entrants_of(scenario, subjects):
    """Name shown -> (subject, shards). A scenario may run one subject in several variants."""
    entrants = {}
    for name in subjects:
        variants = scenario.get("variants", {}).get(name, {name: scenario["server"]["shards"]})
        entrants.update({shown: (name, shards) for shown, shards in variants.items()})
    return entrants


class Stable:
    """The running servers of a scenario. A server without data is another one for each value size."""

    def __init__(self, scenario, subjects):
        self.scenario = scenario
        self.subjects = subjects
        self.servers = {}
        self.filled = {}
        self.set_up = set()

    def get(self, shown, name, shards, data_bytes):
        value_bytes = data_bytes if isinstance(data_bytes, int) else 32
        key = (shown, value_bytes if name in subject.DATALESS else None)
        if key not in self.servers:
            settings = self.scenario["server"]
            server = subject.Server(
                name, self.subjects[name], cpus=settings["cpus"], shards=shards,
                persistence=settings["persistence"], value_bytes=value_bytes,
            )  # fmt: skip
            self.servers[key] = server
            server.wait_ready()
        server = self.servers[key]
        if name not in subject.DATALESS and self.filled.get(key) != data_bytes:
            settings = self.scenario["load"]
            load.fill(server, cpus=settings["cpus"], keys=settings["keys"], data_bytes=data_bytes)
            self.filled[key] = data_bytes
        return server

    def prepare(self, shown, server, command_name, data_bytes):
        """What the scenario wants to be there before a command is measured: made once in each server."""
        setup = self.scenario.get("setup", {}).get(command_name)
        if setup and (shown, command_name) not in self.set_up:
            settings = self.scenario["load"]
            load.run(server, **{"cpus": settings["cpus"], "key_prefix": settings.get("key_prefix"), "connections": 4,
                                "pipeline": 64, "data_bytes": data_bytes, **setup})  # fmt: skip
            self.set_up.add((shown, command_name))

    def stop(self):
        for server in self.servers.values():
            server.stop()


def measure(scenario, subjects, options):
    """Case name -> entrant -> medians."""
    entrants = entrants_of(scenario, subjects)
    stable = Stable(scenario, subjects)
    results = {}
    try:
        for command_name, case, data_bytes, settings in cases_of(scenario):
            if options.only and options.only not in case:
                continue
            if options.seconds:
                settings["seconds"] = options.seconds
            runs = {shown: [] for shown in entrants}
            servers = {shown: stable.get(shown, *entrant, data_bytes) for shown, entrant in entrants.items()}
            for shown, server in servers.items():
                stable.prepare(shown, server, command_name, data_bytes)
            for _ in range(options.rounds or scenario["rounds"]):
                for shown, server in servers.items():
                    runs[shown].append(load.run(server, **settings))
            results[case] = {shown: load.medians(rounds) for shown, rounds in runs.items()}
            if options.syscalls:
                for shown, server in servers.items():
                    results[case][shown]["syscalls"] = syscalls.per_operation(server, settings)
            print_case(case, results[case])
    finally:
        stable.stop()
    return results


def print_case(case, row):
    print(case)
    for shown, figures in row.items():
        print(
            f"    {shown:20} {figures['server_cpu_us']:8.3f} us/op {figures['ops_per_s']:10.0f} op/s"
            f"   p50 {figures['p50_us']:6.0f}  p99 {figures['p99_us']:6.0f} us"
            f"   load {figures['load_cpu_us']:.3f} us/op   denied {100 * figures['server_wait']:.0f} %"
            + (f"   {figures['syscalls']:.4f} calls/op" if "syscalls" in figures else ""),
            flush=True,
        )


def idle_tables(results):
    rows = []
    for case, row in results.items():
        for shown, figures in row.items():
            share = 100 * figures["server_cpu_s"] / figures["seconds"]
            wakes = figures["server_switches"] / figures["seconds"]
            rows.append([case, shown, f"{share:.3f} %", f"{wakes:.0f}"])
    return doc.table(["case", "server", "of a core", "wakes per second"], rows)


def ratio(row, above, below):
    if above not in row or below not in row or not row[below]["server_cpu_us"]:
        return ""
    return f"{row[above]['server_cpu_us'] / row[below]['server_cpu_us']:.2f} x"


def cpu_table(results):
    shown = list(next(iter(results.values())))
    pairs = [(name, base) for base in ("ceiling", "redis") for name in shown if base in shown and name not in ("ceiling", base)]
    header = ["server CPU, µs per operation", *shown, *(f"{name} / {base}" for name, base in pairs)]
    if any("syscalls" in figures for row in results.values() for figures in row.values()):
        header += [f"{name}, system calls per operation" for name in shown]
    rows = []
    for case, row in results.items():
        cells = [case, *(f"{row[name]['server_cpu_us']:.3f}" for name in shown), *(ratio(row, *pair) for pair in pairs)]
        cells += [f"{row[name]['syscalls']:.4f}" for name in shown if "syscalls" in row[name]]
        rows.append(cells)
    return doc.table(header, rows)


def client_table(results):
    shown = list(next(iter(results.values())))
    header = ["seen by the client"] + [f"{name}, {what}" for name in shown for what in ("op/s", "p50 µs", "p99 µs")]
    rows = []
    for case, row in results.items():
        cells = [case]
        for name in shown:
            cells += [f"{row[name]['ops_per_s']:,.0f}", f"{row[name]['p50_us']:.0f}", f"{row[name]['p99_us']:.0f}"]
        rows.append(cells)
    return doc.table(header, rows)


def plot(scenario, results):
    """CPU per operation relative to the first entrant: cases differ by a factor of thirty, ratios do not."""
    shown = list(next(iter(results.values())))
    base = shown[0]
    values = {
        case: {name: row[name]["server_cpu_us"] / row[base]["server_cpu_us"] for name in shown}
        for case, row in results.items()
        if row[base]["server_cpu_us"]
    }
    title = f"{scenario['title']}: server CPU per operation, {base} = 1"
    return svg.bars(title, list(values), shown, values)


def write(scenario, results, mark):
    name = scenario["name"]
    doc.save(name, {"scenario": scenario, "machine": mark, "results": results})
    denied = max(figures["server_wait"] for row in results.values() for figures in row.values())
    parts = [scenario["about"], host.fingerprint_lines(mark)]
    if scenario["load"].get("idle"):
        parts.append(idle_tables(results))
    else:
        parts += [cpu_table(results), client_table(results)]
        if len(next(iter(results.values()))) > 1:
            parts.append(f"![{scenario['title']}]({doc.save_plot(name, plot(scenario, results))})")
        parts.append(f"Servers were denied their core for at most {100 * denied:.0f} % of a run.")
    doc.replace(name, "\n\n".join(parts))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", default=["one_core"], help="names of files in bench/scenario")
    parser.add_argument("--subject", action="append", help="instead of the scenario's; may be repeated")
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument("--seconds", type=float, help="of each run")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--syscalls", action="store_true", help="count system calls too, with strace, in runs of their own")
    parser.add_argument("--write", action="store_true", help="put the results into docs/PERF.md")
    options = parser.parse_args()
    if options.write and options.only:
        parser.error("--write replaces whole tables: not with --only")
    mark = host.fingerprint()
    print(host.fingerprint_lines(mark))
    for name in options.scenarios:
        scenario = json.loads((SCENARIOS / f"{name}.json").read_text(encoding="utf-8"))
        subjects = subject.parse(options.subject or scenario["subjects"])
        print(f"== {scenario['title']}")
        results = measure(scenario, subjects, options)
        if options.write and results:
            write(scenario, results, mark)


if __name__ == "__main__":
    main()
