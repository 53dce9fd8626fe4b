/* resp_parse.h: requests, from bytes to arguments, without copying them.
 *
 * A parser belongs to one connection and remembers how far it came with the command at the front of that
 * connection's input. It owns no input: each call presents all unconsumed bytes again, at whatever address they
 * lie by then.
 *
 *     for (;;) {
 *         switch (resp_parse(&p, &limits, unconsumed, &used)) {
 *         case RESP_COMMAND: run p.argv[0 .. p.argc); drop `used` bytes from the front; continue;
 *         case RESP_MORE:    keep the bytes; read more, at least up to p.need_bytes in all;
 *         case RESP_ERROR:   reply "-ERR " + p.error unless p.is_silent; close;
 *
 * Both request forms are understood: arrays of bulk strings, and inline commands (a line of words with Redis's
 * quoting rules).
 *
 * Owner's thread only. Memory: one argument array, which grows with the arguments that really arrived, never
 * with an announced count; one scratch block while an inline command with quotes is the current one.
 * Time: each input byte is looked at a bounded number of times, however the input is cut into pieces; and the
 * result does not depend on the cuts. */
#pragma once

#include "core/base/bytes.h"

struct resp_limits {
    int64_t bulk_max_bytes;  /* longest argument: proto-max-bulk-len */
    int64_t args_max;        /* most arguments of one command; capped at INT32_MAX */
    size_t inline_max_bytes; /* longest inline line, and longest header line: 64 KiB */
    size_t query_max_bytes;  /* most bytes of one command: client-query-buffer-limit; 0 = no limit */
    bool authenticated;      /* false: arrays have at most 10 arguments of at most 16 KiB each */
};

enum resp_status {
    RESP_COMMAND, /* a whole command: argv, argc and *used_out tell it */
    RESP_MORE,    /* the command at the front is unfinished */
    RESP_ERROR,   /* no command can ever be read from this input; stays so */
};

struct resp_parser {
    /* Results of the last call. */
    int argc;           /* 0 unless it returned RESP_COMMAND */
    struct bytes *argv; /* views into the data of that call, or into `scratch`; valid until the next call */
    const char *error;  /* after RESP_ERROR: "Protocol error: ...", to stand after "-ERR "; else NULL */
    bool is_silent;     /* after RESP_ERROR: the connection is closed without a reply, as Redis does it */
    size_t need_bytes;  /* after RESP_MORE: no step succeeds before the view is this long. A stranger chooses
                         * it: never make room for more than what arrived + 32 KiB on its account */

    /* Private: where the unfinished command stands. Positions count from the front of the data. */
    size_t args_cap;    /* elements argv has room for */
    size_t args_done;   /* arguments understood so far; argv[i].ptr holds their positions while midway */
    int64_t args_left;  /* arguments still to come; -1 = the array's header has not been read */
    int64_t bulk_bytes; /* length of the argument at `at`; -1 = its header has not been read */
    size_t at;          /* first byte not yet understood */
    size_t scanned;     /* bytes before this one hold no end of the current line */
    char *scratch;      /* unquoted words of an inline command, or NULL */
    char error_text[40];
};

/* Makes a parser that stands at the start of a command. Allocates nothing. */
void resp_parser_init(struct resp_parser *p);

/* Frees what it owns. */
void resp_parser_deinit(struct resp_parser *p);

/* Frees what an idle parser does not need; for connections that went quiet. argv is invalid afterwards. Does
 * nothing while a command is midway. */
void resp_parser_trim(struct resp_parser *p);

/* True while a command has begun and is not complete. */
static inline bool resp_parser_is_midway(const struct resp_parser *p) {
    return p->at != 0 || p->scanned != 0;
}

/* Bytes of heap memory that the parser holds. */
size_t resp_parser_memory(const struct resp_parser *p);

/* Reads the command at the front of `data` (borrows it). After RESP_MORE the caller must present the same bytes
 * again at the front of a view that is not shorter. *used_out is the length of the command's text after
 * RESP_COMMAND, else 0. argc is 0 for an empty line and for "*0" and "*-1", which the caller skips. */
enum resp_status resp_parse(struct resp_parser *p, const struct resp_limits *limits, struct bytes data,
                            size_t *used_out);
