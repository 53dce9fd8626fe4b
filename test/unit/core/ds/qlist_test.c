/* Long lists: a model test against an array of texts under many limits, the work at both ends, compression, freeing. */
#include "core/ds/qlist.h"

#include "core/base/mem.h"
#include "core/base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct qlist_limits usual = {.bytes_max = 8192, .count_max = SIZE_MAX, .depth = 0};

static struct bytes number_text(char text[NUM_INT_TEXT_MAX + 8], int64_t number) {
    return bytes_of(text, (size_t)snprintf(text, NUM_INT_TEXT_MAX + 8, "item%lld", (long long)number));
}

static void push_number(struct qlist *q, enum qlist_end end, int64_t number) {
    char text[NUM_INT_TEXT_MAX + 8];
    cr_assert(qlist_push(q, end, number_text(text, number)));
}

static void assert_at(const struct qlist *q, size_t index, int64_t number) {
    char text[NUM_INT_TEXT_MAX + 8], scratch[NUM_INT_TEXT_MAX];
    struct qlist_iter it;
    struct bytes value;
    qlist_iter_init(&it, q, index, false);
    cr_assert(qlist_iter_next(&it, scratch, &value));
    cr_assert(bytes_equal(value, number_text(text, number)), "[%zu] is %.*s", index, (int)value.len,
              value.ptr);
    qlist_iter_deinit(&it);
}

Test(qlist, elements_are_found_by_index_in_a_long_list) {
    struct qlist *q = qlist_new(&usual);
    enum { COUNT = 200000 };
    for (int64_t i = 0; i < COUNT / 2; i++) {
        push_number(q, QLIST_TAIL, COUNT / 2 + i);
        push_number(q, QLIST_HEAD, COUNT / 2 - 1 - i);
    }
    cr_assert_eq(qlist_count(q), COUNT);
    for (size_t i = 0; i < COUNT; i += 997)
        assert_at(q, i, (int64_t)i);
    qlist_check(q);
    cr_assert_lt(qlist_bytes(q), COUNT * 14, "12 bytes an element, and little besides: %zu", qlist_bytes(q));
    qlist_free(q);
}

Test(qlist, a_queue_stays_small_whichever_way_it_flows) {
    for (int way = 0; way < 2; way++) {
        struct qlist *q = qlist_new(&usual);
        for (int64_t i = 0; i < 2000; i++)
            push_number(q, way ? QLIST_HEAD : QLIST_TAIL, i);
        size_t bytes = qlist_bytes(q);
        for (int64_t i = 2000; i < 100000; i++) {
            push_number(q, way ? QLIST_HEAD : QLIST_TAIL, i);
            qlist_pop(q, way ? QLIST_TAIL : QLIST_HEAD);
            cr_assert_lt(qlist_bytes(q), bytes + 3 * 8192);
        }
        qlist_check(q);
        assert_at(q, way ? 1999 : 0, 98000);
        while (qlist_count(q) > 0)
            qlist_pop(q, way ? QLIST_TAIL : QLIST_HEAD);
        qlist_check(q);
        cr_assert_lt(qlist_bytes(q), 256, "nothing is left but the list itself");
        qlist_free(q);
    }
}

Test(qlist, draining_gives_memory_back) {
    struct qlist *q = qlist_new(&usual);
    for (int64_t i = 0; i < 700; i++)
        push_number(q, QLIST_TAIL, i);
    while (qlist_count(q) > 3)
        qlist_pop(q, QLIST_HEAD);
    qlist_check(q);
    cr_assert_lt(qlist_bytes(q), 700, "%zu", qlist_bytes(q));
    assert_at(q, 2, 699);
    qlist_free(q);
}

Test(qlist, inner_nodes_are_compressed_and_come_back) {
    struct qlist_limits limits = {.bytes_max = 8192, .count_max = SIZE_MAX, .depth = 2};
    struct qlist *plain = qlist_new(&usual), *q = qlist_new(&limits);
    for (int64_t i = 0; i < 20000; i++) {
        push_number(plain, QLIST_TAIL, i);
        push_number(q, QLIST_TAIL, i);
    }
    qlist_check(q);
    cr_assert_lt(qlist_bytes(q), qlist_bytes(plain) * 3 / 4, "%zu of %zu", qlist_bytes(q),
                 qlist_bytes(plain));
    for (size_t i = 0; i < 20000; i += 313)
        assert_at(q, i, (int64_t)i);
    size_t compressed = 0;
    for (size_t i = 0; i < qlist_nodes(q); i++)
        compressed += qlist_piece(q, i).lzf_of != 0;
    cr_assert_eq(compressed, qlist_nodes(q) - 4);
    while (qlist_count(q) > 1000)
        qlist_pop(q, QLIST_HEAD);
    qlist_check(q);
    assert_at(q, 0, 19000);
    qlist_free(plain);
    qlist_free(q);
}

Test(qlist, no_memory_for_a_long_element_changes_nothing) {
    struct qlist_limits limits = {.bytes_max = 100, .count_max = SIZE_MAX, .depth = 0};
    struct qlist *q = qlist_new(&limits);
    char big[500];
    memset(big, 'x', sizeof big);
    for (int64_t i = 0; i < 50; i++)
        push_number(q, QLIST_TAIL, i);
    for (int what = 0; what < 4; what++) {
        size_t bytes = qlist_bytes(q);
        mem_fail_nth(1);
        bool done = what == 0   ? qlist_push(q, QLIST_HEAD, bytes_of(big, sizeof big))
                    : what == 1 ? qlist_push(q, QLIST_TAIL, bytes_of(big, sizeof big))
                    : what == 2 ? qlist_insert(q, 20, bytes_of(big, sizeof big))
                                : qlist_replace(q, 20, bytes_of(big, sizeof big));
        mem_fail_nth(0);
        cr_assert_not(done);
        cr_assert_eq(qlist_bytes(q), bytes);
        cr_assert_eq(qlist_count(q), 50);
        qlist_check(q);
    }
    assert_at(q, 20, 20);
    qlist_free(q);
}

Test(qlist, freeing_goes_in_steps) {
    struct qlist *q = qlist_new(&usual);
    for (int64_t i = 0; i < 100000; i++)
        push_number(q, QLIST_TAIL, i);
    size_t steps = 1, nodes = qlist_nodes(q);
    while (!qlist_free_step(q, 10))
        steps++;
    cr_assert_geq(steps, nodes / 10);
}

Test(qlist, one_listpack_goes_in_and_out) {
    unsigned char *lp = listpack_append(listpack_append(listpack_new(0), BYTES_LIT("a")), BYTES_LIT("7"));
    struct qlist *q = qlist_new(&usual);
    cr_assert_null(qlist_only_listpack(q));
    qlist_append_listpack(q, lp);
    qlist_append_listpack(q, listpack_new(0));
    cr_assert(qlist_push(q, QLIST_HEAD, BYTES_LIT("first")));
    qlist_check(q);
    cr_assert_not_null(qlist_only_listpack(q));
    lp = qlist_into_listpack(q);
    cr_assert_eq(listpack_count(lp), 3);
    cr_assert(listpack_equals(listpack_first(lp), BYTES_LIT("first")));
    listpack_free(lp);
}

/* ---- model ---- */

enum { MODEL_MAX = 1500, TEXT_MAX = 600 };

struct model {
    char *texts[MODEL_MAX];
    size_t lens[MODEL_MAX];
    size_t count;
};

static struct bytes model_at(const struct model *m, size_t index) {
    return bytes_of(m->texts[index], m->lens[index]);
}

static void model_insert(struct model *m, size_t index, struct bytes text) {
    memmove(m->texts + index + 1, m->texts + index, (m->count - index) * sizeof m->texts[0]);
    memmove(m->lens + index + 1, m->lens + index, (m->count - index) * sizeof m->lens[0]);
    m->texts[index] = mem_alloc(text.len ? text.len : 1);
    if (text.len)
        memcpy(m->texts[index], text.ptr, text.len);
    m->lens[index] = text.len;
    m->count++;
}

static void model_remove(struct model *m, size_t index, size_t count) {
    for (size_t i = index; i < index + count; i++)
        mem_free(m->texts[i]);
    m->count -= count;
    memmove(m->texts + index, m->texts + index + count, (m->count - index) * sizeof m->texts[0]);
    memmove(m->lens + index, m->lens + index + count, (m->count - index) * sizeof m->lens[0]);
}

static size_t model_remove_equal(struct model *m, enum qlist_end end, struct bytes value, size_t limit) {
    size_t removed = 0;
    for (size_t i = 0, at = end == QLIST_HEAD ? 0 : m->count; removed < limit; i++) {
        if (end == QLIST_HEAD ? at >= m->count : at == 0)
            break;
        if (end == QLIST_TAIL)
            at--;
        if (bytes_equal(model_at(m, at), value)) {
            model_remove(m, at, 1);
            removed++;
        } else if (end == QLIST_HEAD) {
            at++;
        }
    }
    return removed;
}

static struct bytes random_text(struct rng *rng, char *buffer) {
    if (rng_below(rng, 3) == 0)
        return bytes_of(buffer, num_from_int(buffer, (int64_t)rng_below(rng, 30)));
    size_t len = (size_t)rng_below(rng, rng_below(rng, 10) ? 30 : TEXT_MAX);
    memset(buffer, (int)('a' + rng_below(rng, 5)), len);
    return bytes_of(buffer, len);
}

static void assert_same(const struct qlist *q, const struct model *m, struct rng *rng) {
    qlist_check(q);
    cr_assert_eq(qlist_count(q), m->count);
    if (m->count == 0)
        return;
    char scratch[NUM_INT_TEXT_MAX];
    struct qlist_iter it;
    struct bytes value;
    bool is_backward = rng_below(rng, 2) == 0, is_equal;
    size_t start = rng_below(rng, 4) ? (is_backward ? m->count - 1 : 0) : (size_t)rng_below(rng, m->count);
    size_t left = is_backward ? start + 1 : m->count - start;
    qlist_iter_init(&it, q, start, is_backward);
    for (size_t i = 0; i < left; i++) {
        size_t index = is_backward ? start - i : start + i;
        if (i % 2) {
            cr_assert(qlist_iter_next_is(&it, model_at(m, index), &is_equal));
            cr_assert(is_equal);
        } else {
            cr_assert(qlist_iter_next(&it, scratch, &value));
            cr_assert(bytes_equal(value, model_at(m, index)));
        }
    }
    cr_assert_not(qlist_iter_next(&it, scratch, &value));
    qlist_iter_deinit(&it);
}

static void step_grow(struct qlist *q, struct model *m, struct rng *rng, struct bytes text) {
    size_t index = (size_t)rng_below(rng, m->count + 1);
    if (rng_below(rng, 2))
        index = rng_below(rng, 2) ? 0 : m->count;
    model_insert(m, index, text);
    if (index == 0)
        cr_assert(qlist_push(q, QLIST_HEAD, text));
    else if (index == m->count - 1)
        cr_assert(qlist_push(q, QLIST_TAIL, text));
    else
        cr_assert(qlist_insert(q, index, text));
}

static void step_shrink(struct qlist *q, struct model *m, struct rng *rng, struct bytes text) {
    if (m->count == 0)
        return;
    uint64_t what = rng_below(rng, 12);
    enum qlist_end end = rng_below(rng, 2) ? QLIST_HEAD : QLIST_TAIL;
    if (what < 7) {
        qlist_pop(q, end);
        model_remove(m, end == QLIST_HEAD ? 0 : m->count - 1, 1);
    } else if (what < 10) {
        size_t index = (size_t)rng_below(rng, m->count);
        size_t most = rng_below(rng, 20) ? 4 : m->count;
        size_t count = (size_t)rng_below(rng, most + 1);
        count = count < m->count - index ? count : m->count - index;
        qlist_remove(q, index, count);
        model_remove(m, index, count);
    } else {
        size_t limit = rng_below(rng, 5) ? 1 + (size_t)rng_below(rng, 3) : SIZE_MAX;
        cr_assert_eq(qlist_remove_equal(q, end, text, limit), model_remove_equal(m, end, text, limit));
    }
}

static void run_model(struct qlist_limits limits, uint64_t seed) {
    static struct model m;
    char buffer[TEXT_MAX];
    struct rng rng;
    rng_init(&rng, seed);
    struct qlist *q = qlist_new(&limits);
    for (int step = 0; step < 1500; step++) {
        struct bytes text = random_text(&rng, buffer);
        uint64_t what = rng_below(&rng, 20);
        bool is_growing = step / 500 != 1; /* grows, shrinks, grows */
        if (what < (is_growing ? 12u : 5u) && m.count < MODEL_MAX - 10) {
            step_grow(q, &m, &rng, text);
        } else if (what < 17) {
            step_shrink(q, &m, &rng, text);
        } else if (what < 19 && m.count > 0) {
            size_t index = (size_t)rng_below(&rng, m.count);
            model_remove(&m, index, 1);
            model_insert(&m, index, text);
            cr_assert(qlist_replace(q, index, text));
        } else {
            struct qlist *copy = qlist_dup(q);
            qlist_free(q);
            q = copy;
        }
        assert_same(q, &m, &rng);
    }
    model_remove(&m, 0, m.count);
    qlist_free(q);
}

Test(qlist, random_changes_agree_with_an_array, .timeout = 120) {
    static const struct qlist_limits all[] = {
        {64, SIZE_MAX, 0},  {200, SIZE_MAX, 0}, {8192, 1, 0},        {8192, 3, 1},
        {300, SIZE_MAX, 1}, {300, SIZE_MAX, 3}, {2000, SIZE_MAX, 2}, {30, SIZE_MAX, 1},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            cr_log_info("limits %zu, seed %llu", i, (unsigned long long)seed);
            run_model(all[i], seed);
        }
    }
}
