/* monitor.h: MONITOR: clients that are shown every command.
 *
 * A shard writes down the commands that it routes, as lines, while anybody in the server monitors. At the end of a turn
 * the lines go, as one message, to each shard that has monitors, and from there to the clients. So a monitor sees the
 * commands of one connection in their order, and those of different shards in the order in which the lines arrive.
 *
 * Owner: the shard, on its own thread (routing and accepting happen there), except that lines arrive by whoever acts as
 * the shard. */
#pragma once

#include "core/base/buf.h"
#include "core/base/link.h"
#include "core/command/command.h"

struct shard;
struct conn;

struct monitor {
    struct link clients; /* connections of this shard, by monitor_link */
    struct buf lines;    /* of this turn, not sent yet */
};

void monitor_init(struct monitor *monitor);
void monitor_deinit(struct monitor *monitor);

/* conn_host.on_monitor: the connection begins or ends to be shown commands. */
void monitor_switch(struct conn *conn, bool is_on);

/* Writes the command down, unless it is one that is not shown. Call it while server->monitor_count is not 0. */
void monitor_note(struct shard *shard, const struct conn *conn, const struct command *command, int argc,
                  const struct bytes *argv);

/* Sends this turn's lines. */
void monitor_flush(struct shard *shard);

/* Appends the text between quotes, bytes outside ASCII as \xHH. */
void monitor_put_quoted(struct buf *line, struct bytes text);
