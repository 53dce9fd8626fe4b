/* rank_tree_remove.c: the other half of rank_tree.c: removing, freeing, checking.
 *
 * What has become small is joined with a neighbour under the same node, where both together leave room for a quarter more,
 * so that an element that comes and goes does not split and join all the time. A leaf or node that has no such
 * neighbour stays small until it is empty; then it is freed. Invariants: rank_tree.c. */
#include "core/ds/rank_tree_internal.h"

#include <stdio.h>

enum {
    LEAF_SMALL = RANK_LEAF_MAX / 2,
    LEAF_JOINED_MAX = RANK_LEAF_MAX * 3 / 4,
    NODE_SMALL = RANK_NODE_MAX / 2,
    NODE_JOINED_MAX = RANK_NODE_MAX * 3 / 4,
};

static void leaf_free(struct rank_tree *t, struct rank_leaf *leaf) {
    if (leaf->prev != NULL) /* I5 */
        leaf->prev->next = leaf->next;
    else
        t->first = leaf->next;
    if (leaf->next != NULL)
        leaf->next->prev = leaf->prev;
    else
        t->last = leaf->prev;
    t->bytes -= mem_good_size(sizeof(*leaf));
    mem_free(leaf);
}

static void node_free(struct rank_tree *t, struct rank_node *node) {
    t->bytes -= mem_good_size(sizeof(*node));
    mem_free(node);
}

static void node_remove(struct rank_node *node, unsigned at) {
    size_t behind = node->count - at - 1;
    memmove(node->children + at, node->children + at + 1, behind * sizeof(node->children[0]));
    memmove(node->sizes + at, node->sizes + at + 1, behind * sizeof(node->sizes[0]));
    memmove(node->scores + at, node->scores + at + 1, behind * sizeof(node->scores[0]));
    memmove(node->firsts + at, node->firsts + at + 1, behind * sizeof(node->firsts[0]));
    node->count--;
}

/* Moves all of the leaf at child `right` of the node to the one before it. */
static void join_leaves(struct rank_tree *t, struct rank_node *node, unsigned right) {
    struct rank_leaf *to = node->children[right - 1];
    struct rank_leaf *from = node->children[right];
    memcpy(to->words + to->count, from->words, from->count * sizeof(to->words[0]));
    to->count = (uint16_t)(to->count + from->count);
    node->sizes[right - 1] += node->sizes[right];
    leaf_free(t, from);
    node_remove(node, right);
    rank_tree__refresh(to); /* I4 */
}

static void join_nodes(struct rank_tree *t, struct rank_node *node, unsigned right) {
    struct rank_node *to = node->children[right - 1];
    struct rank_node *from = node->children[right];
    memcpy(to->children + to->count, from->children, from->count * sizeof(to->children[0]));
    memcpy(to->sizes + to->count, from->sizes, from->count * sizeof(to->sizes[0]));
    memcpy(to->scores + to->count, from->scores, from->count * sizeof(to->scores[0]));
    memcpy(to->firsts + to->count, from->firsts, from->count * sizeof(to->firsts[0]));
    to->count += from->count;
    node->sizes[right - 1] += node->sizes[right];
    node_free(t, from);
    node_remove(node, right);
}

static size_t child_count(const struct rank_node *node, unsigned at, bool is_leaf) {
    return is_leaf ? ((struct rank_leaf *)node->children[at])->count
                   : ((struct rank_node *)node->children[at])->count;
}

/* Joins child `at` with a neighbour if both are small. */
static void join_if_small(struct rank_tree *t, struct rank_node *node, unsigned at, bool is_leaf) {
    size_t count = child_count(node, at, is_leaf);
    size_t max = is_leaf ? LEAF_JOINED_MAX : NODE_JOINED_MAX;
    if (count >= (is_leaf ? LEAF_SMALL : NODE_SMALL))
        return;
    unsigned right = 0;
    if (at > 0 && count + child_count(node, at - 1, is_leaf) <= max)
        right = at;
    else if (at + 1 < node->count && count + child_count(node, at + 1, is_leaf) <= max)
        right = at + 1;
    if (right == 0)
        return;
    if (is_leaf)
        join_leaves(t, node, right);
    else
        join_nodes(t, node, right);
}

/* A root with one child is no use. */
static void shrink_root(struct rank_tree *t) {
    while (t->depth > 0) {
        struct rank_node *root = t->root;
        if (root->count > 1)
            return;
        t->root = root->children[0];
        node_free(t, root);
        t->depth--;
    }
}

/* Frees the path's empty leaf and the nodes that it leaves empty. */
static void remove_leaf(struct rank_tree *t, struct rank_path *path) {
    leaf_free(t, path->leaf);
    unsigned level = t->depth;
    for (; level > 0; level--) {
        struct rank_node *node = path->steps[level - 1].node;
        node_remove(node, path->steps[level - 1].at);
        if (node->count > 0)
            break;
        node_free(t, node);
    }
    must(level > 0); /* the tree is not empty */
    struct rank_node *node = path->steps[level - 1].node;
    if (path->steps[level - 1].at == 0)
        for (unsigned up = level - 1; up > 0; up--) { /* I2: the node has another first */
            struct rank_node *above = path->steps[up - 1].node;
            unsigned at = path->steps[up - 1].at;
            above->firsts[at] = node->firsts[0];
            above->scores[at] = node->scores[0];
            if (at != 0)
                break;
        }
    for (; level > 1; level--)
        join_if_small(t, path->steps[level - 2].node, path->steps[level - 2].at, false);
    shrink_root(t);
}

void rank_tree__cut(struct rank_tree *t, struct rank_path *path, unsigned count) {
    struct rank_leaf *leaf = path->leaf;
    must(path->at + count <= leaf->count);
    memmove(leaf->words + path->at, leaf->words + path->at + count,
            (leaf->count - path->at - count) * sizeof(leaf->words[0]));
    leaf->count = (uint16_t)(leaf->count - count);
    t->count -= count;
    for (unsigned level = 0; level < t->depth; level++)
        path->steps[level].node->sizes[path->steps[level].at] -= count;
    if (t->depth == 0)
        return;
    if (leaf->count == 0) {
        remove_leaf(t, path);
        return;
    }
    if (path->at == 0)
        rank_tree__fix_first(t, path);
    if (leaf->count >= LEAF_SMALL)
        return;
    for (unsigned level = t->depth; level > 0; level--)
        join_if_small(t, path->steps[level - 1].node, path->steps[level - 1].at, level == t->depth);
    shrink_root(t);
}

void rank_tree_remove(struct rank_tree *t, const struct ranked *e) {
    struct rank_probe probe = rank_tree__probe_of(e, RANK_AFTER_MEMBER);
    struct rank_path path;
    size_t rank;
    rank_tree__descend(t, &probe, &path, &rank);
    must(path.at > 0 && ranked_of_word(path.leaf->words[path.at - 1]) == e);
    path.at--;
    rank_tree__cut(t, &path, 1);
}

void rank_tree_remove_range(struct rank_tree *t, size_t from, size_t count,
                            void (*drop)(void *ctx, struct ranked *e), void *ctx) {
    must(from <= t->count && count <= t->count - from);
    while (count > 0) {
        struct rank_path path;
        rank_tree__descend_rank(t, from, &path);
        unsigned here = path.leaf->count - path.at;
        if (here > count)
            here = (unsigned)count;
        struct ranked *gone[RANK_LEAF_MAX]; /* dropped when the tree does not look at them any more */
        for (unsigned i = 0; i < here; i++)
            gone[i] = ranked_of_word(path.leaf->words[path.at + i]);
        rank_tree__cut(t, &path, here);
        for (unsigned i = 0; i < here; i++)
            drop(ctx, gone[i]);
        count -= here;
    }
}

/* ---- freeing ---- */

/* Takes the last leaf off, with nodes that it leaves empty; the tree may be empty afterwards. */
static void drop_last_leaf(struct rank_tree *t) {
    struct rank_node *path[RANK_DEPTH_MAX];
    void *at = t->root;
    for (unsigned level = 0; level < t->depth; level++) {
        path[level] = at;
        at = path[level]->children[path[level]->count - 1];
    }
    leaf_free(t, at);
    for (unsigned level = t->depth; level > 0; level--) {
        if (--path[level - 1]->count > 0)
            return;
        node_free(t, path[level - 1]);
    }
    t->root = NULL;
}

bool rank_tree_free_step(struct rank_tree *t, size_t elements_max) {
    for (size_t done = 0; t->root != NULL && done < elements_max;) {
        struct rank_leaf *leaf = t->last;
        for (unsigned i = 0; i < leaf->count; i++)
            mem_free(ranked_of_word(leaf->words[i]));
        done += leaf->count + 1u;
        t->count -= leaf->count;
        drop_last_leaf(t);
    }
    return t->root == NULL;
}

void rank_tree_deinit(struct rank_tree *t) {
    while (t->root != NULL)
        drop_last_leaf(t);
}

/* ---- trust ---- */

struct check {
    const struct rank_tree *t;
    const struct rank_leaf *leaf; /* seen last */
    const struct ranked *last;    /* seen last */
    size_t bytes;
};

static size_t check_leaf(struct check *c, const struct rank_leaf *leaf) {
    must(leaf->prev == c->leaf); /* I5 */
    must(c->leaf == NULL ? c->t->first == leaf : c->leaf->next == leaf);
    must(leaf->count <= RANK_LEAF_MAX);
    for (unsigned i = 0; i < leaf->count; i++) {
        const struct ranked *e = ranked_of_word(leaf->words[i]);
        must(ranked_word_tag(leaf->words[i]) == rank_tree__rough(leaf, e->score)); /* I4 */
        if (c->last != NULL) {
            must(c->last->score <= e->score); /* I1 */
            must(c->last->score < e->score || bytes_compare(ranked_name(c->last), ranked_name(e)) < 0);
        }
        c->last = e;
    }
    c->leaf = leaf;
    c->bytes += mem_good_size(sizeof(*leaf));
    return leaf->count;
}

static const struct ranked *check_first(const void *at, unsigned depth) {
    for (; depth > 0; depth--)
        at = ((const struct rank_node *)at)->children[0];
    return ranked_of_word(((const struct rank_leaf *)at)->words[0]);
}

/* Recursion ends after RANK_DEPTH_MAX levels. */
static size_t check_below(struct check *c, const void *at, unsigned depth) {
    if (depth == 0)
        return check_leaf(c, at);
    const struct rank_node *node = at;
    size_t size = 0;
    must(node->count > 0); /* I3 */
    must(node->count <= RANK_NODE_MAX);
    for (unsigned i = 0; i < node->count; i++) {
        must(node->firsts[i] == check_first(node->children[i], depth - 1)); /* I2 */
        must(node->scores[i] == node->firsts[i]->score);
        size_t below = check_below(c, node->children[i], depth - 1);
        must(below > 0); /* I3 */
        must(below == node->sizes[i]);
        size += below;
    }
    c->bytes += mem_good_size(sizeof(*node));
    return size;
}

void rank_tree_check(const struct rank_tree *t) {
    struct check c = {.t = t};
    must(t->depth <= RANK_DEPTH_MAX);
    must(check_below(&c, t->root, t->depth) == t->count);
    must(t->last == c.leaf); /* I5 */
    must(t->last->next == NULL);
    must(c.bytes == t->bytes); /* I6 */
}

void rank_tree_dump(const struct rank_tree *t) {
    fprintf(stderr, "rank_tree: %zu elements, %zu bytes, %u levels of nodes; leaves:", t->count, t->bytes,
            t->depth);
    for (const struct rank_leaf *leaf = t->first; leaf != NULL; leaf = leaf->next)
        fprintf(stderr, " %u/%g", leaf->count, leaf->count == 0 ? 0 : ranked_of_word(leaf->words[0])->score);
    fprintf(stderr, "\n");
}
