"""Formats the C files that git tracks with clang-format 14; --check only says which ones differ."""

import argparse
import shutil
import subprocess
import sys

from rules import ROOT, tracked_files


def main():
    parser = argparse.ArgumentParser(description="Formats the C files, or checks that they are formatted.")
    parser.add_argument("--check", action="store_true", help="change nothing, fail where something would change")
    arguments = parser.parse_args()
    tool = shutil.which("clang-format-14") or shutil.which("clang-format")
    if not tool:
        print("clang-format is missing: run cmake/setup.sh test")
        return 1
    # Model checkers' Promela and tables in .def files have a layout of their own.
    files = [path for path in tracked_files() if path.endswith((".c", ".h"))]
    if not files:
        return 0
    mode = ["--dry-run"] if arguments.check else ["-i"]
    result = subprocess.run([tool, "--style=file", *mode, *files], cwd=ROOT, text=True, stderr=subprocess.PIPE, check=False)
    ragged = sorted({line.split(":", 1)[0] for line in result.stderr.splitlines() if "code should be clang-formatted" in line})
    for path in ragged:
        print(f"{path}: not formatted; run `cmake --build build/dev --target format`")
    print(f"format: {len(files)} files, {len(ragged)} to be formatted" if arguments.check else f"format: {len(files)} files")
    return 1 if ragged or result.returncode != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
