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

static void batch_put_args(struct batch *batch, const struct request *r) {
    size_t need = 0;
    for (int i = 0; i < r->argc; i++)
        need += sizeof(uint32_t) + r->argv[i].len;
    char *to = buf_room(&batch->args, need);
    for (int i = 0; i < r->argc; i++) {
        must(r->argv[i].len <= UINT32_MAX);
        uint32_t len = (uint32_t)r->argv[i].len;
        memcpy(to, &len, sizeof len);
        if (len)
            memcpy(to + sizeof len, r->argv[i].ptr, len);
        to += sizeof len + len;
    }
    buf_commit(&batch->args, need);
}

void batch_add(struct batch *batch, const struct request *r) {
    if (batch->count == batch->cap) {
        batch->cap = batch->cap ? batch->cap * 2 : 16;
        batch->items = mem_realloc(batch->items, batch->cap * sizeof *batch->items);
    }
    batch->items[batch->count++] = (struct batch_item){
        .to = r->to,
        .txn = r->txn,
        .hash = r->hash,
        .args_at = batch->args.len,
        .argc = r->argc,
        .db = r->db,
        .command = r->command->id,
        .proto = r->proto,
        .flags = r->flags,
    };
    batch->message.run = batch_run;
    batch_put_args(batch, r);
}

/* Decodes an item's arguments into the shard's array; they point into the batch. */
static void batch_get_args(struct shard *shard, const struct batch *batch, const struct batch_item *item) {
    if (shard->argv_cap < item->argc) {
        shard->argv_cap = item->argc * 2;
        shard->argv = mem_realloc(shard->argv, (size_t)shard->argv_cap * sizeof *shard->argv);
    }
    const char *at = batch->args.ptr + item->args_at;
    for (int i = 0; i < item->argc; i++) {
        uint32_t len;
        memcpy(&len, at, sizeof len);
        shard->argv[i] = bytes_of(at + sizeof len, len);
        at += sizeof len + len;
    }
}

/* Buckets first, then entries, then long values: each pass finds what the one before it has asked for. */
static void batch_prefetch(struct shard *shard, const struct batch *batch) {
    void (*const passes[])(const struct keyspace *, uint64_t) = {keyspace_prefetch, keyspace_prefetch_entry,
                                                                 keyspace_prefetch_value};
    for (size_t pass = 0; pass < COUNT_OF(passes); pass++) {
        for (uint32_t i = 0; i < batch->count; i++) {
            const struct batch_item *item = &batch->items[i];
            const struct keyspace *ks = item->hash ? engine_find_db(&shard->engine, item->db) : NULL;
            if (ks)
                passes[pass](ks, item->hash);
        }
    }
}

/* On the owner: runs the items in order and sends the batch home. */
static void batch_run(struct shard *shard, struct message *message) {
    struct batch *batch = CONTAINER_OF(message, struct batch, message);
    dcheck(batch->to == shard->index);
    if (batch->count > 1)
        batch_prefetch(shard, batch);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct batch_item *item = &batch->items[i];
        batch_get_args(shard, batch, item);
        struct request request = {
            .command = command_get(item->command),
            .argv = shard->argv,
            .argc = item->argc,
            .db = item->db,
            .hash = item->hash,
            .proto = item->proto,
            .flags = item->flags,
            .to = item->to,
            .txn = item->txn,
        };
        item->reply_at = batch->replies.len;
        item->is_parked = !run_request(shard, &request, &batch->replies, &item->ticket);
        item->reply_bytes = batch->replies.len - item->reply_at;
    }
    batch->message.run = batch_return;
    shard_send(shard, batch->from, &batch->message);
}

/* At home: delivers the replies and keeps the batch. */
static void batch_return(struct shard *shard, struct message *message) {
    struct batch *batch = CONTAINER_OF(message, struct batch, message);
    dcheck(batch->from == shard->index);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct batch_item *item = &batch->items[i];
        if (!item->is_parked)
            reply_deliver(shard, &item->to, bytes_of(batch->replies.ptr + item->reply_at, item->reply_bytes),
                          batch->to, item->ticket);
    }
    batch_reset(batch);
    flush_give_back(&shard->flush, batch);
}
