/* cmd_slowlog.c: SLOWLOG over all shards.
 *
 * Every shard keeps up to slowlog-max-len entries of its own connections. The server's log is the newest of all of them,
 * by number, and as long as one shard's may be. */
#include "core/base/mem.h"
#include "core/cmd/cmd.h"
#include "shards/gather.h"
#include "shards/server.h"

enum { SLOWLOG_GET_DEFAULT = 10 };

/* ---- GET ---- */

struct slowlog_answer {
    struct buf text;
    struct slowlog_shown *shown;
    unsigned count;
    unsigned next; /* the newest one not written yet */
};

static void slowlog_get_ask(struct shard *shard, const void *question, void *answer) {
    struct slowlog_answer *a = answer;
    uint64_t max = *(const uint64_t *)question;
    if (max > shard->slowlog.count)
        max = shard->slowlog.count;
    buf_init(&a->text);
    a->shown = mem_alloc((max + 1) * sizeof *a->shown);
    a->count = slowlog_show(&shard->slowlog, (unsigned)max, &a->text, a->shown);
}

/* The shard with the newest entry that was not written; NULL at the end. */
static struct slowlog_answer *slowlog_newest(const struct gather *gather) {
    struct slowlog_answer *best = NULL;
    for (unsigned s = 0; s < gather_count(gather); s++) {
        struct slowlog_answer *a = gather_answer(gather, s);
        if (a->next < a->count && (!best || a->shown[a->next].id > best->shown[best->next].id))
            best = a;
    }
    return best;
}

static void slowlog_get_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    (void)shard;
    uint64_t max = *(const uint64_t *)gather_question(gather);
    size_t mark = resp_defer(out);
    size_t count = 0;
    struct slowlog_answer *a;
    while (count < max && (a = slowlog_newest(gather)) != NULL) {
        const struct slowlog_shown *s = &a->shown[a->next++];
        resp_raw(out, bytes_of(a->text.ptr + s->at, s->len));
        count++;
    }
    resp_defer_array(out, mark, count);
    for (unsigned i = 0; i < gather_count(gather); i++) {
        a = gather_answer(gather, i);
        buf_deinit(&a->text);
        mem_free(a->shown);
    }
}

static const struct gather_how slowlog_get = {
    .answer_bytes = sizeof(struct slowlog_answer),
    .ask = slowlog_get_ask,
    .finish = slowlog_get_finish,
    .free_question = mem_free,
};

void cmd_slowlog_get(struct exec *x) {
    int64_t wanted = SLOWLOG_GET_DEFAULT;
    if (x->argc > 3) {
        resp_errorf(x->out,
                    "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try SLOWLOG HELP.",
                    (int)x->argv[1].len, x->argv[1].ptr);
        return;
    }
    if (x->argc == 3 && (!num_parse_int(x->argv[2], &wanted) || wanted < -1)) {
        resp_errorf(x->out, "ERR count should be greater than or equal to -1");
        return;
    }
    uint64_t longest = (uint64_t)x->engine->config->slowlog_max_len;
    uint64_t *max = mem_alloc(sizeof *max);
    *max = wanted < 0 || (uint64_t)wanted > longest ? longest : (uint64_t)wanted;
    gather_start(x, &slowlog_get, max);
}

/* ---- LEN ---- */

static void slowlog_len_ask(struct shard *shard, const void *question, void *answer) {
    (void)question;
    *(uint64_t *)answer = shard->slowlog.count;
}

static void slowlog_len_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    uint64_t sum = 0;
    uint64_t longest = (uint64_t)shard->engine.config->slowlog_max_len;
    for (unsigned s = 0; s < gather_count(gather); s++)
        sum += *(const uint64_t *)gather_answer(gather, s);
    resp_int(out, (int64_t)(sum > longest ? longest : sum));
}

static const struct gather_how slowlog_len = {
    .answer_bytes = sizeof(uint64_t), .ask = slowlog_len_ask, .finish = slowlog_len_finish};

void cmd_slowlog_len(struct exec *x) {
    gather_start(x, &slowlog_len, NULL);
}

/* ---- RESET ---- */

static void slowlog_reset_ask(struct shard *shard, const void *question, void *answer) {
    (void)question;
    (void)answer;
    slowlog_reset(&shard->slowlog);
}

static void slowlog_reset_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    (void)shard;
    (void)gather;
    resp_ok(out);
}

static const struct gather_how slowlog_reset_how = {.ask = slowlog_reset_ask, .finish = slowlog_reset_finish};

void cmd_slowlog_reset(struct exec *x) {
    gather_start(x, &slowlog_reset_how, NULL);
}

void cmd_slowlog_help(struct exec *x) {
    static const char *const lines[] = {
        "GET [<count>]",
        "    Give the newest entries, 10 unless told, all with -1. Each is its number, the time,",
        "    the microseconds it took, its arguments, and the client's address and name.",
        "LEN",
        "    Count the entries.",
        "RESET",
        "    Remove all entries.",
    };
    cmd_reply_help(x, "SLOWLOG", lines, COUNT_OF(lines));
}
