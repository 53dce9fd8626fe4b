/* message.h: what travels between shards.
 *
 * A message is embedded in a larger object (a batch of commands, a lend, a new connection) and says by `run` what the
 * receiving shard does with it. Whoever pushes a message gives it away; `run` decides who has it next: most objects go
 * back to the shard that made them with their result and are freed or reused at home. */
#pragma once

#include "core/base/attr.h"

struct shard;

struct message {
    struct message *next; /* first field: the inbox links through it */
    void (*run)(struct shard *shard, struct message *message);
};
