"""Clients in several threads provoke races; a checker looks for an order that explains what they saw."""

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LOADS = ("registers", "registers-calls", "causal", "counters", "ring", "exclusive", "whole", "queues", "queue-order")
PLANTED = {1: "no order locks", 2: "no look at order locks", 3: "keys unlocked too early", 4: "local commands overtake",
           10: "the last is served first", 11: "tickets are taken too late"}

WAITING = (10, 11)  # of these, rules about clients that wait


@pytest.fixture(scope="session")
def history_program(tmp_path_factory):
    """The checker, built once."""
    program = tmp_path_factory.mktemp("history") / "history"
    sources = [str(path.relative_to(ROOT)) for path in sorted(HERE.glob("*.c"))]
    subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-O2", "-g", "-pthread", "-I.", "-o",
                    str(program), *sources], cwd=ROOT, check=True)
    return program


def run_load(program, server, load, seconds, seed, threads=8):
    return subprocess.run([str(program), "--port", str(server.port), "--load", load, "--seconds", str(seconds),
                           "--seed", str(seed), "--threads", str(threads)], text=True, capture_output=True, check=False)


def test_checker_knows_good_histories_from_bad(history_program):
    result = subprocess.run([str(history_program), "--self-test"], text=True, capture_output=True, check=False)
    print(result.stdout)
    assert result.returncode == 0
    assert ", 0 failed" in result.stdout


@pytest.mark.parametrize("load", LOADS)
def test_histories_have_an_explanation(history_program, server, load, long, seed):
    result = run_load(history_program, server, load, 1.2 * long, seed)
    print(result.stdout, result.stderr)
    assert result.returncode == 0, f"seed {seed}: {result.stdout}{result.stderr}"


def test_keys_that_expire_together_are_seen_together(history_program, server, long, seed):
    """Shards have clocks of their own. Stock Redis has no MSETEX, so it cannot be asked."""
    result = run_load(history_program, server, "expiring", 1.2 * long, seed)
    print(result.stdout, result.stderr)
    assert result.returncode == 0, f"seed {seed}: {result.stdout}{result.stderr}"


def test_checker_accepts_stock_redis(history_program, redis_oracle, seed):
    for load in LOADS:
        result = run_load(history_program, redis_oracle, load, 0.4, seed)
        assert result.returncode == 0, f"{load}, seed {seed}: {result.stdout}{result.stderr}"


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: PLANTED[bug].replace(" ", "-"))
def test_planted_bug_is_found(history_program, new_server, tmp_path, bug, long):
    """A server built with a deliberate bug; BASALT_PLANTED_BUILDS may name a folder with finished builds."""
    builds = os.environ.get("BASALT_PLANTED_BUILDS")
    if builds is None and long < 2:
        pytest.skip("builds servers: with BASALT_LONG=2 or more")
    folder = Path(builds) / str(bug) if builds else tmp_path
    if not (folder / "basalt-server").exists():
        subprocess.run(["cmake", "-G", "Ninja", "-S", str(ROOT), "-B", str(folder), "-DCMAKE_BUILD_TYPE=Release",
                        "-DBASALT_TESTS=OFF", "-DBASALT_BENCH=OFF", f"-DBASALT_PLANTED={bug}"], check=True)
        subprocess.run(["cmake", "--build", str(folder), "--target", "basalt-server", "--parallel"], check=True)
    server = new_server(program=str(folder / "basalt-server"), shards=2)
    found = []
    for round_number in range(10):
        for load in ("queues", "queue-order") if bug in WAITING else ("registers", "registers-calls", "ring"):
            result = run_load(history_program, server, load, 3, round_number + 1, threads=8)
            if result.returncode == 1:
                found.append(f"{load}, round {round_number}")
                print(result.stdout)
        if found:
            break
    assert found, f"nothing found although there are {PLANTED[bug]}"
