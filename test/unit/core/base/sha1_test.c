/* SHA-1 against published digests. */
#include "core/base/sha1.h"

#include "core/base/mem.h"

#include <criterion/criterion.h>

static void assert_digest(struct bytes data, const char *want) {
    char hex[SHA1_HEX_BYTES];
    sha1_hex(data, hex);
    cr_assert(bytes_equal(bytes_of(hex, sizeof hex), bytes_cstr(want)), "'%.*s': %.40s", (int)data.len,
              data.ptr, hex);
}

Test(sha1, digests_are_those_of_the_standard) {
    assert_digest(BYTES_LIT(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert_digest(BYTES_LIT("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_digest(BYTES_LIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                  "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    assert_digest(BYTES_LIT("return 1"), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    size_t len = 1000000;
    char *a = mem_alloc(len);
    memset(a, 'a', len);
    assert_digest(bytes_of(a, len), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    mem_free(a);
}

Test(sha1, the_pieces_in_which_data_is_fed_do_not_matter) {
    char data[200];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 7);
    for (size_t len = 0; len <= sizeof data; len++) {
        uint8_t whole[SHA1_DIGEST_BYTES];
        sha1_digest(bytes_of(data, len), whole);
        for (size_t cut = 0; cut <= len; cut++) {
            uint8_t pieces[SHA1_DIGEST_BYTES];
            struct sha1 s;
            sha1_init(&s);
            sha1_feed(&s, data, cut);
            sha1_feed(&s, data + cut, len - cut);
            sha1_end(&s, pieces);
            cr_assert_arr_eq(whole, pieces, sizeof whole, "%zu bytes cut at %zu", len, cut);
        }
    }
}
