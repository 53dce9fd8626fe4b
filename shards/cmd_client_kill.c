/* cmd_client_kill.c: CLIENT KILL and CLIENT UNBLOCK.
 *
 * Every shard closes those of its own connections that match, on its own thread because sockets are closed. The caller's
 * own connection, where it matches too, is closed last: when it has its answer. */
#include "core/base/mem.h"
#include "net/conn_describe.h"
#include "shards/gather.h"
#include "shards/server.h"

struct kill_filter {
    uint64_t self; /* the caller's number */
    bool is_old_form;
    bool is_skipping_self;
    bool is_nobody; /* a class or user that no client is ever of */
    bool has_class;
    enum config_client_class client_class;
    uint64_t id;       /* 0: any */
    int64_t age_min_s; /* 0: any */
    struct bytes addr; /* empty: any; these two point into the copied arguments behind */
    struct bytes laddr;
    char text[];
};

struct kill_answer {
    uint64_t count;
    bool is_self_hit;
};

static bool kill_hits(const struct kill_filter *f, const struct conn *conn) {
    if (conn->close_asap || conn->close_after_reply)
        return false;
    if (f->is_nobody || (f->is_skipping_self && conn->id == f->self))
        return false;
    if (f->id && f->id != conn->id)
        return false;
    if (f->addr.ptr && !bytes_equal(f->addr, bytes_cstr(conn->addr)))
        return false;
    if (f->laddr.ptr && !bytes_equal(f->laddr, bytes_cstr(conn->laddr)))
        return false;
    if (f->has_class && conn->client_class != f->client_class)
        return false;
    return f->age_min_s == 0 || (conn->host->now_ms - conn->created_ms) / 1000 >= f->age_min_s;
}

static void kill_ask(struct shard *shard, const void *question, void *answer) {
    const struct kill_filter *f = question;
    struct kill_answer *a = answer;
    for (struct link *node = shard->conns.next, *next; node != &shard->conns; node = next) {
        struct conn *conn = CONTAINER_OF(node, struct conn, all_link);
        next = node->next;
        if (!kill_hits(f, conn))
            continue;
        a->count++;
        if (conn->id == f->self)
            a->is_self_hit = true;
        else
            conn_close(conn, CONN_CLOSED_BY_KILL);
        if (f->is_old_form)
            return;
    }
}

static void kill_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    const struct kill_filter *f = gather_question(gather);
    uint64_t count = 0;
    (void)shard;
    for (unsigned i = 0; i < gather_count(gather); i++) {
        const struct kill_answer *a = gather_answer(gather, i);
        count += a->count;
        if (a->is_self_hit)
            conn_close_after_reply(gather_request(gather)->to.conn, CONN_CLOSED_BY_KILL);
    }
    if (!f->is_old_form)
        resp_int(out, (int64_t)count);
    else if (count)
        resp_ok(out);
    else
        resp_err(out, REPLY_ERR_NO_CLIENT);
}

static const struct gather_how kill_how = {
    .answer_bytes = sizeof(struct kill_answer),
    .ask = kill_ask,
    .finish = kill_finish,
    .free_question = mem_free,
    .needs_thread = true,
};

/* ---- arguments ---- */

/* Reads a whole number greater than 0; false: `error` was answered. */
static bool kill_read_positive(struct exec *x, int i, const char *error, int64_t *value_out) {
    *value_out = 0;
    if (num_parse_int(x->argv[i], value_out) && *value_out > 0)
        return true;
    resp_errorf(x->out, "ERR %s", error);
    return false;
}

static bool kill_read_type(struct exec *x, int i, struct kill_filter *f) {
    if (bytes_is_word(x->argv[i], "master")) {
        f->is_nobody = true;
        return true;
    }
    f->has_class = true;
    if (conn_class_from_word(x->argv[i], &f->client_class))
        return true;
    resp_errorf(x->out, "ERR Unknown client type '%.*s'", (int)x->argv[i].len, x->argv[i].ptr);
    return false;
}

static bool kill_read_user(struct exec *x, int i) {
    if (bytes_equal(x->argv[i], BYTES_LIT("default")))
        return true;
    resp_errorf(x->out, "ERR No such user '%.*s'", (int)x->argv[i].len, x->argv[i].ptr);
    return false;
}

static bool kill_read_age(struct exec *x, int i, struct kill_filter *f) {
    if (!num_parse_int(x->argv[i], &f->age_min_s)) {
        resp_errorf(x->out, "ERR maxage is not an integer or out of range");
        return false;
    }
    return kill_read_positive(x, i, "maxage should be greater than 0", &f->age_min_s);
}

/* Reads one option and its value at argv[i]; false: the error was answered. */
static bool kill_read_option(struct exec *x, int i, struct kill_filter *f) {
    struct bytes word = x->argv[i];
    struct bytes value = i + 1 < x->argc ? x->argv[i + 1] : BYTES_NONE;
    if (i + 1 == x->argc) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    if (bytes_is_word(word, "id")) {
        int64_t id;
        if (!kill_read_positive(x, i + 1, "client-id should be greater than 0", &id))
            return false;
        f->id = (uint64_t)id;
        return true;
    }
    if (bytes_is_word(word, "maxage"))
        return kill_read_age(x, i + 1, f);
    if (bytes_is_word(word, "type"))
        return kill_read_type(x, i + 1, f);
    if (bytes_is_word(word, "user"))
        return kill_read_user(x, i + 1);
    if (bytes_is_word(word, "addr")) {
        f->addr = value;
        return true;
    }
    if (bytes_is_word(word, "laddr")) {
        f->laddr = value;
        return true;
    }
    bool is_yes = bytes_is_word(value, "yes");
    if (!bytes_is_word(word, "skipme") || (!is_yes && !bytes_is_word(value, "no"))) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    f->is_skipping_self = is_yes;
    return true;
}

/* A copy whose texts lie behind it, for they outlive the command's arguments. */
static struct kill_filter *kill_copy(const struct kill_filter *f) {
    struct kill_filter *copy = mem_alloc(sizeof *f + f->addr.len + f->laddr.len);
    *copy = *f;
    if (f->addr.len)
        memcpy(copy->text, f->addr.ptr, f->addr.len);
    if (f->laddr.len)
        memcpy(copy->text + f->addr.len, f->laddr.ptr, f->laddr.len);
    if (f->addr.ptr)
        copy->addr.ptr = copy->text;
    if (f->laddr.ptr)
        copy->laddr.ptr = copy->text + f->addr.len;
    return copy;
}

void cmd_client_kill(struct exec *x) {
    struct kill_filter f = {
        .self = x->conn->id, .is_skipping_self = x->argc > 3, .is_old_form = x->argc == 3};
    if (f.is_old_form)
        f.addr = x->argv[2];
    for (int i = 2; i < x->argc && !f.is_old_form; i += 2)
        if (!kill_read_option(x, i, &f))
            return;
    gather_start(x, &kill_how, kill_copy(&f));
}

/* ---- CLIENT UNBLOCK ---- */

struct unblock_question {
    uint64_t id;
    bool is_error;
};

static void unblock_ask(struct shard *shard, const void *question, void *answer) {
    const struct unblock_question *q = question;
    enum waiter_race *race = answer;
    *race = waiting_unblock(shard, q->id, q->is_error);
}

static void unblock_finish(struct shard *shard, struct gather *gather, struct resp_out *out);

static const struct gather_how unblock_how = {
    .answer_bytes = sizeof(enum waiter_race),
    .ask = unblock_ask,
    .finish = unblock_finish,
    .free_question = mem_free,
};

/* A client whose command is being run at this moment may yet wait on: it is asked again. */
static void unblock_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    bool has_won = false;
    bool is_busy = false;
    for (unsigned i = 0; i < gather_count(gather); i++) {
        const enum waiter_race *race = gather_answer(gather, i);
        has_won |= *race == WAITER_RACE_WON;
        is_busy |= *race == WAITER_RACE_BUSY;
    }
    if (!is_busy) {
        resp_int(out, has_won);
        return;
    }
    struct unblock_question *again = mem_alloc(sizeof *again);
    *again = *(const struct unblock_question *)gather_question(gather);
    gather_again(shard, gather, &unblock_how, again);
}

void cmd_client_unblock(struct exec *x) {
    int64_t id;
    if (x->argc > 4) {
        resp_errorf(x->out,
                    "ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.");
        return;
    }
    bool is_error = x->argc == 4 && bytes_is_word(x->argv[3], "error");
    if (x->argc == 4 && !is_error && !bytes_is_word(x->argv[3], "timeout")) {
        resp_errorf(x->out, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        return;
    }
    if (!num_parse_int(x->argv[2], &id)) {
        resp_err(x->out, REPLY_ERR_NOT_INT);
        return;
    }
    struct unblock_question *question = mem_alloc(sizeof *question);
    *question = (struct unblock_question){(uint64_t)id, is_error};
    gather_start(x, &unblock_how, question);
}
