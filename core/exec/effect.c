/* effect.c: mutations as text.
 *
 * An effect is a RESP command that repeats the mutation whatever the clock says: relative times have become absolute,
 * random choices have become results. Effects of a shard are collected in engine->effects and leave with the turn; those
 * on lent keys are collected per owner and go home with the keys. A SELECT is put in front where the database changes;
 * every collection starts at "unknown", so that each piece of text can stand alone.
 *
 * stats.dirty counts mutations, also where nobody wants their text. */
#include "core/exec/key_view.h"
#include "core/exec/lent.h"

#include "core/base/num.h"

static void effect_write_bulk(struct buf *b, struct bytes data) {
    char *to = buf_room(b, data.len + NUM_INT_TEXT_MAX + 5);
    size_t at = 0;
    to[at++] = '$';
    at += num_from_uint(to + at, data.len);
    to[at++] = '\r';
    to[at++] = '\n';
    if (data.len)
        memcpy(to + at, data.ptr, data.len);
    at += data.len;
    to[at++] = '\r';
    to[at++] = '\n';
    buf_commit(b, at);
}

static void effect_write(struct buf *b, int argc, const struct bytes *argv) {
    char head[NUM_INT_TEXT_MAX + 3];
    size_t n = 0;
    head[n++] = '*';
    n += num_from_int(head + n, argc);
    head[n++] = '\r';
    head[n++] = '\n';
    buf_put(b, head, n);
    for (int i = 0; i < argc; i++)
        effect_write_bulk(b, argv[i]);
}

static void effect_select(struct buf *b, int *selected, int db) {
    if (LIKELY(*selected == db))
        return;
    char text[NUM_INT_TEXT_MAX];
    struct bytes argv[2] = {BYTES_LIT("SELECT"), bytes_of(text, num_from_int(text, db))};
    effect_write(b, 2, argv);
    *selected = db;
}

void effect_put(struct key_view *kv, int argc, const struct bytes *argv) {
    struct engine *engine = kv->x->engine;
    if (kv->lent) {
        struct lent_effects *home = &kv->x->lent->effects[kv->lent->owner];
        home->dirty++;
        if (engine->effects_on) {
            effect_select(&home->text, &home->db, kv->db);
            effect_write(&home->text, argc, argv);
        }
        return;
    }
    engine->stats.dirty++;
    if (engine->effects_on) {
        effect_select(&engine->effects, &engine->effects_db, kv->db);
        effect_write(&engine->effects, argc, argv);
    }
}

void effect_put_same(struct key_view *kv) {
    effect_put(kv, kv->x->argc, kv->x->argv);
}

void effect_put_del(struct key_view *kv) {
    struct bytes argv[2] = {BYTES_LIT("DEL"), kv->key};
    effect_put(kv, 2, argv);
}

void effect_put_global(struct exec *x, int argc, const struct bytes *argv) {
    struct engine *engine = x->engine;
    engine->stats.dirty++;
    if (!engine->effects_on)
        return;
    effect_select(&engine->effects, &engine->effects_db, x->db);
    effect_write(&engine->effects, argc, argv);
}
