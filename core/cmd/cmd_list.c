/* cmd_list.c: putting in and taking out at the ends of lists, looking at them, and what all list commands share.
 *
 * A list that loses its last element is gone, with its key; a command that takes all elements deletes the key without
 * emptying the list before, so that a long list is freed in steps. Effects: what a client sent is deterministic and is
 * logged as it came, except where keys or elements are chosen by what is there. */
#include "core/cmd/cmd_list.h"

struct list_rules cmd_list_rules(const struct exec *x) {
    const struct config *config = x->engine->config;
    return (struct list_rules){config->list_max_listpack_size, config->list_compress_depth};
}

bool cmd_list_arg_end(struct exec *x, int i, enum list_end *end_out) {
    *end_out = bytes_is_word(x->argv[i], "left") ? LIST_HEAD : LIST_TAIL;
    if (LIKELY(*end_out == LIST_HEAD || bytes_is_word(x->argv[i], "right")))
        return true;
    resp_err(x->out, REPLY_ERR_SYNTAX);
    return false;
}

void cmd_list_close(struct key_view *kv, struct list *l) {
    list_put(l, kv->entry);
    key_swap(kv, kv->entry);
}

/* ---- adding ---- */

/* Adds all values or none. */
static bool push_all(struct list *l, enum list_end end, const struct bytes *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (LIKELY(list_push(l, end, values[i])))
            continue;
        while (i-- > 0)
            list_pop(l, end);
        return false;
    }
    return true;
}

bool cmd_list_push(struct key_view *kv, enum list_end end, const struct bytes *values, size_t count) {
    struct list_rules rules = cmd_list_rules(kv->x);
    bool is_there = kv->entry != NULL;
    struct list l = is_there ? list_of(kv->entry) : list_new();
    list_grow(&l, &rules, values, count);
    bool is_pushed = push_all(&l, end, values, count);
    if (is_there) {
        cmd_list_close(kv, &l);
        exec_ready(kv); /* some wait for more than one element */
    } else if (is_pushed) {
        key_put(kv, list_entry(&l, kv->key));
    }
    if (UNLIKELY(!is_pushed)) {
        if (!is_there)
            list_free(&l);
        cmd_reply_no_memory(kv->x);
        return false;
    }
    exec_event(kv, EVENT_LIST, end == LIST_HEAD ? "lpush" : "rpush");
    return true;
}

static void push(struct exec *x, enum list_end end, bool is_x) {
    struct key_view kv;
    bool is_there = key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_LIST))
        return;
    if (!is_there && is_x) {
        resp_int(x->out, 0);
        return;
    }
    if (!cmd_list_push(&kv, end, x->argv + 2, (size_t)x->argc - 2))
        return;
    effect_put_same(&kv);
    struct list l = list_of(kv.entry);
    resp_int(x->out, (int64_t)list_count(&l));
}

/* LPUSH key element [element ...] */
void cmd_lpush(struct exec *x) {
    push(x, LIST_HEAD, false);
}

/* RPUSH key element [element ...] */
void cmd_rpush(struct exec *x) {
    push(x, LIST_TAIL, false);
}

/* LPUSHX key element [element ...] */
void cmd_lpushx(struct exec *x) {
    push(x, LIST_HEAD, true);
}

/* RPUSHX key element [element ...] */
void cmd_rpushx(struct exec *x) {
    push(x, LIST_TAIL, true);
}

/* ---- taking out ---- */

void cmd_list_reply_end(struct key_view *kv, enum list_end end) {
    char scratch[NUM_INT_TEXT_MAX];
    struct list l = list_of(kv->entry);
    resp_bulk(kv->x->out, list_peek(&l, end, scratch));
}

/* Replies with an array of the `count` elements from `index` on, which must be there. */
static void reply_range(struct exec *x, const struct list *l, size_t index, size_t count, bool is_backward) {
    struct list_iter it;
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes value;
    resp_array(x->out, count);
    if (count == 0)
        return;
    list_iter_init(&it, l, index, is_backward);
    while (count-- > 0 && list_iter_next(&it, scratch, &value))
        resp_bulk(x->out, value);
    list_iter_deinit(&it);
}

size_t cmd_list_reply_ends(struct key_view *kv, enum list_end end, size_t count) {
    struct list l = list_of(kv->entry);
    size_t total = list_count(&l);
    if (count > total)
        count = total;
    reply_range(kv->x, &l, end == LIST_HEAD ? 0 : total - 1, count, end == LIST_TAIL);
    return count;
}

void cmd_list_pop(struct key_view *kv, enum list_end end, size_t count) {
    const char *event = end == LIST_HEAD ? "lpop" : "rpop";
    struct list l = list_of(kv->entry);
    size_t total = list_count(&l);
    if (count >= total) {
        key_delete(kv);
        exec_event(kv, EVENT_LIST, event);
        exec_event(kv, EVENT_GENERIC, "del");
        return;
    }
    struct list_rules rules = cmd_list_rules(kv->x);
    if (LIKELY(count == 1))
        list_pop(&l, end);
    else
        list_remove(&l, end == LIST_HEAD ? 0 : total - count, count);
    list_shrink(&l, &rules);
    cmd_list_close(kv, &l);
    exec_event(kv, EVENT_LIST, event);
}

void cmd_list_effect_pop(struct key_view *kv, enum list_end end, size_t count) {
    char text[NUM_INT_TEXT_MAX];
    struct bytes argv[3] = {end == LIST_HEAD ? BYTES_LIT("LPOP") : BYTES_LIT("RPOP"), kv->key, BYTES_NONE};
    if (count > 0)
        argv[2] = bytes_of(text, num_from_uint(text, count));
    effect_put(kv, count > 0 ? 3 : 2, argv);
}

static void pop(struct exec *x, enum list_end end) {
    struct key_view kv;
    int64_t count = 1;
    bool has_count = x->argc == 3;
    if (x->argc > 3) {
        cmd_reply_arity(x);
        return;
    }
    if (has_count && (!num_parse_int(x->argv[2], &count) || count < 0)) {
        resp_err(x->out, REPLY_ERR_NOT_POSITIVE);
        return;
    }
    if (!key_open_write(x, x->argv[1], &kv)) {
        if (has_count)
            resp_null_array(x->out);
        else
            resp_null(x->out);
        return;
    }
    if (!key_check_type(&kv, VALUE_LIST))
        return;
    if (!has_count)
        cmd_list_reply_end(&kv, end);
    else
        count = (int64_t)cmd_list_reply_ends(&kv, end, (size_t)count);
    if (count == 0)
        return;
    cmd_list_pop(&kv, end, (size_t)count);
    effect_put_same(&kv);
}

/* LPOP key [count] */
void cmd_lpop(struct exec *x) {
    pop(x, LIST_HEAD);
}

/* RPOP key [count] */
void cmd_rpop(struct exec *x) {
    pop(x, LIST_TAIL);
}

/* ---- looking ---- */

/* LLEN key */
void cmd_llen(struct exec *x) {
    struct key_view kv;
    if (!key_open_read(x, x->argv[1], &kv)) {
        resp_int(x->out, 0);
        return;
    }
    if (!key_check_type(&kv, VALUE_LIST))
        return;
    struct list l = list_of(kv.entry);
    resp_int(x->out, (int64_t)list_count(&l));
}

/* LINDEX key index */
void cmd_lindex(struct exec *x) {
    struct key_view kv;
    int64_t index;
    if (!key_open_read(x, x->argv[1], &kv)) {
        resp_null(x->out);
        return;
    }
    if (!key_check_type(&kv, VALUE_LIST) || !cmd_arg_int(x, 2, &index))
        return;
    struct list l = list_of(kv.entry);
    int64_t count = (int64_t)list_count(&l);
    if (index < 0)
        index += count;
    if (index < 0 || index >= count) {
        resp_null(x->out);
        return;
    }
    struct list_iter it;
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes value;
    list_iter_init(&it, &l, (size_t)index, false);
    must(list_iter_next(&it, scratch, &value));
    resp_bulk(x->out, value);
    list_iter_deinit(&it);
}

/* Makes [start, stop] (both may count from the end) a range within `count` elements; false: it is empty. */
static bool clip_range(int64_t *start, int64_t *stop, int64_t count) {
    if (*start < 0)
        *start += count;
    if (*stop < 0)
        *stop += count;
    if (*start < 0)
        *start = 0;
    if (*stop >= count)
        *stop = count - 1;
    return *start <= *stop;
}

/* LRANGE key start stop */
void cmd_lrange(struct exec *x) {
    struct key_view kv;
    int64_t start;
    int64_t stop;
    if (!cmd_arg_int(x, 2, &start) || !cmd_arg_int(x, 3, &stop))
        return;
    if (!key_open_read(x, x->argv[1], &kv)) {
        resp_array(x->out, 0);
        return;
    }
    if (!key_check_type(&kv, VALUE_LIST))
        return;
    struct list l = list_of(kv.entry);
    if (clip_range(&start, &stop, (int64_t)list_count(&l)))
        reply_range(x, &l, (size_t)start, (size_t)(stop - start) + 1, false);
    else
        resp_array(x->out, 0);
}

/* LTRIM key start stop */
void cmd_ltrim(struct exec *x) {
    struct key_view kv;
    int64_t start;
    int64_t stop;
    if (!cmd_arg_int(x, 2, &start) || !cmd_arg_int(x, 3, &stop))
        return;
    bool is_there = key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_LIST))
        return;
    resp_ok(x->out);
    if (!is_there)
        return;
    struct list_rules rules = cmd_list_rules(x);
    struct list l = list_of(kv.entry);
    int64_t count = (int64_t)list_count(&l);
    if (!clip_range(&start, &stop, count)) {
        key_delete(&kv);
        effect_put_same(&kv);
        exec_event(&kv, EVENT_LIST, "ltrim");
        exec_event(&kv, EVENT_GENERIC, "del");
        return;
    }
    if (start > 0 || stop < count - 1) {
        list_remove(&l, (size_t)stop + 1, (size_t)(count - 1 - stop));
        list_remove(&l, 0, (size_t)start);
        list_shrink(&l, &rules);
        cmd_list_close(&kv, &l);
        effect_put_same(&kv);
    }
    exec_event(&kv, EVENT_LIST, "ltrim");
}
