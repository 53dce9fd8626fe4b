/* num.c: numbers as text.
 *
 * Integers are printed two digits at a time from a table and read with one overflow check at the end: 19 digits
 * always fit an unsigned 64-bit number, and only those can exceed the signed range.
 *
 * Doubles are printed with the fewest digits that read back as the same double; of several such texts the nearest. The
 * C library has no function for that. Three ways, tried in this order:
 *
 *   integers up to 2^62    the integer's own digits
 *   at most 15 digits      n / 10^k with n < 10^15 and k <= 22: both are exact doubles, so the correctly rounded quotient
 *                          is what the text "n / 10^k" reads as. The first k that gives the value back has the digits.
 *   1e-4 <= |v| < 2^53     v = m * 2^-s with m < 2^53 and 1 <= s <= 66. The digits are v * 10^k rounded, k chosen
 *                          so that there are 17 of them. k <= 20, so m * 10^k < 2^120 is exact, and its low s
 *                          bits are exactly the remainder that decides the rounding (ties to even). Sixteen digits
 *                          will do where they lie within half a unit of the double's last place, compared exactly.
 *   all others             the library prints and reads 15, 16 and 17 digits until the value comes back
 *
 * Doubles are read by strtod, except for short decimal texts: up to 15 digits make an exact double, a power of
 * ten up to 10^22 is an exact double, and the quotient of two exact doubles is correctly rounded. */
#include "core/base/num.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Integers ---- */

static const char two_digits[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

static size_t count_digits(uint64_t value) {
    size_t count = 1;
    for (; value >= 10000; value /= 10000)
        count += 4;
    return count + (value >= 10) + (value >= 100) + (value >= 1000);
}

/* Writes the last `count` digits of `value`. */
static void put_digits(char *text, size_t count, uint64_t value) {
    while (count >= 2) {
        count -= 2;
        memcpy(text + count, two_digits + 2 * (value % 100), 2);
        value /= 100;
    }
    if (count)
        text[0] = (char)('0' + value % 10);
}

size_t num_from_uint(char *text, uint64_t value) {
    size_t count = count_digits(value);
    put_digits(text, count, value);
    return count;
}

size_t num_from_int(char *text, int64_t value) {
    if (value >= 0)
        return num_from_uint(text, (uint64_t)value);
    text[0] = '-';
    return 1 + num_from_uint(text + 1, 0 - (uint64_t)value);
}

bool num_parse_uint(struct bytes text, uint64_t *value_out) {
    if (text.len == 0 || text.len > 20)
        return false;
    if (text.ptr[0] == '0' && text.len > 1)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';
        if (digit > 9)
            return false;
        if (i == 19 && (value > UINT64_MAX / 10 || value * 10 > UINT64_MAX - digit))
            return false;
        value = value * 10 + digit;
    }
    *value_out = value;
    return true;
}

bool num_parse_int(struct bytes text, int64_t *value_out) {
    bool is_negative = text.len != 0 && text.ptr[0] == '-';
    struct bytes digits = is_negative ? bytes_of(text.ptr + 1, text.len - 1) : text;
    uint64_t magnitude;
    if (!num_parse_uint(digits, &magnitude))
        return false;
    if (is_negative) {
        if (magnitude == 0 || magnitude > (uint64_t)INT64_MAX + 1)
            return false;
        *value_out = (int64_t)(0 - magnitude);
    } else {
        if (magnitude > INT64_MAX)
            return false;
        *value_out = (int64_t)magnitude;
    }
    return true;
}

bool num_parse_memory(struct bytes text, uint64_t *bytes_out) {
    static const struct {
        const char *suffix;
        uint64_t unit;
    } units[] = {
        {"", 1},        {"b", 1},        {"k", 1000},       {"kb", 1 << 10},
        {"m", 1000000}, {"mb", 1 << 20}, {"g", 1000000000}, {"gb", 1 << 30},
    };
    if (text.len == 0)
        return false;
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    size_t zeros = 0;
    while (zeros + 1 < digits && text.ptr[zeros] == '0')
        zeros++;
    uint64_t count;
    if (!num_parse_uint(bytes_of(text.ptr + zeros, digits - zeros), &count))
        return false;
    struct bytes suffix = bytes_of(text.ptr + digits, text.len - digits);
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (bytes_is_word(suffix, units[i].suffix)) {
            uint64_t total;
            if (__builtin_mul_overflow(count, units[i].unit, &total))
                return false;
            *bytes_out = total;
            return true;
        }
    return false;
}

/* ---- Reading floating point numbers ---- */

static const double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                       1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

enum { EXACT_DIGITS_MAX = 15 };

/* Reads "-12.5" and the like: an optional sign, at most 15 digits, perhaps one point among or behind them. */
static bool parse_short_decimal(struct bytes text, double *value_out) {
    bool is_negative = text.ptr[0] == '-';
    size_t i = is_negative;
    if (text.len - i > EXACT_DIGITS_MAX + 1)
        return false;
    uint64_t digits = 0;
    size_t digit_count = 0;
    size_t point = SIZE_MAX;
    for (; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';
        if (digit <= 9) {
            digits = digits * 10 + digit;
            digit_count++;
        } else if (text.ptr[i] == '.' && point == SIZE_MAX) {
            point = i;
        } else {
            return false;
        }
    }
    if (digit_count == 0 || digit_count > EXACT_DIGITS_MAX)
        return false;
    double value = (double)digits;
    if (point != SIZE_MAX)
        value /= powers_of_ten[text.len - point - 1];
    *value_out = is_negative ? -value : value;
    return true;
}

/* Copies `text` to `copy` with a NUL, if it can be the whole of a number's text. */
static bool copy_float_text(struct bytes text, char copy[NUM_DOUBLE_TEXT_MAX]) {
    if (text.len == 0 || text.len >= NUM_DOUBLE_TEXT_MAX || isspace((unsigned char)text.ptr[0]))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return true;
}

bool num_parse_double(struct bytes text, double *value_out) {
    if (text.len != 0 && parse_short_decimal(text, value_out))
        return true;
    char copy[NUM_DOUBLE_TEXT_MAX];
    if (!copy_float_text(text, copy))
        return false;
    char *end;
    errno = 0;
    double value = strtod(copy, &end);
    if (end != copy + text.len || isnan(value))
        return false;
    if (errno == ERANGE && (isinf(value) || fpclassify(value) == FP_ZERO))
        return false;
    *value_out = value;
    return true;
}

bool num_parse_longdouble(struct bytes text, long double *value_out) {
    char copy[NUM_DOUBLE_TEXT_MAX];
    if (!copy_float_text(text, copy))
        return false;
    char *end;
    errno = 0;
    long double value = strtold(copy, &end);
    if (end != copy + text.len || isnan(value))
        return false;
    if (errno == ERANGE && (isinf(value) || fpclassify(value) == FP_ZERO))
        return false;
    *value_out = value;
    return true;
}

/* ---- Printing floating point numbers ---- */

enum {
    DOUBLE_DIGITS = 17,        /* so many always tell a double from its neighbours */
    DOUBLE_PLAIN_ZEROS = 7,    /* an integer with fewer zeros behind its digits is written without exponent */
    DOUBLE_PLAIN_DECIMALS = 7, /* and a fraction with fewer digits behind the point, */
    DOUBLE_PLAIN_MAGNITUDE = 4, /* or one whose first digit is nearer to the point than this */
    DOUBLE_POWERS = 22,         /* 10^22 is the largest power of ten that is a double */
};

#define TEN_TO_15 1000000000000000.0
#define TEN_TO_16 10000000000000000U
#define TEN_TO_17 100000000000000000U
#define TWO_TO_53 9007199254740992.0
#define TWO_TO_62 4611686018427387904.0

__extension__ typedef unsigned __int128 uint128;

/* A decimal number: digits * 10^exponent, digits not ending in 0. */
struct decimal {
    uint64_t digits;
    int exponent;
};

static struct decimal decimal_of(uint64_t digits, int exponent) {
    for (; digits % 10 == 0; digits /= 10)
        exponent++;
    return (struct decimal){digits, exponent};
}

/* At most 15 digits, and a power of ten that is a double: the quotient is what reading that decimal gives, and no other
 * decimal of so few digits reads the same. The product is off by less than 0.12, so rounding it finds the digits. */
static bool find_short(double value, struct decimal *out) {
    for (int decimals = 1; decimals <= DOUBLE_POWERS; decimals++) {
        double scaled = value * powers_of_ten[decimals];
        if (scaled >= TEN_TO_15)
            return false;
        uint64_t digits = (uint64_t)(scaled + 0.5);
        if (digits != 0 && (double)digits / powers_of_ten[decimals] == value) {
            *out = (struct decimal){digits, -decimals};
            return true;
        }
    }
    return false;
}

/* A double as mantissa * 2^-shift. */
struct binary {
    uint64_t mantissa;
    unsigned shift;
};

static uint128 times_power_of_ten(uint128 factor, int power) {
    static const uint64_t small_powers[] = {1,      10,      100,      1000,      10000,
                                            100000, 1000000, 10000000, 100000000, 1000000000};
    for (; power >= 10; power -= 10)
        factor *= 10000000000U;
    return factor * small_powers[power];
}

/* value * 10^scale as an integer, rounded to nearest, ties to even; 0 <= scale <= 20. */
static uint64_t scaled_digits(struct binary value, int scale) {
    uint128 product = times_power_of_ten(value.mantissa, scale);
    uint64_t whole = (uint64_t)(product >> value.shift);
    uint128 rest = product - ((uint128)whole << value.shift);
    uint128 half = (uint128)1 << (value.shift - 1);
    return whole + (rest > half || (rest == half && (whole & 1)));
}

/* True if digits * 10^-scale is sure to be read as `value`: nearer than half the distance to the next double. */
static bool reads_back(struct binary value, uint64_t digits, int scale) {
    uint128 exact = times_power_of_ten(value.mantissa, scale);
    uint128 tried = (uint128)digits << value.shift;
    uint128 distance = tried > exact ? tried - exact : exact - tried;
    bool is_power_of_two = value.mantissa == (uint64_t)1 << 52; /* the doubles below are twice as dense */
    return distance * (is_power_of_two && tried < exact ? 4 : 2) < times_power_of_ten(1, scale);
}

/* 1e-4 <= value < 2^53, value is no integer and has no short decimal. */
static struct decimal find_exact(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    struct binary v = {(bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)1 << 52, 1075 - (unsigned)(bits >> 52)};
    int magnitude; /* value has its first digit at 10^magnitude */
    if (value < 1)
        magnitude = value >= 0.1 ? -1 : value >= 0.01 ? -2 : value >= 0.001 ? -3 : -4;
    else
        for (magnitude = 0; value >= powers_of_ten[magnitude + 1];)
            magnitude++;
    /* 0.1 and its like are no exact doubles, and rounding may add a digit: the guess may be off by one. */
    int scale = DOUBLE_DIGITS - 1 - magnitude;
    uint64_t digits = scaled_digits(v, scale);
    while (digits >= TEN_TO_17 || digits < TEN_TO_16) {
        scale -= digits >= TEN_TO_17 ? 1 : -1;
        digits = scaled_digits(v, scale);
    }
    if (scale > 0) {
        uint64_t fewer = scaled_digits(v, scale - 1);
        if (reads_back(v, fewer, scale - 1))
            return decimal_of(fewer, 1 - scale);
    }
    return decimal_of(digits, -scale);
}

/* Any positive finite value: the library prints and reads until both agree. */
static struct decimal find_by_trying(double value) {
    char text[DOUBLE_DIGITS + 16];
    bool is_normal =
        fpclassify(value) == FP_NORMAL; /* then 15 digits and a cut are never longer than needed */
    for (int count = is_normal ? EXACT_DIGITS_MAX : 1;; count++) {
        int len = snprintf(text, sizeof text, "%.*e", count - 1, value);
        must(len > 0 && (size_t)len < sizeof text);
        if (count < DOUBLE_DIGITS && strtod(text, NULL) != value)
            continue;
        uint64_t digits = 0;
        const char *at = text;
        for (; *at != 'e'; at++)
            if (*at != '.')
                digits = digits * 10 + (unsigned)(*at - '0');
        return decimal_of(digits, (int)strtol(at + 1, NULL, 10) - (count - 1));
    }
}

/* The layout of Redis since 7.2. */
static size_t put_decimal(char *text, struct decimal d) {
    int count = (int)count_digits(d.digits);
    int magnitude = d.exponent + count - 1; /* of the first digit */
    int distance = magnitude < 0 ? -magnitude : magnitude;
    if (d.exponent >= 0 && distance < count + DOUBLE_PLAIN_ZEROS) {
        put_digits(text, (size_t)count, d.digits);
        memset(text + count, '0', (size_t)d.exponent);
        return (size_t)(count + d.exponent);
    }
    if (d.exponent < 0 && (d.exponent > -DOUBLE_PLAIN_DECIMALS || distance < DOUBLE_PLAIN_MAGNITUDE)) {
        int before_point = count + d.exponent;
        int zeros =
            before_point > 0 ? 0 : 1 - before_point; /* the one before the point, and those behind it */
        memset(text, '0', (size_t)zeros);
        put_digits(text + zeros, (size_t)count, d.digits);
        size_t point = before_point > 0 ? (size_t)before_point : 1;
        size_t len = (size_t)(zeros + count);
        memmove(text + point + 1, text + point, len - point);
        text[point] = '.';
        return len + 1;
    }
    put_digits(text, (size_t)count, d.digits);
    size_t len = (size_t)count;
    if (count > 1) {
        memmove(text + 2, text + 1, len - 1);
        text[1] = '.';
        len++;
    }
    text[len++] = 'e';
    text[len++] = magnitude < 0 ? '-' : '+';
    return len + num_from_uint(text + len, (uint64_t)distance);
}

size_t num_from_double(char *text, double value) {
    double magnitude = fabs(value);
    size_t sign = signbit(value) ? 1 : 0;
    if (sign)
        text[0] = '-';
    if (magnitude <= TWO_TO_62 && magnitude == (double)(int64_t)magnitude)
        return sign + num_from_uint(text + sign, (uint64_t)magnitude);
    if (isnan(value)) {
        memcpy(text, "nan", 3);
        return 3;
    }
    if (isinf(value)) {
        memcpy(text + sign, "inf", 3);
        return sign + 3;
    }
    struct decimal d;
    if (magnitude >= TWO_TO_53 || !find_short(magnitude, &d))
        d = magnitude >= 1e-4 && magnitude < TWO_TO_53 ? find_exact(magnitude) : find_by_trying(magnitude);
    return sign + put_decimal(text + sign, d);
}

size_t num_from_longdouble(char *text, long double value) {
    if (isinf(value))
        return num_from_double(text, (double)value);
    int printed = snprintf(text, NUM_DOUBLE_TEXT_MAX, "%.17Lf", value);
    must(printed > 0 && printed < NUM_DOUBLE_TEXT_MAX);
    size_t len = (size_t)printed;
    if (memchr(text, '.', len)) {
        while (text[len - 1] == '0')
            len--;
        len -= text[len - 1] == '.';
    }
    if (len == 2 && text[0] == '-' && text[1] == '0') {
        text[0] = '0';
        return 1;
    }
    return len;
}
