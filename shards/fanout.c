/* fanout.c: cutting a command into parts, and collecting them.
 *
 * The coordinator's own part travels through its own inbox like all others: run here and now it would stand before
 * commands that are already in the inbox, while the other parts stand behind theirs. */
#include "shards/fanout.h"

#include "core/base/keyhash.h"
#include "core/base/mem.h"
#include "shards/fanout_merge.h"
#include "shards/reply.h"
#include "shards/route.h"
#include "shards/server.h"

static struct fanout *fanout_new(struct shard *shard, struct conn *conn, uint64_t slot,
                                 const struct request *request, unsigned part_count) {
    struct fanout *f = mem_zalloc(sizeof *f);
    f->conn = conn;
    f->slot = slot;
    f->command = request->command;
    f->proto = request->proto;
    f->txn_id = shard_next_txn_id(shard);
    f->part_count = f->pending = part_count;
    f->parts = mem_zalloc(part_count * sizeof *f->parts);
    return f;
}

static void fanout_free(struct fanout *f) {
    for (unsigned i = 0; i < f->part_count; i++)
        buf_deinit(&f->parts[i].reply);
    mem_free(f->parts);
    mem_free(f->key_part);
    mem_free(f);
}

static void fanout_send(struct shard *shard, struct fanout *f, unsigned part, unsigned owner,
                        const struct request *request, int argc, const struct bytes *argv) {
    struct request r = *request;
    r.argc = argc;
    r.argv = argv;
    r.flags |= REQUEST_IS_PART;
    r.to = (struct reply_to){
        .conn = f->conn, .fanout = f, .part = (uint16_t)part, .coordinator = (uint16_t)shard->index};
    f->parts[part].shard = owner;
    flush_add(shard, owner, &r);
    flush_order(&shard->flush, owner);
}

/* Numbers the owners of the keys: fills key_part and participants; returns how many owners there are. */
static unsigned fanout_owners(struct shard *shard, const struct request *request,
                              const struct command_keys *keys, uint16_t *key_part, struct shard_set *owners,
                              unsigned *part_owner) {
    unsigned parts = 0;
    for (int k = 0; k < keys->count; k++) {
        unsigned owner = shard_of_key(shard->server, request->argv[keys->index[k]]);
        unsigned part = 0;
        while (part < parts && part_owner[part] != owner)
            part++;
        if (part == parts)
            part_owner[parts++] = owner;
        key_part[k] = (uint16_t)part;
        shard_set_add(owners, owner);
    }
    return parts;
}

void fanout_split(struct shard *shard, struct conn *conn, uint64_t slot, const struct request *request,
                  const struct command_keys *keys) {
    unsigned part_owner[SHARDS_MAX];
    struct shard_set owners = {{0}};
    uint16_t *key_part = mem_alloc((size_t)keys->count * sizeof *key_part);
    unsigned parts = fanout_owners(shard, request, keys, key_part, &owners, part_owner);
    struct fanout *f = fanout_new(shard, conn, slot, request, parts);
    f->key_part = key_part;
    f->key_count = keys->count;
    f->participants = owners;
    int step = request->command->keys[0].step;
    struct bytes *argv = mem_alloc((size_t)request->argc * sizeof *argv);
    for (unsigned part = 0; part < parts; part++) {
        int argc = 0;
        uint64_t hash = 0;
        for (; argc < request->command->keys[0].first; argc++)
            argv[argc] = request->argv[argc];
        for (int k = 0; k < keys->count; k++) {
            if (key_part[k] != part)
                continue;
            if (hash == 0)
                hash = keyhash_hash(request->argv[keys->index[k]], shard->engine.hash_seed);
            for (int i = 0; i < step; i++)
                argv[argc++] = request->argv[keys->index[k] + i];
        }
        struct request r = *request;
        r.hash = hash;
        fanout_send(shard, f, part, part_owner[part], &r, argc, argv);
    }
    mem_free(argv);
}

void fanout_all(struct shard *shard, struct conn *conn, uint64_t slot, const struct request *request) {
    unsigned count = shard->server->shard_count;
    struct fanout *f = fanout_new(shard, conn, slot, request, count);
    for (unsigned i = 0; i < count; i++)
        shard_set_add(&f->participants, i);
    for (unsigned i = 0; i < count; i++)
        fanout_send(shard, f, i, i, request, request->argc, request->argv);
}

void fanout_collect(struct shard *shard, struct fanout *f, unsigned part, struct bytes reply, unsigned from,
                    uint64_t ticket) {
    must(part < f->part_count && f->pending > 0);
    dcheck(f->parts[part].shard == from);
    buf_put_bytes(&f->parts[part].reply, reply);
    f->parts[part].ticket = ticket;
    if (--f->pending != 0)
        return;
    struct reply_source *sources = mem_alloc(f->part_count * sizeof *sources);
    for (unsigned i = 0; i < f->part_count; i++)
        sources[i] = (struct reply_source){f->parts[i].shard, f->parts[i].ticket};
    struct resp_out out;
    buf_clear(&shard->scratch, ROUTE_SCRATCH_KEEP_BYTES);
    resp_out_init(&out, &shard->scratch, f->proto);
    fanout_merge(f, &out, &shard->engine.rng);
    reply_deliver_merged(shard, f->conn, f->slot, buf_bytes(&shard->scratch), sources, f->part_count);
    mem_free(sources);
    fanout_free(f);
}
