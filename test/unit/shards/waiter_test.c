/* The word that decides who ends a wait, and the tickets of a waiter. */
#include "shards/waiter.h"

#include "core/base/mem.h"

#include <criterion/criterion.h>

static struct waiter *make(struct exec *x, const struct request *r, int key_count, unsigned parts,
                           const unsigned *key_part) {
    const struct exec_block how = {.first_key = 1, .key_count = key_count, .deadline_ms = 7};
    return waiter_new(x, r, &how, parts > 1 ? WAITER_ALONE : WAITER_WHOLE, parts, key_part);
}

struct made {
    struct engine engine;
    struct bytes argv[8];
    struct exec x;
    struct request r;
};

static void begin(struct made *m, int argc, const char *const *words) {
    *m = (struct made){.engine.hash_seed = 1};
    for (int i = 0; i < argc; i++)
        m->argv[i] = bytes_cstr(words[i]);
    m->x = (struct exec){
        .engine = &m->engine, .command = command_get(COMMAND_BLPOP), .argc = argc, .argv = m->argv};
    m->r = (struct request){.command = m->x.command, .argc = argc, .argv = m->argv};
}

Test(waiter, each_different_key_has_one_ticket_in_the_part_of_its_owner) {
    static const char *const words[] = {"BLPOP", "a", "b", "a", "c", "b", "0"};
    static const unsigned key_part[] = {0, 1, 0, 0, 1};
    struct made m;
    begin(&m, 7, words);
    struct waiter *w = make(&m.x, &m.r, 5, 2, key_part);
    cr_assert_eq(w->parts[0].ticket_count, 2);
    cr_assert(bytes_equal(w->parts[0].tickets[0].name, BYTES_LIT("a")));
    cr_assert(bytes_equal(w->parts[0].tickets[1].name, BYTES_LIT("c")));
    cr_assert_eq(w->parts[1].ticket_count, 1);
    cr_assert(bytes_equal(w->parts[1].tickets[0].name, BYTES_LIT("b")));
    cr_assert_eq(w->parts[1].tickets[0].part, &w->parts[1]);
    waiter_free(w);
}

Test(waiter, arguments_are_its_own) {
    static const char *const words[] = {"BLPOP", "a", "0"};
    struct made m;
    begin(&m, 3, words);
    struct waiter *w = make(&m.x, &m.r, 1, 1, NULL);
    m.argv[1] = BYTES_LIT("other");
    cr_assert(bytes_equal(w->request.argv[1], BYTES_LIT("a")));
    cr_assert_eq(w->deadline_ms, 7);
    waiter_free(w);
}

Test(waiter, one_of_those_who_want_it_wins) {
    static const char *const words[] = {"BLPOP", "a", "0"};
    struct made m;
    begin(&m, 3, words);
    struct waiter *w = make(&m.x, &m.r, 1, 1, NULL);
    cr_assert(waiter_claim(w));
    cr_assert_not(waiter_claim(w));
    cr_assert_eq(waiter_try_end(w), WAITER_RACE_BUSY);
    waiter_finish(w);
    cr_assert(waiter_is_done(w));
    cr_assert_not(waiter_claim(w));
    cr_assert_eq(waiter_try_end(w), WAITER_RACE_LOST);
    waiter_free(w);
}

Test(waiter, who_comes_upon_a_claim_leaves_a_mark_that_the_claimer_sees) {
    static const char *const words[] = {"BLPOP", "a", "0"};
    struct made m;
    begin(&m, 3, words);
    struct waiter *w = make(&m.x, &m.r, 1, 1, NULL);
    cr_assert(waiter_claim(w));
    cr_assert_not(waiter_release(w), "nobody has come");
    cr_assert(waiter_claim(w));
    cr_assert_not(waiter_claim(w));
    cr_assert_not(waiter_claim(w));
    cr_assert_eq(waiter_try_end(w), WAITER_RACE_BUSY);
    cr_assert(waiter_release(w), "two have come");
    cr_assert_eq(waiter_try_end(w), WAITER_RACE_WON);
    cr_assert_not(waiter_claim(w));
    waiter_free(w);
}
