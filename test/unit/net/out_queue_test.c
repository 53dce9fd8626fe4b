/* Blocks of output that wait. */
#include "net/out_queue.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(out_queue, blocks_come_out_whole_and_in_order) {
    struct out_queue queue = {0};
    unsigned pushed = 0, popped = 0;
    size_t bytes = 0;
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 0; i < 1 + round % 13; i++, pushed++) {
            struct buf block;
            buf_init(&block);
            buf_printf(&block, "block %u", pushed);
            bytes += block.len;
            out_queue_push(&queue, &block);
            cr_assert_eq(block.len, 0);
            cr_assert_null(block.ptr);
        }
        for (unsigned i = 0; i < 1 + round % 7 && popped < pushed; i++, popped++) {
            char expected[32];
            struct buf block = out_queue_pop(&queue);
            snprintf(expected, sizeof expected, "block %u", popped);
            cr_assert(bytes_equal(buf_bytes(&block), bytes_cstr(expected)), "%u", popped);
            bytes -= block.len;
            buf_deinit(&block);
        }
        cr_assert_eq(queue.count, pushed - popped);
        cr_assert_eq(queue.bytes, bytes);
    }
    cr_assert_gt(queue.count, 0);
    out_queue_deinit(&queue); /* frees the rest */
    cr_assert_eq(queue.bytes, 0);
}

Test(out_queue, an_empty_queue_has_no_memory) {
    struct out_queue queue = {0};
    struct buf block;
    buf_init(&block);
    buf_put(&block, "x", 1);
    out_queue_push(&queue, &block);
    cr_assert_not_null(queue.ring);
    block = out_queue_pop(&queue);
    cr_expect_null(queue.ring);
    buf_deinit(&block);
    out_queue_deinit(&queue);
}
