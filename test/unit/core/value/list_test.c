/* The two forms of lists: when one becomes the other, what is kept, what files see. */
#include "core/value/list.h"

#include "core/base/mem.h"
#include "core/value/digest.h"

#include <criterion/criterion.h>

static const struct list_rules usual = {.max_listpack_size = -2, .compress_depth = 0};

static void push(struct list *l, const struct list_rules *rules, struct bytes value) {
    list_grow(l, rules, &value, 1);
    cr_assert(list_push(l, LIST_TAIL, value));
}

static struct list list_of_length(const struct list_rules *rules, size_t count) {
    struct list l = list_new();
    for (size_t i = 0; i < count; i++)
        push(&l, rules, BYTES_LIT("sixteen bytes..."));
    return l;
}

/* The number of 16-byte elements that are still a listpack. */
static size_t most_packed(int size) {
    struct list_rules rules = {.max_listpack_size = size, .compress_depth = 0};
    struct list l = list_new();
    size_t count = 0;
    while (l.encoding == LIST_LISTPACK) {
        push(&l, &rules, BYTES_LIT("sixteen bytes..."));
        count++;
    }
    list_check(&l);
    list_free(&l);
    return count - 1;
}

Test(list, the_limit_is_a_number_of_elements_or_of_bytes) {
    /* An element takes 18 bytes, the listpack 7, and the estimate for one more is 16. */
    cr_assert_eq(most_packed(-1), (4096 - 7 - 16) / 18 + 1);
    cr_assert_eq(most_packed(-2), (8192 - 7 - 16) / 18 + 1);
    cr_assert_eq(most_packed(-5), (65536 - 7 - 16) / 18 + 1);
    cr_assert_eq(most_packed(-100), most_packed(-5));
    cr_assert_eq(most_packed(128), 128);
    cr_assert_eq(most_packed(1), 1);
    cr_assert_eq(most_packed(0), 1);
    cr_assert_eq(most_packed(100000), (8192 - 7 - 16) / 18 + 1, "8192 bytes are the bound of any number");
}

Test(list, a_list_goes_back_at_half_of_the_limit) {
    size_t most = most_packed(-2);
    struct list l = list_of_length(&usual, most + 1);
    while (list_count(&l) > most / 2 + 2) {
        list_pop(&l, LIST_TAIL);
        list_shrink(&l, &usual);
        cr_assert_eq(l.encoding, LIST_QUICKLIST, "%zu", list_count(&l));
    }
    for (int i = 0; i < 4; i++) {
        list_pop(&l, LIST_HEAD);
        list_shrink(&l, &usual);
    }
    cr_assert_eq(l.encoding, LIST_LISTPACK);
    list_check(&l);
    list_free(&l);
}

Test(list, settling_uses_the_whole_limit) {
    struct list l = list_of_length(&usual, most_packed(-2) + 1);
    list_pop(&l, LIST_TAIL);
    list_shrink(&l, &usual);
    cr_assert_eq(l.encoding, LIST_QUICKLIST);
    list_settle(&l, &usual);
    cr_assert_eq(l.encoding, LIST_LISTPACK);
    list_free(&l);
}

Test(list, a_long_element_makes_the_large_form_and_is_a_piece_of_its_own) {
    static char big[10000];
    struct list l = list_of_length(&usual, 3);
    push(&l, &usual, bytes_of(big, sizeof big));
    cr_assert_eq(l.encoding, LIST_QUICKLIST);
    cr_assert_eq(list_pieces(&l), 2);
    cr_assert_not(list_piece(&l, 0).is_plain);
    cr_assert(
        listpack_is_sound((const unsigned char *)list_piece(&l, 0).data.ptr, list_piece(&l, 0).data.len));
    cr_assert(list_piece(&l, 1).is_plain);
    cr_assert_eq(list_piece(&l, 1).data.len, sizeof big);
    list_check(&l);
    list_free(&l);
}

Test(list, loading_joins_listpacks_of_any_length) {
    struct list_rules rules = {.max_listpack_size = 4, .compress_depth = 1};
    struct list l = list_new();
    for (int i = 0; i < 5; i++) {
        struct list part = list_of_length(&usual, (size_t)i * 3);
        cr_assert_eq(part.encoding, LIST_LISTPACK);
        list_append_listpack(&l, &rules, part.object);
    }
    list_settle(&l, &rules);
    list_check(&l);
    cr_assert_eq(list_count(&l), 30);
    list_free(&l);
}

Test(list, the_digest_does_not_see_the_form) {
    struct list small = list_of_length(&usual, 50);
    struct list_rules tiny = {.max_listpack_size = 2, .compress_depth = 1};
    struct list large = list_of_length(&tiny, 50);
    cr_assert_neq(small.encoding, large.encoding);
    struct digest a = {{0}}, b = {{0}};
    list_ops.digest(small.object, small.encoding, &a);
    list_ops.digest(large.object, large.encoding, &b);
    cr_assert_arr_eq(a.of, b.of, sizeof a.of);
    void *copy = list_ops.dup(large.object, large.encoding);
    struct digest c = {{0}};
    list_ops.digest(copy, large.encoding, &c);
    cr_assert_arr_eq(a.of, c.of, sizeof a.of);
    cr_assert_eq(list_ops.bytes(copy, large.encoding), qlist_bytes(copy));
    list_ops.free(copy, large.encoding);
    list_free(&small);
    list_free(&large);
}

Test(list, the_bytes_are_those_of_the_blocks) {
    struct list l = list_of_length(&usual, 100);
    cr_assert_eq(list_ops.bytes(l.object, l.encoding), mem_usable(l.object));
    cr_assert_leq(mem_usable(l.object), mem_good_size(listpack_bytes(l.object)),
                  "no more room than the length asks for");
    list_free(&l);
}
