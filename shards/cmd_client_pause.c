/* cmd_client_pause.c: CLIENT PAUSE and UNPAUSE.
 *
 * When PAUSE has answered, no write is under way any more: in the first round of questions every shard begins its pause,
 * which happens behind all commands it has sent to others; in the second round every shard only acknowledges, which it
 * does behind all commands that others had sent it. A transaction over several shards that has begun may still be going
 * on. */
#include "core/base/mem.h"
#include "shards/gather.h"
#include "shards/server.h"

struct pause_wish {
    int64_t until_ms; /* 0: end it */
    bool is_for_all;
};

static void pause_ask(struct shard *shard, const void *question, void *answer) {
    const struct pause_wish *wish = question;
    (void)answer;
    if (wish->until_ms)
        pause_begin(shard, wish->until_ms, wish->is_for_all);
    else
        pause_end(shard);
}

static void pause_answer(struct shard *shard, struct gather *gather, struct resp_out *out) {
    (void)shard;
    (void)gather;
    resp_ok(out);
}

static const struct gather_how pause_settled = {.finish = pause_answer};

static void pause_settle(struct shard *shard, struct gather *gather, struct resp_out *out) {
    (void)out;
    gather_again(shard, gather, &pause_settled, NULL);
}

static const struct gather_how pause_begun = {
    .ask = pause_ask, .finish = pause_settle, .free_question = mem_free};
static const struct gather_how pause_ended = {
    .ask = pause_ask, .finish = pause_answer, .free_question = mem_free};

/* Reads argv[2] as a moment; false: the error was answered. */
static bool pause_read_moment(struct exec *x, int64_t *until_ms_out) {
    int64_t timeout_ms;
    *until_ms_out = 0;
    if (!num_parse_int(x->argv[2], &timeout_ms)) {
        resp_err(x->out, REPLY_ERR_TIMEOUT_INT);
        return false;
    }
    if (timeout_ms < 0) {
        resp_err(x->out, REPLY_ERR_TIMEOUT_NEGATIVE);
        return false;
    }
    if (!num_add(x->engine->now_ms, timeout_ms, until_ms_out)) {
        resp_errorf(x->out, "ERR timeout is out of range");
        return false;
    }
    return true;
}

void cmd_client_pause(struct exec *x) {
    struct shard *shard = x->host;
    int64_t until_ms;
    bool is_for_all = true;
    if (x->argc > 4) {
        resp_errorf(x->out,
                    "ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.");
        return;
    }
    if (x->argc == 4) {
        is_for_all = bytes_is_word(x->argv[3], "all");
        if (!is_for_all && !bytes_is_word(x->argv[3], "write")) {
            resp_errorf(x->out, "ERR CLIENT PAUSE mode must be WRITE or ALL");
            return;
        }
    }
    if (!pause_read_moment(x, &until_ms))
        return;
    struct pause_wish *wish = mem_alloc(sizeof *wish);
    *wish = (struct pause_wish){until_ms, is_for_all};
    pause_ask(shard, wish, NULL); /* here at once: what follows in this connection's pipeline waits, too */
    gather_start(x, &pause_begun, wish);
}

void cmd_client_unpause(struct exec *x) {
    struct pause_wish *wish = mem_zalloc(sizeof *wish);
    gather_start(x, &pause_ended, wish);
}
