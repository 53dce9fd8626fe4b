/* The line about a connection, and the words for kinds of clients. */
#include "net/conn_describe.h"

#include <criterion/criterion.h>

Test(conn_describe, kinds_are_known_by_redis_words_in_any_case) {
    static const struct {
        const char *word;
        bool is_known;
        enum config_client_class client_class;
    } rows[] = {
        {"normal", true, CONFIG_CLASS_NORMAL},   {"NORMAL", true, CONFIG_CLASS_NORMAL},
        {"replica", true, CONFIG_CLASS_REPLICA}, {"Slave", true, CONFIG_CLASS_REPLICA},
        {"pubsub", true, CONFIG_CLASS_PUBSUB},   {"master", false, CONFIG_CLASS_NORMAL},
        {"", false, CONFIG_CLASS_NORMAL},        {"normal ", false, CONFIG_CLASS_NORMAL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum config_client_class client_class = CONFIG_CLASS_COUNT;
        cr_assert_eq(conn_class_from_word(bytes_cstr(rows[i].word), &client_class), rows[i].is_known, "%s",
                     rows[i].word);
        cr_assert_eq(client_class, rows[i].client_class);
    }
}

static bool line_has(const struct conn *conn, const char *text) {
    struct buf line;
    buf_init(&line);
    conn_describe(conn, &line);
    buf_put_char(&line, ' ');
    bool has = memmem(line.ptr, line.len, text, strlen(text)) != NULL;
    buf_deinit(&line);
    return has;
}

Test(conn_describe, flags_are_letters_in_redis_order_and_n_when_there_are_none) {
    struct conn_host host = {.now_ms = 61500, .index = 3};
    struct conn conn = {
        .host = &host, .id = 7, .last_command = "client|list", .created_ms = 1500, .last_ms = 60000};
    cr_assert(line_has(&conn, "id=7 addr= "));
    cr_assert(line_has(&conn, " name= age=60 idle=1 flags=N db=0 "));
    cr_assert(line_has(&conn, " cmd=client|list user=default "));
    cr_assert(line_has(&conn, " lib-name= lib-ver= io-thread=3 "));
    conn.is_monitor = conn.is_unix = conn.is_no_evict = conn.is_no_touch = true;
    conn.close_after_reply = true;
    cr_assert(line_has(&conn, " flags=OcUeT "));
    conn = (struct conn){
        .host = &host, .last_command = "get", .client_class = CONFIG_CLASS_PUBSUB, .close_asap = true};
    cr_assert(line_has(&conn, " flags=PA "));
}
