/* The ceiling must do a server's share of parsing, or it would be no measure. */
#include "bench/ceiling/request.c"

#include <criterion/criterion.h>

Test(request, a_command_cut_anywhere_asks_for_no_more_than_it_lacks) {
    const char *text = "*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$12\r\nabc\r\n$3\r\nxyz\r\n";
    size_t len = strlen(text);
    struct request request;
    for (size_t cut = 0; cut < len; cut++) {
        cr_assert_eq(request_parse(text, cut, &request), REQUEST_INCOMPLETE, "cut at %zu", cut);
        cr_assert(request.need >= 1 && cut + request.need <= len, "cut at %zu needs %zu", cut, request.need);
    }
    cr_assert_eq(request_parse(text, len, &request), (long)len);
    cr_assert_eq(request.argc, 3);
    cr_assert(request.name_len == 3 && memcmp(request.name, "SET", 3) == 0);
}

Test(request, refuses_what_is_no_command) {
    static const char *const bad[] = {
        "*0\r\n", "*x\r\n", "*1\r\n:1\r\n", "*1\r\n$3\r\nabcd\r\n", "*1\r\n$-1\r\n", "*1\r\n$99999999999\r\n",
        "*1\rX"};
    struct request request;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(request_parse(bad[i], strlen(bad[i]), &request), REQUEST_BAD, "%s", bad[i]);
}

static void expect(const char *command, const char *reply) {
    struct request request;
    struct request_value value;
    char out[256];
    request_value_init(&value, 3);
    cr_assert_gt(request_parse(command, strlen(command), &request), 0);
    size_t len = request_reply(out, &request, &value);
    cr_assert_leq(len, request_reply_bytes_max(&request, &value));
    cr_assert(len == strlen(reply) && memcmp(out, reply, len) == 0, "%s", command);
    request_value_deinit(&value);
}

Test(request, answers_constants_of_the_right_shape) {
    expect("*2\r\n$3\r\nget\r\n$1\r\nk\r\n", "$3\r\nxxx\r\n");
    expect("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", "+OK\r\n");
    expect("*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n", "*2\r\n$3\r\nxxx\r\n$3\r\nxxx\r\n");
    expect("PING\r\n", "+PONG\r\n");
    expect("*1\r\n$7\r\nCOMMAND\r\n", "*0\r\n");
}
