/* io_test.c: what io.h promises, on every backend. */
#include "test/unit/core/io/io_rig.h"

#include "core/base/rng.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

static struct rig rig_storage;
static struct rig *const rig = &rig_storage;

static void write_all(struct peer p, const char *text) {
    struct bytes left = bytes_cstr(text);
    for (unsigned i = 0; i < 5000 && left.len > 0; i++) {
        ssize_t n = peer_write(p, left);
        cr_assert_geq(n, 0);
        left.ptr += n;
        left.len -= (size_t)n;
        if (left.len > 0)
            rig_turn(rig);
    }
    cr_assert_eq(left.len, 0);
}

/* Reads until `len` bytes are there, turning the rig meanwhile. */
static size_t read_exactly(struct peer p, char *to, size_t len) {
    size_t done = 0;
    for (unsigned i = 0; i < 20000 && done < len; i++) {
        ssize_t n = peer_read(p, to + done, len - done);
        if (n == 0 || n == PEER_DEAD)
            break;
        if (n == PEER_NOTHING)
            rig_turn(rig);
        else
            done += (size_t)n;
    }
    return done;
}

static bool reads_end(struct peer p) {
    char byte;
    for (unsigned i = 0; i < 5000; i++) {
        ssize_t n = peer_read(p, &byte, 1);
        if (n == 0 || n == PEER_DEAD)
            return true;
        cr_assert_eq(n, PEER_NOTHING);
        rig_turn(rig);
    }
    return false;
}

/* ---- opening ---- */

Test(io, auto_takes_a_backend_that_works_here) {
    char why[200] = "untouched";
    struct io_options options = {.backend = IO_AUTO, .why = why, .why_size = sizeof why};
    struct io *io;
    cr_assert_eq(io_open(&options, &io), ERR_OK);
    bool is_uring = strcmp(io_backend_name(io), "io_uring") == 0;
    cr_assert(is_uring || strcmp(io_backend_name(io), "epoll") == 0);
    cr_assert_eq(strlen(why) == 0, is_uring);
    io_close(io);
}

/* From now on io_uring_setup fails in this process with the given errno, as in a container. */
static void refuse_io_uring(int errno_value) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)errno_value),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {COUNT_OF(code), code};
    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void expect_fallback(int errno_value, const char *word) {
    refuse_io_uring(errno_value);
    char why[200];
    struct io_options options = {.backend = IO_URING, .why = why, .why_size = sizeof why};
    struct io *io;
    cr_assert_eq(io_open(&options, &io), ERR_UNSUPPORTED);
    cr_assert_null(io);
    cr_assert_not_null(strstr(why, word), "the reason given: %s", why);
    options.backend = IO_AUTO;
    cr_assert_eq(io_open(&options, &io), ERR_OK);
    cr_assert_str_eq(io_backend_name(io), "epoll");
    cr_assert_not_null(strstr(why, word));
    io_close(io);
}

Test(io, auto_takes_epoll_and_says_why_where_io_uring_is_forbidden) {
    expect_fallback(EPERM, "seccomp");
}

Test(io, auto_takes_epoll_and_says_why_where_there_is_no_io_uring) {
    expect_fallback(ENOSYS, "no io_uring");
}

Test(io, auto_takes_epoll_and_says_why_where_io_uring_is_too_old) {
    expect_fallback(EINVAL, "too old");
}

Test(io, auto_takes_epoll_and_says_why_where_io_uring_gets_no_memory) {
    expect_fallback(ENOMEM, "MEMLOCK");
}

Test(io, the_clock_is_cached_until_the_next_poll) {
    FOR_EACH_BACKEND(rig) {
        int64_t before = io_now_ns(rig->io);
        cr_assert_geq(io_fresh_ns(rig->io), before);
        cr_assert_eq(io_now_ns(rig->io), before);
        rig_turn(rig);
        cr_assert_gt(io_now_ns(rig->io), before);
    }
}

/* ---- sending and receiving ---- */

Test(io, bytes_come_back_from_an_echoing_connection) {
    FOR_EACH_BACKEND(rig) {
        struct peer p = rig_connect_one(rig);
        char got[5];
        for (unsigned i = 0; i < 20; i++) {
            write_all(p, "hello");
            cr_assert_eq(read_exactly(p, got, 5), 5);
            cr_assert_arr_eq(got, "hello", 5);
        }
        peer_close(p);
    }
}

/* The peer reads nothing until all is written, so that most of the echo must wait as rests of short sends. */
Test(io, ten_megabytes_come_back_unharmed_through_short_sends, .timeout = 60) {
    const size_t total = 10 << 20;
    FOR_EACH_BACKEND(rig) {
        struct peer p = rig_connect_one(rig);
        struct rng writing, reading;
        rng_init(&writing, 7);
        rng_init(&reading, 7);
        char chunk[8192];
        size_t written = 0, read = 0, chunk_left = 0;
        while (written < total) {
            if (chunk_left == 0) {
                for (size_t i = 0; i < sizeof chunk; i++)
                    chunk[i] = (char)rng_next(&writing);
                chunk_left = sizeof chunk;
            }
            ssize_t n = peer_write(p, bytes_of(chunk + sizeof chunk - chunk_left, chunk_left));
            cr_assert_geq(n, 0);
            written += (size_t)n;
            chunk_left -= (size_t)n;
            rig_turn_for(rig, 0);
        }
        while (read < total) {
            char got[8192];
            size_t n = read_exactly(p, got, sizeof got);
            cr_assert_eq(n, sizeof got, "%s: the echo ends after %zu bytes", rig->name, read);
            for (size_t i = 0; i < n; i++)
                cr_assert_eq(got[i], (char)rng_next(&reading), "%s: byte %zu differs", rig->name, read + i);
            read += n;
        }
        RIG_UNTIL(rig, rig->conns[0]->out.len == 0 && rig->conns[0]->stream.unsent_bytes == 0);
        cr_assert_gt(rig->conns[0]->drained_calls, 0, "%s: no send was short: the test tests nothing",
                     rig->name);
        peer_close(p);
    }
}

Test(io, a_stream_that_has_a_rest_cannot_send) {
    FOR_EACH_BACKEND(rig) {
        struct peer p = rig_connect_one(rig);
        struct conn *c = rig->conns[0];
        size_t len = 32 << 20;
        memset(buf_room(&c->out, len), 'x', len);
        buf_commit(&c->out, len);
        rig_turns(rig, 3);
        cr_assert_not(io_stream_can_send(&c->stream));
        cr_assert_gt(c->stream.unsent_bytes, 0);
        cr_assert_lt(c->stream.unsent_bytes, len);
        char *got = mem_alloc(len);
        cr_assert_eq(read_exactly(p, got, len), len);
        for (size_t i = 0; i < len; i += 4097)
            cr_assert_eq(got[i], 'x', "%s: the caller's buffer was used after the poll", rig->name);
        RIG_UNTIL(rig, c->drained_calls == 1);
        mem_free(got);
        peer_close(p);
    }
}

Test(io, a_send_that_is_taken_whole_is_no_event) {
    FOR_EACH_BACKEND(rig) {
        struct peer p = rig_connect_one(rig);
        rig_turns(rig, 2);
        io_stream_send(rig->io, &rig->conns[0]->stream, BYTES_LIT("reply"));
        cr_assert_eq(io_poll(rig->io, 0), 0);
        io_dispatch(rig->io);
        char got[5];
        cr_assert_eq(read_exactly(p, got, 5), 5);
        peer_close(p);
    }
}

Test(io, a_stream_sends_once_a_turn) {
    FOR_EACH_BACKEND(rig) {
        struct peer p = rig_connect_one(rig);
        struct conn *c = rig->conns[0];
        cr_assert(io_stream_can_send(&c->stream));
        io_stream_send(rig->io, &c->stream, BYTES_LIT("a"));
        cr_assert_not(io_stream_can_send(&c->stream));
        io_poll(rig->io, 0);
        cr_assert(io_stream_can_send(&c->stream));
        io_dispatch(rig->io);
        char got;
        cr_assert_eq(read_exactly(p, &got, 1), 1);
        peer_close(p);
    }
}

Test(io, a_thousand_connections_each_get_their_own_bytes, .timeout = 60) {
    enum { COUNT = 1000 };
    FOR_EACH_BACKEND(rig) {
        static struct peer peers[COUNT];
        for (unsigned i = 0; i < COUNT; i++) {
            peers[i] = peer_connect(rig);
            if (i % 50 == 49)
                rig_turn(rig);
        }
        rig_await_conns(rig, COUNT);
        for (unsigned round = 0; round < 3; round++) {
            for (unsigned i = 0; i < COUNT; i++) {
                char text[32];
                snprintf(text, sizeof text, "%05u/%02u", i, round);
                write_all(peers[i], text);
            }
            for (unsigned i = 0; i < COUNT; i++) {
                char text[32], got[32] = {0};
                snprintf(text, sizeof text, "%05u/%02u", i, round);
                cr_assert_eq(read_exactly(peers[i], got, 8), 8);
                cr_assert_str_eq(got, text);
            }
        }
        for (unsigned i = 0; i < COUNT; i++)
            peer_close(peers[i]);
        for (unsigned i = 0; i < COUNT; i++)
            RIG_UNTIL(rig, rig->conns[i]->has_ended);
    }
}

/* Far more bytes than all receive buffers together hold, from many connections at once. */
Test(io, receiving_goes_on_when_the_buffers_run_out, .timeout = 60) {
    enum { COUNT = 64 };
    const size_t each = 1 << 20;
    FOR_EACH_BACKEND(rig) {
        rig->conns_echo = false;
        struct peer peers[COUNT];
        for (unsigned i = 0; i < COUNT; i++)
            peers[i] = rig_connect_one(rig);
        static char block[1 << 16];
        size_t left[COUNT];
        for (unsigned i = 0; i < COUNT; i++)
            left[i] = each;
        for (bool more = true; more;) {
            more = false;
            for (unsigned i = 0; i < COUNT; i++) {
                while (left[i] > 0) {
                    ssize_t n = peer_write(peers[i],
                                           bytes_of(block, left[i] < sizeof block ? left[i] : sizeof block));
                    cr_assert_geq(n, 0);
                    if (n == 0)
                        break;
                    left[i] -= (size_t)n;
                }
                more |= left[i] > 0;
            }
            rig_turn(rig);
        }
        for (unsigned i = 0; i < COUNT; i++)
            RIG_UNTIL(rig, rig->conns[i]->received == each);
        for (unsigned i = 0; i < COUNT; i++)
            peer_close(peers[i]);
    }
}

/* ---- pausing ---- */

Test(io, a_paused_stream_receives_nothing_until_it_is_resumed) {
    FOR_EACH_BACKEND(rig) {
        rig->conns_echo = false;
        struct peer p = rig_connect_one(rig);
        struct conn *c = rig->conns[0];
        io_stream_pause(rig->io, &c->stream);
        io_stream_pause(rig->io, &c->stream);
        rig_turns(rig, 3);
        write_all(p, "one");
        rig_turns(rig, 10);
        cr_assert_eq(c->received, 0);
        io_stream_resume(rig->io, &c->stream);
        io_stream_resume(rig->io, &c->stream);
        RIG_UNTIL(rig, c->received == 3);
        peer_close(p);
        RIG_UNTIL(rig, c->has_ended);
    }
}

Test(io, pausing_and_resuming_in_any_rhythm_loses_nothing, .timeout = 60) {
    FOR_EACH_BACKEND(rig) {
        rig->conns_echo = false;
        struct peer p = rig_connect_one(rig);
        struct conn *c = rig->conns[0];
        struct rng r;
        rng_init(&r, 11);
        size_t written = 0;
        for (unsigned i = 0; i < 3000; i++) {
            char byte = (char)written;
            if (rng_below(&r, 2) && peer_write(p, bytes_of(&byte, 1)) == 1)
                written++;
            for (uint64_t n = rng_below(&r, 4); n > 0; n--) {
                if (rng_below(&r, 2))
                    io_stream_pause(rig->io, &c->stream);
                else
                    io_stream_resume(rig->io, &c->stream);
            }
            if (rng_below(&r, 2))
                rig_turn_for(rig, 0);
        }
        io_stream_resume(rig->io, &c->stream);
        RIG_UNTIL(rig, c->received == written);
        for (size_t i = 0; i < written; i++)
            cr_assert_eq(c->in.ptr[i], (char)i);
        peer_close(p);
    }
}

Test(io, a_paused_stream_whose_peer_is_gone_does_not_keep_the_loop_awake) {
    FOR_EACH_BACKEND(rig) {
        struct peer p = rig_connect_one(rig);
        io_stream_pause(rig->io, &rig->conns[0]->stream);
        rig_turns(rig, 3);
        peer_reset(p);
        rig_turns(rig, 3);
        unsigned events = 0;
        for (unsigned i = 0; i < 20; i++)
            events += rig_turn(rig);
        cr_assert_leq(events, 1, "%s: %u events in 20 turns", rig->name, events);
    }
}

/* ---- ends ---- */

Test(io, an_orderly_end_is_reported_after_the_last_bytes) {
    FOR_EACH_BACKEND(rig) {
        rig->conns_echo = false;
        struct peer p = rig_connect_one(rig);
        struct conn *c = rig->conns[0];
        write_all(p, "last words");
        peer_close(p);
        RIG_UNTIL(rig, c->has_ended);
        cr_assert_eq(c->why, ERR_CLOSED);
        cr_assert_eq(c->received, 10);
    }
}

Test(io, a_peer_that_shut_its_direction_still_gets_its_replies) {
    FOR_EACH_BACKEND(rig) {
        struct peer p = rig_connect_one(rig);
        struct conn *c = rig->conns[0];
        write_all(p, "question");
        peer_finish(p);
        RIG_UNTIL(rig, c->has_ended);
        c->close_after_flush = true;
        char got[8];
        cr_assert_eq(read_exactly(p, got, 8), 8);
        cr_assert(reads_end(p));
        peer_close(p);
    }
}

Test(io, a_reset_by_the_peer_ends_the_stream) {
    FOR_EACH_BACKEND(rig) {
        struct peer p = rig_connect_one(rig);
        struct conn *c = rig->conns[0];
        peer_reset(p);
        RIG_UNTIL(rig, c->has_ended);
        cr_assert_eq(c->why, ERR_CLOSED);
        cr_assert_not(io_stream_can_send(&c->stream));
    }
}

Test(io, a_reset_during_a_short_send_ends_the_stream_once) {
    FOR_EACH_BACKEND(rig) {
        struct peer p = rig_connect_one(rig);
        struct conn *c = rig->conns[0];
        size_t len = 16 << 20;
        memset(buf_room(&c->out, len), 'x', len);
        buf_commit(&c->out, len);
        rig_turns(rig, 3);
        cr_assert_gt(c->stream.unsent_bytes, 0);
        peer_reset(p);
        RIG_UNTIL(rig, c->has_ended);
        rig_turns(rig, 5);
        cr_assert_not(io_stream_can_send(&c->stream));
    }
}

/* ---- closing ---- */

Test(io, a_send_prepared_before_a_close_still_goes_out) {
    FOR_EACH_BACKEND(rig) {
        struct peer p = rig_connect_one(rig);
        struct conn *c = rig->conns[0];
        io_stream_send(rig->io, &c->stream, BYTES_LIT("-ERR goodbye\r\n"));
        conn_close(c);
        char got[14];
        cr_assert_eq(read_exactly(p, got, sizeof got), sizeof got);
        cr_assert_arr_eq(got, "-ERR goodbye\r\n", sizeof got);
        cr_assert(reads_end(p));
        RIG_UNTIL(rig, c->is_closed);
        peer_close(p);
    }
}

Test(io, closing_while_a_rest_is_being_sent_drops_the_rest) {
    FOR_EACH_BACKEND(rig) {
        struct peer p = rig_connect_one(rig);
        struct conn *c = rig->conns[0];
        size_t len = 16 << 20;
        memset(buf_room(&c->out, len), 'x', len);
        buf_commit(&c->out, len);
        rig_turns(rig, 3);
        cr_assert_gt(c->stream.unsent_bytes, 0);
        conn_close(c);
        RIG_UNTIL(rig, c->is_closed);
        char *got = mem_alloc(len);
        cr_assert_lt(read_exactly(p, got, len), len);
        mem_free(got);
        peer_close(p);
    }
}

Test(io, closing_in_every_state_calls_on_closed_once, .timeout = 60) {
    FOR_EACH_BACKEND(rig) {
        struct rng r;
        rng_init(&r, 5);
        for (unsigned i = 0; i < 300; i++) {
            struct peer p = rig_connect_one(rig);
            struct conn *c = rig->conns[rig->conn_count - 1];
            if (rng_below(&r, 2))
                write_all(p, "some bytes");
            if (rng_below(&r, 3) == 0)
                peer_reset(p);
            else
                peer_close(p);
            for (uint64_t n = rng_below(&r, 4); n > 0; n--) {
                if (rng_below(&r, 2))
                    io_stream_pause(rig->io, &c->stream);
                else
                    io_stream_resume(rig->io, &c->stream);
                if (rng_below(&r, 2))
                    rig_turn_for(rig, 0);
            }
            if (rng_below(&r, 2) && io_stream_can_send(&c->stream))
                io_stream_send(rig->io, &c->stream, BYTES_LIT("reply"));
            conn_close(c);
        }
        for (unsigned i = 0; i < rig->conn_count; i++)
            RIG_UNTIL(rig, rig->conns[i]->is_closed);
    }
}

/* ---- waking and sleeping ---- */

static void *wake_later(void *arg) {
    struct timespec nap = {.tv_nsec = 20000000};
    nanosleep(&nap, NULL);
    io_wake(arg);
    return NULL;
}

static const enum io_backend real_backends[] = {IO_URING, IO_EPOLL};

Test(io, a_wake_from_another_thread_ends_the_sleep) {
    for (unsigned i = 0; i < COUNT_OF(real_backends); i++) {
        struct io_options options = {.backend = real_backends[i]};
        struct io *io;
        cr_assert_eq(io_open(&options, &io), ERR_OK);
        /* The first is given before any poll; each ends one sleep that would have no end. */
        io_wake(io);
        cr_assert_eq(io_poll(io, -1), 0);
        io_dispatch(io);
        for (unsigned round = 0; round < 3; round++) {
            pthread_t thread;
            cr_assert_eq(pthread_create(&thread, NULL, wake_later, io), 0);
            cr_assert_eq(io_poll(io, -1), 0);
            io_dispatch(io);
            pthread_join(thread, NULL);
        }
        io_close(io);
    }
}

Test(io, a_poll_sleeps_no_longer_than_it_may_and_wakes_up_for_nothing_seldom) {
    for (unsigned i = 0; i < COUNT_OF(real_backends); i++) {
        struct io_options options = {.backend = real_backends[i]};
        struct io *io;
        cr_assert_eq(io_open(&options, &io), ERR_OK);
        io_poll(io, 0);
        io_dispatch(io);
        int64_t before = io_fresh_ns(io);
        /* A signal may end a sleep early; the kernel sends some of its own when a ring was closed before. */
        unsigned polls = 0;
        for (; io_fresh_ns(io) - before < 29000000; polls++) {
            cr_assert_eq(io_poll(io, 30000000), 0);
            io_dispatch(io);
        }
        cr_assert_leq(polls, 4, "%s: %u polls", io_backend_name(io), polls);
        cr_assert_lt(io_now_ns(io) - before, 2000000000);
        io_close(io);
    }
}

Test(io, an_idle_io_uring_spins_without_system_calls) {
    struct io_options options = {.backend = IO_URING};
    struct io *io;
    cr_assert_eq(io_open(&options, &io), ERR_OK);
    io_poll(io, 0);
    io_dispatch(io);
    uint64_t before = io_syscalls(io);
    for (unsigned i = 0; i < 1000; i++) {
        io_poll(io, 0);
        io_dispatch(io);
    }
    cr_assert_eq(io_syscalls(io), before);
    io_wake(io);
    io_poll(io, 0);
    cr_assert_eq(io_syscalls(io), before + 1);
    io_dispatch(io);
    io_close(io);
}

/* ---- listeners ---- */

/* Makes the next accept fail as it does when no descriptors are left, and ends that. */
static struct rlimit exhaust_descriptors(void) {
    struct rlimit old, none;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 3;
    if (rig->sim)
        io_sim_fail_accepts(rig->sim, 1, EMFILE);
    else
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    return old;
}

Test(io, a_failed_accept_is_reported_and_accepting_goes_on_later) {
    FOR_EACH_BACKEND(rig) {
        struct peer waiting = peer_connect(rig);
        struct rlimit old = exhaust_descriptors();
        RIG_UNTIL(rig, rig->accept_errors > 0);
        cr_assert_eq(rig->last_accept_error, EMFILE);
        rig_turns(rig, 10);
        cr_assert_eq(rig->accept_errors, 1, "%s: no pause after the failure", rig->name);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
        rig_await_conns(rig, 1);
        peer_close(waiting);
    }
}

Test(io, a_stopped_listener_accepts_nobody_and_can_be_started_again) {
    FOR_EACH_BACKEND(rig) {
        io_listener_stop(rig->io, &rig->listener);
        struct peer p = peer_connect(rig);
        rig_turns(rig, 10);
        cr_assert_eq(rig->conn_count, 0);
        cr_assert_eq(io_listener_start(rig->io, &rig->listener), ERR_OK);
        rig_await_conns(rig, 1);
        peer_close(p);
    }
}
