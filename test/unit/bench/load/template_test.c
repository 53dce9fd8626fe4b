/* Commands come out as protocol bytes with keys and values in their holes. */
#include "bench/load/template.c"

#include <criterion/criterion.h>

static uint64_t key_count(void *owner) {
    return (*(uint64_t *)owner)++;
}

static struct options options_of(size_t min, size_t max) {
    return (struct options){.key_prefix = "k:",
                            .key_bytes = 6,
                            .keys = 1000,
                            .key_min = 7,
                            .data_bytes_min = min,
                            .data_bytes_max = max};
}

static size_t render(const char *command, const struct options *o, char *out, uint64_t first_key) {
    struct key_form form;
    struct template t;
    struct rng rng;
    rng_init(&rng, 1);
    key_form_init(&form, o);
    template_init(&t, command, o, &form);
    struct template_source source = {.key = key_count, .owner = &first_key, .rng = &rng};
    size_t len = template_render(&t, out, &source);
    cr_assert_leq(len, t.bytes_max);
    out[len] = '\0';
    template_deinit(&t);
    key_form_deinit(&form);
    return len;
}

Test(template, fills_each_key_hole_with_another_key) {
    char out[512];
    struct options o = options_of(0, 0);
    render("MSET __key__ __data__ a:{__key__}  x", &o, out, 41);
    cr_assert_str_eq(out, "*5\r\n$4\r\nMSET\r\n$6\r\nk:0041\r\n$0\r\n\r\n$10\r\na:{k:0042}\r\n$1\r\nx\r\n");
}

Test(template, values_of_random_size_stay_in_their_range_and_announce_their_length) {
    char out[512];
    struct options o = options_of(5, 120);
    size_t shortest = 1000, longest = 0;
    struct key_form form;
    struct template t;
    struct rng rng;
    rng_init(&rng, 3);
    key_form_init(&form, &o);
    template_init(&t, "SET __key__ __data__", &o, &form);
    uint64_t key = 0;
    struct template_source source = {.key = key_count, .owner = &key, .rng = &rng};
    for (int i = 0; i < 5000; i++) {
        size_t len = template_render(&t, out, &source);
        cr_assert_leq(len, t.bytes_max);
        size_t bytes = strtoul(out + strlen("*3\r\n$3\r\nSET\r\n$6\r\nk:0000\r\n$"), NULL, 10);
        const char *value = strchr(out + strlen("*3\r\n$3\r\nSET\r\n$6\r\nk:0000\r\n$"), '\n') + 1;
        cr_assert_eq((size_t)(value - out) + bytes + 2, len);
        shortest = bytes < shortest ? bytes : shortest;
        longest = bytes > longest ? bytes : longest;
    }
    cr_assert_eq(shortest, 5);
    cr_assert_eq(longest, 120);
    template_deinit(&t);
    key_form_deinit(&form);
}
