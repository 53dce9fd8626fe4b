/* cmd_set_random.c: SPOP and SRANDMEMBER.
 *
 * What chance has chosen is logged as what it was: SPOP as an SREM of the members that went, or a DEL.
 *
 * To draw `count` different members out of n there are three ways. Where members stand in a row (intset, listpack), one
 * pass takes each with the probability that those still wanted bear to those still to come: every choice of count members
 * is equally likely. A table is asked for random members until enough different ones have been found, as long as fewer
 * than half are wanted; a draw then hits a new one more often than not. Of more than half, those *not* wanted are drawn that
 * way. */
#include "core/cmd/cmd_set.h"

#include "core/base/mem.h"

/* ---- texts of members, kept while their set changes ---- */

struct kept {
    struct buf text; /* a length (size_t) before each member */
    size_t count;
};

static void keep(struct kept *kept, const struct set_member *member) {
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes text = set_member_bytes(member, scratch);
    buf_put(&kept->text, &text.len, sizeof(text.len));
    buf_put_bytes(&kept->text, text);
    kept->count++;
}

/* The member at *at, which moves on; false at the end. */
static bool next_kept(const struct kept *kept, size_t *at, struct set_member *member_out) {
    size_t len;
    if (*at >= kept->text.len)
        return false;
    memcpy(&len, kept->text.ptr + *at, sizeof(len));
    *member_out = set_member_text(bytes_of(kept->text.ptr + *at + sizeof(len), len));
    *at += sizeof(len) + len;
    return true;
}

static void reply_kept(struct exec *x, const struct kept *kept) {
    struct set_member member;
    for (size_t at = 0; next_kept(kept, &at, &member);)
        cmd_set_reply(x->out, &member);
}

/* SREM key member ... as one effect. */
static void effect_srem(struct key_view *kv, const struct kept *kept) {
    if (!kv->x->engine->effects_on) { /* only counted */
        effect_put(kv, 0, NULL);
        return;
    }
    struct bytes *argv = mem_alloc((kept->count + 2) * sizeof *argv);
    struct set_member member;
    int argc = 2;
    argv[0] = BYTES_LIT("SREM");
    argv[1] = kv->key;
    for (size_t at = 0; next_kept(kept, &at, &member);)
        argv[argc++] = member.text;
    effect_put(kv, argc, argv);
    mem_free(argv);
}

/* ---- drawing ---- */

/* Keeps `count` different members out of at least as many, in the order they stand. */
static void draw_in_a_row(struct set set, size_t count, struct rng *rng, struct kept *kept) {
    struct set_iter iter = {0};
    struct set_member member;
    size_t to_come = set_count(set);
    while (count > 0 && set_next(set, &iter, &member)) {
        if (rng_below(rng, to_come--) >= count)
            continue;
        keep(kept, &member);
        count--;
    }
}

/* A table with `count` different members of a table. */
static struct set draw_of_table(struct set set, size_t count, struct rng *rng) {
    struct set_rules rules = {.seed = rng_next(rng)};
    struct set_member member = set_member_text(BYTES_LIT(""));
    struct set drawn = set_new(&member, 1, &rules);
    must(drawn.encoding == SET_TABLE);
    while (set_count(drawn) < count) {
        member = set_random(set, rng);
        if (set_add(&drawn, &member, &rules) == SET_NO_MEMORY)
            break; /* fewer than asked for; the process is about to end anyway */
    }
    return drawn;
}

/* Keeps `count` different members. */
static void draw(struct set set, size_t count, struct rng *rng, struct kept *kept) {
    struct set_iter iter = {0};
    struct set_member member;
    size_t total = set_count(set);
    if (set.encoding != SET_TABLE || count >= total) {
        draw_in_a_row(set, count, rng, kept);
        return;
    }
    bool is_minority = count <= total / 2;
    struct set drawn = draw_of_table(set, is_minority ? count : total - count, rng);
    struct set walked = is_minority ? drawn : set;
    while (set_next(walked, &iter, &member))
        if (is_minority || !set_has(drawn, &member))
            keep(kept, &member);
    set_free(drawn);
}

/* ---- SPOP ---- */

/* Removes one member, which is replied. */
static void pop_one(struct exec *x, struct key_view *kv) {
    struct kept kept = {.count = 0};
    struct set set = set_of(kv->entry);
    struct set_member member = set_random(set, &x->engine->rng);
    size_t at = 0;
    keep(&kept, &member);
    must(next_kept(&kept, &at, &member));
    cmd_set_reply(x->out, &member);
    must(set_remove(&set, &member));
    bool is_deleted = cmd_set_put_back(kv, set);
    effect_put(kv, 3, (struct bytes[]){BYTES_LIT("SREM"), kv->key, member.text});
    exec_event(kv, EVENT_SET, "spop");
    if (is_deleted)
        exec_event(kv, EVENT_GENERIC, "del");
    buf_deinit(&kept.text);
}

/* Removes `count` members, fewer than there are. */
static void pop_some(struct exec *x, struct key_view *kv, size_t count) {
    struct kept kept = {.count = 0};
    struct set set = set_of(kv->entry);
    struct set_member member;
    draw(set, count, &x->engine->rng, &kept);
    for (size_t at = 0; next_kept(&kept, &at, &member);)
        must(set_remove(&set, &member));
    cmd_set_put_back(kv, set);
    resp_set(x->out, kept.count);
    reply_kept(x, &kept);
    effect_srem(kv, &kept);
    exec_event(kv, EVENT_SET, "spop");
    buf_deinit(&kept.text);
}

/* Removes all members, and so the key. */
static void pop_all(struct exec *x, struct key_view *kv) {
    struct set set = set_of(kv->entry);
    struct set_iter iter = {0};
    struct set_member member;
    resp_set(x->out, set_count(set));
    while (set_next(set, &iter, &member))
        cmd_set_reply(x->out, &member);
    key_delete(kv);
    effect_put_del(kv);
    exec_event(kv, EVENT_SET, "spop");
    exec_event(kv, EVENT_GENERIC, "del");
}

/* SPOP key [count] */
void cmd_spop(struct exec *x) {
    struct key_view kv;
    int64_t count = 1;
    bool has_count = x->argc == 3;
    if (x->argc > 3) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if (has_count && !cmd_arg_int_or(x, 2, &count, REPLY_ERR_NOT_POSITIVE))
        return;
    if (count < 0) {
        resp_err(x->out, REPLY_ERR_NOT_POSITIVE);
        return;
    }
    bool is_there = key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_SET))
        return;
    if (!is_there && !has_count)
        resp_null(x->out);
    else if (!is_there || count == 0)
        resp_set(x->out, 0);
    else if (!has_count)
        pop_one(x, &kv);
    else if ((uint64_t)count >= set_count(set_of(kv.entry)))
        pop_all(x, &kv);
    else
        pop_some(x, &kv, (size_t)count);
}

/* ---- SRANDMEMBER ---- */

/* `count` draws, each from all members. */
static void reply_draws(struct exec *x, struct set set, uint64_t count) {
    resp_array(x->out, count);
    while (count-- > 0) {
        struct set_member member = set_random(set, &x->engine->rng);
        cmd_set_reply(x->out, &member);
    }
}

/* `count` different members, or all if there are not so many. */
static void reply_different(struct exec *x, struct set set, uint64_t count) {
    size_t total = set_count(set);
    struct set_iter iter = {0};
    struct set_member member;
    if (count >= total) {
        resp_array(x->out, total);
        while (set_next(set, &iter, &member))
            cmd_set_reply(x->out, &member);
        return;
    }
    struct kept kept = {.count = 0};
    draw(set, (size_t)count, &x->engine->rng, &kept);
    resp_array(x->out, kept.count);
    reply_kept(x, &kept);
    buf_deinit(&kept.text);
}

/* SRANDMEMBER key [count] */
void cmd_srandmember(struct exec *x) {
    struct set set;
    int64_t count = 1;
    bool is_error;
    bool has_count = x->argc == 3;
    if (x->argc > 3) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if (has_count && !cmd_arg_int(x, 2, &count))
        return;
    if (count == INT64_MIN) {
        resp_errorf(x->out, "ERR value is out of range, value must between %lld and %lld",
                    -(long long)INT64_MAX, (long long)INT64_MAX);
        return;
    }
    bool is_there = cmd_set_open_read(x, x->argv[1], &set, &is_error);
    if (is_error)
        return;
    if (!has_count && is_there) {
        struct set_member member = set_random(set, &x->engine->rng);
        cmd_set_reply(x->out, &member);
    } else if (!has_count) {
        resp_null(x->out);
    } else if (!is_there || count == 0) {
        resp_array(x->out, 0);
    } else if (count < 0) {
        reply_draws(x, set, (uint64_t)-count);
    } else {
        reply_different(x, set, (uint64_t)count);
    }
}
