/* request.h: one command on its way: what to run, and where its reply goes. */
#pragma once

#include "core/command/command.h"

struct conn;
struct fanout;
struct log_slot;
struct txn;

/* The place where a reply is awaited. Only the coordinating shard's thread may follow the pointers, except that parts of
 * a fan-out read its constant description (fanout.h). */
struct reply_to {
    struct conn *conn;
    uint64_t slot;         /* in conn->order; unused when fanout is set */
    struct fanout *fanout; /* NULL: the reply is the connection's as it is */
    uint16_t part;         /* of the fan-out */
    uint16_t coordinator;  /* shard number */
};

enum request_flag {
    REQUEST_NO_TOUCH = 1 << 0, /* CLIENT NO-TOUCH */
    REQUEST_IS_PART = 1 << 1,  /* one part of a SCOPE_SPLIT or SCOPE_ALL command */
    REQUEST_LEND = 1 << 2,     /* argv are keys to lend; see txn.h */
    REQUEST_HOLD = 1 << 7,     /* the shard is to be held; see sort_txn.h */
};

struct request {
    const struct command *command;
    const struct bytes *argv;
    int argc;
    int db;
    uint64_t hash; /* of the first key; 0 when there is none */
    uint8_t proto;
    uint8_t flags; /* enum request_flag */
    struct reply_to to;
    struct txn *txn;           /* with REQUEST_LEND */
    struct log_slot *log_slot; /* the place kept for its effects in the log; NULL: none */
};
