/* cmd_bit.c: single bits, counting, finding, and BITOP. BITFIELD has its own file.
 *
 * Offsets are limited to proto-max-bulk-len bytes, so that nobody makes the server fill gigabytes with zeros by mistake.
 * A write that changes nothing (the bit was so already, and the string was long enough) is no mutation. */
#include "core/cmd/cmd_bit.h"

#include "core/base/mem.h"
#include "core/cmd/opts.h"
#include "core/ds/bitops.h"

bool cmd_bit_offset(struct exec *x, int i, unsigned width, uint64_t *offset_out) {
    struct bytes text = x->argv[i];
    bool is_counted = width != 0 && text.len > 0 && text.ptr[0] == '#'; /* counted in fields, not bits */
    int64_t offset;
    *offset_out = 0;
    if (is_counted)
        text = bytes_of(text.ptr + 1, text.len - 1);
    bool is_good =
        num_parse_int(text, &offset) && (!is_counted || num_mul(offset, width, &offset)) && offset >= 0;
    if (!is_good || (uint64_t)offset / 8 >= x->engine->config->proto_max_bulk_len) {
        resp_err(x->out, REPLY_ERR_BIT_OFFSET);
        return false;
    }
    *offset_out = (uint64_t)offset;
    return true;
}

char *cmd_bit_open(struct key_view *kv, struct bytes key, struct exec *x, uint64_t last_bit, bool *grew_out) {
    size_t need = (size_t)(last_bit / 8) + 1;
    size_t len;
    *grew_out = false;
    bool is_there = key_open_write(x, key, kv);
    if (!key_check_type(kv, VALUE_STRING))
        return NULL;
    struct entry *e = is_there ? kv->entry : entry_new_str(key, BYTES_NONE, ENTRY_NO_EXPIRE);
    size_t old_len = str_len(e);
    char *bits = str_mutable(&e, need, &len);
    if (bits == NULL) {
        if (!is_there)
            entry_free(e);
        else
            key_swap(kv, e);
        cmd_reply_no_memory(x);
        return NULL;
    }
    if (is_there)
        key_swap(kv, e);
    else
        key_put(kv, e);
    *grew_out = !is_there || len != old_len;
    return bits;
}

/* SETBIT key offset value */
void cmd_setbit(struct exec *x) {
    struct key_view kv;
    uint64_t offset;
    int64_t bit;
    bool grew;
    if (!cmd_bit_offset(x, 2, 0, &offset) || !cmd_arg_int_or(x, 3, &bit, REPLY_ERR_BIT_VALUE))
        return;
    if (bit != 0 && bit != 1) {
        resp_err(x->out, REPLY_ERR_BIT_VALUE);
        return;
    }
    char *bits = cmd_bit_open(&kv, x->argv[1], x, offset, &grew);
    if (bits == NULL)
        return;
    uint64_t old = bitops_get(bytes_of(bits, (size_t)(offset / 8) + 1), offset, 1);
    if (grew || old != (uint64_t)bit) {
        bitops_set(bits, offset, 1, (uint64_t)bit);
        effect_put_same(&kv);
        exec_event(&kv, EVENT_STRING, "setbit");
    }
    resp_int(x->out, (int64_t)old);
}

/* GETBIT key offset */
void cmd_getbit(struct exec *x) {
    struct key_view kv;
    uint64_t offset;
    if (!cmd_bit_offset(x, 2, 0, &offset))
        return;
    if (!key_open_read(x, x->argv[1], &kv)) {
        resp_int(x->out, 0);
        return;
    }
    if (!key_check_type(&kv, VALUE_STRING))
        return;
    char scratch[NUM_INT_TEXT_MAX];
    resp_int(x->out, (int64_t)bitops_get(str_view(kv.entry, scratch), offset, 1));
}

/* ---- ranges ---- */

/* Reads BYTE or BIT at argv[i]; true for absent. False: a syntax error was replied. */
static bool read_unit(struct exec *x, int i, int64_t *unit_out) {
    *unit_out = 8;
    if (i >= x->argc || bytes_is_word(x->argv[i], "byte"))
        return true;
    if (bytes_is_word(x->argv[i], "bit")) {
        *unit_out = 1;
        return true;
    }
    resp_err(x->out, REPLY_ERR_SYNTAX);
    return false;
}

/* Turns a range in units of `unit` bits into bits of the string; false when it is empty. */
static bool range_bits(struct bytes s, int64_t unit, int64_t start, int64_t end, uint64_t *first_out,
                       uint64_t *last_out) {
    int64_t total = (int64_t)s.len * 8 / unit;
    *first_out = *last_out = 0;
    if (start < 0)
        start = start < -total ? 0 : start + total;
    if (end < 0)
        end = end < -total ? 0 : end + total;
    if (end >= total)
        end = total - 1;
    if (start > end)
        return false;
    *first_out = (uint64_t)(start * unit);
    *last_out = (uint64_t)(end * unit + unit - 1);
    return true;
}

/* BITCOUNT key [start end [BYTE | BIT]] */
void cmd_bitcount(struct exec *x) {
    struct key_view kv;
    int64_t start = 0;
    int64_t end = -1;
    int64_t unit;
    bool is_there = key_open_read(x, x->argv[1], &kv);
    if (!is_there) {
        resp_int(x->out, 0);
        return;
    }
    if (!key_check_type(&kv, VALUE_STRING))
        return;
    if (x->argc == 3 || x->argc > 5) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if (x->argc > 3 && (!cmd_arg_int(x, 2, &start) || !cmd_arg_int(x, 3, &end)))
        return;
    if (start < 0 && end < 0 && start > end) {
        resp_int(x->out, 0);
        return;
    }
    if (!read_unit(x, 4, &unit))
        return;
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes s = str_view(kv.entry, scratch);
    uint64_t first;
    uint64_t last;
    if (!range_bits(s, unit, start, end, &first, &last))
        resp_int(x->out, 0);
    else
        resp_int(x->out, (int64_t)bitops_count(s, first, last));
}

/* BITPOS key bit [start [end [BYTE | BIT]]] */
void cmd_bitpos(struct exec *x) {
    struct key_view kv;
    int64_t bit;
    int64_t start = 0;
    int64_t end = -1;
    int64_t unit;
    if (!cmd_arg_int(x, 2, &bit))
        return;
    if (bit != 0 && bit != 1) {
        resp_err(x->out, REPLY_ERR_BIT_ARGUMENT);
        return;
    }
    if (!key_open_read(x, x->argv[1], &kv)) {
        resp_int(x->out, bit ? -1 : 0);
        return;
    }
    if (!key_check_type(&kv, VALUE_STRING))
        return;
    if (x->argc > 6) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if ((x->argc > 3 && !cmd_arg_int(x, 3, &start)) || !read_unit(x, 5, &unit) ||
        (x->argc > 4 && !cmd_arg_int(x, 4, &end)))
        return;
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes s = str_view(kv.entry, scratch);
    uint64_t first;
    uint64_t last;
    int64_t found = -1;
    if (range_bits(s, unit, start, end, &first, &last)) {
        found = bitops_find(s, bit != 0, first, last);
        if (found < 0 && bit == 0 && x->argc < 5)
            found = (int64_t)s.len * 8; /* without an end, zeros go on behind the string */
    }
    resp_int(x->out, found);
}

/* ---- BITOP ---- */

struct source {
    struct bytes value;
    char scratch[NUM_INT_TEXT_MAX];
};

static bool read_op(struct exec *x, enum bitops_op *op_out) {
    static const struct {
        const char *word;
        enum bitops_op op;
        int sources_min;
    } ops[] = {
        {"and", BITOPS_AND, 1},     {"or", BITOPS_OR, 1},     {"xor", BITOPS_XOR, 1},
        {"not", BITOPS_NOT, 1},     {"diff", BITOPS_DIFF, 2}, {"diff1", BITOPS_DIFF1, 2},
        {"andor", BITOPS_ANDOR, 2}, {"one", BITOPS_ONE, 1},
    };
    int sources = x->argc - 3;
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        if (!bytes_is_word(x->argv[1], ops[i].word))
            continue;
        *op_out = ops[i].op;
        if (ops[i].op == BITOPS_NOT && sources != 1) {
            resp_err(x->out, REPLY_ERR_BITOP_NOT);
            return false;
        }
        if (sources < ops[i].sources_min) {
            static const char *const names[] = {
                [BITOPS_DIFF] = "DIFF", [BITOPS_DIFF1] = "DIFF1", [BITOPS_ANDOR] = "ANDOR"};
            resp_errorf(x->out, "ERR BITOP %s must be called with at least two source keys.",
                        names[ops[i].op]);
            return false;
        }
        return true;
    }
    *op_out = BITOPS_AND;
    resp_err(x->out, REPLY_ERR_SYNTAX);
    return false;
}

/* Views of the source strings, in one block that the caller frees, and the longest length. NULL: an error was replied. */
static struct source *open_sources(struct exec *x, struct bytes **views_out, size_t *max_len_out) {
    size_t count = (size_t)x->argc - 3;
    struct source *sources = mem_alloc(count * (sizeof(struct source) + sizeof(struct bytes)));
    struct bytes *views = (struct bytes *)(void *)(sources + count);
    *views_out = views;
    *max_len_out = 0;
    for (size_t i = 0; i < count; i++) {
        struct key_view kv;
        views[i] = BYTES_NONE;
        if (!key_open_read(x, x->argv[i + 3], &kv))
            continue;
        if (!key_check_type(&kv, VALUE_STRING)) {
            mem_free(sources);
            return NULL;
        }
        views[i] = str_view(kv.entry, sources[i].scratch);
        if (views[i].len > *max_len_out)
            *max_len_out = views[i].len;
    }
    return sources;
}

/* Stores `len` bytes at `block`, which it takes, as the new value of the key, without a time to live. */
static void store_block(struct exec *x, char *block, size_t len) {
    struct key_view kv;
    bool is_there = key_open_write(x, x->argv[2], &kv);
    if (len == 0) {
        if (is_there)
            cmd_delete(&kv);
        mem_free(block);
        return;
    }
    struct entry *e;
    if (len <= ENTRY_INLINE_MAX) {
        /* Appended, so that it is a plain string even where it reads like a number. */
        e = str_append(entry_new_str(kv.key, BYTES_NONE, ENTRY_NO_EXPIRE), bytes_of(block, len));
        mem_free(block);
    } else {
        e = entry_new_big(kv.key, block, len, ENTRY_NO_EXPIRE);
    }
    key_put(&kv, e);
    cmd_effect_whole(&kv);
    exec_event(&kv, EVENT_STRING, "set");
}

/* BITOP operation destkey key [key ...] */
void cmd_bitop(struct exec *x) {
    enum bitops_op op;
    struct bytes *views;
    size_t len;
    if (!read_op(x, &op))
        return;
    struct source *sources = open_sources(x, &views, &len);
    if (sources == NULL)
        return;
    char *block = mem_try_alloc(len == 0 ? 1 : len);
    if (block == NULL) {
        cmd_reply_no_memory(x);
    } else {
        bitops_combine(op, views, (size_t)x->argc - 3, block, len);
        store_block(x, block, len);
        resp_int(x->out, (int64_t)len);
    }
    mem_free(sources);
}
