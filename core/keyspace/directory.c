/* directory.c: extendible hashing on two levels.
 *
 * The problem: a flat directory doubles when one segment gets deeper than all others; with ten thousand segments that is
 * a copy of a megabyte in the middle of a SET. Two levels cut it into tables of at most 256 refs that deepen one by
 * one, and roots that are a hundred times fewer.
 *
 * I1  A table of depth t with b bits holds the hashes that share t bits; ref i of it those whose next b bits are i. A
 *     segment of depth s has 2^(t+b-s) equal refs, beginning at a multiple of that number.
 * I2  A table of depth t has 2^(root_bits-t) equal roots, beginning at a multiple of that number.
 * I3  t <= root_bits <= 16, b <= 8, t <= s <= t+b.
 * I4  directory.visit_ms <= table.visit_ms <= info.visit_ms for all; they may be too early, never too late.
 * I5  segments_at_depth[s] is the number of segments of depth s; `bytes` is what roots, tables and buckets occupy.
 *
 * Only a leader's info is meaningful. Tables are replaced, never changed in size: they are small. Roots only get fewer when the
 * keyspace becomes empty; they are 16 bytes for some 80,000 entries. */
#include "core/keyspace/directory.h"

#include "core/base/mem.h"

enum { DIRECTORY_MERGE_MAX = 200 }; /* entries of two siblings that become one segment */

static size_t table_size(uint32_t bits) {
    return sizeof(struct directory_table) + ((sizeof(uint64_t) + sizeof(struct segment_info)) << bits);
}

static struct segment_info *table_infos(struct directory_table *table, uint32_t bits) {
    return (struct segment_info *)(void *)&table->refs[(size_t)1 << bits];
}

static struct directory_table *table_new(struct directory *d, uint32_t bits, int64_t visit_ms) {
    struct directory_table *table = mem_alloc(table_size(bits));
    d->bytes += mem_good_size(table_size(bits));
    table->visit_ms = visit_ms;
    return table;
}

static void table_free(struct directory *d, struct directory_table *table, uint32_t bits) {
    d->bytes -= mem_good_size(table_size(bits));
    mem_free(table);
}

/* Copies `count` refs from `source` on, each of them 1 << shift times. */
static void table_spread(struct directory_table *to, uint32_t to_bits, struct directory_table *from,
                         uint32_t from_bits, uint32_t source, uint32_t count, uint32_t shift) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i << shift;
        for (uint32_t copy = 0; copy < 1u << shift; copy++)
            to->refs[at + copy] = from->refs[source + i];
        table_infos(to, to_bits)[at] = table_infos(from, from_bits)[source + i];
    }
}

static size_t buckets_bytes(uint64_t ref) {
    if (segment_ref_buckets(ref) == &segment_empty_bucket)
        return 0;
    return mem_good_size((size_t)segment_ref_bucket_count(ref) * sizeof(struct bucket));
}

static size_t roots_size(const struct directory *d) {
    return sizeof(struct directory_root) << d->root_bits;
}

/* The pool has moved the buckets of a segment. */
static void directory_moved(void *ctx, uint64_t first_hash, struct bucket *buckets, uint32_t block) {
    struct directory *d = ctx;
    struct directory_spot spot = directory_open(d, first_hash);
    dcheck(spot.segment.first_hash == first_hash);
    spot.segment.buckets = buckets;
    spot.segment.info->block = block;
    directory_close(d, &spot);
}

void directory_init(struct directory *d, struct segment_env *env) {
    *d = (struct directory){.visit_ms = INT64_MAX};
    bucket_pool_init(&env->pool, directory_moved, d);
    d->segments_at_depth[0] = 1;
    d->roots = mem_alloc(roots_size(d));
    d->bytes = mem_good_size(roots_size(d));
    struct directory_table *table = table_new(d, 0, INT64_MAX);
    table->refs[0] = segment_ref_empty(0);
    table_infos(table, 0)[0] = (struct segment_info){.visit_ms = INT64_MAX};
    d->roots[0] = (struct directory_root){table, 0, 0};
}

/* Frees a table and the segments in it. */
static void table_drop(struct directory *d, const struct directory_root *r, struct segment_env *env) {
    uint32_t count = 1u << r->bits;
    for (uint32_t i = 0; i < count;) {
        uint64_t ref = r->table->refs[i];
        struct segment s = {segment_ref_buckets(ref), segment_ref_bucket_count(ref), segment_ref_depth(ref),
                            0, &table_infos(r->table, r->bits)[i]};
        i += 1u << (r->depth + r->bits - s.depth); /* I1 */
        segment_drop(&s, env);
    }
    table_free(d, r->table, r->bits);
}

void directory_deinit(struct directory *d, struct segment_env *env) {
    uint32_t count = 1u << d->root_bits;
    for (uint32_t i = 0; i < count;) {
        struct directory_root r = d->roots[i];
        i += 1u << (d->root_bits - r.depth); /* I2 */
        table_drop(d, &r, env);
    }
    bucket_pool_deinit(&env->pool);
    mem_free(d->roots);
    d->roots = NULL;
}

struct directory_spot directory_open(const struct directory *d, uint64_t hash) {
    uint32_t root = (uint32_t)(hash >> 1 >> (63 - d->root_bits));
    struct directory_root *r = &d->roots[root];
    uint32_t at = (uint32_t)(hash << r->depth >> 1 >> (63 - r->bits));
    uint64_t ref = r->table->refs[at];
    uint32_t depth = segment_ref_depth(ref);
    uint32_t span = 1u << (r->depth + r->bits - depth); /* I1 */
    uint32_t first = at & ~(span - 1);
    uint64_t first_hash = depth ? hash >> (64 - depth) << (64 - depth) : 0;
    struct segment segment = {segment_ref_buckets(ref), segment_ref_bucket_count(ref), depth, first_hash,
                              &table_infos(r->table, r->bits)[first]};
    return (struct directory_spot){segment, root & ~((1u << (d->root_bits - r->depth)) - 1), first, span};
}

void directory_close(struct directory *d, const struct directory_spot *spot) {
    struct directory_table *table = d->roots[spot->root].table;
    uint64_t ref = segment_ref(spot->segment.buckets, spot->segment.bucket_count, spot->segment.depth);
    uint64_t old = table->refs[spot->first];
    if (ref == old)
        return;
    d->bytes += buckets_bytes(ref) - buckets_bytes(old); /* I5 */
    for (uint32_t i = 0; i < spot->span; i++)
        table->refs[spot->first + i] = ref;
}

void directory_note_visit(struct directory *d, const struct directory_spot *spot, int64_t visit_ms) {
    struct directory_table *table = d->roots[spot->root].table;
    if (visit_ms >= spot->segment.info->visit_ms)
        return;
    spot->segment.info->visit_ms = visit_ms;
    if (visit_ms < table->visit_ms) /* I4 */
        table->visit_ms = visit_ms;
    if (visit_ms < d->visit_ms)
        d->visit_ms = visit_ms;
}

/* Lets all roots of a table name another one. */
static void directory_put_root(struct directory *d, uint32_t first, struct directory_root r) {
    uint32_t span = 1u << (d->root_bits - r.depth); /* I2 */
    for (uint32_t i = 0; i < span; i++)
        d->roots[first + i] = r;
}

/* Twice as many roots. */
static bool directory_grow_roots(struct directory *d) {
    if (d->root_bits == DIRECTORY_ROOT_BITS_MAX)
        return false;
    d->bytes -= mem_good_size(roots_size(d));
    d->root_bits++;
    struct directory_root *roots = mem_alloc(roots_size(d));
    d->bytes += mem_good_size(roots_size(d));
    for (uint32_t i = 0; i < 1u << d->root_bits; i++)
        roots[i] = d->roots[i >> 1];
    mem_free(d->roots);
    d->roots = roots;
    return true;
}

/* Makes the refs of a table finer: twice as many, or, at the limit, two tables. */
static bool directory_refine(struct directory *d, uint32_t root) {
    struct directory_root r = d->roots[root];
    if (r.bits < DIRECTORY_TABLE_BITS_MAX) {
        struct directory_table *finer = table_new(d, r.bits + 1u, r.table->visit_ms);
        table_spread(finer, r.bits + 1u, r.table, r.bits, 0, 1u << r.bits, 1);
        table_free(d, r.table, r.bits);
        directory_put_root(d, root, (struct directory_root){finer, r.depth, (uint8_t)(r.bits + 1)});
        return true;
    }
    if (r.depth == d->root_bits) {
        if (!directory_grow_roots(d))
            return false;
        root *= 2;
    }
    uint32_t half = 1u << (r.bits - 1);
    uint8_t depth = (uint8_t)(r.depth + 1);
    for (uint32_t side = 0; side < 2; side++) {
        struct directory_table *table = table_new(d, r.bits, r.table->visit_ms);
        table_spread(table, r.bits, r.table, r.bits, side * half, half, 1);
        directory_put_root(d, root + (side << (d->root_bits - depth)),
                           (struct directory_root){table, depth, r.bits});
    }
    table_free(d, r.table, r.bits);
    return true;
}

bool directory_split(struct directory *d, const struct directory_spot *spot, struct segment_env *env) {
    struct directory_spot from = *spot;
    if (from.span == 1) {
        if (!directory_refine(d, from.root))
            return false;
        from = directory_open(d, from.segment.first_hash);
    }
    const struct directory_root *r = &d->roots[from.root];
    uint32_t half = from.span / 2;
    uint32_t depth = from.segment.depth;
    struct segment_info info = *from.segment.info;
    struct segment whole = from.segment;
    whole.info = &info;
    uint64_t middle = whole.first_hash | UINT64_C(1) << (63 - depth);
    struct segment low = {NULL, 0, depth + 1, whole.first_hash, &table_infos(r->table, r->bits)[from.first]};
    struct segment high = {NULL, 0, depth + 1, middle, &table_infos(r->table, r->bits)[from.first + half]};
    segment_split(&whole, &low, &high, env);

    struct directory_spot side = {low, from.root, from.first, half};
    uint64_t old = r->table->refs[from.first];
    directory_close(d, &side);
    /* Both sides have replaced the old buckets in the books; once is right. */
    side.segment = high;
    side.first += half;
    directory_close(d, &side);
    d->bytes += buckets_bytes(old); /* I5 */
    d->segments_at_depth[depth]--;
    d->segments_at_depth[depth + 1] += 2;
    return true;
}

/* Makes a table that holds a single segment one of a single ref. */
static void directory_fold(struct directory *d, uint32_t root) {
    struct directory_root r = d->roots[root];
    if (r.bits == 0 || segment_ref_depth(r.table->refs[0]) != r.depth)
        return;
    struct directory_table *small = table_new(d, 0, r.table->visit_ms);
    table_spread(small, 0, r.table, r.bits, 0, 1, 0);
    table_free(d, r.table, r.bits);
    directory_put_root(d, root, (struct directory_root){small, r.depth, 0});
}

/* Makes two sibling tables of a single segment each one table of two refs. */
static void directory_join_tables(struct directory *d, uint32_t root) {
    struct directory_root r = d->roots[root];
    if (r.depth == 0 || r.bits != 0)
        return;
    uint32_t span = 1u << (d->root_bits - r.depth);
    uint32_t low = root & ~span;
    struct directory_root a = d->roots[low];
    struct directory_root b = d->roots[low + span];
    if (a.depth != b.depth || a.bits != 0 || b.bits != 0)
        return;
    int64_t visit_ms = a.table->visit_ms < b.table->visit_ms ? a.table->visit_ms : b.table->visit_ms;
    struct directory_table *both = table_new(d, 1, visit_ms);
    for (uint32_t side = 0; side < 2; side++) {
        struct directory_table *from = side ? b.table : a.table;
        both->refs[side] = from->refs[0];
        table_infos(both, 1)[side] = table_infos(from, 0)[0];
        table_free(d, from, 0);
    }
    directory_put_root(d, low, (struct directory_root){both, (uint8_t)(r.depth - 1), 1});
}

void directory_merge(struct directory *d, uint64_t hash, struct segment_env *env) {
    for (;;) {
        struct directory_spot one = directory_open(d, hash);
        directory_fold(d, one.root);
        directory_join_tables(d, one.root);
        one = directory_open(d, hash);
        uint32_t depth = one.segment.depth;
        if (depth == d->roots[one.root].depth)
            return;
        struct directory_spot other = directory_open(d, hash ^ UINT64_C(1) << (64 - depth));
        if (other.segment.depth != depth ||
            one.segment.info->used + other.segment.info->used > DIRECTORY_MERGE_MAX)
            return;

        bool is_low = one.first < other.first;
        struct directory_spot to = is_low ? one : other;
        struct directory_spot from = is_low ? other : one;
        d->bytes -= buckets_bytes(d->roots[to.root].table->refs[from.first]); /* I5 */
        to.segment.depth = from.segment.depth = depth - 1;
        segment_merge(&to.segment, &from.segment, env);
        to.span *= 2;
        directory_close(d, &to);
        d->segments_at_depth[depth] -= 2;
        d->segments_at_depth[depth - 1]++;
    }
}

uint32_t directory_depth(const struct directory *d) {
    uint32_t depth = DIRECTORY_DEPTH_MAX;
    while (depth > 0 && d->segments_at_depth[depth] == 0)
        depth--;
    return depth;
}

void directory_refresh_table(struct directory *d, uint64_t hash) {
    uint64_t root = hash >> 1 >> (63 - d->root_bits);
    const struct directory_root *r = &d->roots[root];
    int64_t visit_ms = INT64_MAX;
    for (uint32_t i = 0; i < 1u << r->bits;) {
        const struct segment_info *info = &table_infos(r->table, r->bits)[i];
        if (info->visit_ms < visit_ms)
            visit_ms = info->visit_ms;
        i += 1u << (r->depth + r->bits - segment_ref_depth(r->table->refs[i])); /* I1 */
    }
    r->table->visit_ms = visit_ms; /* I4 */
}

void directory_refresh(struct directory *d) {
    int64_t visit_ms = INT64_MAX;
    for (uint32_t i = 0; i < 1u << d->root_bits; i += 1u << (d->root_bits - d->roots[i].depth))
        if (d->roots[i].table->visit_ms < visit_ms)
            visit_ms = d->roots[i].table->visit_ms;
    d->visit_ms = visit_ms; /* I4 */
}

void directory_check(const struct directory *d, const struct segment_env *env) {
    uint32_t at_depth[DIRECTORY_DEPTH_MAX + 1] = {0};
    size_t bytes = mem_good_size(roots_size(d));
    uint64_t hash = 0;
    const struct directory_table *table = NULL;
    do {
        struct directory_spot spot = directory_open(d, hash);
        const struct directory_root *r = &d->roots[spot.root];
        must(r->depth <= d->root_bits); /* I3 */
        must(r->bits <= DIRECTORY_TABLE_BITS_MAX);
        must(spot.segment.depth >= r->depth);
        must(spot.segment.depth <= (uint32_t)r->depth + r->bits);
        if (r->table != table) {
            table = r->table;
            bytes += mem_good_size(table_size(r->bits));
            must(d->visit_ms <= table->visit_ms); /* I4 */
            for (uint32_t i = 0; i < 1u << (d->root_bits - r->depth); i++)
                must(d->roots[spot.root + i].table == table); /* I2 */
        }
        must(table->visit_ms <= spot.segment.info->visit_ms); /* I4 */
        for (uint32_t i = 0; i < spot.span; i++)
            must(table->refs[spot.first + i] == table->refs[spot.first]); /* I1 */
        bytes += buckets_bytes(table->refs[spot.first]);
        at_depth[spot.segment.depth]++;
        segment_check(&spot.segment, env);
        hash = directory_next_hash(&spot, hash);
    } while (hash != 0);
    must(bytes == d->bytes); /* I5 */
    for (uint32_t depth = 0; depth <= DIRECTORY_DEPTH_MAX; depth++)
        must(at_depth[depth] == d->segments_at_depth[depth]); /* I5 */
}
