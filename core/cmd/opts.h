/* opts.h: options of commands as tables: which words there are, how many values follow each, and which exclude which.
 *
 * Words are matched without regard to case, in any order. A word that comes twice counts once and its last values win,
 * unless its row excludes itself. */
#pragma once

#include "core/cmd/cmd.h"

/* Options that several commands know; others use bits from OPT_OWN on. */
enum opt_bit {
    OPT_EX = 1 << 0,
    OPT_PX = 1 << 1,
    OPT_EXAT = 1 << 2,
    OPT_PXAT = 1 << 3,
    OPT_KEEPTTL = 1 << 4,
    OPT_PERSIST = 1 << 5,
    OPT_NX = 1 << 6,
    OPT_XX = 1 << 7,
    OPT_GT = 1 << 8,
    OPT_LT = 1 << 9,
    OPT_GET = 1 << 10,
    OPT_IFEQ = 1 << 11,
    OPT_IFNE = 1 << 12,
    OPT_IFDEQ = 1 << 13,
    OPT_IFDNE = 1 << 14,
    OPT_OWN = 1 << 15,
};

enum {
    OPT_TIMES = OPT_EX | OPT_PX | OPT_EXAT | OPT_PXAT,
    OPT_IF = OPT_IFEQ | OPT_IFNE | OPT_IFDEQ | OPT_IFDNE,
    OPTS_MAX = 24, /* bits in use at most */
};

struct opt {
    const char *word;
    uint32_t bit;
    uint32_t excludes; /* bits that may not have been seen before */
    bool has_value;
};

/* Rows of the expiry options: EX, PX, EXAT, PXAT, each excluding the other three and `others`. */
#define OPT_ROWS_TIMES(others)                                                                               \
    {"ex", OPT_EX, (OPT_TIMES & ~OPT_EX) | (others), true},                                                  \
        {"px", OPT_PX, (OPT_TIMES & ~OPT_PX) | (others), true},                                              \
        {"exat", OPT_EXAT, (OPT_TIMES & ~OPT_EXAT) | (others), true}, {                                      \
        "pxat", OPT_PXAT, (OPT_TIMES & ~OPT_PXAT) | (others), true                                           \
    }

struct opts {
    uint32_t seen;
    int stopped_at;         /* position of the word that did not fit, after opts_parse answered false */
    int value_at[OPTS_MAX]; /* argv position of the value, by number of the option's bit */
};

/* Reads argv[from..] against the table. False when a word is unknown, lacks its value or is excluded; no reply is
 * written, and the options before that word are in *opts_out: a command whose values are checked in order of arguments
 * checks those first. */
bool opts_parse(struct exec *x, int from, const struct opt *table, size_t count,
                struct opts *opts_out) ATTR_MUST_USE;

/* The same; a "syntax error" is replied when it answers false. */
bool opts_parse_or_reply(struct exec *x, int from, const struct opt *table, size_t count,
                         struct opts *opts_out) ATTR_MUST_USE;

/* The value of a seen option. */
struct bytes opts_value(const struct exec *x, const struct opts *opts, uint32_t bit);
int opts_value_at(const struct opts *opts, uint32_t bit);

/* Reads argv[i] as a time to live (must be positive) in the unit of `bit`, one of OPT_EX, OPT_PX, OPT_EXAT, OPT_PXAT,
 * and gives the unix time in milliseconds. False: the error was replied ("invalid expire time in 'set' command"). */
bool opts_expire_at(struct exec *x, int i, uint32_t bit, int64_t *expire_ms_out) ATTR_MUST_USE;

/* The same for whichever expiry option was seen; ENTRY_NO_EXPIRE when none was. */
bool opts_expire(struct exec *x, const struct opts *opts, int64_t *expire_ms_out) ATTR_MUST_USE;

/* Replies "invalid expire time in 'name' command". */
void opts_reply_expire_error(struct exec *x);
