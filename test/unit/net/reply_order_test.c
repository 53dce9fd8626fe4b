/* Replies leave in the order of requests: random slots, fills and promises against a plain list. */
#include "net/reply_order.h"

#include "core/base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MODEL_SLOTS = 4000, MODEL_OPEN_MAX = 300 };

struct model_slot {
    bool is_filled;
    bool is_muted;
    uint32_t promises;
};

static struct model_slot model[MODEL_SLOTS];

static struct bytes model_text(uint64_t number, char *room) {
    int len = snprintf(room, 64, "<%llu>", (unsigned long long)number);
    return bytes_of(room, number % 7 == 0 ? 0 : (size_t)len);
}

/* Appends what may leave and returns the first slot that may not. */
static uint64_t model_release(uint64_t head, uint64_t next, struct buf *out) {
    char room[64];
    for (; head < next && model[head].is_filled && model[head].promises == 0; head++)
        if (!model[head].is_muted)
            buf_put_bytes(out, model_text(head, room));
    return head;
}

static uint64_t seed_of_run(void) {
    const char *given = getenv("BASALT_SEED");
    return given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
}

Test(reply_order, any_order_of_answers_leaves_in_the_order_of_requests) {
    uint64_t seed = seed_of_run();
    struct reply_order ro;
    struct buf out;
    struct buf expected;
    struct rng rng;
    uint64_t head = 0;
    uint64_t next = 0;
    cr_log_info("BASALT_SEED=%llu", (unsigned long long)seed);
    rng_init(&rng, seed);
    reply_order_init(&ro);
    buf_init(&out);
    buf_init(&expected);
    while (head < MODEL_SLOTS) {
        char room[64];
        size_t before = out.len;
        if (next < MODEL_SLOTS && next - head < MODEL_OPEN_MAX && rng_below(&rng, 2) == 0) {
            model[next] = (struct model_slot){.is_muted = rng_below(&rng, 10) == 0};
            cr_assert_eq(reply_order_open(&ro, model[next].is_muted), next, "seed %llu",
                         (unsigned long long)seed);
            next++;
        } else if (head < next) {
            uint64_t n = head + rng_below(&rng, next - head);
            struct model_slot *slot = &model[n];
            bool grew = false;
            if (!slot->is_filled) {
                slot->is_filled = true;
                slot->promises = rng_below(&rng, 4) == 0 ? (uint32_t)rng_below(&rng, 3) : 0;
                grew = reply_order_fill(&ro, n, model_text(n, room), slot->promises, &out);
            } else if (slot->promises > 0) {
                slot->promises--;
                grew = reply_order_settle(&ro, n, &out);
            }
            head = model_release(head, next, &expected);
            cr_assert(!grew || out.len > before, "seed %llu", (unsigned long long)seed);
            cr_assert(grew || out.len == before, "seed %llu", (unsigned long long)seed);
        }
        cr_assert(bytes_equal(buf_bytes(&out), buf_bytes(&expected)), "seed %llu", (unsigned long long)seed);
        cr_assert_eq(reply_order_outstanding(&ro), next - head, "seed %llu", (unsigned long long)seed);
        if (head == next) {
            cr_assert(reply_order_is_idle(&ro));
            cr_assert_eq(ro.stored_bytes, 0);
            if (rng_below(&rng, 4) == 0)
                reply_order_trim(&ro);
        }
    }
    reply_order_deinit(&ro);
    buf_deinit(&out);
    buf_deinit(&expected);
}

Test(reply_order, a_trimmed_ring_counts_on) {
    struct reply_order ro;
    struct buf out;
    reply_order_init(&ro);
    buf_init(&out);
    for (uint64_t n = 0; n < 100; n++) {
        cr_assert_eq(reply_order_open(&ro, false), n);
        cr_assert(reply_order_fill(&ro, n, BYTES_LIT("x"), 0, &out));
        reply_order_trim(&ro);
        cr_assert_null(ro.ring);
    }
    cr_assert_eq(out.len, 100);
    reply_order_deinit(&ro);
    buf_deinit(&out);
}
