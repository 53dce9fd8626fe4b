/* rank_tree.c: searching and adding. Removing is in rank_tree_remove.c.
 *
 * The problem: millions of elements in order of score, then name, with the rank of each, in few bytes and few cache misses.
 *
 * The structure is a B+ tree. Leaves hold the addresses of up to 60 elements and are linked; nodes hold up to 63 children
 * with the number of elements below each, and the score and address of the first. 62 of 63 comparisons on the way down
 * read scores that stand together in a node, and look at an element only where scores are equal.
 *
 * In a leaf the scores are not at hand: eight more bytes for each element would be too dear. But an address has 16 bits to
 * spare, and they hold the *rough* score: (ordered(score) - base) >> shift, cut off at both ends, where ordered() turns a
 * double into an integer of the same order. Rough scores ascend where scores do. So a binary search over words finds the few
 * elements that have the rough score looked for, usually none or one, and only these are visited. A leaf chooses base
 * and shift so that its ends are 0 and 65535, again whenever too much has been put beyond its ends or halves have
 * lost their precision.
 *
 * I1  Elements are in order: of scores, then of names; no two are equal in both.
 * I2  sizes[i] is the number of elements below child i; firsts[i] the first of them, scores[i] its score.
 * I3  No leaf or node is empty, except the leaf of an empty tree. All leaves have the same depth.
 * I4  The upper 16 bits of a leaf's word are its element's rough score under the leaf's base and shift.
 * I5  Leaves are linked in order; first and last are their ends.
 * I6  bytes is the sum of mem_good_size over leaves and nodes.
 *
 * What is full is split in the middle; at the outer ends of the tree it is left full, and a new leaf begins with the new
 * element alone: elements that come in order, as when a value is loaded, fill leaves to the brim.
 *
 * Why not a skip list: its levels and its spans cost 20 bytes for each element, and each step of a search is a cache miss.
 * Cost: 8 to 12 bytes for each element beyond its block; a search among a million touches three nodes, a leaf, and an
 * element or two. */
#include "core/ds/rank_tree_internal.h"

#include <math.h>
#include <stdio.h>

_Static_assert(sizeof(struct rank_leaf) == 512, "a leaf is a size class of the allocator");
_Static_assert(sizeof(struct rank_node) <= 2048, "a node is one, too");

enum {
    ROUGH_BITS = 16,
    ROUGH_SPAN_MIN = 4096, /* of the ends of a split leaf, below which it chooses anew */
    MISFITS_MIN = 4,
};

static struct rank_leaf *leaf_new(struct rank_tree *t) {
    struct rank_leaf *leaf = mem_alloc(sizeof(*leaf));
    memset(leaf, 0, offsetof(struct rank_leaf, words));
    t->bytes += mem_good_size(sizeof(*leaf));
    return leaf;
}

static struct rank_node *node_new(struct rank_tree *t) {
    struct rank_node *node = mem_alloc(sizeof(*node));
    node->count = 0;
    t->bytes += mem_good_size(sizeof(*node));
    return node;
}

void rank_tree_init(struct rank_tree *t) {
    *t = (struct rank_tree){.depth = 0};
    t->first = t->last = leaf_new(t);
    t->root = t->first;
}

/* ---- searching ---- */

static bool name_is_before(const struct ranked *e, const struct rank_probe *probe, bool is_equal_before) {
    int order = bytes_compare(ranked_name(e), probe->name);
    return order < 0 || (order == 0 && is_equal_before);
}

/* True if an element with this score stands before the probe. The element is looked at only where the score does not say. */
static inline bool is_before(double score, const struct ranked *e, const struct rank_probe *probe) {
    switch (probe->side) {
    case RANK_BEFORE_SCORE: return score < probe->score;
    case RANK_AFTER_SCORE: return score <= probe->score;
    case RANK_BEFORE_MEMBER:
        return score < probe->score || (score == probe->score && name_is_before(e, probe, false));
    case RANK_AFTER_MEMBER:
        return score < probe->score || (score == probe->score && name_is_before(e, probe, true));
    case RANK_BEFORE_NAME: return name_is_before(e, probe, false);
    case RANK_AFTER_NAME: return name_is_before(e, probe, true);
    }
    must(false);
}

/* The number of words in the leaf before the probe. */
static unsigned leaf_find(const struct rank_leaf *leaf, const struct rank_probe *probe) {
    unsigned low = 0;
    unsigned high = leaf->count;
    if (probe->side < RANK_BEFORE_NAME) { /* I4: only equal rough scores have to be looked at */
        uint64_t rough = rank_tree__rough(leaf, probe->score) << RANKED_ADDRESS_BITS;
        uint64_t above = rough | (((uint64_t)1 << RANKED_ADDRESS_BITS) - 1);
        unsigned from = 0;
        for (unsigned len = high; len > 0;) {
            unsigned half = len / 2;
            bool is_less = leaf->words[from + half] < rough;
            from = is_less ? from + half + 1 : from;
            len = is_less ? len - half - 1 : half;
        }
        low = from;
        while (from < high && leaf->words[from] <= above && from < low + 4)
            from++;
        if (from < low + 4)
            high = from;
        else
            while (high > from && leaf->words[high - 1] > above)
                high--;
    }
    while (low < high) {
        unsigned middle = (low + high) / 2;
        const struct ranked *e = ranked_of_word(leaf->words[middle]);
        if (is_before(e->score, e, probe))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The child that the probe leads to: the last whose first element stands before it. */
static unsigned node_find(const struct rank_node *node, const struct rank_probe *probe) {
    unsigned low = 1;
    unsigned high = (unsigned)node->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (is_before(node->scores[middle], node->firsts[middle], probe))
            low = middle + 1;
        else
            high = middle;
    }
    return low - 1;
}

void rank_tree__descend(const struct rank_tree *t, const struct rank_probe *probe, struct rank_path *path,
                        size_t *rank_out) {
    void *at = t->root;
    size_t rank = 0;
    for (unsigned level = 0; level < t->depth; level++) {
        struct rank_node *node = at;
        unsigned child = node_find(node, probe);
        for (unsigned i = 0; i < child; i++)
            rank += node->sizes[i];
        path->steps[level].node = node;
        path->steps[level].at = child;
        at = node->children[child];
    }
    path->leaf = at;
    path->at = leaf_find(path->leaf, probe);
    *rank_out = rank + path->at;
}

void rank_tree__descend_rank(const struct rank_tree *t, size_t rank, struct rank_path *path) {
    dcheck(rank < t->count);
    void *at = t->root;
    for (unsigned level = 0; level < t->depth; level++) {
        struct rank_node *node = at;
        unsigned child = 0;
        for (; rank >= node->sizes[child]; child++)
            rank -= node->sizes[child];
        path->steps[level].node = node;
        path->steps[level].at = child;
        at = node->children[child];
    }
    path->leaf = at;
    path->at = (unsigned)rank;
}

size_t rank_tree_find(const struct rank_tree *t, const struct rank_probe *probe) {
    struct rank_path path;
    size_t rank;
    rank_tree__descend(t, probe, &path, &rank);
    return rank;
}

size_t rank_tree_rank(const struct rank_tree *t, const struct ranked *e) {
    struct rank_probe probe = rank_tree__probe_of(e, RANK_AFTER_MEMBER);
    size_t rank = rank_tree_find(t, &probe);
    must(rank > 0);
    return rank - 1;
}

struct rank_cursor rank_tree_at(const struct rank_tree *t, size_t rank) {
    if (rank >= t->count)
        return (struct rank_cursor){NULL, 0};
    struct rank_path path;
    rank_tree__descend_rank(t, rank, &path);
    return (struct rank_cursor){path.leaf, path.at};
}

/* ---- adding ---- */

void rank_tree__refresh(struct rank_leaf *leaf) {
    leaf->misfits = 0;
    leaf->shift = 0;
    if (leaf->count == 0)
        return;
    leaf->base = rank_tree__ordered(ranked_of_word(leaf->words[0])->score);
    uint64_t width = rank_tree__ordered(ranked_of_word(leaf->words[leaf->count - 1])->score) - leaf->base;
    while (width >> leaf->shift >> ROUGH_BITS != 0)
        leaf->shift++;
    for (unsigned i = 0; i < leaf->count; i++) {
        struct ranked *e = ranked_of_word(leaf->words[i]);
        leaf->words[i] = ranked_word(e, rank_tree__rough(leaf, e->score));
    }
}

/* Chooses anew where it is worth it, after a split. */
static void leaf_refresh_if_rough(struct rank_leaf *leaf) {
    if (leaf->count < 2)
        return;
    unsigned span = ranked_word_tag(leaf->words[leaf->count - 1]) - ranked_word_tag(leaf->words[0]);
    if (leaf->misfits > 0 || (span < ROUGH_SPAN_MIN && leaf->shift > 0))
        rank_tree__refresh(leaf);
}

static void leaf_insert(struct rank_leaf *leaf, unsigned at, struct ranked *e) {
    memmove(leaf->words + at + 1, leaf->words + at, (leaf->count - at) * sizeof(leaf->words[0]));
    uint64_t rough = rank_tree__rough(leaf, e->score);
    leaf->words[at] = ranked_word(e, rough);
    leaf->count++;
    bool is_misfit = (at == 0 && rank_tree__ordered(e->score) < leaf->base) || rough == 0xffff;
    if (leaf->count == 1 || (is_misfit && ++leaf->misfits >= MISFITS_MIN + leaf->count / 4))
        rank_tree__refresh(leaf);
}

void rank_tree__fix_first(const struct rank_tree *t, const struct rank_path *path) {
    struct ranked *first = ranked_of_word(path->leaf->words[0]);
    for (unsigned level = t->depth; level-- > 0;) {
        struct rank_node *node = path->steps[level].node;
        unsigned at = path->steps[level].at;
        node->firsts[at] = first; /* I2 */
        node->scores[at] = first->score;
        if (at != 0)
            return;
    }
}

/* Where to split something full, so that the new one at `at` finds room: at the outer ends only the new one is apart. */
static unsigned split_point(unsigned count, unsigned at, bool is_leftmost, bool is_rightmost) {
    if (at == count && is_rightmost)
        return count;
    if (at == 0 && is_leftmost)
        return 0;
    return count / 2;
}

/* Moves the words from `from` on to a new leaf behind it. */
static struct rank_leaf *leaf_split(struct rank_tree *t, struct rank_leaf *leaf, unsigned from) {
    struct rank_leaf *right = leaf_new(t);
    right->count = (uint16_t)(leaf->count - from);
    memcpy(right->words, leaf->words + from, right->count * sizeof(right->words[0]));
    right->base = leaf->base;
    right->shift = leaf->shift;
    right->misfits = leaf->misfits;
    leaf->count = (uint16_t)from;
    right->prev = leaf; /* I5 */
    right->next = leaf->next;
    leaf->next = right;
    if (right->next != NULL)
        right->next->prev = right;
    else
        t->last = right;
    leaf_refresh_if_rough(leaf);
    leaf_refresh_if_rough(right);
    return right;
}

static struct rank_node *node_split(struct rank_tree *t, struct rank_node *node, unsigned from) {
    struct rank_node *right = node_new(t);
    size_t count = node->count - from;
    memcpy(right->children, node->children + from, count * sizeof(node->children[0]));
    memcpy(right->sizes, node->sizes + from, count * sizeof(node->sizes[0]));
    memcpy(right->scores, node->scores + from, count * sizeof(node->scores[0]));
    memcpy(right->firsts, node->firsts + from, count * sizeof(node->firsts[0]));
    right->count = count;
    node->count = from;
    return right;
}

/* A child that is to hang in a node. */
struct child {
    void *ptr;
    uint64_t size;
    struct ranked *first;
};

static void node_insert(struct rank_node *node, unsigned at, struct child child) {
    size_t behind = node->count - at;
    memmove(node->children + at + 1, node->children + at, behind * sizeof(node->children[0]));
    memmove(node->sizes + at + 1, node->sizes + at, behind * sizeof(node->sizes[0]));
    memmove(node->scores + at + 1, node->scores + at, behind * sizeof(node->scores[0]));
    memmove(node->firsts + at + 1, node->firsts + at, behind * sizeof(node->firsts[0]));
    node->children[at] = child.ptr;
    node->sizes[at] = child.size;
    node->firsts[at] = child.first;
    node->scores[at] = child.first->score;
    node->count++;
}

static uint64_t node_size(const struct rank_node *node) {
    uint64_t size = 0;
    for (unsigned i = 0; i < node->count; i++)
        size += node->sizes[i];
    return size;
}

/* Makes a root above the old one. */
static void grow_root(struct rank_tree *t, struct child left, struct child right) {
    must(t->depth < RANK_DEPTH_MAX);
    struct rank_node *root = node_new(t);
    node_insert(root, 0, left);
    node_insert(root, 1, right);
    t->root = root;
    t->depth++;
}

/* A child below the path at `level` has been split: `left` is what stands there now, `right` comes behind it. Counts of the
 * levels above include the new element already. */
static void insert_child(struct rank_tree *t, struct rank_path *path, unsigned level, struct child left,
                         struct child right) {
    for (;; level--) {
        if (level == 0) {
            grow_root(t, left, right);
            return;
        }
        struct rank_node *node = path->steps[level - 1].node;
        unsigned at = path->steps[level - 1].at;
        node->sizes[at] = left.size;
        node->firsts[at] = left.first;
        node->scores[at] = left.first->score;
        if (node->count < RANK_NODE_MAX) {
            node_insert(node, at + 1, right);
            return;
        }
        bool is_rightmost = right.ptr == (void *)t->last || right.first == ranked_of_word(t->last->words[0]);
        unsigned from = at + 1 == RANK_NODE_MAX && is_rightmost ? RANK_NODE_MAX : RANK_NODE_MAX / 2;
        struct rank_node *next = node_split(t, node, from);
        if (at + 1 <= from && from != RANK_NODE_MAX)
            node_insert(node, at + 1, right);
        else
            node_insert(next, at + 1 - from, right);
        left = (struct child){node, node_size(node), node->firsts[0]};
        right = (struct child){next, node_size(next), next->firsts[0]};
    }
}

static void add_at(struct rank_tree *t, struct rank_path *path, struct ranked *e) {
    struct rank_leaf *leaf = path->leaf;
    unsigned at = path->at;
    t->count++;
    for (unsigned level = 0; level < t->depth; level++)
        path->steps[level].node->sizes[path->steps[level].at]++;
    if (LIKELY(leaf->count < RANK_LEAF_MAX)) {
        leaf_insert(leaf, at, e);
        if (at == 0)
            rank_tree__fix_first(t, path);
        return;
    }
    unsigned from = split_point(leaf->count, at, leaf->prev == NULL, leaf->next == NULL);
    struct rank_leaf *right = leaf_split(t, leaf, from);
    if (at <= from && from != RANK_LEAF_MAX)
        leaf_insert(leaf, at, e);
    else
        leaf_insert(right, at - from, e);
    if (at == 0)
        rank_tree__fix_first(t, path);
    insert_child(t, path, t->depth, (struct child){leaf, leaf->count, ranked_of_word(leaf->words[0])},
                 (struct child){right, right->count, ranked_of_word(right->words[0])});
}

void rank_tree_add(struct rank_tree *t, struct ranked *e) {
    must(!isnan(e->score));
    struct rank_probe probe = rank_tree__probe_of(e, RANK_BEFORE_MEMBER);
    struct rank_path path;
    size_t rank;
    rank_tree__descend(t, &probe, &path, &rank);
    add_at(t, &path, e);
}

/* True if the element may stay where it is under another score. */
static bool fits_between(const struct rank_path *path, const struct ranked *e, double score) {
    struct rank_probe probe = {.side = RANK_BEFORE_MEMBER, .score = score, .name = ranked_name(e)};
    const struct rank_leaf *leaf = path->leaf;
    const struct ranked *before = NULL;
    const struct ranked *behind = NULL;
    if (path->at > 0)
        before = ranked_of_word(leaf->words[path->at - 1]);
    else if (leaf->prev != NULL)
        before = ranked_of_word(leaf->prev->words[leaf->prev->count - 1]);
    if (path->at + 1u < leaf->count)
        behind = ranked_of_word(leaf->words[path->at + 1]);
    else if (leaf->next != NULL)
        behind = ranked_of_word(leaf->next->words[0]);
    return (before == NULL || is_before(before->score, before, &probe)) &&
           (behind == NULL || !is_before(behind->score, behind, &probe));
}

void rank_tree_rescore(struct rank_tree *t, struct ranked *e, double score) {
    must(!isnan(score));
    struct rank_probe probe = rank_tree__probe_of(e, RANK_AFTER_MEMBER);
    struct rank_path path;
    size_t rank;
    rank_tree__descend(t, &probe, &path, &rank);
    must(path.at > 0 && ranked_of_word(path.leaf->words[path.at - 1]) == e);
    path.at--;
    if (fits_between(&path, e, score)) {
        e->score = score;
        path.leaf->words[path.at] = ranked_word(e, rank_tree__rough(path.leaf, score)); /* I4 */
        if (path.at == 0)
            rank_tree__fix_first(t, &path);
        return;
    }
    rank_tree__cut(t, &path, 1);
    e->score = score;
    rank_tree_add(t, e);
}
