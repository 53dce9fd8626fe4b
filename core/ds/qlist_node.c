/* qlist_node.c: a block of list elements that grows and shrinks at both ends.
 *
 * A listpack alone is cheap at its end only: each element put in front or taken from the front moves all the others, some
 * four kilobytes on average. Queues do just that, millions of times. So a packed node's listpack may begin anywhere in its
 * block: what is in front is the *gap*, what is behind is the *rest*, and only a push that finds its side full moves
 * the listpack, or enlarges the block.
 *
 *   block                                 mem_usable(block)
 *   |  gap  | header  elements  end |  rest  |
 *
 *   I1  gap + listpack_bytes(listpack) <= mem_usable(block), and count is the listpack's.
 *   I2  A push that finds its side full moves the listpack only when the free space of the other side is a quarter of the
 *       block, or when the block has its full size; else the block grows by half. So in a growing block there are at least
 *       as many pushes and pops between two moves as fit into that quarter. A block of full size that serves as a queue
 *       by itself is moved more often, as any listpack would be; a longer list has a node for each end.
 *   I3  A pop leaves no block that is more than three quarters empty, unless it is small.
 *   I4  Nodes are never empty: whoever removes the last element frees the node.
 *
 * Compression: a node in the middle of a long list is rarely looked at. It is kept in LZF form only if that saves a
 * few bytes at least; the block is exactly as long as needed. */
#include "core/ds/qlist_node.h"

#include "core/base/mem.h"
#include "core/ds/compress.h"

enum {
    PLAIN_HEAD = 8,
    LZF_HEAD = 8,
    LZF_GAIN_MIN = 8,    /* less is not worth unpacking later */
    LZF_BYTES_MIN = 48,  /* shorter listpacks are not tried */
    NODE_SMALL = 256,    /* blocks up to this size are not made smaller */
    NODE_SPARE_PART = 4, /* I2: a quarter */
};

struct qlist_node qlist_node_of(unsigned char *lp, size_t *used) {
    size_t count = listpack_count(lp);
    must(count > 0 && count <= UINT32_MAX);
    *used += mem_usable(lp);
    return (struct qlist_node){.block = lp, .count = (uint32_t)count, .kind = QLIST_PACKED};
}

struct qlist_node qlist_node_new(struct bytes value, enum qlist_end end, size_t capacity, size_t *used) {
    size_t need = LISTPACK_EMPTY_BYTES + value.len + LISTPACK_ELEMENT_OVERHEAD_MAX;
    unsigned char *lp = listpack_new(capacity > need ? capacity : need);
    struct qlist_node node = {.block = lp, .kind = QLIST_PACKED};
    if (end == QLIST_HEAD) {
        size_t gap = mem_usable(lp) - LISTPACK_EMPTY_BYTES;
        memmove(lp + gap, lp, LISTPACK_EMPTY_BYTES);
        node.gap = gap & 0x3fffffff;
    }
    *used += mem_usable(lp);
    qlist_node_push(&node, end, value, 0, used);
    return node;
}

bool qlist_node_new_plain(struct bytes value, size_t *used, struct qlist_node *node_out) {
    *node_out =
        (struct qlist_node){.block = mem_try_alloc(PLAIN_HEAD + value.len), .count = 1, .kind = QLIST_PLAIN};
    if (node_out->block == NULL)
        return false;
    uint64_t len = value.len;
    memcpy(node_out->block, &len, sizeof len);
    memcpy(node_out->block + PLAIN_HEAD, value.ptr, value.len);
    *used += mem_usable(node_out->block);
    return true;
}

void qlist_node_free(struct qlist_node *node, size_t *used) {
    *used -= mem_usable(node->block);
    mem_free(node->block);
    node->block = NULL;
}

struct bytes qlist_node_plain(const struct qlist_node *node) {
    dcheck(node->kind == QLIST_PLAIN);
    uint64_t len;
    memcpy(&len, node->block, sizeof len);
    return bytes_of(node->block + PLAIN_HEAD, len);
}

struct lzf_head {
    uint32_t bytes;  /* of the listpack */
    uint32_t packed; /* of what follows */
};

static struct lzf_head lzf_head(const struct qlist_node *node) {
    struct lzf_head head;
    memcpy(&head, node->block, sizeof head);
    return head;
}

struct bytes qlist_node_lzf(const struct qlist_node *node, size_t *bytes_out) {
    struct lzf_head head = lzf_head(node);
    *bytes_out = head.bytes;
    return bytes_of(node->block + LZF_HEAD, head.packed);
}

/* Bytes of the block that mean something, when the gap is left out. */
static size_t content_bytes(const struct qlist_node *node) {
    switch ((enum qlist_kind)node->kind) {
    case QLIST_PACKED: return listpack_bytes(qlist_node_packed(node));
    case QLIST_PLAIN: return PLAIN_HEAD + qlist_node_plain(node).len;
    case QLIST_LZF: return LZF_HEAD + lzf_head(node).packed;
    }
    must(false);
}

struct qlist_node qlist_node_dup(const struct qlist_node *node, size_t *used) {
    size_t bytes = content_bytes(node);
    struct qlist_node copy = {.block = mem_alloc(bytes), .count = node->count, .kind = node->kind};
    memcpy(copy.block, node->block + node->gap, bytes);
    *used += mem_usable(copy.block);
    return copy;
}

bool qlist_node_allows(const struct qlist_node *node, const struct qlist_limits *limits, size_t len) {
    if (node->kind != QLIST_PACKED || len > limits->bytes_max || node->count >= limits->count_max)
        return false;
    return listpack_bytes(qlist_node_packed(node)) + len + LISTPACK_ELEMENT_OVERHEAD_MAX <= limits->bytes_max;
}

/* ---- both ends ---- */

/* Puts the listpack into a block of its own of at least `capacity` bytes, with all spare room at `end`. */
static void move_block(struct qlist_node *node, enum qlist_end end, size_t capacity, size_t *used) {
    const unsigned char *lp = qlist_node_packed(node);
    size_t bytes = listpack_bytes(lp);
    unsigned char *block = mem_alloc(capacity);
    size_t gap = end == QLIST_HEAD ? mem_usable(block) - bytes : 0;
    memcpy(block + gap, lp, bytes);
    qlist_node_free(node, used);
    *used += mem_usable(block);
    node->block = block;
    node->gap = gap & 0x3fffffff;
}

/* Moves the listpack inside its block, so that all spare room is at `end`. */
static void move_inside(struct qlist_node *node, enum qlist_end end, size_t usable) {
    const unsigned char *lp = qlist_node_packed(node);
    size_t bytes = listpack_bytes(lp);
    size_t gap = end == QLIST_HEAD ? usable - bytes : 0;
    memmove(node->block + gap, lp, bytes);
    node->gap = gap & 0x3fffffff;
}

/* Makes room for an element of `len` bytes at `end`, which has too little. */
static void make_room(struct qlist_node *node, enum qlist_end end, size_t len, size_t block_max,
                      size_t *used) {
    size_t usable = mem_usable(node->block);
    size_t bytes = listpack_bytes(qlist_node_packed(node));
    size_t need = bytes + len + LISTPACK_ELEMENT_OVERHEAD_MAX;
    if (usable >= need && (usable - bytes >= usable / NODE_SPARE_PART || usable >= block_max)) {
        move_inside(node, end, usable);
        return;
    }
    size_t wanted = usable + usable / 2;
    if (wanted > block_max)
        wanted = block_max;
    move_block(node, end, wanted > need ? wanted : need, used);
}

void qlist_node_push(struct qlist_node *node, enum qlist_end end, struct bytes value, size_t block_max,
                     size_t *used) {
    for (;;) {
        unsigned char *lp = qlist_node_packed(node);
        if (end == QLIST_HEAD) {
            unsigned char *now = listpack_extend_front(lp, node->gap, value);
            if (LIKELY(now != NULL)) {
                node->gap = (uint32_t)(now - node->block) & 0x3fffffff;
                break;
            }
        } else {
            size_t rest = mem_usable(node->block) - node->gap - listpack_bytes(lp);
            if (LIKELY(listpack_extend_back(lp, rest, value)))
                break;
        }
        make_room(node, end, value.len, block_max, used); /* I2 */
    }
    node->count++;
}

void qlist_node_pop(struct qlist_node *node, enum qlist_end end, size_t *used) {
    unsigned char *lp = qlist_node_packed(node);
    if (end == QLIST_HEAD)
        node->gap = (uint32_t)(listpack_cut_front(lp) - node->block) & 0x3fffffff;
    else
        listpack_cut_back(lp);
    node->count--;
    size_t usable = mem_usable(node->block);
    size_t bytes = listpack_bytes(qlist_node_packed(node));
    if (UNLIKELY(usable > NODE_SMALL && bytes < usable / NODE_SPARE_PART))
        move_block(node, end, 2 * bytes, used); /* I3 */
}

/* ---- everything else ---- */

unsigned char *qlist_node_take(struct qlist_node *node, size_t *used) {
    size_t usable = mem_usable(node->block);
    if (node->gap != 0)
        move_inside(node, QLIST_TAIL, usable);
    *used -= usable;
    unsigned char *lp = qlist_node_packed(node);
    node->block = NULL;
    return lp;
}

void qlist_node_put(struct qlist_node *node, unsigned char *lp, size_t *used) {
    dcheck(node->block == NULL);
    *node = qlist_node_of(lp, used);
}

void qlist_node_compress(struct qlist_node *node, size_t *used) {
    if (node->kind != QLIST_PACKED)
        return;
    const unsigned char *lp = qlist_node_packed(node);
    struct lzf_head head = {.bytes = (uint32_t)listpack_bytes(lp)};
    if (head.bytes < LZF_BYTES_MIN)
        return;
    unsigned char *block = mem_alloc(LZF_HEAD + head.bytes);
    head.packed =
        (uint32_t)compress_pack(bytes_of(lp, head.bytes), block + LZF_HEAD, head.bytes - LZF_GAIN_MIN);
    if (head.packed == 0) {
        mem_free(block);
        return;
    }
    memcpy(block, &head, sizeof head);
    qlist_node_free(node, used);
    node->block = mem_realloc(block, LZF_HEAD + head.packed);
    node->kind = QLIST_LZF;
    node->gap = 0;
    *used += mem_usable(node->block);
}

unsigned char *qlist_node_expanded(const struct qlist_node *node) {
    dcheck(node->kind == QLIST_LZF);
    struct lzf_head head = lzf_head(node);
    unsigned char *lp = mem_alloc(head.bytes);
    must(compress_unpack(bytes_of(node->block + LZF_HEAD, head.packed), lp, head.bytes));
    return lp;
}

void qlist_node_expand(struct qlist_node *node, size_t *used) {
    if (node->kind != QLIST_LZF)
        return;
    unsigned char *lp = qlist_node_expanded(node);
    qlist_node_free(node, used);
    *node = qlist_node_of(lp, used);
}

void qlist_node_check(const struct qlist_node *node) {
    must(node->block != NULL);
    must(node->count > 0); /* I4 */
    must(node->gap + content_bytes(node) <= mem_usable(node->block));
    if (node->kind == QLIST_PACKED) {
        listpack_check(qlist_node_packed(node));
        must(listpack_count(qlist_node_packed(node)) == node->count); /* I1 */
    } else if (node->kind == QLIST_LZF) {
        unsigned char *lp = qlist_node_expanded(node);
        listpack_check(lp);
        must(listpack_count(lp) == node->count);
        listpack_free(lp);
    } else {
        must(node->count == 1);
    }
}
