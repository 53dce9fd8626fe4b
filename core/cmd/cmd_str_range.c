/* cmd_str_range.c: the length of a string and parts of it.
 *
 * Positions come from clients as any 64-bit number; negative ones count from the end. They are cut to the string before
 * they are added to anything. A change of a number or of a short string makes it a plain string, as OBJECT ENCODING shows
 * in Redis. */
#include "core/cmd/opts.h"

/* STRLEN key */
void cmd_strlen(struct exec *x) {
    struct key_view kv;
    if (!key_open_read(x, x->argv[1], &kv))
        resp_int(x->out, 0);
    else if (key_check_type(&kv, VALUE_STRING))
        resp_int(x->out, (int64_t)str_len(kv.entry));
}

/* APPEND key value */
void cmd_append(struct exec *x) {
    struct key_view kv;
    struct bytes tail = x->argv[2];
    if (!key_open_write(x, x->argv[1], &kv)) {
        if (!cmd_str_store(&kv, tail, ENTRY_NO_EXPIRE))
            return;
    } else {
        if (!key_check_type(&kv, VALUE_STRING) || !cmd_str_fits(x, str_len(kv.entry), tail.len) ||
            !cmd_str_swap(&kv, str_append(kv.entry, tail)))
            return;
    }
    resp_int(x->out, (int64_t)str_len(kv.entry));
    effect_put_same(&kv);
    exec_event(&kv, EVENT_STRING, "append");
}

/* SETRANGE key offset value */
void cmd_setrange(struct exec *x) {
    struct key_view kv;
    struct bytes patch = x->argv[3];
    int64_t offset;
    if (!cmd_arg_int(x, 2, &offset))
        return;
    if (offset < 0) {
        resp_err(x->out, REPLY_ERR_OFFSET_RANGE);
        return;
    }
    bool is_there = key_open_write(x, x->argv[1], &kv);
    if (!key_check_type(&kv, VALUE_STRING))
        return;
    if (patch.len == 0) {
        resp_int(x->out, is_there ? (int64_t)str_len(kv.entry) : 0);
        return;
    }
    if (!cmd_str_fits(x, (uint64_t)offset, patch.len))
        return;
    struct entry *e = is_there ? kv.entry : entry_new_str(kv.key, BYTES_NONE, ENTRY_NO_EXPIRE);
    struct entry *changed = str_set_range(e, (size_t)offset, patch);
    if (!is_there && changed != NULL)
        key_put(&kv, changed);
    else if (!is_there)
        entry_free(e);
    if (changed == NULL) {
        cmd_reply_no_memory(x);
        return;
    }
    if (is_there)
        key_swap(&kv, changed);
    resp_int(x->out, (int64_t)str_len(kv.entry));
    effect_put_same(&kv);
    exec_event(&kv, EVENT_STRING, "setrange");
}

/* GETRANGE key start end, SUBSTR key start end */
void cmd_getrange(struct exec *x) {
    struct key_view kv;
    int64_t start;
    int64_t end;
    if (!cmd_arg_int(x, 2, &start) || !cmd_arg_int(x, 3, &end))
        return;
    if (!key_open_read(x, x->argv[1], &kv)) {
        resp_bulk(x->out, BYTES_NONE);
        return;
    }
    if (!key_check_type(&kv, VALUE_STRING))
        return;
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes value = str_view(kv.entry, scratch);
    int64_t len = (int64_t)value.len;
    bool is_backwards = start < 0 && end < 0 && start > end;
    if (start < 0)
        start = start < -len ? 0 : start + len;
    if (end < 0)
        end = end < -len ? 0 : end + len;
    if (end >= len)
        end = len - 1;
    if (is_backwards || start > end)
        resp_bulk(x->out, BYTES_NONE);
    else
        resp_bulk(x->out, bytes_of(value.ptr + start, (size_t)(end - start + 1)));
}
