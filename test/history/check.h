/* check.h: is a history of reads and writes of registers strictly serializable, pipelines included?
 *
 * A history is a set of transactions, each with the time its bytes were sent, the time its reply was there, the
 * connection it ran on, and what it read and wrote. Every value is written once: it is the number of the
 * transaction that wrote it. Transaction 0 stands for the empty database: it wrote every key's first value, 0. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CHECK_KEYS_MAX = 32, CHECK_PART_MAX = 4 };

/* What a transaction saw or left at one key. */
struct access {
    int key;
    int value; /* number of the writing transaction */
};

struct txn {
    int conn;
    int64_t sent_ns, replied_ns;
    int reads, writes;
    struct access read[CHECK_PART_MAX];
    struct access write[CHECK_PART_MAX];
};

/* True when some serial order explains the history `txns[1..count-1]`; it has to keep the order of non-overlapping
 * transactions and of those of one connection (which stand in `txns` in the order they were sent). Else writes a
 * cycle, or what else is wrong, to `why`. O(count^3 / 64) a few times over: meant for a thousand. */
bool check_history(const struct txn *txns, int count, FILE *why);
