"""Runs basalt-load and collects what it says."""

import json
import statistics
import subprocess

from lib import subject


def argv(server, *, cpus, **settings):
    """The command line. Settings are basalt-load's options with underscores; `commands` is a list of (text, weight)."""
    words = [subject.program("basalt-load"), "--json", "--port", str(server.port), "--pid", str(server.pid)]
    words += ["--cpu", ",".join(map(str, cpus)), "--threads", str(settings.pop("threads", len(cpus)))]
    for text, weight in settings.pop("commands", []):
        words += ["--command", text, "--weight", str(weight)]
    for name, value in settings.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            words += [option, str(value)]
    return words


def run(server, *, strict=True, **settings):
    """One run; a dict of its figures. With `strict` the program ends when a reply was an error."""
    words = argv(server, **settings)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if not done.stdout.startswith("{"):
        raise SystemExit(f"{done.stderr.strip()}\n{' '.join(words)}")
    result = json.loads(done.stdout)
    if strict and (result["errors"] or result["closed"]):
        raise SystemExit(
            f"{server.name}: {result['errors']} error replies ({result['first_error']}), {result['closed']} connections"
            f" closed\n{' '.join(words)}\n{server.log()[-1000:]}"
        )
    return result


def fill(server, *, cpus, keys, data_bytes, key_bytes=16, key_prefix="key:", connections=4, pipeline=64):
    """Sets every key once, in order."""
    return run(
        server, cpus=cpus[:1], requests=keys, keys=keys, key_dist="sequential", key_bytes=key_bytes,
        key_prefix=key_prefix, data_bytes=data_bytes, connections=connections, pipeline=pipeline,
        commands=[("SET __key__ __data__", 1)],
    )  # fmt: skip


def medians(results):
    """The median of every number over several runs of one case."""
    names = [name for name, value in results[0].items() if isinstance(value, (int, float))]
    return {name: statistics.median(result[name] for result in results) for name in names}
