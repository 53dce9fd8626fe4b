/* cmd_config.c: CONFIG GET, SET, RESETSTAT, REWRITE.
 *
 * CONFIG SET changes the master copy, on shard 0, and then hands every shard a new snapshot. The reply leaves when the
 * last shard works with it; then nobody reads the old snapshot, and it is freed. Two CONFIG SETs may be under way: each
 * replaces the snapshot of the one before, and every shard sees them in order because shard 0 sends both. */
#include "core/base/mem.h"
#include "core/cmd/cmd.h"
#include "shards/admission.h"
#include "shards/gather.h"
#include "shards/server.h"
#include "shards/settings.h"
#include "shards/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* ---- GET ---- */

struct config_reply {
    struct resp_out *out;
    size_t count;
};

static void config_reply_row(void *context, struct bytes name, struct bytes value) {
    struct config_reply *reply = context;
    resp_bulk(reply->out, name);
    resp_bulk(reply->out, value);
    reply->count++;
}

void cmd_config_get(struct exec *x) {
    const struct shard *shard = x->host;
    struct config_reply reply = {x->out, 0};
    size_t mark = resp_defer(x->out);
    config_get(shard->server->config, x->argv + 2, (size_t)x->argc - 2, config_reply_row, &reply);
    resp_defer_map(x->out, mark, reply.count);
}

/* ---- SET ---- */

struct config_change {
    struct config *before;
    const struct config *after;
};

static void config_swap_ask(struct shard *shard, const void *question, void *answer) {
    (void)answer;
    settings_install(shard, ((const struct config_change *)question)->after);
}

static void config_swap_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    (void)shard;
    (void)gather;
    resp_ok(out);
}

static void config_change_free(void *question) {
    struct config_change *change = question;
    settings_free(change->before);
    mem_free(change);
}

static const struct gather_how config_swap = {
    .ask = config_swap_ask,
    .finish = config_swap_finish,
    .free_question = config_change_free,
};

/* CONFIG GET dir shows where the process is, not how it was told to go there. */
static void config_note_dir(struct config *config) {
    char path[PATH_MAX];
    struct buf error;
    if (!getcwd(path, sizeof path))
        return;
    buf_init(&error);
    (void)config_put(config, CONFIG_dir, bytes_cstr(path), &error);
    buf_deinit(&error);
}

static bool config_ids_are_none(const struct config_ids *ids) {
    for (size_t i = 0; i < COUNT_OF(ids->words); i++)
        if (ids->words[i])
            return false;
    return true;
}

/* What came of a CONFIG SET on shard 0. */
struct config_outcome {
    struct buf error;             /* the reply, if it failed */
    struct config_change *change; /* for the shards; NULL when there is nothing to tell them */
};

/* Changes the master copy. The client's address may be read here: it is constant, and the client waits for the reply. */
static void config_change_master(struct shard *shard, const struct request *r,
                                 struct config_outcome *outcome) {
    struct server *server = shard->server;
    struct config_ids changed;
    const struct conn *conn = r->to.conn;
    size_t count = (size_t)(r->argc - 2) / 2;
    struct config_pair *pairs = mem_alloc(count * sizeof *pairs);
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct config_pair){r->argv[2 + 2 * i], r->argv[3 + 2 * i]};
    struct config_apply apply = {
        .owner = server, .apply = settings_apply, .caller_is_local = conn && admission_is_local(conn)};
    if (config_set(server->config, pairs, count, &apply, &changed, &outcome->error) &&
        !config_ids_are_none(&changed)) {
        if (config_ids_has(&changed, CONFIG_dir))
            config_note_dir(server->config);
        outcome->change = mem_alloc(sizeof *outcome->change);
        outcome->change->before = server->snapshot;
        outcome->change->after = server->snapshot = settings_snapshot(server->config);
    }
    mem_free(pairs);
}

/* A change that needs shard 0's own thread is made there, as the answer of shard 0; others answer nothing. */
static void config_thread_ask(struct shard *shard, const void *question, void *answer) {
    const struct request *r = question;
    if (shard->index == 0)
        config_change_master(shard, r, answer);
}

static void config_thread_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    struct config_outcome *outcome = gather_answer(gather, 0);
    if (outcome->error.len)
        resp_error(out, buf_bytes(&outcome->error));
    else if (outcome->change)
        gather_again(shard, gather, &config_swap, outcome->change);
    else
        resp_ok(out);
    buf_deinit(&outcome->error);
}

static const struct gather_how config_thread = {
    .answer_bytes = sizeof(struct config_outcome),
    .ask = config_thread_ask,
    .finish = config_thread_finish,
    .needs_thread = true,
};

static bool config_needs_thread(const struct exec *x) {
    for (int i = 2; i + 1 < x->argc; i += 2) {
        enum config_id id = config_find(x->argv[i]);
        if (id != CONFIG_COUNT && settings_needs_thread(id))
            return true;
    }
    return false;
}

void cmd_config_set(struct exec *x) {
    struct shard *shard = x->host;
    struct config_outcome outcome = {0};
    if (x->argc & 1) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if (config_needs_thread(x)) {
        gather_start_with_request(x, &config_thread);
        return;
    }
    config_change_master(shard, shard->current, &outcome);
    if (outcome.error.len)
        resp_error(x->out, buf_bytes(&outcome.error));
    else if (outcome.change)
        gather_start(x, &config_swap, outcome.change);
    else
        resp_ok(x->out);
    buf_deinit(&outcome.error);
}

/* ---- RESETSTAT ---- */

static void config_reset_ask(struct shard *shard, const void *question, void *answer) {
    (void)question;
    (void)answer;
    stats_reset(shard);
}

static const struct gather_how config_reset = {.ask = config_reset_ask, .finish = config_swap_finish};

void cmd_config_resetstat(struct exec *x) {
    gather_start(x, &config_reset, NULL);
}

/* ---- REWRITE ---- */

static bool config_read_file(const char *path, struct buf *text) {
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT; /* it is made anew */
    char block[4096];
    size_t got;
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        buf_put(text, block, got);
    bool is_read = !ferror(file);
    fclose(file);
    return is_read;
}

static bool config_write_all(int fd, struct bytes text) {
    while (text.len > 0) {
        ssize_t written = write(fd, text.ptr, text.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        text = bytes_of(text.ptr + written, text.len - (size_t)written);
    }
    return fsync(fd) == 0;
}

/* Replaces the file at once: whoever reads it sees the old text or the new one. */
static bool config_replace_file(const char *path, struct bytes text) {
    char fresh[PATH_MAX];
    int len = snprintf(fresh, sizeof fresh, "%s.%d.tmp", path, (int)getpid());
    if (len < 0 || (size_t)len >= sizeof fresh) {
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    bool is_done = config_write_all(fd, text);
    is_done = close(fd) == 0 && is_done;
    is_done = is_done && rename(fresh, path) == 0;
    if (!is_done) {
        int why = errno;
        unlink(fresh);
        errno = why;
    }
    return is_done;
}

void cmd_config_rewrite(struct exec *x) {
    const struct shard *shard = x->host;
    struct server *server = shard->server;
    const char *path = server->config->config_file;
    if (!path) {
        resp_errorf(x->out, "ERR The server is running without a config file");
        return;
    }
    struct buf before;
    struct buf after;
    buf_init(&before);
    buf_init(&after);
    bool is_done = config_read_file(path, &before);
    if (is_done) {
        config_rewrite(server->config, buf_bytes(&before), &after);
        is_done = config_replace_file(path, buf_bytes(&after));
    }
    if (is_done) {
        logger_say(&server->logger, LOGLEVEL_NOTICE, "CONFIG REWRITE executed with success.");
        resp_ok(x->out);
    } else {
        const char *why = strerror(errno);
        logger_say(&server->logger, LOGLEVEL_WARNING, "CONFIG REWRITE failed: %s", why);
        resp_errorf(x->out, "ERR Rewriting config file: %s", why);
    }
    buf_deinit(&before);
    buf_deinit(&after);
}

void cmd_config_help(struct exec *x) {
    static const char *const lines[] = {
        "GET <pattern> [<pattern> ...]",
        "    Give the directives that match the patterns, with their values.",
        "SET <directive> <value> [<directive> <value> ...]",
        "    Change directives, all of them or none.",
        "RESETSTAT",
        "    Set the counters that INFO shows to zero.",
        "REWRITE",
        "    Write the running configuration into the configuration file.",
    };
    cmd_reply_help(x, "CONFIG", lines, COUNT_OF(lines));
}
