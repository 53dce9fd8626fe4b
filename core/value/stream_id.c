/* stream_id.c: IDs as text.
 *
 * Both numbers are plain decimals. Redis reads them with strtoull after a check for digits, so leading zeros, which no
 * other number of a command may have, are fine here; overflow is not. */
#include "core/value/stream_id.h"

#include "core/base/num.h"

bool stream_id_increment(struct stream_id *id) {
    if (id->seq != UINT64_MAX) {
        id->seq++;
        return true;
    }
    if (id->ms == UINT64_MAX)
        return false;
    id->ms++;
    id->seq = 0;
    return true;
}

bool stream_id_decrement(struct stream_id *id) {
    if (id->seq != 0) {
        id->seq--;
        return true;
    }
    if (id->ms == 0)
        return false;
    id->ms--;
    id->seq = UINT64_MAX;
    return true;
}

/* Digits only, at least one, leading zeros allowed. */
static bool parse_number(struct bytes text, uint64_t *value_out) {
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(text.ptr[i] - '0');
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *value_out = value;
    return text.len > 0;
}

/* Splits at the dash; `seq` is empty and *has_dash_out false when there is none. */
static void split(struct bytes text, struct bytes *ms, struct bytes *seq, bool *has_dash_out) {
    const char *dash = text.len == 0 ? NULL : memchr(text.ptr, '-', text.len);
    *has_dash_out = dash != NULL;
    *ms = text;
    *seq = BYTES_NONE;
    if (dash != NULL) {
        *ms = bytes_of(text.ptr, (size_t)(dash - text.ptr));
        *seq = bytes_of(dash + 1, text.len - ms->len - 1);
    }
}

bool stream_id_parse(struct bytes text, uint64_t missing_seq, struct stream_id *id_out) {
    struct bytes ms;
    struct bytes seq;
    bool has_dash;
    struct stream_id id = {0, missing_seq};
    *id_out = STREAM_ID_MIN;
    split(text, &ms, &seq, &has_dash);
    if (!parse_number(ms, &id.ms) || (has_dash && !parse_number(seq, &id.seq)))
        return false;
    *id_out = id;
    return true;
}

bool stream_id_parse_bound(struct bytes text, uint64_t missing_seq, struct stream_id *id_out) {
    if (text.len == 1 && (text.ptr[0] == '-' || text.ptr[0] == '+')) {
        *id_out = text.ptr[0] == '-' ? STREAM_ID_MIN : STREAM_ID_MAX;
        return true;
    }
    return stream_id_parse(text, missing_seq, id_out);
}

bool stream_id_parse_new(struct bytes text, struct stream_id *id_out, bool *has_seq_out) {
    struct bytes ms;
    struct bytes seq;
    bool has_dash;
    *has_seq_out = true;
    split(text, &ms, &seq, &has_dash);
    if (!has_dash || seq.len != 1 || seq.ptr[0] != '*')
        return stream_id_parse(text, 0, id_out);
    *id_out = STREAM_ID_MIN;
    *has_seq_out = false;
    return parse_number(ms, &id_out->ms);
}

size_t stream_id_text(struct stream_id id, char text[STREAM_ID_TEXT_MAX]) {
    size_t len = num_from_uint(text, id.ms);
    text[len++] = '-';
    return len + num_from_uint(text + len, id.seq);
}
