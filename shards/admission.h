/* admission.h: whether a command may run at all, decided once, before anything is sent anywhere. */
#pragma once

#include "core/command/command.h"
#include "net/conn.h"

struct shard;

/* The request's command, if it is known, has the right number of arguments and may run now; else NULL, and the error reply
 * is in `error` (the whole line, without CR LF). */
const struct command *admission_check(struct shard *shard, struct conn *conn,
                                      const struct conn_request *request, struct buf *error);

/* The same for a command that was admitted once, has waited since, and is about to run again: the reasons that may have
 * come up meanwhile. False: the error reply is in `error`. */
bool admission_again(struct shard *shard, const struct command *command, struct buf *error);

/* Does the client come from this machine (for settings that say "local")? */
bool admission_is_local(const struct conn *conn);
