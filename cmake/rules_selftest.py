"""Shows that rules.py catches what it should: each case plants one offence, or something that only looks like one."""

import subprocess
import tempfile
from pathlib import Path

import rules
from rules import Source

THEORY = "/* Theory. */\n"
LONG_BODY = "    x++;\n" * 75

# rule, path, text, expected number of findings
CASES = [
    (rules.rule_file_size, "core/ds/a.c", THEORY * 801, 1),
    (rules.rule_file_size, "core/ds/a.c", THEORY * 800, 0),
    (rules.rule_function_size, "core/ds/a.c", "int a_f(int x) {\n" + LONG_BODY + "}\n", 1),
    (rules.rule_function_size, "core/ds/a.c",
     "/* rules: long function, one case per opcode */\nint a_f(int x) {\n" + LONG_BODY + "}\n", 0),
    (rules.rule_function_size, "core/ds/a.c", "static const int table[] = {\n" + "    1,\n" * 75 + "};\n", 0),
    (rules.rule_function_size, "core/ds/a.c", "struct a {\n" + "    int x; /* ( */\n" * 75 + "};\n", 0),
    (rules.rule_function_size, "core/ds/a.c",
     "#define A(x) { \\\n    x\nint a_f(void) {\n    return '{';\n}\nint a_g(int x) {\n" + LONG_BODY + "}\n", 1),
    (rules.rule_function_size, "cmake/a.py", "def f(x):\n" + "    x += 1\n" * 75, 1),
    (rules.rule_prefix, "core/ds/dict.c", "int grow(int x) {\n    return x;\n}\n", 1),
    (rules.rule_prefix, "core/ds/dict.c", "int dictionary_grow(int x) {\n    return x;\n}\n", 1),
    (rules.rule_prefix, "core/ds/dict.c", "static int grow(int x) {\n    return x;\n}\n", 0),
    (rules.rule_prefix, "core/ds/dict.c", "ATTR_PRINTF(1, 2) void dict_log(const char *f, ...) {\n}\n", 0),
    (rules.rule_prefix, "core/ds/dict.c", "struct dict *dict__grow(struct dict *d) {\n    return d;\n}\n", 0),
    (rules.rule_prefix, "core/cmd/cmd_zset_read.c", "void cmd_zscore(struct cmd *c) {\n}\n", 0),
    (rules.rule_prefix, "core/cmd/cmd_zset_read.c", "void zscore(struct cmd *c) {\n}\n", 1),
    (rules.rule_prefix, "core/ds/rax_walk.c", "int rax_walk_next(void) {\n}\nint rax_next(void) {\n}\nint ds_x(void) {\n}\n", 0),
    (rules.rule_prefix, "core/ds/rax_walk.c", "int walk_next(void) {\n}\nint raxon(void) {\n}\n", 2),
    (rules.rule_prefix, "shards/route.c", "int shard_of_key(void) {\n}\n", 0),
    (rules.rule_prefix, "test/unit/a_test.c", "int anything(void) {\n    return 1;\n}\n", 0),
    (rules.rule_includes, "core/ds/a.c", '#include "dict.h"\n', 1),
    (rules.rule_includes, "core/ds/a.c", '#include "../io/io.h"\n', 1),
    (rules.rule_includes, "core/ds/a.c", '#include "core/ds/dict.h"\n', 0),
    (rules.rule_includes, "core/ds/a.c", '#include "table.inc"\n', 0),
    (rules.rule_includes, "net/conn.c", "#include <liburing.h>\n", 1),
    (rules.rule_includes, "core/io/io_uring.c", "#include <liburing.h>\n", 0),
    (rules.rule_includes, "bench/ceiling/main.c", "#include <liburing.h>\n", 0),
    (rules.rule_includes, "shards/shard.c", "#include <ck_fifo.h>\n", 1),
    (rules.rule_includes, "shards/inbox.c", "#include <ck_fifo.h>\n", 0),
    (rules.rule_includes, "core/ds/a.c", "#include <mimalloc.h>\n", 1),
    (rules.rule_includes, "core/value/a.c", "#include <liblzf/lzf.h>\n", 1),
    (rules.rule_includes, "core/cmd/cmd_a.c", "#include <lua.h>\n", 1),
    (rules.rule_includes, "core/exec/exec.c", "#include <stdatomic.h>\n", 1),
    (rules.rule_includes, "core/exec/exec.c", "#include <pthread.h>\n", 1),
    (rules.rule_includes, "core/exec/exec.c", "#include <sys/socket.h>\n", 1),
    (rules.rule_atomics, "core/ds/a.c", "static _Atomic int x;\n", 1),
    (rules.rule_atomics, "net/a.c", "int a(int *x) { return __atomic_load_n(x, 0); }\n", 1),
    (rules.rule_atomics, "shards/a.c", "static _Atomic int x;\n", 0),
    (rules.rule_atomics, "core/ds/a.c", "/* _Atomic would be wrong here. */\n", 0),
    (rules.rule_paths, "docs/a.md", "see /ho" + "me/someone/notes\n", 1),
    (rules.rule_paths, "docs/a.md", "see /place/of/checkout/core/a.c\n", 1),
    (rules.rule_paths, "docs/a.md", "see https://example.org/ho" + "me/x and /etc/hosts\n", 0),
    (rules.rule_markers, "docs/a.md", "TO" + "DO: write this\n", 1),
    (rules.rule_markers, "core/ds/a.c", "/* FIX" + "ME */\n", 1),
    (rules.rule_markers, "core/ds/a.c", 'open("/tmp/a-XXXXXX");\n', 0),
    (rules.rule_opening, "core/ds/a.h", "/* A contract. */\n#pragma once\nint a_x(void);\n", 0),
    (rules.rule_opening, "core/ds/a.h", "/* #pragma once */\nint a_x(void);\n", 1),
    (rules.rule_opening, "core/ds/a.c", THEORY + "int x;\n", 0),
    (rules.rule_opening, "core/ds/a.c", '#include "core/ds/a.h"\n', 1),
    (rules.rule_typedefs, "core/ds/a.h", "typedef struct a {\n    int x;\n} a_t;\n", 1),
    (rules.rule_typedefs, "core/ds/a.h", "typedef int (*a_fn)(uint8_t x);\n", 0),
    (rules.rule_links, "docs/a.md", "[here](no/such/page.md) and [there](NOWHERE.md#part)\n", 2),
    (rules.rule_links, "docs/a.md", "[here](../cmake/rules.py), [there](https://example.org/x), [up](#part)\n", 0),
    (rules.rule_dead_headers, "core/ds/a.h", "#pragma once\n", 1),
]
CASES += [(rules.rule_calls, "bench/a.c", f"int f(void) {{ return {name}(x); }}\n", 1) for name in rules.BANNED]
CASES += [(rules.rule_calls, "core/ds/a.c", f"int f(void) {{ return {name}(x); }}\n", 1) for name in rules.ALLOCATORS]
CASES += [
    (rules.rule_calls, "core/base/mem.c", "void mem_free(void *p) { free(p); }\n", 0),
    (rules.rule_calls, "test/unit/a_test.c", "void f(void *p) { free(p); }\n", 0),
    (rules.rule_calls, "core/ds/a.c", "void a_f(struct a *a) { a->free(a); mem_free(a); } /* free(a) */\n", 0),
]

# C source, allow-list, expected number of findings
OBJECT_CASES = [
    ("int a_count;\n", "", 1),
    ("static int counter = 3;\nint a_next(void);\nint a_next(void) { return counter++; }\n", "", 1),
    ("static _Thread_local int x;\nint a_next(void);\nint a_next(void) { return x++; }\n", "", 1),
    ("static _Thread_local int x;\nint a_next(void);\nint a_next(void) { return x++; }\n", "core/ds/a.c x why\n", 0),
    ("int a_next(void);\nint a_next(void) { static int calls; return calls++; }\n", "", 1),
    ("const char *const a_names[] = {\"one\", \"two\"};\nconst int a_limit = 4;\n", "", 0),
    ("const int limit = 4;\n", "", 1),
    ("const int a_limit = 4;\n", "core/ds/a.c gone why\n", 1),
]


def findings_of_case(rule, path, text):
    tree = [Source(path, text)]
    if rule is rules.rule_paths:
        return list(rule(tree, "/place/of/checkout"))
    return list(rule(tree))


def findings_of_object(text, allowed):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "a.c"
        source.write_text(text)
        compiled = Path(folder) / "a.o"
        subprocess.run(["gcc", "-std=c11", "-O1", "-fPIC", "-c", "-o", str(compiled), str(source)], check=True)
        return list(rules.check_objects([("core/ds/a.c", compiled)], rules.read_allowed(allowed)))


def run():
    """Returns the exit status; the last line is `N passed, M failed`."""
    failed = 0
    for rule, path, text, expected in CASES:
        found = findings_of_case(rule, path, text)
        if len(found) != expected:
            failed += 1
            print(f"{rule.__name__}: {expected} expected, got {found} in {path}:\n{text[:200]}")
    for text, allowed, expected in OBJECT_CASES:
        found = findings_of_object(text, allowed)
        if len(found) != expected:
            failed += 1
            print(f"objects: {expected} expected, got {found} for:\n{text}")
    unproven = {rule.__name__ for rule in rules.RULES} - {case[0].__name__ for case in CASES if case[3] > 0}
    if unproven:
        failed += 1
        print(f"no planted offence for {unproven}")
    print(f"{len(CASES) + len(OBJECT_CASES) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0
