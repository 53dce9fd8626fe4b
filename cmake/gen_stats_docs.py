"""Writes docs/STATS.md from shards/stats.def.

    cmake/gen_stats_docs.py           writes the page
    cmake/gen_stats_docs.py --check   fails if the page is not what would be written
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "shards/stats.def"
PAGE = ROOT / "docs/STATS.md"

PREAMBLE = """\
# The fields of INFO

*Generated from shards/stats.def by cmake/gen_stats_docs.py; edit the table, not this page.*

`INFO` prints the sections marked *default*; `INFO all` those marked *all* too; `INFO everything` every one. Several
sections may be named: `INFO memory keyspace`. Numbers are summed over the shards, each true for the moment when its
shard was asked.

A *gauge* tells how things are now. A *counter* counts since the start, or since `CONFIG RESETSTAT`.

Where Redis has something that this server lacks, and tools insist on the field, it shows what Redis shows before that
thing was ever used.
"""

KINDS = {"GAUGE": "gauge", "COUNTER": "counter"}


def arguments(text):
    """Cuts a macro's arguments at the commas that stand outside quotes and parentheses."""
    found, depth, quoted, current = [], 0, False, ""
    for i, char in enumerate(text):
        if char == '"' and text[i - 1] != "\\":
            quoted = not quoted
        if not quoted:
            depth += (char == "(") - (char == ")")
            if char == "," and depth == 0:
                found.append(current.strip())
                current = ""
                continue
        current += char
    return found + [current.strip()]


def unquoted(text):
    return text[1:-1].replace('\\"', '"')


def page():
    sections, rows = [], {}
    for line in ROWS.read_text().splitlines():
        found = re.fullmatch(r"STAT_(\w+)\((.*)\)", line)
        if not found:
            continue
        kind, args = found[1], arguments(found[2])
        if kind == "SECTION":
            sections.append((args[0], unquoted(args[1]), args[2].lower()))
            rows[args[0]] = []
        elif kind == "INT":
            rows[args[0]].append((args[1], KINDS[args[3]], unquoted(args[2]), unquoted(args[5])))
        elif kind == "REAL":
            rows[args[0]].append((args[1], KINDS[args[4]], unquoted(args[3]), unquoted(args[6])))
        else:
            word = {"TEXT": "text", "HUMAN": "text", "PERCENT": "gauge", "LINES": "lines"}[kind]
            unit = {"TEXT": "", "HUMAN": "bytes", "PERCENT": "%", "LINES": ""}[kind]
            rows[args[0]].append((args[1], word, unit, unquoted(args[3])))
    text = PREAMBLE
    for section, title, shown in sections:
        text += f"\n## {title} ({shown})\n\n"
        if not rows[section]:
            text += "No fields.\n"
            continue
        text += "| Field | Kind | Unit | Meaning |\n|---|---|---|---|\n"
        for name, kind, unit, help_text in rows[section]:
            text += f"| `{name}` | {kind} | {unit} | {help_text} |\n"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        if not PAGE.exists() or PAGE.read_text() != page():
            print("docs/STATS.md is not what cmake/gen_stats_docs.py writes: run it")
            return 1
        return 0
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
