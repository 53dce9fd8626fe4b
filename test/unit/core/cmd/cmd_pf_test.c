/* HyperLogLog commands. The bytes themselves are compared with stock Redis in test/compat. */
#include "test/unit/core/cmd/cmd_harness.h"

STEPS_TEST(cmd_pf, adding_and_counting, {"PFADD h a b c", ":1", "PFADD h a b c", "pfadd"},
           {"PFADD h a", ":0", "", ""}, {"PFCOUNT h", ":3", "PFCOUNT h", ""}, {"PFCOUNT h", ":3", "", ""},
           {"PFADD h d", ":1", "PFADD h d", "pfadd"}, {"PFCOUNT h", ":4", "PFCOUNT h", ""},
           {"PFADD fresh", ":1", "PFADD fresh", "pfadd"}, {"PFADD fresh", ":0", "", ""},
           {"PFCOUNT fresh", ":0", "PFCOUNT fresh", ""}, {"PFCOUNT h fresh none", ":4", "", "keymiss"},
           {"EXPIRE h 100", ":1"}, {"PFADD h e f", ":1", "PFADD h e f", "pfadd"}, {"TTL h", ":100"})

STEPS_TEST(cmd_pf, merging_logs_the_result, {"PFADD a 1 2", ":1"}, {"PFADD b 2 3", ":1"},
           {"PFMERGE d a b", "+OK", NULL, "keymiss pfadd"}, {"PFCOUNT d", ":3"},
           {"PFMERGE e", "+OK", NULL, "keymiss pfadd"}, {"PFCOUNT e", ":0"}, {"EXPIRE d 100", ":1"},
           {"PFMERGE d e", "+OK"}, {"TTL d", ":100"})

STEPS_TEST(cmd_pf, dense_and_sparse, {"PFADD h a b c", ":1"}, {"PFDEBUG ENCODING h", "+sparse"},
           {"PFDEBUG TODENSE h", ":1", NULL, ""}, {"PFDEBUG TODENSE h", ":0", "", ""},
           {"PFDEBUG ENCODING h", "+dense"}, {"PFDEBUG DECODE h", "-ERR HLL encoding is not sparse"},
           {"PFCOUNT h", ":3"}, {"PFADD h a", ":0", "", ""}, {"PFADD h d", ":1", "PFADD h d", "pfadd"},
           {"PFCOUNT h", ":4"}, {"PFADD s x", ":1"}, {"PFMERGE s h", "+OK"}, {"PFDEBUG ENCODING s", "+dense"},
           {"PFCOUNT s", ":5"}, {"PFDEBUG ENCODING none", "-ERR The specified key does not exist"})

STEPS_TEST(cmd_pf, what_is_no_hyperloglog_is_refused, {"SET s v", "+OK"}, {"SET n 12345678901234567", "+OK"},
           {"SADD set a", ":1"},
           {"PFADD s a", "-WRONGTYPE Key is not a valid HyperLogLog string value.", "", ""},
           {"PFCOUNT n", "-WRONGTYPE Key is not a valid HyperLogLog string value.", "", ""},
           {"PFCOUNT s n", "-WRONGTYPE Key is not a valid HyperLogLog string value.", "", ""},
           {"PFADD set a", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
           {"PFMERGE d s", "-WRONGTYPE Key is not a valid HyperLogLog string value.", "", "keymiss"},
           {"PFMERGE set", "-WRONGTYPE Operation against a key holding the wrong kind of value", "", ""},
           {"EXISTS d", ":0"})

/* A sparse one becomes dense when it grows beyond the limit, and the estimates stay near the truth all the way. */
Test(cmd_pf, estimates_stay_near_while_elements_come) {
    struct harness h;
    struct buf effects;
    struct buf line;
    bool was_sparse = false;
    int added = 0;
    harness_init(&h);
    buf_init(&effects);
    buf_init(&line);
    while (added < 30000) {
        buf_clear(&line, SIZE_MAX);
        BUF_PUT_LIT(&line, "PFADD h");
        for (int i = 0; i < 300; i++)
            buf_printf(&line, " element:%d", added++);
        buf_put_char(&line, '\0');
        harness_run(&h, line.ptr, &effects);
        int count = (int)strtol(harness_run(&h, "PFCOUNT h", &effects) + 1, NULL, 10);
        cr_assert(abs(count - added) <= added / 20 + 2, "%d instead of %d", count, added);
        bool is_sparse = strcmp(harness_run(&h, "PFDEBUG ENCODING h", &effects), "+sparse") == 0;
        was_sparse |= is_sparse;
        cr_assert(!is_sparse || added < 3000);
    }
    cr_assert(was_sparse);
    buf_deinit(&effects);
    buf_deinit(&line);
    harness_deinit(&h);
}
