/* err.h: faults, that is, things that go wrong outside our program (disk, memory, a peer).
 *
 * A client's mistakes are not faults; they are reply errors (core/resp/reply_err.def). Bugs are must(). */
#pragma once

#include "core/base/attr.h"

enum err {
#define ERR_ROW(name, text) ERR_##name,
#include "core/base/err.def"
#undef ERR_ROW
    ERR_COUNT
};

/* A short text for a log line; never NULL. */
const char *err_text(enum err e);

/* The closest fault to an errno value (0 gives ERR_OK). */
enum err err_from_errno(int errno_value);
