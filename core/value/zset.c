/* zset.c: two encodings of one thing.
 *
 * I1  A listpack holds pairs: a name, then its score; pairs are in order of score, then name; no name comes twice.
 * I2  A score in a listpack is an integer element when it is one and at most 2^62 in size, else the text that
 *     num_from_double gives. So -0 is stored as 0, as in Redis.
 *
 * A small sorted set is searched from its beginning: with 128 elements that is some hundreds of nanoseconds, and saves the
 * two thirds of its memory that pointers would take. */
#include "core/value/zset.h"

#include "core/ds/listpack.h"
#include "core/value/digest.h"

#include <math.h>
#include <stdio.h>

#define SCORE_INT_MAX 4611686018427387904.0 /* 2^62 */

static unsigned char *listpack_in(const struct zset *z) {
    dcheck(z->encoding == ZSET_LISTPACK);
    return z->object;
}

static struct ranking *ranking_in(const struct zset *z) {
    dcheck(z->encoding == ZSET_RANKING);
    return z->object;
}

/* ---- scores in a listpack (I2) ---- */

static double score_at(const unsigned char *at) {
    int64_t integer;
    double score;
    char scratch[NUM_INT_TEXT_MAX];
    if (LIKELY(listpack_get_int(at, &integer)))
        return (double)integer;
    must(num_parse_double(listpack_get(at, scratch), &score));
    return score;
}

/* Puts a score in front of *at. */
static unsigned char *insert_score(unsigned char *lp, unsigned char **at, double score) {
    if (fabs(score) <= SCORE_INT_MAX && score == (double)(int64_t)score)
        return listpack_insert_int(lp, at, (int64_t)score);
    char text[NUM_DOUBLE_SHORT_MAX];
    return listpack_insert(lp, at, bytes_of(text, num_from_double(text, score)));
}

/* ---- making ---- */

static bool is_small(const struct zset_limits *limits, size_t count, size_t name_bytes) {
    return count <= limits->entries_max && name_bytes <= limits->value_max;
}

struct zset zset_new(const struct zset_limits *limits, size_t count, size_t name_bytes) {
    if (is_small(limits, count, name_bytes))
        return (struct zset){listpack_new(0), ZSET_LISTPACK};
    return (struct zset){ranking_new(limits->seed), ZSET_RANKING};
}

static void ops_free(void *object, uint8_t encoding) {
    if (encoding == ZSET_LISTPACK)
        listpack_free(object);
    else
        ranking_free(object);
}

void zset_free(struct zset *z) {
    ops_free(z->object, (uint8_t)z->encoding);
    z->object = NULL;
}

struct entry *zset_entry(struct bytes key, const struct zset *z) {
    return entry_new_object(key, VALUE_ZSET, (uint8_t)z->encoding, z->object);
}

struct zset zset_of(const struct entry *e) {
    dcheck(entry_type(e) == VALUE_ZSET);
    return (struct zset){entry_object(e), (enum zset_encoding)entry_object_encoding(e)};
}

void zset_put_back(struct entry *e, const struct zset *z) {
    entry_set_object(e, (uint8_t)z->encoding, z->object);
}

static void become_ranking(struct zset *z, const struct zset_limits *limits) {
    struct ranking *r = ranking_new(limits->seed);
    struct zset_walk w;
    zset_walk_begin(&w, z, 0, false);
    while (zset_walk_next(&w))
        must(ranking_add(r, w.name, w.score));
    zset_free(z);
    *z = (struct zset){r, ZSET_RANKING};
}

void zset_prepare(struct zset *z, const struct zset_limits *limits, size_t count) {
    if (z->encoding == ZSET_LISTPACK && count > limits->entries_max)
        become_ranking(z, limits);
}

void zset_compact(struct zset *z, const struct zset_limits *limits) {
    if (z->encoding == ZSET_LISTPACK || zset_count(z) > limits->entries_max)
        return;
    struct zset_walk w;
    size_t bytes = 0;
    zset_walk_begin(&w, z, 0, false);
    while (zset_walk_next(&w)) {
        if (w.name.len > limits->value_max)
            return;
        bytes += w.name.len + NUM_DOUBLE_SHORT_MAX;
    }
    unsigned char *lp = listpack_new(0);
    if (!listpack_fits(lp, bytes, 2 * zset_count(z))) {
        listpack_free(lp);
        return;
    }
    zset_walk_begin(&w, z, 0, false);
    while (zset_walk_next(&w)) {
        unsigned char *end = NULL;
        lp = listpack_append(lp, w.name);
        lp = insert_score(lp, &end, w.score);
    }
    zset_free(z);
    *z = (struct zset){lp, ZSET_LISTPACK};
}

/* ---- looking ---- */

static size_t ops_count(const void *object, uint8_t encoding) {
    return encoding == ZSET_LISTPACK ? listpack_count(object) / 2 : ranking_count(object);
}

size_t zset_count(const struct zset *z) {
    return ops_count(z->object, (uint8_t)z->encoding);
}

struct zset_spot zset_look(const struct zset *z, struct bytes name) {
    struct zset_spot spot = {.is_there = false};
    if (z->encoding == ZSET_RANKING) {
        spot.element = ranking_find(ranking_in(z), name);
        spot.is_there = spot.element != NULL;
        spot.score = spot.is_there ? spot.element->score : 0;
        return spot;
    }
    const unsigned char *lp = listpack_in(z);
    const unsigned char *first = listpack_first(lp);
    spot.at = first == NULL ? NULL : listpack_find(lp, first, name, 1);
    spot.is_there = spot.at != NULL;
    spot.score = spot.is_there ? score_at(listpack_next(lp, spot.at)) : 0;
    return spot;
}

static bool pair_is_before(const unsigned char *at, double score, const struct rank_probe *probe) {
    char scratch[NUM_INT_TEXT_MAX];
    bool is_equal_before = probe->side == RANK_AFTER_MEMBER || probe->side == RANK_AFTER_NAME;
    if (probe->side == RANK_BEFORE_SCORE)
        return score < probe->score;
    if (probe->side == RANK_AFTER_SCORE)
        return score <= probe->score;
    if (probe->side < RANK_BEFORE_NAME && score != probe->score)
        return score < probe->score;
    int order = bytes_compare(listpack_get(at, scratch), probe->name);
    return order < 0 || (order == 0 && is_equal_before);
}

/* The first pair that is not before the probe, or NULL; and its rank. */
static unsigned char *find_pair(const unsigned char *lp, const struct rank_probe *probe, size_t *rank_out) {
    unsigned char *at = listpack_first(lp);
    size_t rank = 0;
    while (at != NULL) {
        unsigned char *score = listpack_next(lp, at);
        if (!pair_is_before(at, score_at(score), probe))
            break;
        at = listpack_next(lp, score);
        rank++;
    }
    *rank_out = rank;
    return at;
}

size_t zset_find(const struct zset *z, const struct rank_probe *probe) {
    size_t rank;
    if (z->encoding == ZSET_RANKING)
        return rank_tree_find(&ranking_in(z)->tree, probe);
    find_pair(listpack_in(z), probe, &rank);
    return rank;
}

bool zset_rank(const struct zset *z, struct bytes name, size_t *rank_out, double *score_out) {
    *rank_out = 0;
    *score_out = 0;
    if (z->encoding == ZSET_RANKING) {
        const struct ranked *e = ranking_find(ranking_in(z), name);
        if (e == NULL)
            return false;
        *score_out = e->score;
        *rank_out = rank_tree_rank(&ranking_in(z)->tree, e);
        return true;
    }
    const unsigned char *lp = listpack_in(z);
    size_t rank = 0;
    for (const unsigned char *at = listpack_first(lp); at != NULL; rank++) {
        const unsigned char *score = listpack_next(lp, at);
        if (listpack_equals(at, name)) {
            *rank_out = rank;
            *score_out = score_at(score);
            return true;
        }
        at = listpack_next(lp, score);
    }
    return false;
}

void zset_walk_begin(struct zset_walk *w, const struct zset *z, size_t rank, bool is_backward) {
    w->z = z;
    w->is_backward = is_backward;
    w->at = NULL;
    w->cursor = (struct rank_cursor){NULL, 0};
    if (rank >= zset_count(z))
        return;
    if (z->encoding == ZSET_RANKING)
        w->cursor = rank_tree_at(&ranking_in(z)->tree, rank);
    else
        w->at = listpack_at(listpack_in(z), 2 * (int64_t)rank);
}

bool zset_walk_next(struct zset_walk *w) {
    if (w->z->encoding == ZSET_RANKING) {
        const struct ranked *e = rank_cursor_get(&w->cursor);
        if (e == NULL)
            return false;
        w->name = ranked_name(e);
        w->score = e->score;
        if (w->is_backward)
            rank_cursor_prev(&w->cursor);
        else
            rank_cursor_next(&w->cursor);
        return true;
    }
    if (w->at == NULL)
        return false;
    const unsigned char *lp = listpack_in(w->z);
    const unsigned char *score = listpack_next(lp, w->at);
    w->name = listpack_get(w->at, w->scratch);
    w->score = score_at(score);
    if (!w->is_backward) {
        w->at = listpack_next(lp, score);
    } else {
        const unsigned char *before = listpack_prev(lp, w->at);
        w->at = before == NULL ? NULL : listpack_prev(lp, before);
    }
    return true;
}

static void scan_visit(void *ctx, struct ranked *e) {
    const struct zset_visitor *visitor = ctx;
    visitor->visit(visitor->ctx, ranked_name(e), e->score);
}

uint64_t zset_scan(const struct zset *z, uint64_t cursor, size_t count, struct zset_visitor visitor) {
    if (z->encoding == ZSET_RANKING)
        return rank_index_scan(&ranking_in(z)->index, cursor, count,
                               (struct rank_index_visitor){scan_visit, &visitor});
    struct zset_walk w;
    zset_walk_begin(&w, z, 0, false);
    while (zset_walk_next(&w))
        visitor.visit(visitor.ctx, w.name, w.score);
    return 0;
}

/* ---- changing ---- */

/* Adds a pair to a listpack, where I1 wants it. */
static void insert_pair(struct zset *z, struct bytes name, double score) {
    unsigned char *lp = listpack_in(z);
    struct rank_probe probe = {.side = RANK_BEFORE_MEMBER, .score = score, .name = name};
    size_t rank;
    unsigned char *at = find_pair(lp, &probe, &rank);
    bool is_last = at == NULL;
    lp = listpack_insert(lp, &at, name);
    at = is_last ? NULL : listpack_next(lp, at);
    z->object = insert_score(lp, &at, score);
}

bool zset_set(struct zset *z, const struct zset_limits *limits, const struct zset_spot *spot,
              struct bytes name, double score) {
    must(!isnan(score));
    if (z->encoding == ZSET_LISTPACK) {
        if (spot->is_there) {
            zset_take(z, spot);
            insert_pair(z, name, score);
            return true;
        }
        if (is_small(limits, zset_count(z) + 1, name.len) &&
            listpack_fits(listpack_in(z), name.len + NUM_DOUBLE_SHORT_MAX, 2)) {
            insert_pair(z, name, score);
            return true;
        }
        become_ranking(z, limits);
    } else if (spot->is_there) {
        ranking_rescore(ranking_in(z), spot->element, score);
        return true;
    }
    return ranking_add(ranking_in(z), name, score);
}

void zset_take(struct zset *z, const struct zset_spot *spot) {
    must(spot->is_there);
    if (z->encoding == ZSET_RANKING) {
        ranking_remove(ranking_in(z), spot->element);
        return;
    }
    unsigned char *at = spot->at;
    z->object = listpack_remove(listpack_in(z), &at, 2);
}

void zset_remove_range(struct zset *z, size_t from, size_t count) {
    if (z->encoding == ZSET_RANKING)
        ranking_remove_range(ranking_in(z), from, count);
    else if (count > 0)
        z->object = listpack_remove_range(listpack_in(z), 2 * (int64_t)from, 2 * count);
}

void zset_check(const struct zset *z) {
    if (z->encoding == ZSET_RANKING) {
        ranking_check(ranking_in(z));
        return;
    }
    listpack_check(listpack_in(z));
    must(listpack_count(listpack_in(z)) % 2 == 0);
    struct zset_walk w;
    zset_walk_begin(&w, z, 0, false);
    for (size_t rank = 0; zset_walk_next(&w); rank++) {
        struct rank_probe probe = {.side = RANK_AFTER_MEMBER, .score = w.score, .name = w.name};
        must(zset_find(z, &probe) == rank + 1); /* I1 */
        must(zset_look(z, w.name).score == w.score);
    }
}

/* ---- what entries ask for ---- */

static bool ops_free_step(void *object, uint8_t encoding, size_t pieces_max) {
    if (encoding == ZSET_RANKING)
        return ranking_free_step(object, pieces_max);
    listpack_free(object);
    return true;
}

static size_t ops_bytes(const void *object, uint8_t encoding) {
    return encoding == ZSET_LISTPACK ? mem_usable(object) : ranking_bytes(object);
}

static size_t ops_pieces(const void *object, uint8_t encoding) {
    return encoding == ZSET_LISTPACK ? 1 : ranking_count(object);
}

static void *ops_dup(const void *object, uint8_t encoding) {
    return encoding == ZSET_LISTPACK ? (void *)listpack_dup(object) : (void *)ranking_dup(object);
}

static const char *ops_encoding_name(const void *object, uint8_t encoding) {
    (void)object;
    return encoding == ZSET_LISTPACK ? "listpack" : "skiplist";
}

/* Redis's digest has the score with 17 digits, whatever it prints elsewhere. */
static void ops_digest(const void *object, uint8_t encoding, struct digest *digest) {
    union {
        const void *borrowed;
        void *object;
    } view = {.borrowed = object}; /* a walk changes nothing */
    struct zset z = {view.object, (enum zset_encoding)encoding};
    struct zset_walk w;
    zset_walk_begin(&w, &z, 0, false);
    while (zset_walk_next(&w)) {
        struct digest element = {{0}};
        char text[64];
        int len = snprintf(text, sizeof(text), "%.17g", w.score);
        digest_mix(&element, w.name);
        digest_mix(&element, bytes_of(text, (size_t)len));
        digest_xor(digest, bytes_of(element.of, sizeof(element.of)));
    }
}

const struct value_ops zset_ops = {
    .free = ops_free,
    .free_step = ops_free_step,
    .bytes = ops_bytes,
    .pieces = ops_pieces,
    .dup = ops_dup,
    .encoding_name = ops_encoding_name,
    .digest = ops_digest,
};
