/* slowlog.h: the commands that took longest, as SLOWLOG GET shows them.
 *
 * A command is timed where it runs, but who sent it is known where its connection lives; so the entry travels there, and
 * each shard keeps the entries of its own connections. Numbers are unique in the server and grow with time. */
#pragma once

#include "core/base/buf.h"
#include "core/base/link.h"
#include "shards/request.h"

struct shard;

struct slowlog {
    struct link entries; /* newest first */
    uint64_t count;
};

void slowlog_init(struct slowlog *log);
void slowlog_deinit(struct slowlog *log);

/* The request ran on this shard and took `us`: makes an entry if that is as long as slowlog-log-slower-than says. */
void slowlog_note(struct shard *shard, const struct request *request, uint64_t us);

/* Drops the oldest entries beyond slowlog-max-len. */
void slowlog_trim(struct shard *shard);

void slowlog_reset(struct slowlog *log);

/* One entry of SLOWLOG GET, as bytes of a reply that is the same in both protocols. */
struct slowlog_shown {
    uint64_t id;
    size_t at;
    size_t len;
};

/* Writes the newest entries, at most `max`, into `text`; their numbers and places into `shown` (room for max). Returns
 * how many. */
unsigned slowlog_show(const struct slowlog *log, unsigned max, struct buf *text, struct slowlog_shown *shown);
