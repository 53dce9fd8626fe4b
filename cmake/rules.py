"""Checks the repository against its own rules (docs/STYLE.md), in seconds and without building.

    cmake/rules.py                    every rule that can be read off the source text
    cmake/rules.py --objects build/dev   rules about the symbols of compiled objects
    cmake/rules.py --self-test        plants an offence against each rule and sees whether it is caught

A rule is a function from the tree to findings. A finding fails the run; a note does not. What the compiler enforces (which layer may
include which) is not repeated here.
"""

import argparse
import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYER_FOLDERS = ("core/", "net/", "persist/", "cluster/", "shards/")
FILE_LINES_NOTE = 500
FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
WAIVER = re.compile(r"/\* rules: long function, \S[^*]*\*/")
MUTABLE_SYMBOLS = "cmake/mutable_symbols.txt"


class Source:
    """One file: its text, and for C the text with comments and literals blanked out, line for line."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.splitlines()
        self.suffix = Path(path).suffix
        self.stem = Path(path).stem
        self.is_c = self.suffix in (".c", ".h", ".def")
        # A *_gen.c is a program that runs while building, and no part of its layer.
        self.in_layer = path.startswith(LAYER_FOLDERS) and not path.endswith("_gen.c")
        self._code = None

    @property
    def code(self):
        """The text without what is inside comments, strings and characters; line numbers stay."""
        if self._code is None:
            self._code = blank_literals(self.text) if self.is_c else self.text
        return self._code

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1


LITERAL = re.compile(r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.DOTALL | re.VERBOSE)


def blank_literals(text):
    """Replaces each character inside comments and literals, except line ends, by a space; quotes stay."""

    def blank(match):
        literal = match[0]
        if literal[0] == "/":
            return re.sub(r"[^\n]", " ", literal)
        return literal[0] + " " * (len(literal) - 2) + literal[-1]

    return LITERAL.sub(blank, text)


class Function:
    """A C function's definition: where it stands, and whether other files can see it."""

    def __init__(self, name, first_line, last_line, is_static):
        self.name = name
        self.first_line = first_line
        self.last_line = last_line
        self.is_static = is_static


DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)


def functions_of(source):
    """The function definitions of a C file, found by counting braces outside of directives."""
    code = DIRECTIVE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source.code)
    found = []
    depth = 0
    start = 0
    head = None
    for match in re.finditer(r"[{};]", code):
        mark, at = match[0], match.start()
        if mark == "{":
            if depth == 0:
                head = (code[start:at], start)
            depth += 1
        elif mark == "}":
            depth = max(0, depth - 1)
            if depth == 0 and head is not None:
                function = read_head(source, head[0], head[1], at)
                if function:
                    found.append(function)
                head = None
                start = at + 1
        elif depth == 0:
            start = at + 1
    return found


def read_head(source, head, start, end):
    """The function that a `{...}` at file level belongs to, or None where it is a type or an initialiser."""
    outside = re.sub(r"\([^()]*\)", "", re.sub(r"\([^()]*\)", "", re.sub(r"\([^()]*\)", "", head)))
    if "=" in outside or "(" not in head:
        return None
    name = re.search(r"([A-Za-z_]\w*)\s*\((?!\s*\()", re.sub(r"\b(?:__attribute__|_Alignas|ATTR_\w+)\s*\(+[^)]*\)+", "", head))
    if not name:
        return None
    first = source.line_of(start + len(head) - len(head.lstrip()))
    return Function(name[1], first, source.line_of(end), bool(re.search(r"\bstatic\b", head)))


# ---- rules over the source text: each yields (path, line, message)


def rule_file_size(tree):
    """A file has at most 800 lines."""
    for source in tree:
        if source.suffix in (".c", ".h", ".py", ".sh", ".cmake") and len(source.lines) > FILE_LINES_MAX:
            yield source.path, len(source.lines), f"{len(source.lines)} lines; {FILE_LINES_MAX} is the end"


def rule_function_size(tree):
    """A function has at most 70 lines, or a waiver in or right above it."""
    for source in tree:
        for name, first, last in function_spans(source):
            if last - first + 1 > FUNCTION_LINES_MAX and not is_waived(source, first, last):
                yield source.path, first, f"{name} has {last - first + 1} lines; {FUNCTION_LINES_MAX} is the end"


def function_spans(source):
    """(name, first line, last line) of each function of a C or Python file."""
    if source.suffix in (".c", ".h"):
        return [(function.name, function.first_line, function.last_line) for function in functions_of(source)]
    if source.suffix == ".py":
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [(node.name, node.lineno, node.end_lineno) for node in ast.walk(ast.parse(source.text))
                if isinstance(node, kinds)]
    return []


def is_waived(source, first, last):
    return bool(WAIVER.search("\n".join(source.lines[max(0, first - 4):last])))


def rule_prefix(tree):
    """What a file exports begins with its stem, with leading words of its stem, or with the name of its folder."""
    for source in tree:
        if source.suffix != ".c" or not source.in_layer:
            continue
        prefixes = allowed_prefixes(source.path)
        for function in functions_of(source):
            if not function.is_static and not has_prefix(function.name, prefixes):
                yield (source.path, function.first_line,
                       f"{function.name} is exported but does not begin with {' or '.join(prefixes)}")


def allowed_prefixes(path):
    """core/resp/rax_walk.c may export rax_walk_*, rax_* and resp_*; shards/route.c may export shard_*."""
    words = Path(path).stem.split("_")
    folder = Path(path).parent.name
    prefixes = ["_".join(words[:count]) for count in range(len(words), 0, -1)] + [folder, folder.removesuffix("s")]
    return list(dict.fromkeys(prefixes))


def has_prefix(name, prefixes):
    return name == "main" or any(name == prefix or name.startswith(prefix + "_") for prefix in prefixes)


# header pattern -> where it may be included, among the folders of the layers
INCLUDERS = [
    (r"liburing(/.*)?\.h|linux/io_uring\.h", r"core/io/io_uring\w*\.[ch]"),
    (r"ck_\w+\.h", r"shards/inbox\.c"),
    (r"mimalloc.*\.h", r"core/base/mem\.c"),
    (r"(.*/)?lzf\.h", r"core/ds/compress\.c"),
    (r"(lua|lauxlib|lualib|luaconf)\.h", r"core/script/.*"),
    (r"stdatomic\.h", r"shards/.*|core/io/.*|core/base/mem\.c"),
    (r"pthread\.h|threads\.h|sys/socket\.h|sys/epoll\.h|netinet/.*|arpa/.*",
     r"core/io/.*|net/.*|persist/.*|cluster/.*|shards/.*"),
]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
ATOMIC = re.compile(r"\b(?:_Atomic\b|__atomic_\w+|__sync_\w+|atomic_(?:load|store|fetch|exchange|compare|thread|init)\w*)")


def rule_includes(tree):
    """Headers are named from the repository root; a few may be included in few places only."""
    for source in tree:
        if not source.is_c:
            continue
        for match in INCLUDE.finditer(source.text):
            kind, header = match[1], match[2]
            line = source.line_of(match.start(2))
            is_generated = header.endswith(".inc")
            if kind == '"' and not is_generated and ("/" not in header or ".." in header):
                yield source.path, line, f'"{header}": write the path from the repository root'
            for pattern, where in INCLUDERS:
                if source.in_layer and re.fullmatch(pattern, header) and not re.fullmatch(where, source.path):
                    yield source.path, line, f"{header} may be included by {where} only"


def rule_atomics(tree):
    """Atomics belong to shards, core/io and core/base/mem.c."""
    where = re.compile(r"shards/.*|core/io/.*|core/base/mem\.c")
    for source in tree:
        if source.is_c and source.in_layer and not where.fullmatch(source.path):
            for match in ATOMIC.finditer(source.code):
                yield source.path, source.line_of(match.start()), f"{match[0]}: only {where.pattern} may use atomics"


BANNED = ("strcpy", "strcat", "sprintf", "vsprintf", "gets", "strtok", "atoi", "atol", "atof", "rand", "srand", "alloca",
          "system", "popen")
ALLOCATORS = ("malloc", "calloc", "realloc", "free", "strdup", "strndup", "asprintf", "vasprintf", "posix_memalign",
              "aligned_alloc")
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED + ALLOCATORS) + r")\s*\(")


def rule_calls(tree):
    """Some functions of the C library are not called; memory comes from core/base/mem.h."""
    for source in tree:
        if source.suffix not in (".c", ".h"):
            continue
        for match in CALL.finditer(source.code):
            free_choice = source.path == "core/base/mem.c" or not source.in_layer
            if match[1] in BANNED or not free_choice:
                yield source.path, source.line_of(match.start()), f"{match[1]}() is banned here"


def rule_markers(tree):
    """No reminders in the tree: open an issue."""
    pattern = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
    for source in tree:
        for match in pattern.finditer(source.text):
            yield source.path, source.line_of(match.start()), f"{match[1]}: finish it or open an issue"


def rule_paths(tree, checkout=None):
    """Nothing names a place of one machine: a home directory, or where this checkout happens to lie."""
    places = [r"/(?:home|Users)/[A-Za-z]", r"/(?:root)/"]
    checkout = Path(checkout or ROOT)
    for place in (checkout, checkout.parent):
        if str(place) not in ("/", "/tmp", "/home", "/usr/src", "/opt", "/srv", "/var/tmp", "/mnt"):
            places.append(re.escape(str(place)) + "/")
    pattern = re.compile(r"(?<![\w.])(?:" + "|".join(places) + ")")
    for source in tree:
        for match in pattern.finditer(source.text):
            yield source.path, source.line_of(match.start()), f"{match[0]}... is a path of one machine"


def rule_opening(tree):
    """A header begins with #pragma once, a .c with its theory in a comment."""
    for source in tree:
        if source.suffix == ".h":
            first = re.search(r"^[ \t]*(\S[^\n]*)", source.code, re.MULTILINE)
            if not first or first[1].strip() != "#pragma once":
                yield source.path, 1, "the first line of code is not #pragma once"
        if source.suffix == ".c" and not source.text.startswith("/*"):
            yield source.path, 1, "does not open with a comment"


def rule_typedefs(tree):
    """A struct is called a struct: no typedef names that end in _t."""
    for source in tree:
        if source.is_c:
            for match in re.finditer(r"\btypedef\b[^;]*?\b(\w+_t)\s*;", re.sub(r"\{[^{}]*\}", blank_braces, source.code)):
                yield source.path, source.line_of(match.start()), f"typedef {match[1]}: name the struct or enum itself"


def blank_braces(match):
    return re.sub(r"[^\n]", " ", match[0])


def rule_dead_headers(tree):
    """A header or table that nobody includes is dead."""
    included = {match[2] for source in tree if source.is_c for match in INCLUDE.finditer(source.text)}
    for source in tree:
        if source.in_layer and source.suffix in (".h", ".def") and source.path not in included:
            yield source.path, 1, "is included by nobody"


LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)(?:#[^)\s]*)?\)")


def rule_links(tree, root=None):
    """A link from one page to another leads somewhere."""
    for source in tree:
        if source.suffix == ".md":
            folder = (Path(root or ROOT) / source.path).parent
            for match in LINK.finditer(source.text):
                if not (folder / match[1]).exists():
                    yield source.path, source.line_of(match.start()), f"the link to {match[1]} leads nowhere"


RULES = [rule_file_size, rule_function_size, rule_prefix, rule_includes, rule_atomics, rule_calls, rule_markers, rule_paths,
         rule_opening, rule_typedefs, rule_dead_headers, rule_links]


# ---- rules over compiled objects


def object_files(build):
    """(source path, object file) of each layer's objects in a build folder."""
    for object_file in sorted(Path(build).glob("CMakeFiles/*.dir/**/*.c.o")):
        path = str(object_file.relative_to(build)).split(".dir/", 1)[1][:-2]
        if path.startswith(LAYER_FOLDERS) and (ROOT / path).exists():
            yield path, object_file


def symbols_of(object_file):
    """(name, binding letter, section) of what an object defines."""
    listing = subprocess.run(["nm", "--format=sysv", "--defined-only", str(object_file)], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    for line in listing.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) == 7 and fields[3] in ("OBJECT", "TLS", "FUNC"):
            yield fields[0], fields[2], fields[6]


def read_allowed(text):
    """The lines `<source path> <symbol> <reason>` of the allow-list, as {(path, symbol)}."""
    allowed = set()
    for line in text.splitlines():
        fields = line.split(maxsplit=2)
        if fields and not line.startswith("#"):
            if len(fields) < 3:
                raise ValueError(f"{MUTABLE_SYMBOLS}: a symbol without a reason: {line}")
            allowed.add((fields[0], fields[1]))
    return allowed


MUTABLE_SECTION = re.compile(r"\.(data|bss|tdata|tbss)\b(?!\.rel\.ro)")


def check_objects(objects, allowed):
    """Mutable globals that are not on the list, list entries without a symbol, exported data with a foreign prefix."""
    used = set()
    for path, object_file in objects:
        for name, binding, section in symbols_of(object_file):
            plain = name.split(".")[0]
            if MUTABLE_SECTION.match(section):
                if (path, plain) in allowed:
                    used.add((path, plain))
                else:
                    yield path, 1, f"{plain} is mutable and lives as long as the process ({section})"
            prefixes = allowed_prefixes(path)
            if binding.isupper() and not has_prefix(plain, prefixes):
                yield path, 1, f"{plain} is exported but does not begin with {' or '.join(prefixes)}"
    for path, name in sorted(allowed - used):
        yield MUTABLE_SYMBOLS, 1, f"{path} has no mutable symbol {name}: delete the line"


# ---- running


def tracked_files():
    """The paths that git tracks or would track."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    listing = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout
    return sorted(path for path in listing.splitlines() if (ROOT / path).is_file())


TEXT_SUFFIXES = (".c", ".h", ".def", ".py", ".sh", ".cmake", ".md", ".txt", ".pml", ".json", ".conf", ".lua", ".yml", "")


def load_tree():
    tree = []
    for path in tracked_files():
        if Path(path).suffix in TEXT_SUFFIXES and "/corpus/" not in path:
            try:
                tree.append(Source(path, (ROOT / path).read_text(encoding="utf-8")))
            except UnicodeDecodeError:
                continue
    return tree


def report(findings):
    for path, line, message in findings:
        print(f"{path}:{line}: {message}")
    return len(findings)


def main():
    parser = argparse.ArgumentParser(description="Checks the repository against its own rules.")
    parser.add_argument("--objects", metavar="BUILD", help="check the symbols of this build's objects instead")
    parser.add_argument("--self-test", action="store_true", help="see whether each rule catches a planted offence")
    arguments = parser.parse_args()
    if arguments.self_test:
        import rules_selftest
        return rules_selftest.run()

    tree = load_tree()
    if arguments.objects:
        objects = list(object_files(ROOT / arguments.objects))
        if not objects:
            print(f"{arguments.objects} holds no objects: build first")
            return 1
        allowed = read_allowed((ROOT / MUTABLE_SYMBOLS).read_text())
        count = report(list(check_objects(objects, allowed)))
        print(f"rules: {len(objects)} objects, {len(allowed)} mutable symbols allowed, {count} findings")
        return 1 if count else 0

    for source in tree:
        if source.suffix in (".c", ".h") and FILE_LINES_NOTE < len(source.lines) <= FILE_LINES_MAX:
            print(f"note: {source.path} has {len(source.lines)} lines")
    waivers = sum(len(WAIVER.findall(source.text)) for source in tree if source.suffix in (".c", ".h"))
    count = report([finding for rule in RULES for finding in rule(tree)])
    print(f"rules: {len(tree)} files, {len(RULES)} rules, {waivers} long functions waived, {count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
