/* Cutting lines into words, and quoting. */
#include "core/config/config_internal.h"

#include "core/base/rng.h"

#include <criterion/criterion.h>

/* Words joined by '|', or "!" for a line that is refused. */
static void expect_words(const char *line, const char *expected) {
    struct config__words words;
    struct buf joined;
    buf_init(&joined);
    if (!config__words_cut_quoted(bytes_cstr(line), &words))
        BUF_PUT_LIT(&joined, "!");
    for (size_t i = 0; i < words.count; i++) {
        if (i)
            buf_put_char(&joined, '|');
        buf_put_bytes(&joined, words.items[i]);
    }
    cr_expect(bytes_equal(buf_bytes(&joined), bytes_cstr(expected)), "[%s] gives [%.*s], not [%s]", line,
              (int)joined.len, joined.ptr ? joined.ptr : "", expected);
    config__words_deinit(&words);
    buf_deinit(&joined);
}

Test(config_words, blanks_and_quotes_part_words) {
    static const char *const table[][2] = {
        {"", ""},
        {"  \t ", ""},
        {"port 7000", "port|7000"},
        {"  save\t900   1 ", "save|900|1"},
        {"a \"b c\" d", "a|b c|d"},
        {"a \"\" b", "a||b"},
        {"a '' ", "a|"},
        {"'it\\'s'", "it's"},
        {"'a\\nb'", "a\\nb"},
        {"\"a\\nb\\x41\\\"\\q\"", "a\nbA\"q"},
        {"\"\\x4\"", "x4"},
        {"ab\"c d\"", "abc d"},
        {"\"a", "!"},
        {"'a", "!"},
        {"a \"b\"c", "!"},
        {"a 'b'c", "!"},
        {"\"a\\\"", "!"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++)
        expect_words(table[i][0], table[i][1]);
}

Test(config_words, each_single_space_ends_a_word) {
    static const struct {
        const char *text;
        size_t count;
    } table[] = {{"", 0}, {"a", 1}, {"a b", 2}, {"a  b", 3}, {" a", 2}, {"a ", 2}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct config__words words;
        config__words_cut_spaces(bytes_cstr(table[i].text), &words);
        cr_expect_eq(words.count, table[i].count, "[%s]", table[i].text);
        config__words_deinit(&words);
    }
}

Test(config_words, whatever_bytes_are_quoted_come_back) {
    struct rng rng;
    rng_init(&rng, 42);
    for (int round = 0; round < 2000; round++) {
        char text[40];
        size_t len = (size_t)rng_below(&rng, sizeof(text));
        for (size_t i = 0; i < len; i++)
            text[i] = (char)rng_next(&rng);
        struct buf quoted;
        buf_init(&quoted);
        config__put_quoted(&quoted, bytes_of(text, len));
        struct config__words words;
        cr_assert(config__words_cut_quoted(buf_bytes(&quoted), &words), "round %d of seed 42", round);
        cr_assert_eq(words.count, 1);
        cr_assert(bytes_equal(words.items[0], bytes_of(text, len)), "round %d of seed 42", round);
        config__words_deinit(&words);
        buf_deinit(&quoted);
    }
}

Test(config_words, memory_is_written_with_the_largest_unit_that_fits) {
    static const struct {
        uint64_t bytes;
        const char *text;
    } table[] = {{0, "0"},
                 {7, "7"},
                 {1024, "1kb"},
                 {1572864, "1536kb"},
                 {67108864, "64mb"},
                 {(uint64_t)3 << 30, "3gb"},
                 {UINT64_MAX, "18446744073709551615"}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct buf out;
        buf_init(&out);
        config__put_memory(&out, table[i].bytes);
        cr_expect(bytes_equal(buf_bytes(&out), bytes_cstr(table[i].text)), "%s", table[i].text);
        buf_deinit(&out);
    }
}
