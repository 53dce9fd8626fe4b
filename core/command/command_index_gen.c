/* command_index_gen.c: a program that runs while the server is being built and prints the index of commands.def.
 *
 * The rows are spread by X-macros, and the preprocessor cannot hash. So this program includes the same table, puts every
 * top-level command into an open-addressing table (linear probing, at most a quarter full) and prints that as constant C
 * data, which command.c includes. The server thus starts with nothing to compute and nothing mutable.
 */
#include "core/command/command.h"
#include "core/command/command_hash.h"

#include <stdio.h>
#include <stdlib.h>

struct row {
    const char *name;
    unsigned id;
};

static const struct row rows[] = {
#define COMMAND(id, text, ...) {text, COMMAND_##id},
#define SUBCOMMAND(...)
#include "core/command/commands.def"
#undef COMMAND
#undef SUBCOMMAND
};

int main(void) {
    unsigned bits = 4;
    while ((1u << bits) < 4 * COUNT_OF(rows))
        bits++;
    size_t size = (size_t)1 << bits;
    unsigned *slots = calloc(size, sizeof(*slots));
    if (slots == NULL)
        return 1;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t at = command_hash(bytes_cstr(rows[i].name)) & (size - 1);
        while (slots[at] != 0)
            at = (at + 1) & (size - 1);
        slots[at] = rows[i].id;
    }
    printf("enum { COMMAND_INDEX_SIZE = %zu };\n", size);
    printf("static const uint16_t command_index[COMMAND_INDEX_SIZE] = {");
    for (size_t i = 0; i < size; i++)
        printf("%s%u,", i % 16 == 0 ? "\n    " : " ", slots[i]);
    printf("\n};\n");
    free(slots);
    return fflush(stdout) == 0 ? 0 : 1;
}
