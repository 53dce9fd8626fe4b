"""The gate: every row of the table of commands is used by some test that talks to a server.

Uses are read off the tests' text: the first words of the lines of test/compat/scripts, and in Python the
constant words at the head of a call or a tuple.
"""

import ast
import re
from pathlib import Path

import pytest

TEST = Path(__file__).resolve().parent.parent
TABLES = TEST.parent / "core/command/table"
ROW = re.compile(r'^(?:SUB)?COMMAND\([^"]*"([^"]+)"', re.MULTILINE)


def rows():
    text = "".join(table.read_text() for table in sorted(TABLES.glob("*.def")))
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return sorted(set(ROW.findall(text)))


def constant_words(nodes):
    words = []
    for node in nodes:
        if not (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))):
            break
        value = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
        words += value.split()
    return words


def command_at(words):
    """The words, if they can be a command: tests write commands in capitals."""
    return words if words and words[0].isupper() else []


def words_of_python(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield command_at(constant_words(node.args))
        elif isinstance(node, (ast.Tuple, ast.List)):
            yield command_at(constant_words(node.elts))


def words_of_script(path):
    for line in path.read_text().splitlines():
        for request in line.split("\\r\\n"):
            words = request.replace('"', " ").split()
            while words and words[0][:1] in ("~", "@"):
                words.pop(0)
            yield words


def used():
    names = set()
    sources = [words_of_python(path) for folder in ("e2e", "compat", "crash") for path in (TEST / folder).glob("*.py")
               if path != Path(__file__)]
    sources += [words_of_script(path) for path in (TEST / "compat/scripts").glob("*.txt")]
    for source in sources:
        for words in source:
            names.add(words[0].lower() if words else "")
            names.add("|".join(words[:2]).lower())
    return names


NAMES = used()


def test_the_table_has_rows():
    assert len(rows()) > 60


@pytest.mark.parametrize("name", rows())
def test_command_is_used_by_a_test(name):
    assert name in NAMES, f"no test sends {name.upper().replace('|', ' ')}"


def test_the_gate_sees_what_is_missing():
    assert "thereisnosuchthing" not in NAMES
    assert "config|thereisnosuchthing" not in NAMES
