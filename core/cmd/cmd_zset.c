/* cmd_zset.c: the common parts of the commands of sorted sets.
 *
 * Every range, whatever it is given by, is turned into ranks first: two searches. Counting, walking, limiting and removing
 * then know nothing of scores and names. */
#include "core/cmd/cmd_zset.h"

#include <math.h>

/* ---- keys ---- */

static enum cmd_zset_found found(struct key_view *kv, struct zset *z_out) {
    *z_out = (struct zset){NULL, ZSET_LISTPACK};
    if (kv->entry == NULL)
        return CMD_ZSET_NONE;
    if (!key_check_type(kv, VALUE_ZSET))
        return CMD_ZSET_WRONG;
    *z_out = zset_of(kv->entry);
    return CMD_ZSET_OPEN;
}

enum cmd_zset_found cmd_zset_open_read(struct exec *x, struct bytes key, struct key_view *kv,
                                       struct zset *z) {
    key_open_read(x, key, kv);
    return found(kv, z);
}

enum cmd_zset_found cmd_zset_open_write(struct exec *x, struct bytes key, struct key_view *kv,
                                        struct zset *z) {
    key_open_write(x, key, kv);
    return found(kv, z);
}

struct zset_limits cmd_zset_limits(const struct exec *x) {
    const struct config *config = x->engine->config;
    return (struct zset_limits){.entries_max = (size_t)config->zset_max_listpack_entries,
                                .value_max = (size_t)config->zset_max_listpack_value,
                                .seed = x->engine->hash_seed};
}

bool cmd_zset_close(struct key_view *kv, const struct zset *z) {
    zset_put_back(kv->entry, z);
    key_swap(kv, kv->entry);
    if (zset_count(z) > 0)
        return false;
    key_delete(kv);
    return true;
}

void cmd_zset_store(struct key_view *kv, struct zset *z, const char *event) {
    struct exec *x = kv->x;
    size_t count = zset_count(z);
    if (count == 0) {
        zset_free(z);
        if (kv->entry != NULL)
            cmd_delete(kv);
        resp_int(x->out, 0);
        return;
    }
    key_put(kv, zset_entry(kv->key, z));
    cmd_effect_whole(kv);
    exec_event(kv, EVENT_ZSET, event);
    resp_int(x->out, (int64_t)count);
}

bool cmd_zset_arg_score(struct exec *x, int i, double *score_out) {
    *score_out = 0;
    if (LIKELY(num_parse_double(x->argv[i], score_out)))
        return true;
    resp_err(x->out, REPLY_ERR_NOT_FLOAT);
    return false;
}

/* ---- ranges ---- */

/* Reads "1.5", "(1.5", "-inf"; the probe stands so that what lies between two of them is the range. */
static bool read_score_end(struct bytes text, bool is_low, struct rank_probe *probe_out) {
    bool is_open = text.len > 0 && text.ptr[0] == '(';
    double score = 0;
    if (is_open)
        text = bytes_of(text.ptr + 1, text.len - 1);
    bool is_good = text.len == 0 || num_parse_double(text, &score); /* nothing is zero, as strtod reads it */
    *probe_out =
        (struct rank_probe){.side = is_low == is_open ? RANK_AFTER_SCORE : RANK_BEFORE_SCORE, .score = score};
    return is_good;
}

/* Reads "[name", "(name", "-", "+". */
static bool read_lex_end(struct bytes text, bool is_low, struct cmd_zset_range *range) {
    struct rank_probe *probe = is_low ? &range->from : &range->to;
    *probe = (struct rank_probe){.side = RANK_BEFORE_NAME};
    if (text.len == 0)
        return false;
    char kind = text.ptr[0];
    if (kind == '-' || kind == '+') {
        if (is_low == (kind == '+'))
            range->is_empty = true;
        else if (is_low)
            range->is_from_start = true;
        else
            range->is_to_end = true;
        return text.len == 1;
    }
    bool is_open = kind == '(';
    probe->name = bytes_of(text.ptr + 1, text.len - 1);
    probe->side = is_low == is_open ? RANK_AFTER_NAME : RANK_BEFORE_NAME;
    return is_open || kind == '[';
}

bool cmd_zset_arg_range(struct exec *x, enum cmd_zset_by by, int low, int high,
                        struct cmd_zset_range *range) {
    *range = (struct cmd_zset_range){.by = by};
    switch (by) {
    case CMD_ZSET_BY_RANK: {
        int earlier = low < high ? low : high; /* the client's first mistake is the one that is told */
        int64_t value[2];
        if (!cmd_arg_int(x, earlier, &value[0]) || !cmd_arg_int(x, low + high - earlier, &value[1]))
            return false;
        range->first = value[earlier == low ? 0 : 1];
        range->last = value[earlier == low ? 1 : 0];
        return true;
    }
    case CMD_ZSET_BY_SCORE:
        if (read_score_end(x->argv[low], true, &range->from) &&
            read_score_end(x->argv[high], false, &range->to))
            return true;
        resp_err(x->out, REPLY_ERR_RANGE_FLOAT);
        return false;
    case CMD_ZSET_BY_LEX:
        if (read_lex_end(x->argv[low], true, range) && read_lex_end(x->argv[high], false, range))
            return true;
        resp_err(x->out, REPLY_ERR_RANGE_STRING);
        return false;
    }
    must(false);
}

/* Ranks that a client gave: negative ones count from the end, and what lies beyond is cut off. */
static size_t clamp_ranks(size_t count, int64_t first, int64_t last, size_t *from_out) {
    int64_t len = (int64_t)count;
    if (first < 0)
        first = first < -len ? 0 : first + len;
    if (last < 0)
        last = last < -len ? -1 : last + len;
    if (last >= len)
        last = len - 1;
    *from_out = first < len ? (size_t)first : count;
    return first > last ? 0 : (size_t)(last - first + 1);
}

size_t cmd_zset_range_ranks(const struct zset *z, const struct cmd_zset_range *range, bool is_reverse,
                            size_t *from_out) {
    size_t count = zset_count(z);
    if (range->by == CMD_ZSET_BY_RANK) {
        size_t len = clamp_ranks(count, range->first, range->last, from_out);
        if (is_reverse && len > 0)
            *from_out = count - *from_out - len;
        return len;
    }
    *from_out = range->is_from_start ? 0 : zset_find(z, &range->from);
    size_t end = range->is_to_end ? count : zset_find(z, &range->to);
    return range->is_empty || end <= *from_out ? 0 : end - *from_out;
}

/* ---- replies ---- */

void cmd_zset_reply_header(struct exec *x, size_t count, bool has_scores) {
    resp_array(x->out, has_scores && x->out->proto < 3 ? 2 * count : count);
}

void cmd_zset_reply_element(struct exec *x, struct bytes name, double score, bool has_scores) {
    if (has_scores && x->out->proto >= 3)
        resp_array(x->out, 2);
    resp_bulk(x->out, name);
    if (has_scores)
        resp_double(x->out, score);
}
