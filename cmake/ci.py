"""Runs the stages of CI one after another, says how long each took, and sums up the tests that ran.

A stage whose inputs do not exist is left out and said so. A failing stage does not stop the later ones, so that one run shows all
that is wrong; a stage that fails without a failing test to count, such as a build, counts as one failure. The last
line is `N passed, M failed`: test functions of Criterion, other test programs, pytest cases, and checks of the rules
and of the models, each as often as it ran.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
JOBS = str(os.cpu_count() or 1)


# Nothing that is run here takes this long unless it hangs.
COMMAND_SECONDS_MAX = 1200


class StageFailed(Exception):
    """The stage is over; its message says why."""


class Tally:
    """Tests that passed and failed so far."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def add(self, passed, failed):
        self.passed += passed
        self.failed += failed


def call(*command, env=None, check=True, quiet=False):
    """Runs a command in the repository root; a status other than 0 ends the stage."""
    full_env = dict(os.environ, **(env or {}))
    if not quiet:
        print("+", " ".join(command), flush=True)
    result = subprocess.run(command, cwd=ROOT, env=full_env, check=False, timeout=COMMAND_SECONDS_MAX)
    if check and result.returncode != 0:
        raise StageFailed(f"{command[0]} ended with status {result.returncode}")
    return result.returncode


def exists(*patterns):
    """Is there a file that matches one of the patterns?"""
    return any(next(ROOT.glob(pattern), None) for pattern in patterns)


def build(preset, options=()):
    """Configures and builds a preset; the output of a step that succeeds is its last line."""
    for command in (["cmake", "--preset", preset, *options],
                    ["cmake", "--build", f"build/{preset}", "--parallel", JOBS, "--", "-k", "0"]):
        print("+", " ".join(command), flush=True)
        result = subprocess.run(command, cwd=ROOT, text=True, errors="replace", check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines = result.stdout.splitlines()
        if result.returncode != 0:
            print("\n".join(line for line in lines if not re.match(r"^\[\d+/\d+\] ", line)))
            raise StageFailed(f"the build of {preset} failed")
        print(lines[-1] if lines else "", flush=True)


def criterion_counts(output):
    """The (passed, failed) of a Criterion program's summary line, or None for another program."""
    found = re.search(r"Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+) \| Crashing: (\d+)", output)
    if not found:
        return None
    tested, passing = int(found[1]), int(found[2])
    return passing, tested - passing


def tally_ctest(report, tally):
    """Adds up a JUnit report written by ctest."""
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        ran_well = case.get("status") == "run"
        if case.get("name", "").startswith("sanitizer-logs"):
            tally.add(0, 0 if ran_well else 1)
            continue
        counts = criterion_counts(case.findtext("system-out") or "")
        if counts is None:
            counts = (1, 0) if ran_well else (0, 1)
        elif not ran_well and counts[1] == 0:
            counts = (counts[0], 1)
        elif ran_well and counts == (0, 0):
            raise StageFailed(f"{case.get('name')} ran no test")
        tally.add(*counts)


def ctest(preset, labels, tally, jobs=JOBS):
    """Runs the tests with one of the labels."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "ctest.xml"
        status = call("ctest", "--test-dir", f"build/{preset}", "-L", f"^({labels})$", "-j", jobs, "--quiet",
                      "--output-on-failure", "--no-tests=ignore", "--output-junit", str(report),
                      "--output-log", str(Path(folder) / "log"),
                      "--test-output-size-passed", "10000000", "--test-output-size-failed", "10000000", check=False)
        before = (tally.passed, tally.failed)
        if report.exists():
            tally_ctest(report, tally)
            if status != 0:
                show_failures(report)
        passed, failed = tally.passed - before[0], tally.failed - before[1]
        print(f"{passed} passed, {failed} failed", flush=True)
        if status != 0:
            raise StageFailed(f"ctest ended with status {status}")


def show_failures(report):
    """Prints what the failed tests of a ctest run have written."""
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if case.get("status") != "run":
            print(f"---- {case.get('name')}: {case.get('status')}")
            print("\n".join((case.findtext("system-out") or "").splitlines()[-80:]), flush=True)


def pytest(tally, *arguments, env=None):
    """Runs pytest and adds up its JUnit report. Skipped cases are neither passed nor failed, and are listed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "pytest.xml"
        status = call(PYTHON, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider",
                      "-o", "faulthandler_timeout=120", f"--junitxml={report}",
                      *arguments, env=env, check=False)
        if report.exists():
            for suite in ElementTree.parse(report).getroot().iter("testsuite"):
                total, skipped = int(suite.get("tests")), int(suite.get("skipped"))
                failed = int(suite.get("failures")) + int(suite.get("errors"))
                tally.add(total - skipped - failed, failed)
        if status != 0:
            raise StageFailed(f"pytest ended with status {status}")


def counted(tally, *command):
    """Runs a command whose last line is `N passed, M failed`, and adds that up."""
    print("+", " ".join(command), flush=True)
    result = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, check=False)
    print(result.stdout, end="", flush=True)
    found = re.search(r"^(\d+) passed, (\d+) failed\s*\Z", result.stdout, re.MULTILINE)
    if not found:
        raise StageFailed(f"{command[0]} did not end with its counts")
    tally.add(int(found[1]), int(found[2]))
    if result.returncode != 0 or int(found[2]) > 0:
        raise StageFailed(f"{command[0]} ended with status {result.returncode}")


def no_sanitizer_reports(folder):
    """Fails the stage if a sanitizer has left a report."""
    call("cmake/sanitizers/check_logs.sh", str(folder), quiet=True)


def stage_rules(tally):
    """The self-test of the repository's rules, then the rules"""
    counted(tally, PYTHON, "cmake/rules.py", "--self-test")
    call(PYTHON, "cmake/rules.py")
    tally.add(1, 0)


def stage_format(tally):
    """C files are formatted as clang-format would"""
    call(PYTHON, "cmake/format.py", "--check")
    tally.add(1, 0)


def stage_docs(tally):
    """Generated pages are what their tables say"""
    for program in sorted(ROOT.glob("cmake/gen_*_docs.py")):
        call(PYTHON, str(program.relative_to(ROOT)), "--check")
        tally.add(1, 0)


def stage_dev(tally):
    """Debug build with gcc, warnings as errors; unit tests; symbols of the objects"""
    build("dev")
    call(PYTHON, "cmake/rules.py", "--objects", "build/dev")
    tally.add(1, 0)
    ctest("dev", "unit|prop|sim|stress", tally)


def stage_clang(_tally):
    """Debug build with clang, warnings as errors"""
    build("clang")


def stage_release(_tally):
    """The optimised server and the benchmarks"""
    build("release")


def stage_asan(tally):
    """ASan and UBSan: unit tests, and a part of the end-to-end tests"""
    build("asan")
    ctest("asan", "unit|prop|sim", tally)
    if exists("test/e2e/**/test_*.py") and exists("build/asan/basalt-server"):
        logs = ROOT / "build/asan/sanitizer-logs-e2e"
        call("rm", "-rf", str(logs), quiet=True)
        logs.mkdir(parents=True)
        env = {"BASALT_SERVER": str(ROOT / "build/asan/basalt-server"),
               "ASAN_OPTIONS": f"log_path={logs}/asan:detect_stack_use_after_return=1",
               "UBSAN_OPTIONS": f"log_path={logs}/ubsan:print_stacktrace=1",
               "BASALT_STOP": "gentle"}
        pytest(tally, "-m", "smoke", "test/e2e", env=env)
        no_sanitizer_reports(logs)


def stage_tsan(tally):
    """TSan: stress programs"""
    build("tsan")
    ctest("tsan", "stress", tally, jobs="1")


def stage_spin(tally):
    """The models: searched exhaustively, and their planted mistakes must be found"""
    counted(tally, "test/model/run.sh")


def stage_fuzz(tally):
    """libFuzzer targets, for a bounded time each"""
    build("fuzz", options=[f"-DBASALT_FUZZ_SECONDS={os.environ.get('BASALT_FUZZ_SECONDS', '30')}"])
    ctest("fuzz", "fuzz", tally)


def stage_e2e(tally):
    """End-to-end tests against the optimised server"""
    if not exists("build/release/basalt-server"):
        raise StageFailed("there is no build/release/basalt-server: the stage release comes first")
    # The stage spin has run the models already.
    pytest(tally, "test", "--ignore=test/model", "-n", JOBS, "--dist", "loadfile", "--durations=10",
           env={"BASALT_SERVER": str(ROOT / "build/release/basalt-server")})


# name, function, and the files without one of which there is nothing to do
STAGES = [
    ("rules", stage_rules, ("cmake/rules.py",)),
    ("format", stage_format, ("core/**/*.c",)),
    ("docs", stage_docs, ("cmake/gen_*_docs.py",)),
    ("dev", stage_dev, ("core/**/*.c",)),
    ("clang", stage_clang, ("core/**/*.c",)),
    ("release", stage_release, ("core/**/*.c",)),
    ("asan", stage_asan, ("test/unit/**/*_test.c",)),
    ("tsan", stage_tsan, ("test/stress/*.c", "test/sim/*.c")),
    ("spin", stage_spin, ("test/model/run.sh",)),
    ("fuzz", stage_fuzz, ("test/fuzz/*_fuzz.c",)),
    ("e2e", stage_e2e, ("test/e2e/**/test_*.py",)),
]


def run_stage(name, function, inputs, tally):
    """Runs one stage and returns a line about it."""
    print(f"\n======== {name}: {function.__doc__}", flush=True)
    if not exists(*inputs):
        print(f"left out: there is no {' or '.join(inputs)} yet", flush=True)
        return f"{name:8} left out"
    started = time.monotonic()
    failed_before = tally.failed
    try:
        function(tally)
        verdict = "ok"
    except (StageFailed, subprocess.SubprocessError) as failure:
        verdict = f"FAILED: {str(failure).splitlines()[0]}"
        print(f"{name}: {failure}", flush=True)
        if tally.failed == failed_before:
            tally.add(0, 1)
    seconds = time.monotonic() - started
    print(f"-------- {name}: {verdict}, {seconds:.0f} s", flush=True)
    return f"{name:8} {seconds:5.0f} s  {verdict}"


def main():
    parser = argparse.ArgumentParser(description="Runs what CI runs.")
    parser.add_argument("stages", nargs="*", help="only these stages")
    parser.add_argument("--list", action="store_true", help="name the stages")
    arguments = parser.parse_args()
    if arguments.list:
        for name, function, _ in STAGES:
            print(f"{name:8} {function.__doc__}")
        return 0
    unknown = set(arguments.stages) - {name for name, _, _ in STAGES}
    if unknown:
        parser.error(f"no such stage: {', '.join(sorted(unknown))}")

    started = time.monotonic()
    tally = Tally()
    os.environ["LC_ALL"] = "C.UTF-8"  # Criterion translates its summary
    summary = [run_stage(*stage, tally) for stage in STAGES if not arguments.stages or stage[0] in arguments.stages]
    print(f"\n======== {time.monotonic() - started:.0f} s in all", *summary, sep="\n")
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
