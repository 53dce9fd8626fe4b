/* cmd_server.c: TIME, LASTSAVE, LOLWUT, SHUTDOWN. */
#include "core/cmd/cmd.h"
#include "shards/parked.h"
#include "shards/server.h"
#include "shards/shutdown.h"
#include "shards/version.h"

#include <time.h>

/* Read afresh: the clock of a turn is only good to the millisecond. */
void cmd_time(struct exec *x) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    resp_array(x->out, 2);
    resp_bulk_int(x->out, now.tv_sec);
    resp_bulk_int(x->out, now.tv_nsec / 1000);
}

/* Before the first snapshot it is the time of the start, as in Redis; nothing saves snapshots yet. */
void cmd_lastsave(struct exec *x) {
    const struct shard *shard = x->host;
    resp_int(x->out, shard->server->start_ms / 1000);
}

/* ---- LOLWUT ---- */

enum { LOLWUT_WIDTH = 60, LOLWUT_HEIGHT = 9, LOLWUT_COLUMN = 5 };

/* Basalt columns seen from the side: each breaks off at its own height, and its top shows as a hexagon's edge. */
static void lolwut_draw(struct rng *rng, struct buf *text) {
    unsigned tops[LOLWUT_WIDTH / LOLWUT_COLUMN];
    for (size_t i = 0; i < COUNT_OF(tops); i++) {
        unsigned rise = (unsigned)(i < COUNT_OF(tops) / 2 ? i : COUNT_OF(tops) - 1 - i);
        tops[i] = 1 + rise + (unsigned)rng_below(rng, 3);
    }
    for (unsigned row = LOLWUT_HEIGHT; row-- > 0;) {
        for (size_t i = 0; i < COUNT_OF(tops); i++) {
            if (row > tops[i])
                BUF_PUT_LIT(text, "     ");
            else if (row == tops[i])
                BUF_PUT_LIT(text, " ___ ");
            else if (row + 1 == tops[i])
                BUF_PUT_LIT(text, "/   \\");
            else
                BUF_PUT_LIT(text, "|   |");
        }
        buf_put_char(text, '\n');
    }
}

void cmd_lolwut(struct exec *x) {
    int64_t version = 1;
    if (x->argc >= 3 && bytes_is_word(x->argv[1], "VERSION") && !cmd_arg_int(x, 2, &version))
        return;
    struct buf text;
    buf_init(&text);
    lolwut_draw(&x->engine->rng, &text);
    buf_printf(&text, "Basalt ver. %s\n", BASALT_VERSION);
    resp_verbatim(x->out, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

/* ---- SHUTDOWN ---- */

enum { SHUTDOWN_ABORT = CONFIG_SHUTDOWN_FORCE << 1 };

static bool shutdown_parse(const struct exec *x, unsigned *options_out) {
    static const struct {
        const char *word;
        unsigned bit;
    } words[] = {
        {"save", CONFIG_SHUTDOWN_SAVE},   {"nosave", CONFIG_SHUTDOWN_NOSAVE}, {"now", CONFIG_SHUTDOWN_NOW},
        {"force", CONFIG_SHUTDOWN_FORCE}, {"abort", SHUTDOWN_ABORT},
    };
    unsigned both = CONFIG_SHUTDOWN_SAVE | CONFIG_SHUTDOWN_NOSAVE;
    unsigned seen = 0;
    for (int i = 1; i < x->argc; i++) {
        unsigned bit = 0;
        for (size_t w = 0; w < COUNT_OF(words); w++)
            if (bytes_is_word(x->argv[i], words[w].word))
                bit = words[w].bit;
        if (bit == 0)
            return false;
        seen |= bit;
    }
    *options_out = seen;
    return !((seen & SHUTDOWN_ABORT) && seen != SHUTDOWN_ABORT) && (seen & both) != both;
}

/* The client gets no reply but the end of its connection: an empty one settles its place in the order of replies. */
static void shutdown_answer_nothing(struct exec *x) {
    parked_answer(x->host, parked_defer(x));
}

void cmd_shutdown(struct exec *x) {
    struct shard *shard = x->host;
    struct server *server = shard->server;
    unsigned options;
    if (!shutdown_parse(x, &options)) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if (options & SHUTDOWN_ABORT) {
        resp_errorf(x->out, "ERR No shutdown in progress.");
        return;
    }
    logger_say(&server->logger, LOGLEVEL_WARNING, "User requested shutdown...");
    if (shutdown_begin(server, options))
        shutdown_answer_nothing(x);
    else
        resp_errorf(x->out, "ERR Errors trying to SHUTDOWN. Check logs.");
}
