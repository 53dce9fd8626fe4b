/* Numbers as text: boundary tables, and random values against the C library. */
#include "core/base/num.h"

#include "core/base/rng.h"

#include <criterion/criterion.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Integers ---- */

Test(num, integers_print_as_the_library_prints_them) {
    static const int64_t edges[] = {0,    9,     10,    99,     100,       999,      1000,
                                    9999, 10000, 99999, 100000, INT32_MAX, INT64_MAX};
    struct rng rng;
    rng_init(&rng, 1);
    for (size_t i = 0; i < 200000; i++) {
        int64_t value = i < COUNT_OF(edges) ? edges[i] : (int64_t)(rng_next(&rng) >> rng_below(&rng, 64));
        for (int sign = 0; sign < 2; sign++, value = (int64_t)(0 - (uint64_t)value)) {
            char got[NUM_INT_TEXT_MAX], want[32];
            size_t want_len = (size_t)snprintf(want, sizeof want, "%" PRId64, value);
            cr_assert(bytes_equal(bytes_of(got, num_from_int(got, value)), bytes_of(want, want_len)), "%s",
                      want);
            int64_t back;
            cr_assert(num_parse_int(bytes_of(want, want_len), &back) && back == value, "%s", want);
            want_len = (size_t)snprintf(want, sizeof want, "%" PRIu64, (uint64_t)value);
            cr_assert(
                bytes_equal(bytes_of(got, num_from_uint(got, (uint64_t)value)), bytes_of(want, want_len)));
            uint64_t uback;
            cr_assert(num_parse_uint(bytes_of(want, want_len), &uback) && uback == (uint64_t)value, "%s",
                      want);
        }
    }
}

Test(num, integers_at_the_edges_are_read) {
    int64_t value;
    uint64_t uvalue;
    cr_assert(num_parse_int(BYTES_LIT("-9223372036854775808"), &value) && value == INT64_MIN);
    cr_assert(num_parse_int(BYTES_LIT("9223372036854775807"), &value) && value == INT64_MAX);
    cr_assert(num_parse_uint(BYTES_LIT("18446744073709551615"), &uvalue) && uvalue == UINT64_MAX);
}

Test(num, texts_that_are_not_canonical_integers_are_refused_and_write_nothing) {
    static const char *const texts[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "01",
        "-01",
        "-0",
        "00",
        "1.0",
        "0x1",
        "1e3",
        "--1",
        "a",
        "1a",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999",
        "18446744073709551616",
        "100000000000000000000",
        "-18446744073709551615",
        "-99999999999999999999999",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        int64_t value = 42;
        cr_assert_not(num_parse_int(bytes_cstr(texts[i]), &value), "%s", texts[i]);
        cr_assert_eq(value, 42);
        uint64_t uvalue = 42;
        if (strcmp(texts[i], "9223372036854775808") != 0)
            cr_assert_not(num_parse_uint(bytes_cstr(texts[i]), &uvalue), "%s", texts[i]);
    }
    int64_t value = 42;
    cr_assert_not(num_parse_int(BYTES_LIT("1\0"), &value));
    cr_assert_not(num_parse_int(BYTES_NONE, &value));
}

Test(num, memory_sizes_have_the_units_of_redis) {
    static const struct {
        const char *text;
        uint64_t want;
    } cases[] = {
        {"0", 0},           {"100", 100},
        {"1b", 1},          {"1k", 1000},
        {"1kb", 1024},      {"2KB", 2048},
        {"1m", 1000000},    {"1mB", 1 << 20},
        {"1g", 1000000000}, {"4gb", (uint64_t)4 << 30},
        {"0064", 64},       {"17179869183gb", (uint64_t)17179869183 << 30},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t got = 1;
        cr_assert(num_parse_memory(bytes_cstr(cases[i].text), &got), "%s", cases[i].text);
        cr_assert_eq(got, cases[i].want, "%s", cases[i].text);
    }
    static const char *const bad[] = {
        "", "kb", "-1", "1.5gb", "1tb", "1 kb", "1kbb", "17179869184gb", "99999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        uint64_t got = 1;
        cr_assert_not(num_parse_memory(bytes_cstr(bad[i]), &got), "%s", bad[i]);
    }
}

Test(num, a_view_of_nothing_is_no_number) {
    int64_t value;
    uint64_t uvalue;
    double real;
    long double long_real;
    cr_assert_not(num_parse_int(BYTES_NONE, &value));
    cr_assert_not(num_parse_uint(BYTES_NONE, &uvalue));
    cr_assert_not(num_parse_memory(BYTES_NONE, &uvalue));
    cr_assert_not(num_parse_double(BYTES_NONE, &real));
    cr_assert_not(num_parse_longdouble(BYTES_NONE, &long_real));
}

Test(num, arithmetic_tells_overflow) {
    int64_t out = 7;
    cr_assert_not(num_add(INT64_MAX, 1, &out));
    cr_assert_not(num_mul(INT64_MIN, -1, &out));
    cr_assert_eq(out, 7);
    cr_assert(num_add(INT64_MAX, -1, &out) && out == INT64_MAX - 1);
    cr_assert(num_mul(-3, 4, &out) && out == -12);
}

/* ---- Doubles ---- */

/* It reads back, and no text with fewer digits does. */
static void assert_double(double value) {
    char got[NUM_DOUBLE_SHORT_MAX], shorter[64];
    size_t len = num_from_double(got, value);
    cr_assert_leq(len, NUM_DOUBLE_SHORT_MAX);
    double back;
    cr_assert(num_parse_double(bytes_of(got, len), &back), "%.17g: %.*s", value, (int)len, got);
    cr_assert(memcmp(&back, &value, sizeof value) == 0, "%.17g: %.*s", value, (int)len, got);
    int digits = 0;
    int zeros = 0; /* at the end of the digits, or in front of them: not counted */
    for (size_t i = 0; i < len && got[i] != 'e' && got[i] != 'i'; i++) {
        bool is_digit = got[i] >= '0' && got[i] <= '9';
        zeros = !is_digit ? zeros : got[i] == '0' && digits > 0 ? zeros + 1 : 0;
        digits += is_digit && (digits > 0 || got[i] != '0');
    }
    digits -= zeros;
    if (fabs(value) >= 4611686018427387904.0 || fabs(value) < 1e-300 || value == floor(value) || digits < 2)
        return;
    snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
    cr_assert_neq(strtod(shorter, NULL), value, "%.17g: %.*s is longer than %s", value, (int)len, got,
                  shorter);
}

Test(num, doubles_have_the_layout_of_redis) {
    static const struct {
        double value;
        const char *want;
    } cases[] = {
        {1e20, "1e+20"},
        {1e17, "100000000000000000"},
        {123456789012345678.0, "123456789012345680"},
        {0.1, "0.1"},
        {1e-4, "0.0001"},
        {1e-6, "0.000001"},
        {1e-7, "1e-7"},
        {1.5e-7, "1.5e-7"},
        {5e-324, "5e-324"},
        {3, "3"},
        {-0.0, "-0"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {123456.789, "123456.789"},
        {1.5e20, "1.5e+20"},
        {12345678901234567890.0, "12345678901234567000"},
        {123456789012345678901.0, "123456789012345680000"},
        {1234567890123456789012.0, "1234567890123456800000"},
        {0.00012345, "1.2345e-4"},
        {0.0012345678, "0.0012345678"},
        {9007199254740992000.0, "9007199254740992000"},
        {9.3e18, "9.3e+18"},
        {4611686018427387904.0, "4611686018427387904"},
        {4.62e18, "4.62e+18"},
        {-1e-10, "-1e-10"},
        {-INFINITY, "-inf"},
        {0.30000000000000004, "0.30000000000000004"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char got[NUM_DOUBLE_SHORT_MAX];
        size_t len = num_from_double(got, cases[i].value);
        cr_expect(bytes_equal(bytes_of(got, len), bytes_cstr(cases[i].want)), "%s: %.*s", cases[i].want,
                  (int)len, got);
    }
}

Test(num, doubles_at_the_edges_print_as_short_as_can_be) {
    static const double edges[] = {
        0.0,
        -0.0,
        1,
        -1,
        3.14,
        0.1,
        0.2,
        0.3,
        0.01,
        0.001,
        0.0001,
        0.00001,
        1e-5,
        9.9999999999999995e-05,
        0.5,
        1.5,
        99999999999999984.0,
        1e16,
        1e17,
        1e18,
        1e20,
        1e21,
        1e22,
        1e23,
        1e100,
        1.7976931348623157e308,
        5e-324,
        2.2250738585072014e-308,
        4503599627370495.5,
        4503599627370496.0,
        9007199254740991.0,
        9007199254740992.0,
        9007199254740993.0,
        123456789012345.67,
        0.99999999999999989,
        9.9999999999999982,
        999999999999999.88,
        0.09999999999999999,
        0.0099999999999999985,
        1125899906842624.125,
        70368744177664.015625,
        INFINITY,
        -INFINITY,
    };
    for (size_t i = 0; i < COUNT_OF(edges); i++) {
        assert_double(edges[i]);
        assert_double(-edges[i]);
        assert_double(nextafter(edges[i], INFINITY));
        assert_double(nextafter(edges[i], -INFINITY));
    }
    for (int exponent = -330; exponent <= 308; exponent++)
        for (int digit = 1; digit < 10; digit++) {
            char text[32];
            snprintf(text, sizeof text, "%de%d", digit, exponent);
            double value = strtod(text, NULL);
            assert_double(value);
            assert_double(nextafter(value, 0));
            assert_double(nextafter(value, INFINITY));
        }
}

Test(num, random_doubles_print_as_short_as_can_be_and_read_back) {
    struct rng rng;
    rng_init(&rng, 3);
    for (int i = 0; i < 600000; i++) {
        uint64_t bits = rng_next(&rng);
        double value;
        switch (i % 4) {
        case 0: /* any bit pattern */ memcpy(&value, &bits, sizeof value); break;
        case 1: /* any mantissa in the range of the fast path, and somewhat beyond */
            value = ldexp((double)(bits >> 11), -(int)rng_below(&rng, 80));
            break;
        case 2: /* few decimals */ value = (double)(bits >> 40) / pow(10, (double)rng_below(&rng, 10)); break;
        default: /* few bits: ties */ value = ldexp((double)(bits >> 54), -(int)rng_below(&rng, 70));
        }
        if (!isnan(value))
            assert_double(value);
    }
}

Test(num, not_a_number_prints_as_nan) {
    char text[NUM_DOUBLE_TEXT_MAX];
    cr_assert(bytes_equal(bytes_of(text, num_from_double(text, NAN)), BYTES_LIT("nan")));
    cr_assert(bytes_equal(bytes_of(text, num_from_double(text, -NAN)), BYTES_LIT("nan")));
}

Test(num, decimal_texts_read_as_the_library_reads_them) {
    static const char *const texts[] = {
        "0",
        "-0",
        "+1",
        "1.",
        ".5",
        "-.5",
        "1.5",
        "0.1",
        "123456789012345",
        "1234567890123456",
        "0.000000000000001",
        "00012.50",
        "1e5",
        "1E-5",
        "0x10",
        "inf",
        "-inf",
        "+Inf",
        "infinity",
        "1e308",
        "4.9e-324",
        "123.456",
        "9007199254740993",
        "0.30000000000000004",
        "999999999999999",
        "99999.9999999999",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        double got = 7, want = strtod(texts[i], NULL);
        cr_assert(num_parse_double(bytes_cstr(texts[i]), &got), "%s", texts[i]);
        cr_assert(memcmp(&got, &want, sizeof got) == 0, "%s: %.17g", texts[i], got);
        long double long_got = 7;
        cr_assert(num_parse_longdouble(bytes_cstr(texts[i]), &long_got) &&
                  long_got == strtold(texts[i], NULL));
    }
    struct rng rng;
    rng_init(&rng, 4);
    for (int i = 0; i < 200000; i++) {
        char text[40];
        int len = snprintf(text, sizeof text, "%s%" PRIu64, i % 2 ? "-" : "",
                           rng_next(&rng) >> rng_below(&rng, 64));
        if (i % 3)
            text[1 + rng_below(&rng, (uint64_t)len - 1 + (len == 1))] = '.';
        char *end;
        double got, want = strtod(text, &end);
        if (*end != '\0')
            continue;
        cr_assert(num_parse_double(bytes_cstr(text), &got), "%s", text);
        cr_assert(memcmp(&got, &want, sizeof got) == 0, "%s", text);
    }
}

Test(num, texts_that_are_no_floats_are_refused) {
    static const char *const texts[] = {"",   "-",   ".",    "-.", " 1", "1 ",    "1..2",   "1.2.3",  "a",
                                        "1a", "nan", "-nan", "1e", "0x", "1e999", "-1e999", "1e-999", "\n1"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        double value = 42;
        cr_assert_not(num_parse_double(bytes_cstr(texts[i]), &value), "%s", texts[i]);
        cr_assert_eq(value, 42);
        long double long_value;
        if (!strstr(texts[i], "999")) /* a long double holds those */
            cr_assert_not(num_parse_longdouble(bytes_cstr(texts[i]), &long_value), "%s", texts[i]);
    }
    long double long_value;
    cr_assert_not(num_parse_longdouble(BYTES_LIT("1e9999"), &long_value));
    cr_assert_not(num_parse_longdouble(BYTES_LIT("1e-9999"), &long_value));
    double value;
    cr_assert_not(num_parse_double(BYTES_LIT("1\0"), &value));
    cr_assert_not(num_parse_double(BYTES_NONE, &value));
    static char digits[NUM_DOUBLE_TEXT_MAX];
    memset(digits, '0', sizeof digits);
    cr_assert(num_parse_double(bytes_of(digits, sizeof digits - 1), &value));
    cr_assert_not(num_parse_double(bytes_of(digits, sizeof digits), &value));
}

Test(num, long_doubles_print_without_exponent_and_trailing_zeros) {
    static const struct {
        const char *in;
        const char *want;
    } cases[] = {
        {"0", "0"},        {"-0", "0"},
        {"3", "3"},        {"3.14", "3.14"},
        {"10.50", "10.5"}, {"-1.5", "-1.5"},
        {"0.1", "0.1"},    {"1e20", "100000000000000000000"},
        {"5.0e3", "5000"}, {"1e-17", "0.00000000000000001"},
        {"1e-18", "0"},    {"-1e-18", "0"},
        {"inf", "inf"},    {"-inf", "-inf"},
        {"100", "100"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[NUM_DOUBLE_TEXT_MAX];
        long double value;
        cr_assert(num_parse_longdouble(bytes_cstr(cases[i].in), &value));
        size_t len = num_from_longdouble(text, value);
        cr_assert(bytes_equal(bytes_of(text, len), bytes_cstr(cases[i].want)), "%s: %.*s", cases[i].in,
                  (int)len, text);
    }
    char text[NUM_DOUBLE_TEXT_MAX];
    long double huge;
    cr_assert(num_parse_longdouble(BYTES_LIT("-1e4932"), &huge));
    cr_assert_eq(num_from_longdouble(text, huge), 4934);
}

/* Callers size their buffers by this constant: a long double's text is far longer than a double's. */
Test(num, the_longest_number_fits_the_announced_room) {
    char text[NUM_DOUBLE_TEXT_MAX];
    cr_assert_eq(num_from_longdouble(text, -LDBL_MAX), 1 + 4933);
    cr_assert_leq(num_from_longdouble(text, -123456789012345.0625L), NUM_DOUBLE_TEXT_MAX);
    cr_assert_leq(num_from_double(text, -2.2250738585072014e-308), NUM_DOUBLE_TEXT_MAX);
}
