/* cmd_debug_reload.c: DEBUG RELOAD: every value out of memory and in again.
 *
 * Redis saves a snapshot, empties itself and loads the snapshot. What that shows is that every value survives its encoding,
 * and it leaves values in the encodings that loading chooses. The same is done here key by key, without a file: dump,
 * undump, put in the old one's place. Nothing changes for clients, so nothing is logged. A value that does not
 * survive is an error, and stays as it was. */
#include "core/base/mem.h"
#include "core/cmd/cmd.h"
#include "core/cmd/cmd_dump.h"
#include "core/rdb/rdb_dump.h"

enum { RELOAD_SCAN_KEYS = 256, RELOAD_KEYS_MIN = 64 };

struct reload_key {
    struct entry *entry;
    uint64_t hash;
};

/* The keys of one step of a walk: the table must not change under it. */
struct reload_step {
    struct reload_key *keys;
    size_t count;
    size_t cap;
};

static void reload_note(void *ctx, struct entry *e, uint64_t hash) {
    struct reload_step *step = ctx;
    if (step->count == step->cap) {
        step->cap = step->cap ? step->cap * 2 : RELOAD_KEYS_MIN;
        step->keys = mem_realloc(step->keys, step->cap * sizeof *step->keys);
    }
    step->keys[step->count++] = (struct reload_key){e, hash};
}

static bool reload_key(struct exec *x, struct keyspace *ks, const struct reload_key *key, struct buf *dump) {
    struct rdb_rules rules = cmd_dump_rules(x);
    struct rdb_load how = {
        .key = entry_key(key->entry), .expire_ms = entry_expire_ms(key->entry), .rules = &rules};
    enum rdb_loaded result;
    dump->len = 0;
    rdb_dump(key->entry, RDB_FOR_US, x->engine->config->rdbcompression, dump);
    if (!rdb_dump_is_whole(buf_bytes(dump)))
        return false;
    struct entry *fresh = rdb_undump(buf_bytes(dump), &how, &result);
    if (!fresh)
        return false;
    entry_set_lru(fresh, entry_lru(key->entry));
    keyspace_put(ks, key->hash, fresh);
    return true;
}

/* The number of keys that did not survive. */
static size_t reload_db(struct exec *x, struct keyspace *ks) {
    struct reload_step step = {0};
    struct buf dump;
    size_t broken = 0;
    buf_init(&dump);
    for (uint64_t at = 0; at != KEYSPACE_POSITION_END;) {
        step.count = 0;
        at = keyspace_scan(ks, at, RELOAD_SCAN_KEYS, (struct keyspace_visitor){reload_note, &step});
        for (size_t i = 0; i < step.count; i++)
            broken += reload_key(x, ks, &step.keys[i], &dump) ? 0 : 1;
    }
    buf_deinit(&dump);
    mem_free(step.keys);
    return broken;
}

/* DEBUG RELOAD [NOFLUSH MERGE]. Keys come back in the place of the old ones either way; NOFLUSH alone would find every
 * key taken. */
void cmd_debug_reload(struct exec *x) {
    bool is_noflush = false, is_merge = false;
    for (int i = 2; i < x->argc; i++) {
        if (bytes_is_word(x->argv[i], "nosave")) {
            resp_errorf(x->out, "ERR DEBUG RELOAD NOSAVE loads a snapshot, and this server has none");
            return;
        }
        is_noflush |= bytes_is_word(x->argv[i], "noflush");
        is_merge |= bytes_is_word(x->argv[i], "merge");
        if (!bytes_is_word(x->argv[i], "noflush") && !bytes_is_word(x->argv[i], "merge")) {
            resp_errorf(x->out, "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
            return;
        }
    }
    if (is_noflush && !is_merge) {
        resp_errorf(x->out, "ERR Error trying to load the RDB dump, check server logs.");
        return;
    }
    size_t broken = 0;
    for (int db = 0; db < x->engine->db_count; db++)
        if (engine_find_db(x->engine, db))
            broken += reload_db(x, engine_find_db(x->engine, db));
    if (broken)
        resp_errorf(x->out, "ERR %zu values did not survive their encoding", broken);
    else
        resp_ok(x->out);
}
