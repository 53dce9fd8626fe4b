/* cmd_set.c: members of one set: SADD, SREM, SMOVE, and asking for them.
 *
 * SADD and SREM are logged as they came: doing them again gives the same set, whatever was in it. A set that becomes empty
 * is deleted, and the replay of the same SREM deletes it as well.
 *
 * A set may refuse a long member for lack of memory. Then SADD takes back what it has added, so that an error means that
 * nothing has changed; it needs to remember what that is only if there is a long member at all. */
#include "core/cmd/cmd_set.h"

#include "core/base/mem.h"
#include "core/cmd/scan_args.h"

struct set_rules cmd_set_rules(struct exec *x) {
    const struct config *config = x->engine->config;
    return (struct set_rules){
        .intset_max = (size_t)config->set_max_intset_entries,
        .listpack_max = (size_t)config->set_max_listpack_entries,
        .listpack_value_max = (size_t)config->set_max_listpack_value,
        .seed = x->engine->hash_seed ^ rng_next(&x->engine->rng),
    };
}

bool cmd_set_open_read(struct exec *x, struct bytes key, struct set *set_out, bool *is_error_out) {
    struct key_view kv;
    bool is_there = key_open_read(x, key, &kv);
    *is_error_out = !key_check_type(&kv, VALUE_SET);
    is_there = is_there && !*is_error_out;
    *set_out = is_there ? set_of(kv.entry) : (struct set){NULL, SET_INTSET};
    return is_there;
}

void cmd_set_reply(struct resp_out *out, const struct set_member *member) {
    if (member->text.ptr != NULL)
        resp_bulk(out, member->text);
    else
        resp_bulk_int(out, member->number);
}

bool cmd_set_put_back(struct key_view *kv, struct set set) {
    entry_set_object(kv->entry, (uint8_t)set.encoding, set.object);
    key_swap(kv, kv->entry);
    return set_count(set) == 0 && key_delete(kv);
}

/* ---- SADD ---- */

/* True if one of the members may be refused. */
static bool has_long_member(const struct exec *x) {
    for (int i = 2; i < x->argc; i++)
        if (UNLIKELY(x->argv[i].len > PACKED_INLINE_MAX))
            return true;
    return false;
}

/* Adds argv[2..]; gives how many were new, or -1: no memory, and the set has the members it had before. */
static int64_t add_all(struct exec *x, struct set *set, const struct set_rules *rules) {
    bool *is_new = has_long_member(x) ? mem_alloc((size_t)x->argc * sizeof *is_new) : NULL;
    int64_t added = 0;
    enum set_added result = SET_ADDED;
    int i = 2;
    for (; i < x->argc; i++) {
        struct set_member member = set_member_text(x->argv[i]);
        result = set_add(set, &member, rules);
        if (UNLIKELY(result == SET_NO_MEMORY))
            break;
        added += result == SET_ADDED;
        if (UNLIKELY(is_new != NULL))
            is_new[i] = result == SET_ADDED;
    }
    if (UNLIKELY(result == SET_NO_MEMORY)) {
        added = -1;
        while (--i >= 2) {
            struct set_member member = set_member_text(x->argv[i]);
            if (is_new[i])
                must(set_remove(set, &member));
        }
    }
    mem_free(is_new);
    return added;
}

/* SADD key member [member ...] */
void cmd_sadd(struct exec *x) {
    struct key_view kv;
    struct set_rules rules = cmd_set_rules(x);
    struct set set;
    int64_t added;
    if (key_open_write(x, x->argv[1], &kv)) {
        if (!key_check_type(&kv, VALUE_SET))
            return;
        set = set_of(kv.entry);
        set_expect(&set, (size_t)x->argc - 2, &rules);
        added = add_all(x, &set, &rules);
        cmd_set_put_back(&kv, set);
    } else {
        struct set_member first = set_member_text(x->argv[2]);
        set = set_new(&first, (size_t)x->argc - 2, &rules);
        added = add_all(x, &set, &rules);
        if (added > 0)
            key_put(&kv, entry_new_object(kv.key, VALUE_SET, (uint8_t)set.encoding, set.object));
        else
            set_free(set);
    }
    if (UNLIKELY(added < 0)) {
        cmd_reply_no_memory(x);
        return;
    }
    if (added > 0) {
        effect_put_same(&kv);
        exec_event(&kv, EVENT_SET, "sadd");
    }
    resp_int(x->out, added);
}

/* ---- SREM, SMOVE ---- */

/* SREM key member [member ...] */
void cmd_srem(struct exec *x) {
    struct key_view kv;
    int64_t removed = 0;
    bool is_deleted = false;
    if (key_open_write(x, x->argv[1], &kv)) {
        if (!key_check_type(&kv, VALUE_SET))
            return;
        struct set set = set_of(kv.entry);
        for (int i = 2; i < x->argc && set_count(set) > 0; i++) {
            struct set_member member = set_member_text(x->argv[i]);
            removed += set_remove(&set, &member);
        }
        is_deleted = cmd_set_put_back(&kv, set);
    }
    if (removed > 0) {
        effect_put_same(&kv);
        exec_event(&kv, EVENT_SET, "srem");
        if (is_deleted)
            exec_event(&kv, EVENT_GENERIC, "del");
    }
    resp_int(x->out, removed);
}

/* Adds a member to the set at a key, which is made if need be. False: no memory. */
static bool put_member(struct exec *x, struct key_view *kv, const struct set_member *member,
                       bool *is_added_out) {
    struct set_rules rules = cmd_set_rules(x);
    bool is_there = kv->entry != NULL;
    struct set set = is_there ? set_of(kv->entry) : set_new(member, 1, &rules);
    enum set_added result = set_add(&set, member, &rules);
    *is_added_out = result == SET_ADDED;
    if (is_there)
        cmd_set_put_back(kv, set);
    else if (result == SET_ADDED)
        key_put(kv, entry_new_object(kv->key, VALUE_SET, (uint8_t)set.encoding, set.object));
    else
        set_free(set);
    return result != SET_NO_MEMORY;
}

/* Removes a member that is there, with effect and events. */
static void take_member(struct key_view *kv, const struct set_member *member) {
    struct set set = set_of(kv->entry);
    must(set_remove(&set, member));
    bool is_deleted = cmd_set_put_back(kv, set);
    effect_put(kv, 3, (struct bytes[]){BYTES_LIT("SREM"), kv->key, member->text});
    exec_event(kv, EVENT_SET, "srem");
    if (is_deleted)
        exec_event(kv, EVENT_GENERIC, "del");
}

/* SMOVE source destination member. Each key's owner logs its part. */
void cmd_smove(struct exec *x) {
    struct key_view from;
    struct key_view to;
    struct set_member member = set_member_text(x->argv[3]);
    bool is_added;
    if (!key_open_write(x, x->argv[1], &from)) {
        resp_int(x->out, 0);
        return;
    }
    (void)key_open_write(x, x->argv[2], &to);
    if (!key_check_type(&from, VALUE_SET) || !key_check_type(&to, VALUE_SET))
        return;
    bool is_there = set_has(set_of(from.entry), &member);
    if (!is_there || bytes_equal(from.key, to.key)) {
        resp_int(x->out, is_there);
        return;
    }
    if (!put_member(x, &to, &member, &is_added)) {
        cmd_reply_no_memory(x);
        return;
    }
    (void)key_open_write(x, x->argv[1], &from); /* `to` may have moved the table */
    take_member(&from, &member);
    if (is_added) {
        effect_put(&to, 3, (struct bytes[]){BYTES_LIT("SADD"), to.key, member.text});
        exec_event(&to, EVENT_SET, "sadd");
    }
    resp_int(x->out, 1);
}

/* ---- asking ---- */

/* SISMEMBER key member */
void cmd_sismember(struct exec *x) {
    struct set set;
    struct set_member member = set_member_text(x->argv[2]);
    bool is_error;
    if (cmd_set_open_read(x, x->argv[1], &set, &is_error))
        resp_int(x->out, set_has(set, &member));
    else if (!is_error)
        resp_int(x->out, 0);
}

/* SMISMEMBER key member [member ...] */
void cmd_smismember(struct exec *x) {
    struct set set;
    bool is_error;
    bool is_there = cmd_set_open_read(x, x->argv[1], &set, &is_error);
    if (is_error)
        return;
    resp_array(x->out, (size_t)x->argc - 2);
    for (int i = 2; i < x->argc; i++) {
        struct set_member member = set_member_text(x->argv[i]);
        resp_int(x->out, is_there && set_has(set, &member));
    }
}

/* SCARD key */
void cmd_scard(struct exec *x) {
    struct set set;
    bool is_error;
    if (cmd_set_open_read(x, x->argv[1], &set, &is_error))
        resp_int(x->out, (int64_t)set_count(set));
    else if (!is_error)
        resp_int(x->out, 0);
}

/* SMEMBERS key */
void cmd_smembers(struct exec *x) {
    struct set set;
    struct set_iter iter = {0};
    struct set_member member;
    bool is_error;
    bool is_there = cmd_set_open_read(x, x->argv[1], &set, &is_error);
    if (is_error)
        return;
    resp_set(x->out, is_there ? set_count(set) : 0);
    while (is_there && set_next(set, &iter, &member))
        cmd_set_reply(x->out, &member);
}

/* ---- SSCAN ---- */

struct sscan {
    const struct scan_args *args;
    struct resp_out *out;
    size_t visited;
    size_t found;
};

static void sscan_visit(const struct set_member *member, void *ctx) {
    struct sscan *scan = ctx;
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes text = set_member_bytes(member, scratch);
    scan->visited++;
    if (!scan_args_match(scan->args, text))
        return;
    resp_bulk(scan->out, text);
    scan->found++;
}

/* SSCAN key cursor [MATCH pattern] [COUNT count] */
void cmd_sscan(struct exec *x) {
    struct set set;
    struct scan_args args;
    bool is_error;
    if (!scan_args_cursor(x, 2, &args.cursor))
        return;
    bool is_there = cmd_set_open_read(x, x->argv[1], &set, &is_error);
    if (is_error)
        return;
    if (!is_there) {
        scan_args_reply(x, 0, 0);
        return;
    }
    if (!scan_args_options(x, 3, false, &args))
        return;
    struct buf members;
    struct resp_out members_out;
    buf_init(&members);
    resp_out_init(&members_out, &members, x->out->proto);
    struct sscan scan = {.args = &args, .out = &members_out};
    size_t steps = args.count; /* nodes may be empty: a step is not a member */
    do
        args.cursor = set_scan(set, args.cursor, (struct set_visitor){sscan_visit, &scan});
    while (args.cursor != 0 && scan.visited < args.count && --steps > 0);
    scan_args_reply(x, args.cursor, scan.found);
    resp_raw(x->out, buf_bytes(&members));
    buf_deinit(&members);
}
