/* list.c: two forms of a list and the way between them.
 *
 * A queue that holds three short jobs should cost no more than a string; a timeline of a million must not move megabytes
 * when something is put in front. So there are two forms, and the change from one to the other is cheap both ways: the
 * listpack becomes the only node of a qlist as it is, and a qlist of one packed node gives its listpack back.
 *
 * The limit (list-max-listpack-size) is either a number of elements, with 8192 bytes as a bound, or bytes: -1 to -5 are
 * 4, 8, 16, 32 or 64 KiB. It is also the limit of a qlist's nodes. Growing changes the form as soon as the limit would be
 * passed, by Redis's estimate (bytes of the listpack and of the new strings, without what each takes besides);
 * shrinking only at half of the limit, so that a list around the limit does not change back and forth.
 *
 *   I1  A listpack is never longer than the limit that held when it was last grown, plus the overhead of the elements
 *       added then; so it is far below LISTPACK_BYTES_MAX.
 *   I2  A listpack list has room for a little growth at most: its block is what the allocator gives for its length. */
#include "core/value/list.h"

#include "core/base/mem.h"
#include "core/value/digest.h"

enum {
    LIST_BYTES_SAFE = 8192, /* bound of the bytes where the limit is a number of elements */
    LIST_SIZE_LEVELS = 5,   /* -1 .. -5 */
};

/* The limits of one listpack, and so of a qlist's nodes. */
static struct qlist_limits limits_of(const struct list_rules *rules) {
    static const size_t levels[LIST_SIZE_LEVELS] = {4096, 8192, 16384, 32768, 65536};
    struct qlist_limits limits = {LIST_BYTES_SAFE, SIZE_MAX,
                                  rules->compress_depth > 0 ? (size_t)rules->compress_depth : 0};
    int size = rules->max_listpack_size;
    if (size >= 0)
        limits.count_max = size == 0 ? 1 : (size_t)size;
    else
        limits.bytes_max = levels[size < -LIST_SIZE_LEVELS ? LIST_SIZE_LEVELS - 1 : -1 - size];
    return limits;
}

struct list list_new(void) {
    return (struct list){listpack_new(0), LIST_LISTPACK};
}

void list_free(struct list *l) {
    list_ops.free(l->object, l->encoding);
    l->object = NULL;
}

size_t list_count(const struct list *l) {
    return l->encoding == LIST_LISTPACK ? listpack_count(l->object) : qlist_count(l->object);
}

static enum qlist_end qlist_end_of(enum list_end end) {
    return end == LIST_HEAD ? QLIST_HEAD : QLIST_TAIL;
}

struct bytes list_peek(const struct list *l, enum list_end end, char scratch[NUM_INT_TEXT_MAX]) {
    if (l->encoding == LIST_QUICKLIST)
        return qlist_peek(l->object, qlist_end_of(end), scratch);
    const unsigned char *at = end == LIST_HEAD ? listpack_first(l->object) : listpack_last(l->object);
    must(at != NULL);
    return listpack_get(at, scratch);
}

void list_iter_init(struct list_iter *it, const struct list *l, size_t index, bool is_backward) {
    if (l->encoding == LIST_LISTPACK)
        qlist_iter_init_listpack(&it->in, l->object, index, is_backward);
    else
        qlist_iter_init(&it->in, l->object, index, is_backward);
}

void list_iter_deinit(struct list_iter *it) {
    qlist_iter_deinit(&it->in);
}

/* ---- forms ---- */

static void become_qlist(struct list *l, const struct qlist_limits *limits) {
    struct qlist *q = qlist_new(limits);
    qlist_append_listpack(q, l->object);
    *l = (struct list){q, LIST_QUICKLIST};
}

/* Takes the small form if the list fits into one part in `parts` of the limits. */
static void try_listpack(struct list *l, const struct list_rules *rules, size_t parts) {
    const unsigned char *lp = qlist_only_listpack(l->object);
    if (lp == NULL)
        return;
    struct qlist_limits limits = limits_of(rules);
    bool is_counted = limits.count_max != SIZE_MAX;
    if (is_counted ? listpack_count(lp) > limits.count_max / parts
                   : listpack_bytes(lp) > limits.bytes_max / parts)
        return;
    *l = (struct list){listpack_shrink(qlist_into_listpack(l->object)), LIST_LISTPACK};
}

void list_grow(struct list *l, const struct list_rules *rules, const struct bytes *values, size_t count) {
    if (l->encoding != LIST_LISTPACK)
        return;
    struct qlist_limits limits = limits_of(rules);
    size_t bytes = listpack_bytes(l->object);
    for (size_t i = 0; i < count && bytes <= limits.bytes_max; i++)
        bytes += values[i].len;
    if (bytes > limits.bytes_max ||
        (limits.count_max != SIZE_MAX && listpack_count(l->object) + count > limits.count_max))
        become_qlist(l, &limits); /* I1 */
}

void list_shrink(struct list *l, const struct list_rules *rules) {
    if (l->encoding == LIST_QUICKLIST)
        try_listpack(l, rules, 2);
}

void list_settle(struct list *l, const struct list_rules *rules) {
    if (l->encoding == LIST_QUICKLIST)
        try_listpack(l, rules, 1);
    else
        list_grow(l, rules, NULL, 0);
}

/* ---- changing ---- */

bool list_push(struct list *l, enum list_end end, struct bytes value) {
    if (l->encoding == LIST_QUICKLIST)
        return qlist_push(l->object, qlist_end_of(end), value);
    l->object = end == LIST_HEAD ? listpack_prepend(l->object, value) : listpack_append(l->object, value);
    return true;
}

void list_pop(struct list *l, enum list_end end) {
    if (l->encoding == LIST_QUICKLIST) {
        qlist_pop(l->object, qlist_end_of(end));
        return;
    }
    unsigned char *at = end == LIST_HEAD ? listpack_first(l->object) : listpack_last(l->object);
    must(at != NULL);
    l->object = listpack_remove(l->object, &at, 1);
}

bool list_insert(struct list *l, size_t index, struct bytes value) {
    if (l->encoding == LIST_QUICKLIST)
        return qlist_insert(l->object, index, value);
    unsigned char *at = listpack_at(l->object, (int64_t)index);
    l->object = listpack_insert(l->object, &at, value);
    return true;
}

bool list_replace(struct list *l, size_t index, struct bytes value) {
    if (l->encoding == LIST_QUICKLIST)
        return qlist_replace(l->object, index, value);
    unsigned char *at = listpack_at(l->object, (int64_t)index);
    must(at != NULL);
    l->object = listpack_replace(l->object, &at, value);
    return true;
}

void list_remove(struct list *l, size_t index, size_t count) {
    if (l->encoding == LIST_QUICKLIST)
        qlist_remove(l->object, index, count);
    else
        l->object = listpack_remove_range(l->object, (int64_t)index, count);
}

/* The place of the next element that equals `value`, from `at` on towards the other end; NULL: none. */
static unsigned char *seek_equal(const unsigned char *lp, unsigned char *at, enum list_end end,
                                 struct bytes value) {
    if (at == NULL || end == LIST_HEAD)
        return at ? listpack_find(lp, at, value, 0) : NULL;
    while (at != NULL && !listpack_equals(at, value))
        at = listpack_prev(lp, at);
    return at;
}

size_t list_remove_equal(struct list *l, enum list_end end, struct bytes value, size_t limit) {
    if (l->encoding == LIST_QUICKLIST)
        return qlist_remove_equal(l->object, qlist_end_of(end), value, limit);
    unsigned char *lp = l->object;
    unsigned char *at = end == LIST_HEAD ? listpack_first(lp) : listpack_last(lp);
    size_t removed = 0;
    while (removed < limit && (at = seek_equal(lp, at, end, value)) != NULL) {
        lp = listpack_remove(lp, &at, 1);
        if (end == LIST_TAIL)
            at = at == NULL ? listpack_last(lp) : listpack_prev(lp, at);
        removed++;
    }
    l->object = lp;
    return removed;
}

/* ---- files ---- */

void list_append_listpack(struct list *l, const struct list_rules *rules, unsigned char *lp) {
    if (l->encoding == LIST_LISTPACK) {
        struct qlist_limits limits = limits_of(rules);
        become_qlist(l, &limits);
    }
    qlist_append_listpack(l->object, lp);
}

size_t list_pieces(const struct list *l) {
    return l->encoding == LIST_LISTPACK ? 1 : qlist_nodes(l->object);
}

struct qlist_piece list_piece(const struct list *l, size_t number) {
    if (l->encoding == LIST_QUICKLIST)
        return qlist_piece(l->object, number);
    return (struct qlist_piece){.data = bytes_of(l->object, listpack_bytes(l->object))};
}

/* ---- checking ---- */

void list_check(const struct list *l) {
    if (l->encoding == LIST_LISTPACK)
        listpack_check(l->object);
    else
        qlist_check(l->object);
    must(list_count(l) > 0);
}

void list_dump(const struct list *l) {
    if (l->encoding == LIST_LISTPACK)
        listpack_dump(l->object);
    else
        qlist_dump(l->object);
}

/* ---- what an entry must know of it ---- */

static void ops_free(void *object, uint8_t encoding) {
    if (encoding == LIST_LISTPACK)
        listpack_free(object);
    else
        qlist_free(object);
}

static bool ops_free_step(void *object, uint8_t encoding, size_t pieces_max) {
    if (encoding == LIST_QUICKLIST)
        return qlist_free_step(object, pieces_max);
    listpack_free(object);
    return true;
}

static size_t ops_bytes(const void *object, uint8_t encoding) {
    return encoding == LIST_LISTPACK ? mem_usable(object) : qlist_bytes(object);
}

static size_t ops_pieces(const void *object, uint8_t encoding) {
    return encoding == LIST_LISTPACK ? 1 : 1 + qlist_nodes(object);
}

static void *ops_dup(const void *object, uint8_t encoding) {
    return encoding == LIST_LISTPACK ? (void *)listpack_dup(object) : (void *)qlist_dup(object);
}

static const char *ops_encoding_name(const void *object, uint8_t encoding) {
    (void)object;
    return encoding == LIST_LISTPACK ? "listpack" : "quicklist";
}

static void ops_digest(const void *object, uint8_t encoding, struct digest *digest) {
    struct qlist_iter it;
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes value;
    if (encoding == LIST_LISTPACK)
        qlist_iter_init_listpack(&it, object, 0, false);
    else
        qlist_iter_init(&it, object, 0, false);
    while (qlist_iter_next(&it, scratch, &value))
        digest_mix(digest, value);
    qlist_iter_deinit(&it);
}

const struct value_ops list_ops = {
    .free = ops_free,
    .free_step = ops_free_step,
    .bytes = ops_bytes,
    .pieces = ops_pieces,
    .dup = ops_dup,
    .encoding_name = ops_encoding_name,
    .digest = ops_digest,
};
