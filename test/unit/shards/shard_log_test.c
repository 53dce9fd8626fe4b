/* shard_log_test.c: tickets, places and backpressure of a shard's log. */
#include "shards/shard_log.h"

#include "test/unit/shards/log_site.h"

/* Runs a command on shard 0 of a server with one shard; gives its ticket. */
static uint64_t ticket_of(struct site *site, const char *name, const char *key, const char *value) {
    struct bytes argv[3] = {bytes_cstr(name), bytes_cstr(key ? key : ""), bytes_cstr(value ? value : "")};
    int argc = 1 + (key != NULL) + (value != NULL);
    struct buf reply = {0};
    uint64_t ticket;
    struct request r = {.command = command_find(argc, argv), .argv = argv, .argc = argc, .proto = 2};
    cr_assert(run_request(site->server->shards[0], &r, &reply, &ticket));
    cr_assert_neq(reply.ptr[0], '-', "%.*s", (int)reply.len, reply.ptr);
    buf_deinit(&reply);
    return ticket;
}

Test(shard_log, replies_stand_on_the_last_write_they_saw_until_it_is_durable) {
    struct site site;
    site_begin(&site);
    cr_assert(site_start(&site, 1));
    site_turn(&site);
    uint64_t written = ticket_of(&site, "SET", "a", "1");
    cr_assert_gt(written, 0);
    cr_assert_eq(ticket_of(&site, "SET", "b", "1"), written, "one turn, one frame");
    cr_assert_eq(ticket_of(&site, "GET", "a", NULL), written);
    cr_assert_eq(ticket_of(&site, "GET", "never-written", NULL), 0);
    cr_assert_eq(ticket_of(&site, "SETNX", "a", "2"), written, "a write that changed nothing has read");
    cr_assert_eq(ticket_of(&site, "DBSIZE", NULL, NULL), written);
    cr_assert_eq(ticket_of(&site, "PING", NULL, NULL), 0);
    loop_turn(site.server->shards[0], false);
    uint64_t later = ticket_of(&site, "SET", "b", "2");
    cr_assert_eq(later, written + 1);
    cr_assert_eq(ticket_of(&site, "GET", "a", NULL), written);
    cr_assert_eq(ticket_of(&site, "GET", "b", NULL), later);
    site_turn(&site);
    cr_assert_eq(ticket_of(&site, "GET", "a", NULL), 0);
    cr_assert_eq(ticket_of(&site, "GET", "b", NULL), 0);
    cr_assert_eq(ticket_of(&site, "DBSIZE", NULL, NULL), 0);
    site_kill(&site);
    site_end(&site);
}

Test(shard_log, what_empties_the_keyspace_is_a_write_of_every_key) {
    struct site site;
    site_begin(&site);
    cr_assert(site_start(&site, 1));
    ticket_of(&site, "SET", "a", "1");
    site_turn(&site);
    uint64_t flushed = ticket_of(&site, "FLUSHALL", NULL, NULL);
    cr_assert_gt(flushed, 0);
    cr_assert_eq(ticket_of(&site, "GET", "a", NULL), flushed);
    cr_assert_eq(ticket_of(&site, "GET", "never-written", NULL), flushed);
    site_kill(&site);
    site_end(&site);
}

Test(shard_log, a_reader_of_what_eviction_took_waits_for_it) {
    struct site site;
    site_begin(&site);
    cr_assert(site_start(&site, 1));
    struct shard *shard = site.server->shards[0];
    ticket_of(&site, "SET", "a", "1");
    site_turn(&site);
    cr_assert_eq(ticket_of(&site, "GET", "a", NULL), 0);
    /* An effect that no command made. */
    struct exec x = {.engine = &shard->engine};
    struct bytes del[2] = {BYTES_LIT("DEL"), BYTES_LIT("a")};
    effect_put_global(&x, 2, del);
    cr_assert_gt(ticket_of(&site, "GET", "a", NULL), 0);
    site_kill(&site);
    site_end(&site);
}

/* A write that waits for its key keeps its place: what came after it follows it in the file, and is not written before. */
Test(shard_log, what_follows_a_place_waits_until_it_is_filled) {
    struct site site;
    site_begin(&site);
    cr_assert(site_start(&site, 1));
    struct shard *shard = site.server->shards[0];
    site_turn(&site);
    struct shard_set alone = {{1}};
    struct log_slot *slot = shard_log_keep_txn_place(shard, 256, &alone);
    uint64_t behind = ticket_of(&site, "SET", "k", "behind");
    site_turn(&site);
    cr_assert_eq(ticket_of(&site, "GET", "k", NULL), behind,
                 "it became durable although its place is behind");
    shard_log_put_place(
        slot, BYTES_LIT("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$6\r\nbefore\r\n"));
    uint64_t filled = shard_log_fill_place(shard, slot);
    cr_assert_eq(filled + 1, behind);
    site_turn(&site);
    cr_assert_eq(ticket_of(&site, "GET", "k", NULL), 0);
    site_kill(&site);
    cr_assert(site_start(&site, 1));
    cr_assert_value(&site, 0, "k", "behind");
    site_kill(&site);
    site_end(&site);
}

/* A disk that stands still: memory for the log is bounded, because writes are not taken any more. */
Test(shard_log, is_full_while_too_much_waits_for_the_disk) {
    struct site site;
    struct buf big = {0};
    site_begin(&site);
    cr_assert(site_start(&site, 2));
    site_turn(&site);
    memset(buf_room(&big, (1 << 20) + 1), 'x', 1 << 20);
    buf_commit(&big, 1 << 20);
    big.ptr[1 << 20] = '\0';
    io_sim_faults(site.sim, 0)->stall_until_ns = io_sim_now_ns(site.sim) + 3600000000000;
    int taken = 0;
    for (; !shard_log_is_full(site.server->shards[0]); taken++) {
        cr_assert_lt(taken, 200);
        RUN(&site, 0, "SET", "k", big.ptr);
        for (unsigned k = 0; k < 2; k++)
            loop_turn(site.server->shards[k], false);
    }
    cr_assert(taken > 60);
    cr_assert(shard_log_is_full(site.server->shards[1]), "all shards must know");
    io_sim_faults(site.sim, 0)->stall_until_ns = 0;
    io_sim_advance(site.sim, 3600000000000);
    for (int i = 0; i < 10 && shard_log_is_full(site.server->shards[0]); i++)
        site_turn(&site);
    cr_assert_not(shard_log_is_full(site.server->shards[0]));
    buf_deinit(&big);
    site_kill(&site);
    site_end(&site);
}
