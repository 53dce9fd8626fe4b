/* cmd_hash_ttl.h: what the commands about the times of fields share. */
#pragma once

#include "core/cmd/cmd_hash.h"

/* The fields that a command names: argv[first] and the `count - 1` behind it, which are its last arguments. */
struct cmd_hash_fields {
    int first;
    size_t count;
};

/* Reads FIELDS numfields field [field ...] at argv[at]; false: an error was replied, `count_error` if the number is none. */
bool cmd_hash_fields(struct exec *x, int at, const char *count_error,
                     struct cmd_hash_fields *fields_out) ATTR_MUST_USE;

#define CMD_HASH_COUNT_ERROR "ERR Number of fields must be a positive integer"

/* Reads argv[i] as a time in the unit of `bit` (OPT_EX, OPT_PX, OPT_EXAT, OPT_PXAT); gives unix milliseconds. */
bool cmd_hash_expire_at(struct exec *x, int i, uint32_t bit, int64_t *expire_ms_out) ATTR_MUST_USE;

/* Giving a time to fields of one open hash, or taking it away, with the effect and the events that belong to it:
 *     cmd_hash_timing_begin(&timing, &kv, expire_ms, condition, count);
 *     for each field: outcome = cmd_hash_timing_put(&timing, field);
 *     cmd_hash_timing_end(&timing); */
struct cmd_hash_timing {
    struct key_view *kv;
    int64_t expire_ms;
    uint32_t condition;
    bool is_past; /* fields that get this time are deleted */
    size_t changed;
    size_t expired;
    size_t count_at; /* where in the effect their number stands */
    struct cmd_hash_effect effect;
};

/* What became of a field; the numbers are HEXPIRE's replies. */
enum cmd_hash_timed {
    CMD_HASH_NO_FIELD = -2,
    CMD_HASH_NOT_MET = 0, /* also: it had no time that could be taken away */
    CMD_HASH_TIMED = 1,
    CMD_HASH_DELETED = 2,
};

/* The hash exists. `expire_ms` may be HASH_NO_EXPIRE; `condition` is OPT_NX, OPT_XX, OPT_GT, OPT_LT or 0; at most `count`
 * fields will be put. */
void cmd_hash_timing_begin(struct cmd_hash_timing *timing, struct key_view *kv, int64_t expire_ms,
                           uint32_t condition, size_t count);
enum cmd_hash_timed cmd_hash_timing_put(struct cmd_hash_timing *timing, struct bytes field);

/* Emits the effect and tells the events; the key may be gone afterwards. */
void cmd_hash_timing_end(struct cmd_hash_timing *timing);
