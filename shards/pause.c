/* pause.c: a list of connections, and a moment.
 *
 * I1  A connection stands on pause.waiting only while is_blocked: it was refused a command and its socket is not read.
 * I2  Ending a pause moves all of them to the shard's resume list, which the loop works off on the shard's own thread. If
 *     the same connections must wait again, under a new pause, they come back here. */
#include "shards/pause.h"

#include "shards/server.h"

void pause_init(struct pause *pause) {
    pause->until_ms = 0;
    pause->is_for_all = false;
    link_init_head(&pause->waiting);
}

bool pause_holds(const struct shard *shard, const struct conn *conn, const struct command *command) {
    const struct pause *pause = &shard->pause;
    if (pause->until_ms == 0 || conn->is_exempt_from_pause)
        return false;
    return pause->is_for_all || (command->flags & (CMD_WRITE | CMD_MAY_REPLICATE)) != 0;
}

void pause_wait(struct shard *shard, struct conn *conn) {
    link_remove(&conn->paused_link);
    link_push_back(&shard->pause.waiting, &conn->paused_link); /* I1 */
}

/* I2 */
static void pause_let_go(struct shard *shard) {
    struct link *node;
    while ((node = link_pop_front(&shard->pause.waiting)) != NULL)
        link_push_back(&shard->resume, node);
}

void pause_begin(struct shard *shard, int64_t until_ms, bool is_for_all) {
    shard->pause.until_ms = until_ms;
    shard->pause.is_for_all = is_for_all;
    pause_let_go(shard);
}

void pause_end(struct shard *shard) {
    shard->pause.until_ms = 0;
    pause_let_go(shard);
}

void pause_check(struct shard *shard) {
    if (UNLIKELY(shard->pause.until_ms != 0) && shard->engine.now_ms >= shard->pause.until_ms)
        pause_end(shard);
}

unsigned pause_count(const struct shard *shard) {
    unsigned count = 0;
    for (const struct link *node = shard->pause.waiting.next; node != &shard->pause.waiting;
         node = node->next)
        count++;
    return count;
}
