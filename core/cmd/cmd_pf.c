/* cmd_pf.c: HyperLogLogs, which are strings of a certain form: PFADD, PFCOUNT, PFMERGE, PFDEBUG, PFSELFTEST.
 *
 * A dense one is changed where it lies. A sparse one is short: it is changed in a copy, which is stored if anything
 * came of it; a corrupt one is thus found out before anything has changed.
 *
 * PFCOUNT of one key stores its estimate with the key, so that the next one need not count again. That changes the bytes, so
 * it is logged, as what it is: PFCOUNT. PFMERGE is logged as the string that resulted, because the sources may be in other
 * shards' logs. */
#include "core/base/mem.h"
#include "core/cmd/cmd.h"
#include "core/ds/hll.h"

#include <math.h>

enum { PF_SELFTEST_ELEMENTS = 1000000 };

static size_t sparse_max(const struct exec *x) {
    return (size_t)x->engine->config->hll_sparse_max_bytes;
}

/* The bytes of an open key, which must be a HyperLogLog; false: the error was replied. */
static bool pf_view(struct key_view *kv, struct bytes *hll_out) {
    char scratch[NUM_INT_TEXT_MAX];
    if (!key_check_type(kv, VALUE_STRING))
        return false;
    *hll_out = str_view(kv->entry, scratch);
    if (entry_payload(kv->entry) != ENTRY_INT && hll_is_sound_header(*hll_out))
        return true;
    resp_err(kv->x->out, REPLY_ERR_NOT_HLL);
    return false;
}

/* The bytes of a dense HyperLogLog for writing; NULL: the error was replied. End with pf_swap. */
static char *pf_mutable(struct key_view *kv, struct entry **e_out) {
    size_t len;
    *e_out = kv->entry;
    char *hll = str_mutable(e_out, 0, &len);
    if (hll == NULL)
        cmd_reply_no_memory(kv->x);
    return hll;
}

/* ---- PFADD ---- */

/* Counts argv[2..] in `hll`; false: the error was replied. */
static bool add_all(struct exec *x, struct buf *hll, bool *is_changed) {
    for (int i = 2; i < x->argc; i++) {
        switch (hll_add(hll, x->argv[i], sparse_max(x))) {
        case HLL_CHANGED: *is_changed = true; break;
        case HLL_SAME: break;
        case HLL_CORRUPT: resp_err(x->out, REPLY_ERR_HLL_CORRUPT); return false;
        }
    }
    return true;
}

static bool add_dense(struct exec *x, struct key_view *kv, bool *is_changed) {
    struct entry *e;
    char *hll = pf_mutable(kv, &e);
    if (hll == NULL)
        return false;
    for (int i = 2; i < x->argc; i++)
        *is_changed |= hll_add_dense(hll, x->argv[i]) == HLL_CHANGED;
    key_swap(kv, e);
    return true;
}

static bool add_copied(struct exec *x, struct key_view *kv, struct bytes present, bool *is_changed) {
    struct buf hll;
    buf_init(&hll);
    if (present.ptr != NULL)
        buf_put_bytes(&hll, present);
    else
        hll_put_empty(&hll);
    bool is_good = add_all(x, &hll, is_changed);
    if (is_good && *is_changed) {
        hll_drop_cached_count(hll.ptr);
        is_good = cmd_str_store(kv, buf_bytes(&hll), cmd_expire_ms(kv));
    }
    buf_deinit(&hll);
    return is_good;
}

/* PFADD key [element ...] */
void cmd_pfadd(struct exec *x) {
    struct key_view kv;
    struct bytes present = BYTES_NONE;
    bool is_there = key_open_write(x, x->argv[1], &kv);
    bool is_changed = !is_there;
    if (is_there && !pf_view(&kv, &present))
        return;
    bool is_dense = is_there && hll_is_dense(present);
    if (!(is_dense ? add_dense(x, &kv, &is_changed) : add_copied(x, &kv, present, &is_changed)))
        return;
    if (is_changed) {
        effect_put_same(&kv);
        exec_event(&kv, EVENT_STRING, "pfadd");
    }
    resp_int(x->out, is_changed);
}

/* ---- PFCOUNT ---- */

/* The estimate of the open key, from its last count or counted now; false: the error was replied. */
static bool count_one(struct exec *x, struct key_view *kv, struct bytes hll, uint64_t *count_out) {
    struct entry *e;
    if (hll_cached_count(hll, count_out))
        return true;
    if (!hll_count(hll, count_out)) {
        resp_err(x->out, REPLY_ERR_HLL_CORRUPT);
        return false;
    }
    (void)key_open_write(x, x->argv[1], kv);
    char *bytes = pf_mutable(kv, &e);
    if (bytes == NULL)
        return false;
    hll_set_cached_count(bytes, *count_out);
    key_swap(kv, e);
    effect_put_same(kv);
    return true;
}

/* Merges argv[1..] into registers; false: the error was replied. */
static bool merge_all(struct exec *x, uint8_t *registers, bool *has_dense) {
    *has_dense = false;
    for (int i = 1; i < x->argc; i++) {
        struct key_view kv;
        struct bytes hll;
        if (!key_open_read(x, x->argv[i], &kv))
            continue;
        if (!pf_view(&kv, &hll))
            return false;
        *has_dense |= hll_is_dense(hll);
        if (!hll_merge(registers, hll)) {
            resp_err(x->out, REPLY_ERR_HLL_CORRUPT);
            return false;
        }
    }
    return true;
}

/* PFCOUNT key [key ...] */
void cmd_pfcount(struct exec *x) {
    struct key_view kv;
    struct bytes hll;
    uint64_t count;
    bool has_dense;
    if (x->argc == 2) {
        if (!key_open_read(x, x->argv[1], &kv))
            resp_int(x->out, 0);
        else if (pf_view(&kv, &hll) && count_one(x, &kv, hll, &count))
            resp_int(x->out, (int64_t)count);
        return;
    }
    uint8_t *registers = mem_zalloc(HLL_REGISTERS);
    if (merge_all(x, registers, &has_dense))
        resp_int(x->out, (int64_t)hll_registers_count(registers));
    mem_free(registers);
}

/* ---- PFMERGE ---- */

/* Raises the registers of `hll` to those given; false: it is corrupt. */
static bool raise_all(struct exec *x, struct buf *hll, const uint8_t *registers) {
    for (unsigned i = 0; i < HLL_REGISTERS; i++)
        if (registers[i] != 0 && hll_raise(hll, i, registers[i], sparse_max(x)) == HLL_CORRUPT)
            return false;
    return true;
}

/* Stores the merged registers in argv[1]. */
static void merge_store(struct exec *x, const uint8_t *registers, bool is_dense) {
    struct key_view kv;
    struct bytes present;
    struct buf hll;
    buf_init(&hll);
    if (!key_open_write(x, x->argv[1], &kv)) {
        hll_put_empty(&hll);
    } else {
        must(pf_view(&kv, &present)); /* it was merged, too */
        buf_put_bytes(&hll, present);
    }
    bool is_sound = (!is_dense || hll_make_dense(&hll)) && raise_all(x, &hll, registers);
    if (!is_sound) {
        resp_err(x->out, REPLY_ERR_HLL_CORRUPT);
    } else {
        hll_drop_cached_count(hll.ptr);
        if (cmd_str_store(&kv, buf_bytes(&hll), cmd_expire_ms(&kv))) {
            cmd_effect_set_keepttl(&kv, buf_bytes(&hll));
            exec_event(&kv, EVENT_STRING, "pfadd");
            resp_ok(x->out);
        }
    }
    buf_deinit(&hll);
}

/* PFMERGE destination [source ...] */
void cmd_pfmerge(struct exec *x) {
    uint8_t *registers = mem_zalloc(HLL_REGISTERS);
    bool has_dense;
    if (merge_all(x, registers, &has_dense))
        merge_store(x, registers, has_dense);
    mem_free(registers);
}

/* ---- PFDEBUG ---- */

/* Makes the open key dense; false: the error was replied. */
static bool debug_make_dense(struct key_view *kv, struct bytes hll) {
    struct buf dense;
    buf_init(&dense);
    buf_put_bytes(&dense, hll);
    bool is_sound = hll_make_dense(&dense);
    if (!is_sound)
        resp_err(kv->x->out, REPLY_ERR_HLL_CORRUPT);
    bool is_good = is_sound && cmd_str_store(kv, buf_bytes(&dense), cmd_expire_ms(kv));
    if (is_good)
        cmd_effect_set_keepttl(kv, buf_bytes(&dense));
    buf_deinit(&dense);
    return is_good;
}

static void debug_getreg(struct exec *x, struct key_view *kv, struct bytes hll) {
    if (!hll_is_dense(hll) && (!debug_make_dense(kv, hll) || !pf_view(kv, &hll)))
        return;
    uint8_t *registers = mem_zalloc(HLL_REGISTERS);
    must(hll_merge(registers, hll));
    resp_array(x->out, HLL_REGISTERS);
    for (unsigned i = 0; i < HLL_REGISTERS; i++)
        resp_int(x->out, registers[i]);
    mem_free(registers);
}

static void debug_decode(struct exec *x, struct bytes hll) {
    struct buf text;
    if (hll_is_dense(hll)) {
        resp_error(x->out, BYTES_LIT("ERR HLL encoding is not sparse"));
        return;
    }
    buf_init(&text);
    hll_put_runs(hll, &text);
    resp_bulk(x->out, buf_bytes(&text));
    buf_deinit(&text);
}

/* PFDEBUG GETREG | DECODE | ENCODING | TODENSE key */
void cmd_pfdebug(struct exec *x) {
    struct key_view kv;
    struct bytes hll;
    if (!key_open_write(x, x->argv[2], &kv)) {
        resp_error(x->out, BYTES_LIT("ERR The specified key does not exist"));
        return;
    }
    if (!pf_view(&kv, &hll))
        return;
    bool is_dense = hll_is_dense(hll);
    if (bytes_is_word(x->argv[1], "getreg"))
        debug_getreg(x, &kv, hll);
    else if (bytes_is_word(x->argv[1], "decode"))
        debug_decode(x, hll);
    else if (bytes_is_word(x->argv[1], "encoding"))
        resp_simple(x->out, is_dense ? BYTES_LIT("dense") : BYTES_LIT("sparse"));
    else if (!bytes_is_word(x->argv[1], "todense"))
        resp_errorf(x->out, "ERR Unknown PFDEBUG subcommand '%.*s'",
                    x->argv[1].len > 128 ? 128 : (int)x->argv[1].len, x->argv[1].ptr);
    else if (is_dense || debug_make_dense(&kv, hll))
        resp_int(x->out, !is_dense);
}

/* ---- PFSELFTEST ---- */

/* Counts more and more elements dense and sparse at once; NULL, or what is wrong. */
static const char *selftest_counts(struct exec *x, struct buf *sparse, struct buf *dense) {
    uint64_t seed = rng_next(&x->engine->rng);
    uint64_t checkpoint = 1;
    for (uint64_t i = 1; i <= PF_SELFTEST_ELEMENTS; i++) {
        uint64_t element = i ^ seed;
        uint64_t sparse_count;
        uint64_t dense_count;
        (void)hll_add(sparse, bytes_of(&element, sizeof(element)), sparse_max(x));
        (void)hll_add_dense(dense->ptr, bytes_of(&element, sizeof(element)));
        if (i != checkpoint)
            continue;
        if (i < sparse_max(x) / 2 && hll_is_dense(buf_bytes(sparse)))
            return "sparse encoding not used";
        if (!hll_count(buf_bytes(sparse), &sparse_count) || !hll_count(buf_bytes(dense), &dense_count) ||
            sparse_count != dense_count)
            return "dense/sparse disagree";
        /* Six times the standard error; ten elements sometimes collide. */
        double error_max = i == 10 ? 1 : ceil(6 * 1.04 / sqrt(HLL_REGISTERS) * (double)i);
        if (fabs((double)i - (double)dense_count) > error_max)
            return "Too big error";
        checkpoint *= 10;
    }
    return NULL;
}

/* PFSELFTEST. A tenth of the elements that Redis takes: the shard stands still meanwhile. */
void cmd_pfselftest(struct exec *x) {
    struct buf sparse;
    struct buf dense;
    buf_init(&sparse);
    buf_init(&dense);
    hll_put_empty(&sparse);
    hll_put_empty(&dense);
    must(hll_make_dense(&dense));
    const char *wrong = selftest_counts(x, &sparse, &dense);
    if (wrong == NULL)
        resp_ok(x->out);
    else
        resp_errorf(x->out, "TESTFAILED %s", wrong);
    buf_deinit(&sparse);
    buf_deinit(&dense);
}
