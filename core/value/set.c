/* set.c: one interface over intset, listpack and packed table.
 *
 * The object is the encoding's own block or table, without a header of ours: a set of three integers costs an allocation of
 * 16 bytes beside its entry.
 *
 * I1  A set in an intset or a listpack has no more members than the rules allowed when it was last changed.
 * I2  A member stands in a set once, whether it came as a number or as a text.
 *
 * Converting goes member by member into a new object; the old one is freed when that is complete. So nothing has
 * changed where a table has no memory for a long member, which happens only if the rules let long ones into listpacks. */
#include "core/value/set.h"

#include "core/base/mem.h"
#include "core/ds/intset.h"
#include "core/ds/listpack.h"
#include "core/value/digest.h"

/* ---- members ---- */

struct bytes set_member_bytes(const struct set_member *member, char scratch[NUM_INT_TEXT_MAX]) {
    if (member->text.ptr != NULL)
        return member->text;
    return bytes_of(scratch, num_from_int(scratch, member->number));
}

bool set_member_is_number(const struct set_member *member, int64_t *number_out) {
    if (member->text.ptr != NULL)
        return num_parse_int(member->text, number_out);
    *number_out = member->number;
    return true;
}

/* ---- making and freeing ---- */

static size_t intset_max(const struct set_rules *rules) {
    return rules->intset_max < INTSET_COUNT_MAX ? rules->intset_max : INTSET_COUNT_MAX;
}

static struct set set_empty(enum set_encoding encoding, const struct set_rules *rules) {
    void *object = NULL;
    switch (encoding) {
    case SET_INTSET: object = intset_new(); break;
    case SET_LISTPACK: object = listpack_new(0); break;
    case SET_TABLE: object = packed_table_new(false, rules->seed); break;
    }
    return (struct set){object, encoding};
}

struct set set_new(const struct set_member *first, size_t members, const struct set_rules *rules) {
    int64_t number;
    if (members <= intset_max(rules) && set_member_is_number(first, &number))
        return set_empty(SET_INTSET, rules);
    return set_empty(members <= rules->listpack_max ? SET_LISTPACK : SET_TABLE, rules);
}

struct set set_of(const struct entry *e) {
    must(entry_type(e) == VALUE_SET);
    return (struct set){entry_object(e), (enum set_encoding)entry_object_encoding(e)};
}

void set_free(struct set set) {
    switch (set.encoding) {
    case SET_INTSET: intset_free(set.object); break;
    case SET_LISTPACK: listpack_free(set.object); break;
    case SET_TABLE: packed_table_free(set.object); break;
    }
}

/* ---- looking ---- */

static unsigned char *find_in_listpack(const unsigned char *lp, struct bytes text) {
    const unsigned char *first = listpack_first(lp);
    return first == NULL ? NULL : listpack_find(lp, first, text, 0);
}

size_t set_count(struct set set) {
    switch (set.encoding) {
    case SET_INTSET: return intset_count(set.object);
    case SET_LISTPACK: return listpack_count(set.object);
    case SET_TABLE: return packed_table_count(set.object);
    }
    must(false);
}

bool set_has(struct set set, const struct set_member *member) {
    char scratch[NUM_INT_TEXT_MAX];
    int64_t number;
    size_t place;
    struct packed_at at;
    switch (set.encoding) {
    case SET_INTSET: return set_member_is_number(member, &number) && intset_find(set.object, number, &place);
    case SET_LISTPACK: return find_in_listpack(set.object, set_member_bytes(member, scratch)) != NULL;
    case SET_TABLE: return packed_table_find(set.object, set_member_bytes(member, scratch), &at);
    }
    must(false);
}

static struct set_member listpack_member(const unsigned char *at) {
    struct set_member member = {BYTES_NONE, 0};
    char scratch[NUM_INT_TEXT_MAX];
    if (!listpack_get_int(at, &member.number))
        member = set_member_text(listpack_get(at, scratch)); /* a string stays where it is */
    return member;
}

struct set_member set_random(struct set set, struct rng *rng) {
    switch (set.encoding) {
    case SET_INTSET:
        return set_member_number(intset_at(set.object, rng_below(rng, intset_count(set.object))));
    case SET_LISTPACK:
        return listpack_member(listpack_at(set.object, (int64_t)rng_below(rng, listpack_count(set.object))));
    case SET_TABLE:
        return set_member_text(packed_table_get(set.object, packed_table_random(set.object, rng)).field);
    }
    must(false);
}

static bool next_of_listpack(const unsigned char *lp, struct set_iter *iter, struct set_member *member_out) {
    if (iter->place == 0)
        iter->lp = listpack_first(lp);
    if (iter->lp == NULL)
        return false;
    *member_out = listpack_member(iter->lp);
    iter->lp = listpack_next(lp, iter->lp);
    return true;
}

bool set_next(struct set set, struct set_iter *iter, struct set_member *member_out) {
    bool is_there = false;
    switch (set.encoding) {
    case SET_INTSET:
        is_there = iter->place < intset_count(set.object);
        if (is_there)
            *member_out = set_member_number(intset_at(set.object, iter->place));
        break;
    case SET_LISTPACK: is_there = next_of_listpack(set.object, iter, member_out); break;
    case SET_TABLE:
        if (iter->place == 0)
            iter->at = PACKED_AT_START;
        is_there = packed_table_next(set.object, &iter->at);
        if (is_there)
            *member_out = set_member_text(packed_table_get(set.object, iter->at).field);
        break;
    }
    iter->place++;
    return is_there;
}

static void visit_item(const struct packed_item *item, void *ctx) {
    const struct set_visitor *visitor = ctx;
    struct set_member member = set_member_text(item->field);
    visitor->visit(&member, visitor->ctx);
}

uint64_t set_scan(struct set set, uint64_t cursor, struct set_visitor visitor) {
    if (set.encoding == SET_TABLE)
        return packed_table_scan(set.object, cursor, (struct packed_visitor){visit_item, &visitor});
    struct set_iter iter = {0};
    struct set_member member;
    while (set_next(set, &iter, &member))
        visitor.visit(&member, visitor.ctx);
    return 0;
}

/* ---- changing ---- */

/* Adds without looking at the rules. */
static enum set_added add_plain(struct set *set, const struct set_member *member) {
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes text = set_member_bytes(member, scratch);
    struct packed_at at;
    int64_t number;
    bool is_added;
    switch (set->encoding) {
    case SET_INTSET:
        must(set_member_is_number(member, &number));
        set->object = intset_add(set->object, number, &is_added);
        return is_added ? SET_ADDED : SET_PRESENT;
    case SET_LISTPACK:
        if (find_in_listpack(set->object, text) != NULL)
            return SET_PRESENT;
        set->object = listpack_append(set->object, text);
        return SET_ADDED;
    case SET_TABLE:
        switch (packed_table_add(set->object, text, BYTES_NONE, &at)) {
        case PACKED_ADDED: return SET_ADDED;
        case PACKED_PRESENT: return SET_PRESENT;
        case PACKED_NO_MEMORY: return SET_NO_MEMORY;
        }
    }
    must(false);
}

/* Puts all members into an object of another encoding; false: no memory, nothing has changed. */
static bool convert(struct set *set, enum set_encoding encoding, const struct set_rules *rules) {
    struct set to = set_empty(encoding, rules);
    struct set_iter iter = {0};
    struct set_member member;
    while (set_next(*set, &iter, &member)) {
        if (encoding == SET_LISTPACK) { /* they are known to differ: no search */
            char scratch[NUM_INT_TEXT_MAX];
            to.object = listpack_append(to.object, set_member_bytes(&member, scratch));
        } else if (add_plain(&to, &member) == SET_NO_MEMORY) {
            set_free(to);
            return false;
        }
    }
    set_free(*set);
    *set = to;
    return true;
}

/* True if a listpack may hold `count` members of which the longest has `bytes_max` bytes and all have `bytes`. */
static bool suits_listpack(size_t count, size_t bytes_max, size_t bytes, const struct set_rules *rules) {
    static const unsigned char empty[LISTPACK_EMPTY_BYTES] = {LISTPACK_EMPTY_BYTES, 0, 0, 0, 0, 0, 0xff};
    return count <= rules->listpack_max && bytes_max <= rules->listpack_value_max &&
           listpack_fits(empty, bytes, count);
}

/* Bytes of the longest text among the numbers of an intset, which is at one of its ends. */
static size_t longest_number(const unsigned char *is) {
    char scratch[NUM_INT_TEXT_MAX];
    size_t count = intset_count(is);
    if (count == 0)
        return 0;
    size_t first = num_from_int(scratch, intset_at(is, 0));
    size_t last = num_from_int(scratch, intset_at(is, count - 1));
    return first > last ? first : last;
}

static enum set_added add_to_intset(struct set *set, const struct set_member *member,
                                    const struct set_rules *rules) {
    int64_t number;
    size_t place;
    size_t count = intset_count(set->object);
    if (set_member_is_number(member, &number)) {
        if (count < intset_max(rules))
            return add_plain(set, member);
        if (intset_find(set->object, number, &place))
            return SET_PRESENT;
        return convert(set, SET_TABLE, rules) ? add_plain(set, member) : SET_NO_MEMORY; /* I1 */
    }
    size_t longest = longest_number(set->object);
    size_t bytes_max = longest > member->text.len ? longest : member->text.len;
    bool is_small = suits_listpack(count + 1, bytes_max, longest * count + member->text.len, rules);
    if (!convert(set, is_small ? SET_LISTPACK : SET_TABLE, rules))
        return SET_NO_MEMORY;
    return add_plain(set, member);
}

static enum set_added add_to_listpack(struct set *set, const struct set_member *member,
                                      const struct set_rules *rules) {
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes text = set_member_bytes(member, scratch);
    if (find_in_listpack(set->object, text) != NULL)
        return SET_PRESENT;
    if (listpack_count(set->object) < rules->listpack_max && text.len <= rules->listpack_value_max &&
        listpack_fits(set->object, text.len, 1)) {
        set->object = listpack_append(set->object, text);
        return SET_ADDED;
    }
    return convert(set, SET_TABLE, rules) ? add_plain(set, member) : SET_NO_MEMORY; /* I1 */
}

enum set_added set_add(struct set *set, const struct set_member *member, const struct set_rules *rules) {
    switch (set->encoding) {
    case SET_INTSET: return add_to_intset(set, member, rules);
    case SET_LISTPACK: return add_to_listpack(set, member, rules);
    case SET_TABLE: return add_plain(set, member);
    }
    must(false);
}

bool set_remove(struct set *set, const struct set_member *member) {
    char scratch[NUM_INT_TEXT_MAX];
    int64_t number;
    size_t place;
    unsigned char *at;
    switch (set->encoding) {
    case SET_INTSET:
        if (!set_member_is_number(member, &number) || !intset_find(set->object, number, &place))
            return false;
        set->object = intset_remove_at(set->object, place);
        return true;
    case SET_LISTPACK:
        at = find_in_listpack(set->object, set_member_bytes(member, scratch));
        if (at == NULL)
            return false;
        set->object = listpack_remove(set->object, &at, 1);
        return true;
    case SET_TABLE: return packed_table_remove_field(set->object, set_member_bytes(member, scratch));
    }
    must(false);
}

void set_expect(struct set *set, size_t members, const struct set_rules *rules) {
    if ((set->encoding == SET_LISTPACK && members > rules->listpack_max) ||
        (set->encoding == SET_INTSET && members > intset_max(rules)))
        (void)convert(set, SET_TABLE, rules); /* without memory for it the set stays what it is */
}

void set_settle(struct set *set, const struct set_rules *rules) {
    struct set_iter iter = {0};
    struct set_member member;
    int64_t number;
    bool is_numbers = set->encoding != SET_INTSET && set_count(*set) <= intset_max(rules);
    while (is_numbers && set_next(*set, &iter, &member))
        is_numbers = set_member_is_number(&member, &number);
    if (is_numbers)
        must(convert(set, SET_INTSET, rules));
    else if (set->encoding == SET_LISTPACK)
        set->object = listpack_shrink(set->object);
}

/* ---- operations for entries ---- */

static struct set as_set(const void *object, uint8_t encoding) {
    struct set set = {NULL, (enum set_encoding)encoding};
    memcpy(&set.object, &object, sizeof(object)); /* only looked at */
    return set;
}

static void op_free(void *object, uint8_t encoding) {
    set_free(as_set(object, encoding));
}

static bool op_free_step(void *object, uint8_t encoding, size_t pieces_max) {
    if (encoding == SET_TABLE)
        return packed_table_free_step(object, pieces_max);
    op_free(object, encoding);
    return true;
}

static size_t op_bytes(const void *object, uint8_t encoding) {
    return encoding == SET_TABLE ? packed_table_bytes(object) : mem_usable(object);
}

static size_t op_pieces(const void *object, uint8_t encoding) {
    return encoding == SET_TABLE ? packed_table_pieces(object) : 1;
}

static void op_prefetch(const void *object, uint8_t encoding, struct bytes element, unsigned stage) {
    if (encoding == SET_TABLE)
        packed_table_prefetch(object, element, stage);
    else if (stage == 0)
        __builtin_prefetch(object);
}

static void *op_dup(const void *object, uint8_t encoding) {
    switch ((enum set_encoding)encoding) {
    case SET_INTSET: return intset_dup(object);
    case SET_LISTPACK: return listpack_dup(object);
    case SET_TABLE: return packed_table_dup(object);
    }
    must(false);
}

static const char *op_encoding_name(const void *object, uint8_t encoding) {
    static const char *const names[] = {"intset", "listpack", "hashtable"};
    (void)object;
    return names[encoding];
}

static void op_digest(const void *object, uint8_t encoding, struct digest *digest) {
    struct set set = as_set(object, encoding);
    struct set_iter iter = {0};
    struct set_member member;
    char scratch[NUM_INT_TEXT_MAX];
    while (set_next(set, &iter, &member))
        digest_xor(digest, set_member_bytes(&member, scratch));
}

const struct value_ops set_ops = {
    .free = op_free,
    .free_step = op_free_step,
    .bytes = op_bytes,
    .pieces = op_pieces,
    .prefetch = op_prefetch,
    .dup = op_dup,
    .encoding_name = op_encoding_name,
    .digest = op_digest,
};

/* ---- trust ---- */

void set_check(struct set set) {
    switch (set.encoding) {
    case SET_INTSET: intset_check(set.object); break;
    case SET_LISTPACK: listpack_check(set.object); break;
    case SET_TABLE: packed_table_check(set.object); break;
    }
}
