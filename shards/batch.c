/* batch.c: a batch's round trip: filled at home, run by the owner, delivered at home.
 *
 * The owner first prefetches the table buckets of all items, then runs them: the misses of one turn overlap instead of
 * adding up. */
#include "shards/batch.h"

#include "core/base/mem.h"
#include "shards/reply.h"
#include "shards/run.h"
#include "shards/shard.h"

static void batch_run(struct shard *shard, struct message *message);
static void batch_return(struct shard *shard, struct message *message);

struct batch *batch_new(unsigned from) {
    struct batch *batch = mem_zalloc(sizeof *batch);
    batch->from = from;
    return batch;
}

void batch_free(struct batch *batch) {
    mem_free(batch->items);
    buf_deinit(&batch->args);
    buf_deinit(&batch->replies);
    mem_free(batch);
}

void batch_reset(struct batch *batch) {
    batch->count = 0;
    batch->is_ordered = false;
    buf_clear(&batch->args, BATCH_KEEP_BYTES);
    buf_clear(&batch->replies, BATCH_KEEP_BYTES);
}

static char *batch_put_u32(char *to, size_t value) {
    must(value <= UINT32_MAX);
    uint32_t word = (uint32_t)value;
    memcpy(to, &word, sizeof word);
    return to + sizeof word;
}

static void batch_put_args(struct batch *batch, const struct request *r) {
    size_t need = sizeof(uint32_t);
    for (int i = 0; i < r->argc; i++)
        need += sizeof(uint32_t) + r->argv[i].len;
    char *to = batch_put_u32(buf_room(&batch->args, need), (size_t)r->argc);
    for (int i = 0; i < r->argc; i++) {
        to = batch_put_u32(to, r->argv[i].len);
        if (r->argv[i].len)
            memcpy(to, r->argv[i].ptr, r->argv[i].len);
        to += r->argv[i].len;
    }
    buf_commit(&batch->args, need);
}

void batch_add(struct batch *batch, const struct request *r) {
    if (batch->count == batch->cap) {
        batch->cap = batch->cap ? batch->cap * 2 : 16;
        batch->items = mem_realloc(batch->items, batch->cap * sizeof *batch->items);
    }
    struct batch_item *item = &batch->items[batch->count++];
    *item = (struct batch_item){
        .conn = r->to.conn,
        .slot = r->to.slot,
        .whole.fanout = r->to.fanout,
        .hash = r->hash,
        .db = r->db,
        .command = r->command->id,
        .part = r->to.part,
        .proto = r->proto,
        .flags = r->flags,
    };
    if (r->flags & REQUEST_LEND)
        item->whole.txn = r->txn;
    batch->message.run = batch_run;
    batch_put_args(batch, r);
}

static const char *batch_get_u32(const char *at, uint32_t *value_out) {
    memcpy(value_out, at, sizeof *value_out);
    return at + sizeof *value_out;
}

/* Decodes the arguments at `at` into the shard's array; they point into the batch. Gives where the next item's stand. */
static const char *batch_get_args(struct shard *shard, const char *at, int *argc_out) {
    uint32_t argc;
    at = batch_get_u32(at, &argc);
    *argc_out = (int)argc;
    if (shard->argv_cap < *argc_out) {
        shard->argv_cap = *argc_out * 2;
        shard->argv = mem_realloc(shard->argv, (size_t)shard->argv_cap * sizeof *shard->argv);
    }
    for (uint32_t i = 0; i < argc; i++) {
        uint32_t len;
        at = batch_get_u32(at, &len);
        shard->argv[i] = bytes_of(at, len);
        at += len;
    }
    return at;
}

static struct reply_to batch_reply_to(const struct batch *batch, const struct batch_item *item) {
    return (struct reply_to){.conn = item->conn,
                             .slot = item->slot,
                             .fanout = item->flags & REQUEST_LEND ? NULL : item->whole.fanout,
                             .part = item->part,
                             .coordinator = (uint16_t)batch->from};
}

static void batch_deliver(struct shard *shard, const struct batch *batch, const struct batch_item *item,
                          const char *reply) {
    if (item->is_parked)
        return;
    struct reply_to to = batch_reply_to(batch, item);
    reply_deliver(shard, &to, bytes_of(reply, item->reply_bytes), batch->to, item->ticket);
}

static const struct entry *batch_probable(const struct shard *shard, const struct batch_item *item) {
    const struct keyspace *ks = item->hash ? engine_find_db(&shard->engine, item->db) : NULL;
    return ks ? keyspace_probable(ks, item->hash) : NULL;
}

/* Buckets first, then entries, then long values: each pass finds what the one before it has asked for. */
static void batch_prefetch(const struct shard *shard, const struct batch *batch) {
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];
        const struct keyspace *ks = item->hash ? engine_find_db(&shard->engine, item->db) : NULL;
        if (ks)
            keyspace_prefetch(ks, item->hash);
    }
    for (uint32_t i = 0; i < batch->count; i++)
        __builtin_prefetch(batch_probable(shard, &batch->items[i]));
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct entry *e = batch_probable(shard, &batch->items[i]);
        if (e != NULL && !(command_get(batch->items[i].command)->flags & CMD_WRITE))
            keyspace_prefetch_value(e);
    }
}

/* Runs one item, whose arguments stand at *args; its reply is appended to batch->replies. */
static void batch_run_item(struct shard *shard, struct batch *batch, struct batch_item *item,
                           const char **args) {
    struct request request = {
        .command = command_get(item->command),
        .db = item->db,
        .hash = item->hash,
        .proto = item->proto,
        .flags = item->flags,
        .to = batch_reply_to(batch, item),
        .txn = item->flags & REQUEST_LEND ? item->whole.txn : NULL,
    };
    *args = batch_get_args(shard, *args, &request.argc);
    request.argv = shard->argv;
    size_t before = batch->replies.len;
    item->is_parked = !run_request(shard, &request, &batch->replies, &item->ticket);
    item->reply_bytes = batch->replies.len - before;
}

static void batch_go_home(struct shard *shard, struct batch *batch) {
    batch_reset(batch);
    flush_give_back(&shard->flush, batch);
}

/* On the owner: runs the items in order and sends the batch home. One that is at home already delivers each reply at
 * once. */
static void batch_run(struct shard *shard, struct message *message) {
    struct batch *batch = CONTAINER_OF(message, struct batch, message);
    dcheck(batch->to == shard->index);
    bool is_home = batch->from == shard->index;
    if (batch->count > 1)
        batch_prefetch(shard, batch);
    const char *args = batch->args.ptr;
    for (uint32_t i = 0; i < batch->count; i++) {
        batch_run_item(shard, batch, &batch->items[i], &args);
        if (is_home) {
            batch_deliver(shard, batch, &batch->items[i], batch->replies.ptr);
            batch->replies.len = 0;
        }
    }
    if (is_home) {
        batch_go_home(shard, batch);
        return;
    }
    batch->message.run = batch_return;
    shard_send(shard, batch->from, &batch->message);
}

/* At home: delivers the replies and keeps the batch. */
static void batch_return(struct shard *shard, struct message *message) {
    struct batch *batch = CONTAINER_OF(message, struct batch, message);
    dcheck(batch->from == shard->index);
    const char *reply = batch->replies.ptr;
    for (uint32_t i = 0; i < batch->count; i++) {
        batch_deliver(shard, batch, &batch->items[i], reply);
        reply += batch->items[i].reply_bytes;
    }
    batch_go_home(shard, batch);
}
