/* cmd_bitfield.c: BITFIELD: integers of any width packed into a string.
 *
 * The arguments are read twice: first all of them are checked and the farthest bit to be written is found, so that an
 * error changes nothing and the string grows once; then the operations run in order, each with the OVERFLOW rule that
 * stood last before it.
 *
 * Sums are formed in 128 bits, where they cannot overflow, and then brought into the field's range. */
#include "core/cmd/cmd_bit.h"
#include "core/ds/bitops.h"

__extension__ typedef __int128 wide_int;

enum overflow { OVERFLOW_WRAP, OVERFLOW_SAT, OVERFLOW_FAIL };

enum field_verb { FIELD_GET, FIELD_SET, FIELD_INCRBY };

struct field_op {
    enum field_verb verb;
    enum overflow overflow;
    bool is_signed;
    unsigned width;
    uint64_t offset;
    int64_t operand;
};

/* "i16", "u8"; at most i64 and u63. False: the error was replied. */
static bool read_type(struct exec *x, int i, struct field_op *op) {
    struct bytes text = x->argv[i];
    int64_t width = 0;
    char sign = text.len > 0 ? text.ptr[0] : '\0';
    bool is_good = (sign == 'i' || sign == 'u') &&
                   num_parse_int(bytes_of(text.ptr + 1, text.len - 1), &width) && width >= 1 &&
                   width <= (sign == 'i' ? 64 : 63);
    op->is_signed = sign == 'i';
    op->width = (unsigned)width;
    if (!is_good)
        resp_err(x->out, REPLY_ERR_BITFIELD_TYPE);
    return is_good;
}

static bool read_overflow(struct exec *x, int i, enum overflow *overflow_out) {
    static const char *const words[] = {"wrap", "sat", "fail"};
    for (size_t w = 0; w < COUNT_OF(words); w++) {
        if (bytes_is_word(x->argv[i], words[w])) {
            *overflow_out = (enum overflow)w;
            return true;
        }
    }
    resp_err(x->out, REPLY_ERR_BITFIELD_OVERFLOW);
    return false;
}

/* Reads the operation at argv[*i] and moves *i behind it; OVERFLOW words on the way change op->overflow. True with *i at
 * argc and *is_end_out: there is none. False: the error was replied. */
static bool read_op(struct exec *x, int *i, struct field_op *op, bool *is_end_out) {
    *is_end_out = false;
    while (*i + 1 < x->argc && bytes_is_word(x->argv[*i], "overflow")) {
        if (!read_overflow(x, *i + 1, &op->overflow))
            return false;
        *i += 2;
    }
    if (*i >= x->argc) {
        *is_end_out = true;
        return true;
    }
    int left = x->argc - *i - 1;
    struct bytes word = x->argv[*i];
    if (bytes_is_word(word, "get") && left >= 2) {
        op->verb = FIELD_GET;
    } else if (bytes_is_word(word, "set") && left >= 3) {
        op->verb = FIELD_SET;
    } else if (bytes_is_word(word, "incrby") && left >= 3) {
        op->verb = FIELD_INCRBY;
    } else {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    if (!read_type(x, *i + 1, op) || !cmd_bit_offset(x, *i + 2, op->width, &op->offset))
        return false;
    if (op->verb != FIELD_GET && !cmd_arg_int(x, *i + 3, &op->operand))
        return false;
    *i += op->verb == FIELD_GET ? 3 : 4;
    return true;
}

static int64_t field_value(const struct field_op *op, uint64_t bits) {
    if (op->is_signed && op->width < 64 && (bits >> (op->width - 1) & 1))
        bits |= UINT64_MAX << op->width;
    return (int64_t)bits;
}

/* Brings a sum into the field's range by the overflow rule; false: the rule is to fail. */
static bool fit(const struct field_op *op, wide_int sum, uint64_t *bits_out) {
    wide_int max = (((wide_int)1) << (op->is_signed ? op->width - 1 : op->width)) - 1;
    wide_int min = op->is_signed ? -max - 1 : 0;
    *bits_out = (uint64_t)sum; /* wrapping is taking the low bits */
    if (sum >= min && sum <= max)
        return true;
    if (op->overflow == OVERFLOW_SAT)
        *bits_out = (uint64_t)(sum > max ? max : min);
    return op->overflow != OVERFLOW_FAIL;
}

/* Runs one writing operation and replies; true when the bits changed. */
static bool run_write(struct exec *x, const struct field_op *op, char *bits, size_t len) {
    uint64_t old_bits = bitops_get(bytes_of(bits, len), op->offset, op->width);
    int64_t old = field_value(op, old_bits);
    uint64_t new_bits;
    wide_int operand = op->operand;
    if (op->verb == FIELD_SET && !op->is_signed)
        operand = (wide_int)(uint64_t)op->operand; /* a negative number is a huge one */
    if (!fit(op, op->verb == FIELD_SET ? operand : old + operand, &new_bits)) {
        resp_null(x->out);
        return false;
    }
    if (op->width < 64)
        new_bits &= (UINT64_C(1) << op->width) - 1;
    bitops_set(bits, op->offset, op->width, new_bits);
    resp_int(x->out, op->verb == FIELD_SET ? old : field_value(op, new_bits));
    return new_bits != old_bits;
}

/* Runs all operations over `len` bytes at `bits`, which are writable when there is any but GET. True: some changed. */
static bool run_all(struct exec *x, char *bits, size_t len) {
    struct field_op op = {.overflow = OVERFLOW_WRAP};
    bool is_end;
    bool is_changed = false;
    for (int i = 2; read_op(x, &i, &op, &is_end) && !is_end;) {
        if (op.verb == FIELD_GET) {
            resp_int(x->out, field_value(&op, bitops_get(bytes_of(bits, len), op.offset, op.width)));
        } else if (run_write(x, &op, bits, len)) {
            is_changed = true;
        }
    }
    return is_changed;
}

static void read_fields(struct exec *x, size_t count) {
    struct key_view kv;
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes s = BYTES_NONE;
    if (key_open_read(x, x->argv[1], &kv)) {
        if (!key_check_type(&kv, VALUE_STRING))
            return;
        s = str_view(kv.entry, scratch);
    }
    resp_array(x->out, count);
    struct field_op op = {.overflow = OVERFLOW_WRAP};
    bool is_end;
    for (int i = 2; read_op(x, &i, &op, &is_end) && !is_end;)
        resp_int(x->out, field_value(&op, bitops_get(s, op.offset, op.width)));
}

static void bitfield(struct exec *x, bool is_ro) {
    struct field_op op = {.overflow = OVERFLOW_WRAP};
    size_t count = 0;
    uint64_t last_bit = 0;
    bool has_write = false;
    bool is_end = false;
    for (int i = 2; !is_end;) {
        if (!read_op(x, &i, &op, &is_end))
            return;
        if (is_end)
            break;
        count++;
        if (op.verb != FIELD_GET) {
            uint64_t last = op.offset + op.width - 1;
            last_bit = !has_write || last > last_bit ? last : last_bit;
            has_write = true;
        }
    }
    if (!has_write) {
        read_fields(x, count);
        return;
    }
    if (is_ro) {
        resp_err(x->out, REPLY_ERR_BITFIELD_RO);
        return;
    }
    struct key_view kv;
    bool grew;
    char *bits = cmd_bit_open(&kv, x->argv[1], x, last_bit, &grew);
    if (bits == NULL)
        return;
    resp_array(x->out, count);
    if (run_all(x, bits, str_len(kv.entry)) || grew) {
        effect_put_same(&kv);
        exec_event(&kv, EVENT_STRING, "setbit");
    }
}

/* BITFIELD key [GET type offset] [[OVERFLOW WRAP | SAT | FAIL] SET type offset value | INCRBY type offset n] ... */
void cmd_bitfield(struct exec *x) {
    bitfield(x, false);
}

/* BITFIELD_RO key [GET type offset] ... */
void cmd_bitfield_ro(struct exec *x) {
    bitfield(x, true);
}
