"""Writes docs/CONFIG.md from core/config/config.def and config_enum.def.

    cmake/gen_config_docs.py           writes the page
    cmake/gen_config_docs.py --check   fails if the page is not what would be written
    cmake/gen_config_docs.py --audit   compares each row's grade with the code: fails for rows that claim an effect
                                       though nothing outside core/config reads their field, and for rows that deny
                                       one though something does
"""

import argparse
import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "core/config/config.def"
ENUMS = ROOT / "core/config/config_enum.def"
PAGE = ROOT / "docs/CONFIG.md"
CODE_FOLDERS = ("core", "net", "persist", "cluster", "shards")

PREAMBLE = """\
# Configuration

*Generated from core/config/config.def by cmake/gen_config_docs.py; edit the table, not this page.*

The configuration file has the format of redis.conf: one directive per line, words parted by blanks, `#` begins a
comment line, texts with blanks stand in quotes. Every directive can be given on the command line too
(`basalt-server basalt.conf --port 7000 --save ""`), where it wins over the file, and most can be changed while the server runs
(`CONFIG SET`) and written back to the file (`CONFIG REWRITE`).

How to read the tables:

* **Set** says when: *any time*, *start* (file or command line only), or *protected* (by CONFIG SET only as
  `enable-protected-configs` allows).
* **Effect** is *yes*; *none* (stock files load and the value is shown, but it changes nothing: the server logs that
  at its start); *none yet* (the same, until the feature that it is about is built); or *refused* (the feature is not there, so any value but the default is an error).
* Memory sizes take the units `k`, `m`, `g` (powers of 1000) and `kb`, `mb`, `gb` (powers of 1024).

Besides the directives below, a file may hold `include PATH` (a pattern may match several files, or none),
`rename-command FROM TO` (an empty TO removes the command) and `user NAME RULE...`. `loadmodule` is refused.
"""


def words_by_enum():
    """The words of each enum, and the word of each enumerator."""
    words, word_of, current = {}, {}, None
    for line in ENUMS.read_text().splitlines():
        if found := re.match(r"CONFIG_ENUM\((\w+)\)", line):
            current = words.setdefault(found[1], [])
        elif found := re.match(r'\s+CONFIG_WORD\((\w+), "([^"]+)"\)', line):
            current.append(found[2])
            word_of[found[1]] = found[2]
    return words, word_of


def split_arguments(text):
    """Cuts a macro's arguments at the commas outside quotes."""
    return [part.strip() for part in re.findall(r'\s*((?:"(?:\\.|[^"\\])*"|[^,"])+)', text)]


def unquote(text):
    """A C string as its text; NULL as the empty text."""
    return "" if text == "NULL" else ast.literal_eval(text)


class Row:
    """One directive."""

    def __init__(self, kind, arguments, enums):
        words, word_of = enums
        self.field, self.help = arguments[0], unquote(arguments[-1])
        self.name, self.alias = unquote(arguments[1]), unquote(arguments[2])
        self.flags = set(re.findall(r"CONFIG_\w+", arguments[-2]))
        middle = arguments[3:-2]
        if kind == "BOOL":
            self.values, self.default = "yes, no", "yes" if middle[0] == "true" else "no"
        elif kind in ("INT", "INT64", "MEMORY"):
            self.values, self.default = self.range(kind, middle[0], middle[1]), self.number(kind, middle[2])
        elif kind == "ENUM":
            self.values, self.default = ", ".join(words[middle[0]]), word_of[middle[1]]
        elif kind == "STRING":
            self.values, self.default = "text", unquote(middle[0])
        else:
            self.values, self.default = "see below", unquote(middle[1])

    @staticmethod
    def number(kind, text):
        value = int(text)
        for unit, size in (("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)):
            if kind == "MEMORY" and value and value % size == 0:
                return f"{value // size}{unit}"
        return text

    @classmethod
    def range(cls, kind, low, high):
        if high in ("INT_MAX", "INT64_MAX", "UINT64_MAX", "UINT_MAX"):
            bound = "any number" if low == "INT_MIN" else f"from {cls.number(kind, low)}"
        else:
            bound = f"{low} to {high}"
        return bound + (" bytes" if kind == "MEMORY" else "")

    @property
    def grade(self):
        if "CONFIG_ONLY_DEFAULT" in self.flags:
            return "refused"
        if "CONFIG_LATER" in self.flags:
            return "none yet"
        return "none" if "CONFIG_ACCEPTED" in self.flags else "yes"

    @property
    def when(self):
        if "CONFIG_IMMUTABLE" in self.flags:
            return "start"
        return "protected" if "CONFIG_PROTECTED" in self.flags else "any time"

    def line(self):
        name = f"`{self.name}`" + (f" (`{self.alias}`)" if self.alias else "")
        default = f"`{self.default}`" if self.default else "empty"
        return f"| {name} | {self.values} | {default} | {self.when} | {self.grade} | {self.help} |"


SPECIAL_VALUES = {
    "bind": "addresses",
    "replicaof": "host and port, or `no one`",
    "unixsocketperm": "octal, 0 to 777",
    "oom-score-adj-values": "three numbers, -2000 to 2000",
    "shutdown-on-sigint": "default, or some of save, nosave, now, force",
    "shutdown-on-sigterm": "default, or some of save, nosave, now, force",
    "client-output-buffer-limit": "class (normal, replica, pubsub), bytes, bytes, seconds; repeated",
    "maxmemory-clients": "bytes, or 0% to 100%",
    "save": "seconds, changes; repeated",
    "latency-tracking-info-percentiles": "numbers, 0 to 100",
    "notify-keyspace-events": "letters of Ag$lshzxeKEtmdn",
}


def read_groups():
    """The headings with their rows."""
    enums = words_by_enum()
    text = re.sub(r"/\*.*?\*/", "", ROWS.read_text(), flags=re.DOTALL)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    groups = []
    for kind, body in re.findall(r"^ROW_(\w+)\(((?:\"(?:\\.|[^\"\\])*\"|[^\"()]|\([^()]*\))*)\)", text, re.MULTILINE):
        if kind == "GROUP":
            groups.append((unquote(body), []))
            continue
        row = Row(kind, split_arguments(body), enums)
        if kind == "SPECIAL":
            row.values = SPECIAL_VALUES[row.name]
        groups[-1][1].append(row)
    return groups


def page(groups):
    parts = [PREAMBLE]
    for title, rows in groups:
        parts.append(f"\n## {title}\n\n| Directive | Values | Default | Set | Effect | Meaning |\n"
                     "|---|---|---|---|---|---|\n")
        parts.extend(row.line() + "\n" for row in rows)
    return "".join(parts)


def fields_in_use():
    """Every member of something called cfg or config that the code names; of core/config only where it obeys a row."""
    used = set()
    for folder in CODE_FOLDERS:
        for path in (ROOT / folder).rglob("*.[ch]"):
            if path.is_relative_to(ROOT / "core/config") and path.name != "config_set.c":
                continue
            used.update(re.findall(r"(?:\bcfg\w*|\bconfig\w*)(?:->|\.)(\w+)", path.read_text()))
    return used


def audit(groups):
    used, findings = fields_in_use(), 0
    for _, rows in groups:
        for row in rows:
            if row.grade == "yes" and row.field not in used:
                print(f"{row.name}: claims an effect, but nothing reads the field")
                findings += 1
            elif row.grade in ("none", "none yet") and row.field in used:
                print(f"{row.name}: denies an effect, but something reads the field")
                findings += 1
    print(f"{findings} findings")
    return findings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--audit", action="store_true")
    arguments = parser.parse_args()
    groups = read_groups()
    if arguments.audit:
        return 1 if audit(groups) else 0
    text = page(groups)
    if arguments.check:
        if not PAGE.exists() or PAGE.read_text() != text:
            print("docs/CONFIG.md is not what cmake/gen_config_docs.py writes: run it")
            return 1
        return 0
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
