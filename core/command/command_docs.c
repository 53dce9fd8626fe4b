/* command_docs.c: the table of documentation facts. It is apart from the facts table so that those stay small: they are
 * read for every command that runs, these when a client asks for help. */
#include "core/command/command_docs.h"

static const struct command_docs rows[] = {
#define DOC(name, syntax, tips)                         {name, syntax, tips, NULL, NULL},
#define DOC_OLD(name, syntax, tips, since, replaced_by) {name, syntax, tips, since, replaced_by},
#include "core/command/command_docs.def"
#undef DOC
#undef DOC_OLD
};

static const struct command_docs no_docs = {"", "", "", NULL, NULL};

const struct command_docs *command_docs_get(const struct command *c) {
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(rows[i].fullname, c->fullname) == 0)
            return &rows[i];
    }
    return &no_docs;
}
