/* cmd_zset.h: what the commands of sorted sets share: opening and closing keys, ranges, replies, storing results. */
#pragma once

#include "core/cmd/cmd.h"
#include "core/value/zset.h"

/* What opening a key found. */
enum cmd_zset_found {
    CMD_ZSET_NONE,  /* no such key, nothing was replied */
    CMD_ZSET_OPEN,  /* *z_out is the sorted set */
    CMD_ZSET_WRONG, /* the key holds something else; the error was replied */
};

enum cmd_zset_found cmd_zset_open_read(struct exec *x, struct bytes key, struct key_view *kv_out,
                                       struct zset *z_out);
enum cmd_zset_found cmd_zset_open_write(struct exec *x, struct bytes key, struct key_view *kv_out,
                                        struct zset *z_out);

/* The limits of the present configuration. */
struct zset_limits cmd_zset_limits(const struct exec *x);

/* Ends a change of an open sorted set: puts it back into its entry, or deletes the key when it is empty. True when it was
 * deleted; the event "del" is then the caller's to tell, behind its own. */
bool cmd_zset_close(struct key_view *kv, const struct zset *z);

/* Stores a result under an open key, whatever was there, or deletes the key when the result is empty; writes effects and
 * events, and the number of elements as the reply. Takes the sorted set. */
void cmd_zset_store(struct key_view *kv, struct zset *z, const char *event);

/* Reads argv[i] as a score; false: an error was replied. */
bool cmd_zset_arg_score(struct exec *x, int i, double *score_out) ATTR_MUST_USE;

/* ---- ranges ---- */

enum cmd_zset_by { CMD_ZSET_BY_RANK, CMD_ZSET_BY_SCORE, CMD_ZSET_BY_LEX };

/* A range as a client gave it. */
struct cmd_zset_range {
    enum cmd_zset_by by;
    int64_t first; /* BY_RANK: negative ones count from the end */
    int64_t last;
    struct rank_probe from; /* else: what lies between these two */
    struct rank_probe to;
    bool is_from_start; /* BY_LEX "-" */
    bool is_to_end;     /* BY_LEX "+" */
    bool is_empty;      /* BY_LEX "+" at the low end or "-" at the high end */
};

/* Reads argv[low] and argv[high]; false: an error was replied. */
bool cmd_zset_arg_range(struct exec *x, enum cmd_zset_by by, int low, int high,
                        struct cmd_zset_range *range_out) ATTR_MUST_USE;

/* The range as ranks: *from_out .. *from_out + the result - 1. With `is_reverse` ranks given by the client count from the
 * highest score; those of the result never do. */
size_t cmd_zset_range_ranks(const struct zset *z, const struct cmd_zset_range *range, bool is_reverse,
                            size_t *from_out);

/* ---- replies ---- */

/* The header of an array of `count` elements, with scores or without: pairs are arrays of their own in RESP3. */
void cmd_zset_reply_header(struct exec *x, size_t count, bool has_scores);

/* One element of such an array. */
void cmd_zset_reply_element(struct exec *x, struct bytes name, double score, bool has_scores);
