/* timer_wheel.c: a hierarchical timer wheel.
 *
 * Read deadlines as numbers in base 64. Level L has a slot for each value of digit L. A timer hangs at the highest digit in
 * which its deadline differs from `now`, in the slot of the deadline's digit there:
 *
 *                digit 2   digit 1   digit 0
 *     now           2        17        63
 *     deadline      2        20         5      differs first in digit 1: level 1, slot 20
 *     now + 1       2        18         0      level 1, slot 18
 *
 * When time enters a slot of a higher level (its digits below become zero), the timers in it are hung again, each at least one
 * level lower. A timer is moved at most once per level, so at most 7 times in its life, usually never: most are
 * removed or renewed long before. One bitmap per level tells which slots hold timers, so that advancing over an idle hour costs
 * a few bit operations, not 3.6 million steps.
 *
 * I1. Every timer has deadline > now, except while timer_wheel_advance handles the tick `now` itself.
 * I2. level = highest base-64 digit in which deadline and now differ, slot = the deadline's digit there.
 *     Hence at level L only slots above now's digit L are occupied, and every timer of level L is due before every
 *     timer of level L+1.
 * I3. occupied[L] has bit s exactly if slots[L][s] is not empty.
 * I4. Timers of one slot with equal deadlines hang in the order they were added: they were hung at the same place at
 *     all times, and moving keeps the order.
 *
 * Not a heap: adding and removing would be O(log n) with scattered memory, and nearly all timers are removed unfired. */
#include "core/io/timer_wheel.h"

#define DIGIT_BITS 6
#define AHEAD_MAX  ((UINT64_C(1) << (DIGIT_BITS * TIMER_WHEEL_LEVELS)) - 1)

static unsigned digit_of(uint64_t tick, unsigned level) {
    return (unsigned)(tick >> (level * DIGIT_BITS)) & (TIMER_WHEEL_SLOTS - 1);
}

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now) {
    wheel->now = now;
    wheel->count = 0;
    for (unsigned level = 0; level < TIMER_WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (unsigned slot = 0; slot < TIMER_WHEEL_SLOTS; slot++)
            link_init_head(&wheel->slots[level][slot]);
    }
}

void timer_node_init(struct timer_node *node) {
    *node = (struct timer_node){.link = {NULL, NULL}};
}

bool timer_node_is_set(const struct timer_node *node) {
    return link_is_linked(&node->link);
}

/* Hangs the node where its deadline, which is in the future, belongs (I2). */
static void hang(struct timer_wheel *wheel, struct timer_node *node) {
    uint64_t differs = node->deadline ^ wheel->now;
    dcheck(differs != 0);
    unsigned level = (63 - (unsigned)__builtin_clzll(differs)) / DIGIT_BITS;
    unsigned slot = digit_of(node->deadline, level);
    must(level < TIMER_WHEEL_LEVELS);
    node->level = (uint8_t)level;
    node->slot = (uint8_t)slot;
    link_push_back(&wheel->slots[level][slot], &node->link); /* I4 */
    wheel->occupied[level] |= UINT64_C(1) << slot;           /* I3 */
}

static void unhang(struct timer_wheel *wheel, struct timer_node *node) {
    link_remove(&node->link);
    if (link_is_empty(&wheel->slots[node->level][node->slot]))
        wheel->occupied[node->level] &= ~(UINT64_C(1) << node->slot); /* I3 */
}

/* The last deadline that can be hung now: that with all digits the wheel has at their highest. */
static uint64_t last_deadline(const struct timer_wheel *wheel) {
    return wheel->now | AHEAD_MAX;
}

void timer_wheel_add(struct timer_wheel *wheel, struct timer_node *node, uint64_t deadline) {
    must(!timer_node_is_set(node));
    uint64_t last = last_deadline(wheel);
    if (deadline <= wheel->now)
        deadline = wheel->now + 1; /* I1 */
    node->deadline = deadline < last ? deadline : last;
    wheel->count++;
    hang(wheel, node);
}

void timer_wheel_remove(struct timer_wheel *wheel, struct timer_node *node) {
    if (!timer_node_is_set(node))
        return;
    unhang(wheel, node);
    wheel->count--;
}

/* The first tick of the earliest occupied slot; false if the wheel is empty. */
static bool earliest_slot(const struct timer_wheel *wheel, uint64_t *tick_out, unsigned *level_out) {
    for (unsigned level = 0; level < TIMER_WHEEL_LEVELS; level++) {
        if (wheel->occupied[level] == 0)
            continue;
        unsigned slot = (unsigned)__builtin_ctzll(wheel->occupied[level]); /* I2: none lies behind now */
        unsigned shift = level * DIGIT_BITS;
        uint64_t above = wheel->now >> shift >> DIGIT_BITS << DIGIT_BITS;
        *tick_out = (above | slot) << shift;
        *level_out = level;
        return true;
    }
    return false;
}

/* Empties the slot that time has just entered: hangs its timers lower, or fires them. */
static void enter_slot(struct timer_wheel *wheel, unsigned level,
                       void (*fire)(void *ctx, struct timer_node *node), void *ctx) {
    unsigned slot = digit_of(wheel->now, level);
    struct link *head = &wheel->slots[level][slot];
    while (!link_is_empty(head)) {
        struct timer_node *node = CONTAINER_OF(head->next, struct timer_node, link);
        unhang(wheel, node);
        if (node->deadline > wheel->now) {
            hang(wheel, node); /* lower: the digits from `level` up are equal now */
        } else {
            wheel->count--;
            fire(ctx, node);
        }
    }
}

void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now,
                         void (*fire)(void *ctx, struct timer_node *node), void *ctx) {
    must(now >= wheel->now);
    uint64_t tick;
    unsigned level;
    while (earliest_slot(wheel, &tick, &level) && tick <= now) {
        wheel->now = tick;
        enter_slot(wheel, level, fire, ctx);
    }
    wheel->now = now;
}

uint64_t timer_wheel_next(const struct timer_wheel *wheel) {
    uint64_t tick;
    unsigned level;
    return earliest_slot(wheel, &tick, &level) ? tick : TIMER_WHEEL_NEVER;
}

void timer_wheel_check(const struct timer_wheel *wheel) {
    uint64_t count = 0;
    for (unsigned level = 0; level < TIMER_WHEEL_LEVELS; level++) {
        for (unsigned slot = 0; slot < TIMER_WHEEL_SLOTS; slot++) {
            const struct link *head = &wheel->slots[level][slot];
            must(link_is_empty(head) == !(wheel->occupied[level] >> slot & 1)); /* I3 */
            for (const struct link *at = head->next; at != head; at = at->next, count++) {
                const struct timer_node *node = CONTAINER_OF(at, struct timer_node, link);
                uint64_t differs = node->deadline ^ wheel->now;
                must(at->next->prev == at);
                must(node->deadline > wheel->now);                                     /* I1 */
                must((63 - (unsigned)__builtin_clzll(differs)) / DIGIT_BITS == level); /* I2 */
                must(digit_of(node->deadline, level) == slot);
                must(node->level == level && node->slot == slot);
            }
        }
    }
    must(count == wheel->count);
}
