/* ordset.c: a B+ tree of small items.
 *
 * Problem: streams need ordered maps from 128-bit IDs: entries and pending messages arrive in ascending order, leave
 * mostly in ascending order, are looked up one by one, and are walked both ways from any ID. Millions of pending messages
 * must not cost a small allocation each. Names of groups and consumers need the same, with fewer items.
 *
 * Structure: all items lie in leaves, sorted, 32 or a few more in one block; above them are inner nodes whose entries are the key
 * of a child's first item, and the child. A leaf starts with room for 4 items and doubles, so that a set of one item is
 * small; an inner node is made with room for 32 children.
 *
 *     inner   count cap | key key key ...   | child child child ...
 *     leaf    count cap | item item item ...
 *
 *   I1  items ascend strictly, within a leaf and from leaf to leaf.
 *   I2  the key of an inner entry equals the key of the first item below it: bytewise, for it may be a pointer.
 *   I3  all leaves have the same depth, set->height levels down. No node is empty. A root that is an inner node has two
 *       children or more.
 *   I4  *bytes contains the usable bytes of all nodes.
 *
 * Appending fills leaves completely: a full rightmost leaf is not split in halves; the new item begins a new leaf. A
 * node that falls below 8 is joined with a neighbour when both together have at most 24, so that no order
 * of removals leaves a tree of nearly empty nodes.
 *
 * Why not a radix tree, as Redis has it: an ID there takes a path of nodes whose bytes are compared one by one, and
 * its value an allocation of its own. Here a lookup among a million touches four nodes, a pending message costs its 40
 * bytes and little more, and a walk goes through contiguous memory. Why no pointers between leaves: nodes move when
 * they grow; a place knows its path instead. Why exact first keys (I2) instead of separators: with keys that are
 * pointers, a separator could outlive what it points to.
 *
 * Cost: with n items, log32(n) nodes per operation, a binary search in each; memmove of at most a leaf. */
#include "core/ds/ordset.h"

#include "core/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LEAF_ITEMS_MIN = 4,
    JOIN_BELOW = ORDSET_NODE_ITEMS / 4,
    JOIN_UP_TO = ORDSET_NODE_ITEMS * 3 / 4,
};

struct ordset_node {
    uint16_t count;
    uint16_t cap;
    uint32_t keys_bytes; /* inner: where the children begin in data; leaf: 0 */
    _Alignas(8) unsigned char data[];
};

/* ---- nodes ---- */

static unsigned char *leaf_item(const struct ordset *set, const struct ordset_node *leaf, size_t i) {
    return (unsigned char *)leaf->data + i * set->type->item_bytes;
}

static unsigned char *inner_key(const struct ordset *set, const struct ordset_node *node, size_t i) {
    return (unsigned char *)node->data + i * set->type->key_bytes;
}

static struct ordset_node **inner_children(const struct ordset_node *node) {
    return (struct ordset_node **)(void *)((unsigned char *)node->data + node->keys_bytes);
}

static struct ordset_node *leaf_new(struct ordset *set, size_t cap) {
    struct ordset_node *leaf = mem_alloc(sizeof(*leaf) + cap * set->type->item_bytes);
    leaf->count = 0;
    leaf->cap = (uint16_t)cap;
    leaf->keys_bytes = 0;
    *set->bytes += mem_usable(leaf); /* I4 */
    return leaf;
}

static struct ordset_node *inner_new(struct ordset *set) {
    size_t keys_bytes = (size_t)ORDSET_NODE_ITEMS * set->type->key_bytes;
    struct ordset_node *node =
        mem_alloc(sizeof(*node) + keys_bytes + ORDSET_NODE_ITEMS * sizeof(struct ordset_node *));
    node->count = 0;
    node->cap = ORDSET_NODE_ITEMS;
    node->keys_bytes = (uint32_t)keys_bytes;
    *set->bytes += mem_usable(node); /* I4 */
    return node;
}

static void node_free(struct ordset *set, struct ordset_node *node) {
    *set->bytes -= mem_usable(node); /* I4 */
    mem_free(node);
}

/* A leaf with room for more; the caller puts it in the old one's place. */
static struct ordset_node *leaf_grow(struct ordset *set, struct ordset_node *leaf, size_t cap) {
    *set->bytes -= mem_usable(leaf);
    leaf = mem_realloc(leaf, sizeof(*leaf) + cap * set->type->item_bytes);
    leaf->cap = (uint16_t)cap;
    *set->bytes += mem_usable(leaf); /* I4 */
    return leaf;
}

/* The key of the first item below a node at this level. */
static const unsigned char *node_key(const struct ordset *set, const struct ordset_node *node, size_t level) {
    return level == 0 ? leaf_item(set, node, 0) : inner_key(set, node, 0);
}

/* ---- searching ---- */

static inline int compare(const struct ordset *set, const void *wanted, const void *key) {
    if (UNLIKELY(set->type->compare != NULL))
        return set->type->compare(wanted, key);
    const uint64_t *a = wanted; /* whatever structure the owner has for its two numbers */
    const uint64_t *b = key;
    if (a[0] != b[0])
        return a[0] < b[0] ? -1 : 1;
    return a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0;
}

/* The number of keys that are not behind `wanted`, keys being `stride` bytes apart. *is_equal_out: the last of them is
 * `wanted` itself. Looks at the last key first: most searches of streams are for something new. */
static size_t node_rank(const struct ordset *set, const unsigned char *keys, size_t count, size_t stride,
                        const void *wanted, bool *is_equal_out) {
    size_t low = 0;
    size_t high = count;
    size_t middle = count - 1;
    *is_equal_out = false;
    while (low < high) {
        int order = compare(set, wanted, keys + middle * stride);
        if (order == 0) {
            *is_equal_out = true;
            return middle + 1;
        }
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
        middle = low + (high - low) / 2;
    }
    return low;
}

/* Descends to the leaf where `wanted` is or belongs, noting the path; gives its rank in that leaf. */
static size_t descend(const struct ordset *set, const void *wanted, struct ordset_place *place,
                      bool *is_equal_out) {
    struct ordset_node *node = set->root;
    place->set = set;
    for (size_t level = set->height - 1u; level > 0; level--) {
        size_t rank = node_rank(set, node->data, node->count, set->type->key_bytes, wanted, is_equal_out);
        size_t at = rank == 0 ? 0 : rank - 1;
        place->nodes[level] = node;
        place->at[level] = (uint16_t)at;
        node = inner_children(node)[at];
    }
    place->nodes[0] = node;
    return node_rank(set, node->data, node->count, set->type->item_bytes, wanted, is_equal_out);
}

/* Descends along one edge from `level` on, whose node and position are set already. */
static void *edge(struct ordset_place *place, size_t level, bool is_last) {
    while (level > 0) {
        struct ordset_node *node = inner_children(place->nodes[level])[place->at[level]];
        level--;
        place->nodes[level] = node;
        place->at[level] = is_last ? (uint16_t)(node->count - 1) : 0;
    }
    place->is_valid = true;
    return ordset_item(place);
}

static void *seek_edge(const struct ordset *set, struct ordset_place *place, bool is_last) {
    place->set = set;
    place->is_valid = false;
    if (set->root == NULL)
        return NULL;
    size_t top = set->height - 1u;
    place->nodes[top] = set->root;
    place->at[top] = is_last ? (uint16_t)(set->root->count - 1) : 0;
    return edge(place, top, is_last);
}

void *ordset_find(const struct ordset *set, const void *wanted) {
    struct ordset_place place;
    bool is_equal;
    if (set->root == NULL)
        return NULL;
    size_t rank = descend(set, wanted, &place, &is_equal);
    return is_equal ? leaf_item(set, place.nodes[0], rank - 1) : NULL;
}

void *ordset_first(const struct ordset *set) {
    const struct ordset_node *node = set->root;
    if (node == NULL)
        return NULL;
    for (size_t level = set->height - 1u; level > 0; level--)
        node = inner_children(node)[0];
    return leaf_item(set, node, 0);
}

void *ordset_last(const struct ordset *set) {
    const struct ordset_node *node = set->root;
    if (node == NULL)
        return NULL;
    for (size_t level = set->height - 1u; level > 0; level--)
        node = inner_children(node)[node->count - 1];
    return leaf_item(set, node, node->count - 1u);
}

void *ordset_item(const struct ordset_place *place) {
    dcheck(place->is_valid);
    return leaf_item(place->set, place->nodes[0], place->at[0]);
}

void *ordset_seek_le(const struct ordset *set, const void *wanted, struct ordset_place *place) {
    bool is_equal;
    place->is_valid = false;
    place->set = set;
    if (set->root == NULL)
        return NULL;
    size_t rank = descend(set, wanted, place, &is_equal);
    if (rank == 0) /* only before the smallest of all, by I2 */
        return NULL;
    place->at[0] = (uint16_t)(rank - 1);
    place->is_valid = true;
    return ordset_item(place);
}

void *ordset_seek_ge(const struct ordset *set, const void *wanted, struct ordset_place *place) {
    bool is_equal;
    place->is_valid = false;
    place->set = set;
    if (set->root == NULL)
        return NULL;
    size_t rank = descend(set, wanted, place, &is_equal);
    place->is_valid = true;
    if (rank > 0) {
        place->at[0] = (uint16_t)(rank - 1);
        return is_equal ? ordset_item(place) : ordset_next(place);
    }
    place->at[0] = 0;
    return ordset_item(place);
}

void *ordset_seek_first(const struct ordset *set, struct ordset_place *place) {
    return seek_edge(set, place, false);
}

void *ordset_seek_last(const struct ordset *set, struct ordset_place *place) {
    return seek_edge(set, place, true);
}

void *ordset_next(struct ordset_place *place) {
    dcheck(place->is_valid);
    for (size_t level = 0; level < place->set->height; level++) {
        if (place->at[level] + 1 < place->nodes[level]->count) {
            place->at[level]++;
            return edge(place, level, false);
        }
    }
    place->is_valid = false;
    return NULL;
}

void *ordset_prev(struct ordset_place *place) {
    dcheck(place->is_valid);
    for (size_t level = 0; level < place->set->height; level++) {
        if (place->at[level] > 0) {
            place->at[level]--;
            return edge(place, level, true);
        }
    }
    place->is_valid = false;
    return NULL;
}

/* ---- adding ---- */

/* Upholds I2 above a node at `level` whose first key may have changed. */
static void keys_settle(struct ordset *set, struct ordset_place *path, size_t level) {
    for (; level + 1 < set->height; level++) {
        struct ordset_node *parent = path->nodes[level + 1];
        size_t at = path->at[level + 1];
        memcpy(inner_key(set, parent, at), node_key(set, path->nodes[level], level), set->type->key_bytes);
        if (at != 0)
            return;
    }
}

static void leaf_insert(struct ordset *set, struct ordset_node *leaf, size_t at, const void *item) {
    unsigned char *to = leaf_item(set, leaf, at);
    dcheck(leaf->count < leaf->cap && at <= leaf->count);
    memmove(to + set->type->item_bytes, to, (leaf->count - at) * set->type->item_bytes);
    memcpy(to, item, set->type->item_bytes);
    leaf->count++;
}

static void inner_insert(struct ordset *set, struct ordset_node *node, size_t at, struct ordset_node *child,
                         size_t child_level) {
    unsigned char *key = inner_key(set, node, at);
    struct ordset_node **children = inner_children(node);
    dcheck(node->count < node->cap && at <= node->count);
    memmove(key + set->type->key_bytes, key, (node->count - at) * set->type->key_bytes);
    memmove(children + at + 1, children + at, (node->count - at) * sizeof(*children));
    memcpy(key, node_key(set, child, child_level), set->type->key_bytes);
    children[at] = child;
    node->count++;
}

/* Moves what stands at `from` and behind it into an empty sibling. */
static void node_move_tail(struct ordset *set, struct ordset_node *node, struct ordset_node *sibling,
                           size_t from, size_t level) {
    size_t count = node->count - from;
    if (level == 0) {
        memcpy(sibling->data, leaf_item(set, node, from), count * set->type->item_bytes);
    } else {
        memcpy(sibling->data, inner_key(set, node, from), count * set->type->key_bytes);
        memcpy(inner_children(sibling), inner_children(node) + from, count * sizeof(struct ordset_node *));
    }
    sibling->count = (uint16_t)count;
    node->count = (uint16_t)from;
}

/* Hangs `sibling`, a new node, behind the node at `level` of the path; splits upwards as far as needed. */
static void hang(struct ordset *set, struct ordset_place *path, struct ordset_node *sibling, size_t level) {
    for (;;) {
        if (level + 1 == set->height) { /* the root was split: one level more */
            struct ordset_node *root = inner_new(set);
            must(set->height < ORDSET_HEIGHT_MAX);
            inner_insert(set, root, 0, set->root, level);
            inner_insert(set, root, 1, sibling, level);
            set->root = root;
            set->height++;
            return;
        }
        struct ordset_node *parent = path->nodes[level + 1];
        size_t at = path->at[level + 1] + 1u;
        if (parent->count < parent->cap) {
            inner_insert(set, parent, at, sibling, level);
            return;
        }
        struct ordset_node *uncle = inner_new(set);
        bool is_append = at == parent->count;
        node_move_tail(set, parent, uncle, is_append ? at : parent->count / 2u, level + 1);
        if (is_append)
            inner_insert(set, uncle, 0, sibling, level);
        else if (at <= parent->count)
            inner_insert(set, parent, at, sibling, level);
        else
            inner_insert(set, uncle, at - parent->count, sibling, level);
        sibling = uncle;
        level++;
    }
}

/* True if the leaf of the path is the rightmost of all. */
static bool is_rightmost(const struct ordset *set, const struct ordset_place *path) {
    for (size_t level = 1; level < set->height; level++) {
        if (path->at[level] + 1 != path->nodes[level]->count)
            return false;
    }
    return true;
}

/* Adds to a full leaf. */
static void *add_split(struct ordset *set, struct ordset_place *path, size_t rank, const void *item) {
    struct ordset_node *leaf = path->nodes[0];
    if (rank == leaf->count && is_rightmost(set, path)) {
        struct ordset_node *next = leaf_new(set, LEAF_ITEMS_MIN);
        leaf_insert(set, next, 0, item);
        hang(set, path, next, 0);
        return leaf_item(set, next, 0);
    }
    struct ordset_node *next = leaf_new(set, set->leaf_max);
    node_move_tail(set, leaf, next, leaf->count / 2u, 0);
    bool is_left = rank <= leaf->count;
    size_t at = is_left ? rank : rank - leaf->count;
    leaf_insert(set, is_left ? leaf : next, at, item);
    if (at == 0 && is_left)
        keys_settle(set, path, 0);
    hang(set, path, next, 0);
    return leaf_item(set, is_left ? leaf : next, at);
}

void *ordset_add(struct ordset *set, const void *wanted, const void *item) {
    struct ordset_place path;
    bool is_equal;
    set->count++;
    if (set->root == NULL) {
        set->root = leaf_new(set, LEAF_ITEMS_MIN);
        set->height = 1;
        leaf_insert(set, set->root, 0, item);
        return leaf_item(set, set->root, 0);
    }
    size_t rank = descend(set, wanted, &path, &is_equal);
    must(!is_equal);
    struct ordset_node *leaf = path.nodes[0];
    if (leaf->count == set->leaf_max)
        return add_split(set, &path, rank, item);
    if (leaf->count == leaf->cap) {
        leaf = leaf_grow(set, leaf, leaf->cap * 2u < set->leaf_max ? leaf->cap * 2u : set->leaf_max);
        path.nodes[0] = leaf;
        if (set->height == 1)
            set->root = leaf;
        else
            inner_children(path.nodes[1])[path.at[1]] = leaf;
    }
    leaf_insert(set, leaf, rank, item);
    if (rank == 0)
        keys_settle(set, &path, 0);
    return leaf_item(set, leaf, rank);
}

/* ---- removing ---- */

static void inner_remove(struct ordset *set, struct ordset_node *node, size_t at) {
    unsigned char *key = inner_key(set, node, at);
    struct ordset_node **children = inner_children(node);
    node->count--;
    memmove(key, key + set->type->key_bytes, (node->count - at) * set->type->key_bytes);
    memmove(children + at, children + at + 1, (node->count - at) * sizeof(*children));
}

/* Joins the children at `at` and `at` + 1 of a parent when they are few together; true when it did. */
static bool join(struct ordset *set, struct ordset_node *parent, size_t at, size_t level) {
    struct ordset_node **children = inner_children(parent);
    struct ordset_node *left = children[at];
    struct ordset_node *right = children[at + 1];
    if (left->count + right->count > JOIN_UP_TO)
        return false;
    if (level == 0) {
        if (left->cap < left->count + right->count)
            left = children[at] = leaf_grow(set, left, set->leaf_max);
        memcpy(leaf_item(set, left, left->count), right->data, right->count * (size_t)set->type->item_bytes);
    } else {
        memcpy(inner_key(set, left, left->count), right->data, right->count * (size_t)set->type->key_bytes);
        memcpy(inner_children(left) + left->count, inner_children(right),
               right->count * sizeof(struct ordset_node *));
    }
    left->count = (uint16_t)(left->count + right->count);
    inner_remove(set, parent, at + 1);
    node_free(set, right);
    return true;
}

/* Upholds I3 after something was taken from the leaf of the path. */
static void shrink(struct ordset *set, struct ordset_place *path) {
    for (size_t level = 0; level + 1 < set->height; level++) {
        struct ordset_node *node = path->nodes[level];
        struct ordset_node *parent = path->nodes[level + 1];
        size_t at = path->at[level + 1];
        if (node->count == 0) {
            node_free(set, node);
            inner_remove(set, parent, at);
            if (at == 0 && parent->count > 0)
                keys_settle(set, path, level + 1);
            continue;
        }
        if (node->count >= JOIN_BELOW)
            break;
        bool is_joined = at + 1u < parent->count && join(set, parent, at, level);
        if (!is_joined && at > 0)
            is_joined = join(set, parent, at - 1, level);
        if (!is_joined)
            break;
    }
    while (set->height > 1 && set->root->count == 1) {
        struct ordset_node *root = set->root;
        set->root = inner_children(root)[0];
        set->height--;
        node_free(set, root);
    }
    if (set->root->count == 0) {
        node_free(set, set->root);
        set->root = NULL;
        set->height = 0;
    }
}

static void remove_at(struct ordset *set, struct ordset_place *path, size_t at, void *item_out) {
    struct ordset_node *leaf = path->nodes[0];
    unsigned char *item = leaf_item(set, leaf, at);
    if (item_out != NULL)
        memcpy(item_out, item, set->type->item_bytes);
    leaf->count--;
    set->count--;
    memmove(item, item + set->type->item_bytes, (leaf->count - at) * set->type->item_bytes);
    if (at == 0 && leaf->count > 0)
        keys_settle(set, path, 0);
    if (leaf->count < JOIN_BELOW)
        shrink(set, path);
}

bool ordset_remove(struct ordset *set, const void *wanted, void *item_out) {
    struct ordset_place path;
    bool is_equal = false;
    if (set->root == NULL)
        return false;
    size_t rank = descend(set, wanted, &path, &is_equal);
    if (!is_equal)
        return false;
    remove_at(set, &path, rank - 1, item_out);
    return true;
}

bool ordset_pop_last(struct ordset *set, void *item_out) {
    struct ordset_place path;
    if (ordset_seek_last(set, &path) == NULL)
        return false;
    remove_at(set, &path, path.at[0], item_out);
    return true;
}

/* ---- the whole ---- */

void ordset_init(struct ordset *set, const struct ordset_type *type, size_t *bytes) {
    must(type->item_bytes % 8 == 0 && type->item_bytes <= ORDSET_ITEM_BYTES_MAX);
    must(type->key_bytes % 8 == 0 && type->key_bytes <= type->item_bytes);
    size_t usable = mem_good_size(sizeof(struct ordset_node) + (size_t)ORDSET_NODE_ITEMS * type->item_bytes);
    *set = (struct ordset){.type = type, .bytes = bytes};
    set->leaf_max = (uint16_t)((usable - sizeof(struct ordset_node)) / type->item_bytes);
}

static void free_below(struct ordset *set, struct ordset_node *node, size_t level) {
    for (size_t i = 0; level > 0 && i < node->count; i++)
        free_below(set, inner_children(node)[i], level - 1);
    node_free(set, node);
}

void ordset_clear(struct ordset *set) {
    if (set->root != NULL)
        free_below(set, set->root, set->height - 1u);
    set->root = NULL;
    set->height = 0;
    set->count = 0;
}

bool ordset_clear_step(struct ordset *set, size_t leaves_max) {
    struct ordset_place path;
    for (size_t i = 0; i < leaves_max && ordset_seek_last(set, &path) != NULL; i++) {
        set->count -= path.nodes[0]->count;
        path.nodes[0]->count = 0;
        shrink(set, &path);
    }
    return set->root == NULL;
}

size_t ordset_nodes(const struct ordset *set) {
    return set->count == 0 ? 0 : set->count / (ORDSET_NODE_ITEMS / 2) + set->height;
}

/* ---- inspection ---- */

struct ordset_checked {
    size_t items;
    size_t bytes;
    const unsigned char *last; /* key of the item before, or NULL */
};

/* The key at the beginning of an item, as one searches for it. */
static const void *wanted_of(const struct ordset *set, const unsigned char *key) {
    const void *pointer;
    if (set->type->compare == NULL)
        return key;
    memcpy(&pointer, key, sizeof(pointer));
    return pointer;
}

static void check_below(const struct ordset *set, const struct ordset_node *node, size_t level,
                        struct ordset_checked *seen) {
    must(node->count > 0); /* I3 */
    must(node->count <= node->cap && node->cap <= (level == 0 ? set->leaf_max : ORDSET_NODE_ITEMS));
    seen->bytes += mem_usable(node);
    for (size_t i = 0; level > 0 && i < node->count; i++) {
        const struct ordset_node *child = inner_children(node)[i];
        must(memcmp(inner_key(set, node, i), node_key(set, child, level - 1), set->type->key_bytes) ==
             0); /* I2 */
        check_below(set, child, level - 1, seen);
    }
    for (size_t i = 0; level == 0 && i < node->count; i++) {
        const unsigned char *item = leaf_item(set, node, i);
        if (seen->last != NULL)
            must(compare(set, wanted_of(set, seen->last), item) < 0); /* I1 */
        seen->last = item;
        seen->items++;
    }
}

size_t ordset_check(const struct ordset *set) {
    struct ordset_checked seen = {0, 0, NULL};
    must((set->root == NULL) == (set->count == 0));
    must((set->root == NULL) == (set->height == 0));
    if (set->root != NULL) {
        must(set->height == 1 || set->root->count >= 2); /* I3 */
        check_below(set, set->root, set->height - 1u, &seen);
    }
    must(seen.items == set->count);
    must(seen.bytes <= *set->bytes); /* I4: an owner with one set compares for itself */
    return seen.bytes;
}

static void dump_below(const struct ordset *set, const struct ordset_node *node, size_t level) {
    fprintf(stderr, "%*slevel %zu: %u of %u\n", (int)(2 * (set->height - level)), "", level, node->count,
            node->cap);
    for (size_t i = 0; level > 0 && i < node->count; i++)
        dump_below(set, inner_children(node)[i], level - 1);
}

void ordset_dump(const struct ordset *set) {
    fprintf(stderr, "ordset: %zu items, %u levels\n", set->count, set->height);
    if (set->root != NULL)
        dump_below(set, set->root, set->height - 1u);
}
