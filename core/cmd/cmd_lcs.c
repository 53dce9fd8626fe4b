/* cmd_lcs.c: LCS, the longest common subsequence of two strings.
 *
 * The usual table: len[i][j] is the length for the first i bytes of a and the first j bytes of b. The subsequence is read
 * out of it from the end backwards. Where both neighbours are equally long the walk goes along b; Redis does so too, and
 * which of several longest subsequences is found must not depend on the server.
 *
 * Runs of matches become ranges, told from the last to the first. A run ends where the walk leaves the diagonal, or at
 * the beginning of either string. A match that follows a run only diagonally displaced ends that run and does not begin
 * one of its own; this, too, is what Redis answers.
 *
 * Cost: time and memory are the product of the lengths; memory is limited by proto-max-bulk-len. */
#include "core/base/mem.h"
#include "core/cmd/opts.h"

enum {
    LCS_IDX = OPT_OWN,
    LCS_LEN = OPT_OWN << 1,
    LCS_MINMATCHLEN = OPT_OWN << 2,
    LCS_WITHMATCHLEN = OPT_OWN << 3
};

struct lcs {
    struct bytes a;
    struct bytes b;
    uint32_t *len; /* (a.len + 1) rows of (b.len + 1) cells */
};

static uint32_t *cell(const struct lcs *l, size_t i, size_t j) {
    return &l->len[i * (l->b.len + 1) + j];
}

static void fill(struct lcs *l) {
    for (size_t j = 0; j <= l->b.len; j++)
        *cell(l, 0, j) = 0;
    for (size_t i = 1; i <= l->a.len; i++) {
        uint32_t *row = cell(l, i, 0);
        const uint32_t *above = cell(l, i - 1, 0);
        row[0] = 0;
        for (size_t j = 1; j <= l->b.len; j++) {
            if (l->a.ptr[i - 1] == l->b.ptr[j - 1])
                row[j] = above[j - 1] + 1;
            else
                row[j] = above[j] > row[j - 1] ? above[j] : row[j - 1];
        }
    }
}

/* A run of matches, positions of its first and last bytes. */
struct run {
    size_t a_first, a_last;
    size_t b_first, b_last;
    bool is_open;
};

static void reply_run(struct exec *x, const struct run *run, bool with_len) {
    resp_array(x->out, with_len ? 3 : 2);
    resp_array(x->out, 2);
    resp_int(x->out, (int64_t)run->a_first);
    resp_int(x->out, (int64_t)run->a_last);
    resp_array(x->out, 2);
    resp_int(x->out, (int64_t)run->b_first);
    resp_int(x->out, (int64_t)run->b_last);
    if (with_len)
        resp_int(x->out, (int64_t)(run->a_last - run->a_first + 1));
}

/* Takes the match of a[i - 1] and b[j - 1] into the run; true when the run is complete. */
static bool run_add(struct run *run, size_t i, size_t j) {
    if (!run->is_open) {
        *run = (struct run){i - 1, i - 1, j - 1, j - 1, true};
    } else if (run->a_first == i && run->b_first == j) {
        run->a_first--;
        run->b_first--;
    } else {
        return true;
    }
    return run->a_first == 0 || run->b_first == 0;
}

/* The table is filled. Replies the runs (IDX) as an array, and writes the subsequence to `text` if that is not NULL. */
static void walk_back(struct exec *x, const struct lcs *l, bool with_runs, bool with_len, int64_t min_len,
                      char *text) {
    size_t mark = resp_defer(x->out);
    size_t count = 0;
    size_t at = *cell(l, l->a.len, l->b.len);
    struct run run = {.is_open = false};
    for (size_t i = l->a.len, j = l->b.len; i > 0 && j > 0;) {
        bool is_complete;
        if (l->a.ptr[i - 1] == l->b.ptr[j - 1]) {
            if (text != NULL)
                text[--at] = l->a.ptr[i - 1];
            is_complete = run_add(&run, i, j);
            i--;
            j--;
        } else {
            is_complete = run.is_open;
            if (*cell(l, i - 1, j) > *cell(l, i, j - 1))
                i--;
            else
                j--;
        }
        if (!is_complete)
            continue;
        if (with_runs && (int64_t)(run.a_last - run.a_first + 1) >= min_len) {
            reply_run(x, &run, with_len);
            count++;
        }
        run.is_open = false;
    }
    if (with_runs)
        resp_defer_array(x->out, mark, count);
}

static void reply_lcs(struct exec *x, struct lcs *l, uint32_t seen, int64_t min_len) {
    fill(l);
    uint32_t len = *cell(l, l->a.len, l->b.len);
    if (seen & LCS_IDX) {
        resp_map(x->out, 2);
        resp_bulk_cstr(x->out, "matches");
        walk_back(x, l, true, (seen & LCS_WITHMATCHLEN) != 0, min_len, NULL);
        resp_bulk_cstr(x->out, "len");
        resp_int(x->out, len);
    } else if (seen & LCS_LEN) {
        resp_int(x->out, len);
    } else {
        walk_back(x, l, false, false, 0, resp_bulk_room(x->out, len));
    }
}

/* Makes room for the table. False: an error was replied. */
static bool make_table(struct exec *x, struct lcs *l) {
    size_t cells;
    size_t bytes;
    if (l->a.len >= UINT32_MAX - 1 || l->b.len >= UINT32_MAX - 1) {
        resp_error(x->out, BYTES_LIT("ERR String too long for LCS"));
        return false;
    }
    if (__builtin_mul_overflow(l->a.len + 1, l->b.len + 1, &cells) ||
        __builtin_mul_overflow(cells, sizeof(*l->len), &bytes) ||
        bytes > x->engine->config->proto_max_bulk_len) {
        resp_error(x->out, BYTES_LIT("ERR Insufficient memory, transient memory for LCS exceeds "
                                     "proto-max-bulk-len"));
        return false;
    }
    l->len = mem_try_alloc(bytes);
    if (l->len == NULL)
        resp_error(x->out, BYTES_LIT("ERR Insufficient memory, failed allocating transient memory for LCS"));
    return l->len != NULL;
}

/* LCS key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN] */
void cmd_lcs(struct exec *x) {
    static const struct opt options[] = {
        {"idx", LCS_IDX, 0, false},
        {"len", LCS_LEN, 0, false},
        {"minmatchlen", LCS_MINMATCHLEN, 0, true},
        {"withmatchlen", LCS_WITHMATCHLEN, 0, false},
    };
    struct key_view a;
    struct key_view b;
    struct opts opts;
    int64_t min_len = 0;
    bool has_a = key_open_read(x, x->argv[1], &a);
    bool has_b = key_open_read(x, x->argv[2], &b);
    if ((has_a && entry_type(a.entry) != VALUE_STRING) || (has_b && entry_type(b.entry) != VALUE_STRING)) {
        resp_error(x->out, BYTES_LIT("ERR The specified keys must contain string values"));
        return;
    }
    bool is_parsed = opts_parse(x, 3, options, COUNT_OF(options), &opts);
    if ((opts.seen & LCS_MINMATCHLEN) && !cmd_arg_int(x, opts_value_at(&opts, LCS_MINMATCHLEN), &min_len))
        return;
    if (!is_parsed) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if ((opts.seen & LCS_IDX) && (opts.seen & LCS_LEN)) {
        resp_error(x->out, BYTES_LIT("ERR If you want both the length and indexes, please just use IDX."));
        return;
    }
    char scratch_a[NUM_INT_TEXT_MAX];
    char scratch_b[NUM_INT_TEXT_MAX];
    struct lcs l = {.a = has_a ? str_view(a.entry, scratch_a) : BYTES_NONE,
                    .b = has_b ? str_view(b.entry, scratch_b) : BYTES_NONE};
    if (!make_table(x, &l))
        return;
    reply_lcs(x, &l, opts.seen, min_len);
    mem_free(l.len);
}
