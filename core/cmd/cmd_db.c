/* cmd_db.c: whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB, and active expiry. Every shard runs them over its own part.
 *
 * A database is emptied in one step, by taking its table away; the entries are freed between later turns, whether ASYNC or
 * SYNC was said: no client ever waits for memory to be freed. */
#include "core/cmd/cmd.h"

#include <limits.h>

/* DBSIZE */
void cmd_dbsize(struct exec *x) {
    const struct keyspace *ks = engine_find_db(x->engine, x->db);
    resp_int(x->out, ks == NULL ? 0 : (int64_t)keyspace_count(ks));
}

/* Accepts nothing, ASYNC or SYNC. False: a syntax error was replied. */
static bool flush_args_ok(struct exec *x) {
    if (x->argc == 1)
        return true;
    if (x->argc == 2 && (bytes_is_word(x->argv[1], "async") || bytes_is_word(x->argv[1], "sync")))
        return true;
    resp_err(x->out, REPLY_ERR_SYNTAX);
    return false;
}

/* FLUSHDB [ASYNC | SYNC] */
void cmd_flushdb(struct exec *x) {
    if (!flush_args_ok(x))
        return;
    engine_drop_db(x->engine, x->db);
    effect_put_global(x, 1, &BYTES_LIT("FLUSHDB"));
    resp_ok(x->out);
}

/* FLUSHALL [ASYNC | SYNC] */
void cmd_flushall(struct exec *x) {
    if (!flush_args_ok(x))
        return;
    for (int db = 0; db < x->engine->db_count; db++)
        engine_drop_db(x->engine, db);
    effect_put_global(x, 1, &BYTES_LIT("FLUSHALL"));
    resp_ok(x->out);
}

/* Reads an index that fits an int, whether there is such a database or not. False: an error with `text` was replied. */
static bool read_index(struct exec *x, int i, const char *text, int64_t *index_out) {
    if (num_parse_int(x->argv[i], index_out) && *index_out >= INT_MIN && *index_out <= INT_MAX)
        return true;
    resp_errorf(x->out, "ERR %s", text);
    return false;
}

/* SWAPDB index1 index2 */
void cmd_swapdb(struct exec *x) {
    int64_t a;
    int64_t b;
    if (!read_index(x, 1, "invalid first DB index", &a) || !read_index(x, 2, "invalid second DB index", &b) ||
        !cmd_db_exists(x, a) || !cmd_db_exists(x, b))
        return;
    engine_swap_dbs(x->engine, (int)a, (int)b);
    effect_put_global(x, 3, (struct bytes[]){BYTES_LIT("SWAPDB"), x->argv[1], x->argv[2]});
    resp_ok(x->out);
}

/* DEBUG SET-ACTIVE-EXPIRE 0 | 1 */
void cmd_debug_set_active_expire(struct exec *x) {
    int64_t is_on;
    if (!cmd_arg_int(x, 2, &is_on))
        return;
    x->engine->is_active_expiry_off = is_on == 0;
    resp_ok(x->out);
}
