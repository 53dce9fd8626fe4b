/* cmd_client_list.c: CLIENT LIST and CLIENT HELP.
 *
 * Every shard describes its own connections, on its own thread because the state of sockets is shown. The lines are then
 * put in the order of connection numbers, which is the order of arrival. */
#include "core/base/mem.h"
#include "core/cmd/cmd.h"
#include "net/conn_describe.h"
#include "shards/gather.h"
#include "shards/server.h"

#include <stdlib.h>

struct list_filter {
    bool has_class;
    bool is_nobody; /* a class that no client is ever of */
    enum config_client_class client_class;
    size_t id_count; /* 0: all */
    uint64_t ids[];
};

struct list_line {
    uint64_t id;
    size_t at;
    size_t len;
    const struct buf *text;
};

struct list_answer {
    struct buf text;
    struct buf lines; /* struct list_line */
};

static bool list_shows(const struct list_filter *filter, const struct conn *conn) {
    if (filter->is_nobody || (filter->has_class && conn->client_class != filter->client_class))
        return false;
    for (size_t i = 0; i < filter->id_count; i++)
        if (filter->ids[i] == conn->id)
            return true;
    return filter->id_count == 0;
}

static void list_ask(struct shard *shard, const void *question, void *answer) {
    struct list_answer *a = answer;
    for (struct link *node = shard->conns.next; node != &shard->conns; node = node->next) {
        const struct conn *conn = CONTAINER_OF(node, struct conn, all_link);
        if (conn->close_asap || !list_shows(question, conn))
            continue;
        struct list_line line = {.id = conn->id, .at = a->text.len};
        conn_describe(conn, &a->text);
        buf_put_char(&a->text, '\n');
        line.len = a->text.len - line.at;
        buf_put(&a->lines, &line, sizeof line);
    }
}

static int list_compare(const void *left, const void *right) {
    uint64_t a = ((const struct list_line *)left)->id;
    uint64_t b = ((const struct list_line *)right)->id;
    return a < b ? -1 : a > b;
}

static void list_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {
    struct buf all;
    struct buf text;
    (void)shard;
    buf_init(&all);
    buf_init(&text);
    for (unsigned i = 0; i < gather_count(gather); i++) {
        struct list_answer *a = gather_answer(gather, i);
        struct list_line *lines = (struct list_line *)(void *)a->lines.ptr;
        for (size_t k = 0; k < a->lines.len / sizeof *lines; k++)
            lines[k].text = &a->text;
        buf_put_bytes(&all, buf_bytes(&a->lines));
        buf_deinit(&a->lines);
    }
    struct list_line *lines = (struct list_line *)(void *)all.ptr;
    size_t count = all.len / sizeof *lines;
    if (count)
        qsort(lines, count, sizeof *lines, list_compare);
    for (size_t k = 0; k < count; k++)
        buf_put(&text, lines[k].text->ptr + lines[k].at, lines[k].len);
    resp_verbatim(out, "txt", buf_bytes(&text));
    for (unsigned i = 0; i < gather_count(gather); i++)
        buf_deinit(&((struct list_answer *)gather_answer(gather, i))->text);
    buf_deinit(&text);
    buf_deinit(&all);
}

static const struct gather_how list_how = {
    .answer_bytes = sizeof(struct list_answer),
    .ask = list_ask,
    .finish = list_finish,
    .free_question = mem_free,
    .needs_thread = true,
};

/* Reads the arguments into the filter; false: the error was answered. */
static bool list_read(struct exec *x, struct list_filter *filter) {
    if (x->argc == 2)
        return true;
    if (x->argc == 4 && bytes_is_word(x->argv[2], "type")) {
        filter->has_class = true;
        filter->is_nobody = bytes_is_word(x->argv[3], "master");
        if (!filter->is_nobody && !conn_class_from_word(x->argv[3], &filter->client_class)) {
            resp_errorf(x->out, "ERR Unknown client type '%.*s'", (int)x->argv[3].len, x->argv[3].ptr);
            return false;
        }
        return true;
    }
    if (x->argc == 3 || !bytes_is_word(x->argv[2], "id")) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    for (int i = 3; i < x->argc; i++) {
        int64_t id;
        if (!num_parse_int(x->argv[i], &id)) {
            resp_errorf(x->out, "ERR Invalid client ID");
            return false;
        }
        filter->ids[filter->id_count++] = (uint64_t)id;
    }
    return true;
}

void cmd_client_list(struct exec *x) {
    struct list_filter *filter = mem_zalloc(sizeof *filter + (size_t)x->argc * sizeof filter->ids[0]);
    if (list_read(x, filter))
        gather_start(x, &list_how, filter);
    else
        mem_free(filter);
}

void cmd_client_help(struct exec *x) {
    static const char *const lines[] = {
        "GETNAME",
        "    Give the name of this connection.",
        "ID",
        "    Give the number of this connection.",
        "INFO",
        "    Describe this connection in one line.",
        "KILL <ip:port>",
        "    Close the connection from this address.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Close all connections that match every option:",
        "    * ADDR (<ip:port>|<unixsocket>:0)",
        "      The client's address.",
        "    * LADDR (<ip:port>|<unixsocket>:0)",
        "      The server's address.",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      The kind of client.",
        "    * USER <username>",
        "      The user it has authenticated as.",
        "    * ID <client-id>",
        "      The connection's number.",
        "    * MAXAGE <seconds>",
        "      Connected for at least so long.",
        "    * SKIPME (YES|NO)",
        "      Whether this connection is spared (default: yes).",
        "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID <client-id> [...]]",
        "    Describe connections, one in a line.",
        "NO-EVICT (ON|OFF)",
        "    Protect this connection from being closed for its memory.",
        "NO-TOUCH (ON|OFF)",
        "    Let this connection read keys without noting the access.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Let all commands, or those that write, wait for so many milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Turn replies to this connection on and off, or drop the next one.",
        "SETINFO <option> <value>",
        "    Note the name (LIB-NAME) or version (LIB-VER) of the client's library.",
        "SETNAME <name>",
        "    Name this connection.",
        "UNBLOCK <client-id> [TIMEOUT|ERROR]",
        "    Wake a client that waits in a blocking command.",
        "UNPAUSE",
        "    End a pause.",
    };
    cmd_reply_help(x, "CLIENT", lines, COUNT_OF(lines));
}
