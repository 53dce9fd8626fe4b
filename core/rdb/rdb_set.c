/* rdb_set.c: sets.
 *
 *   RDB_SET           count, members
 *   RDB_SET_INTSET    a string, the intset
 *   RDB_SET_LISTPACK  a string, the listpack of members
 *
 * Redis 7.0 does not know the last one, so it is written into our own log only. What is read goes through set_add, member
 * by member, which finds doubles and picks the encoding by the rules in force; just an intset within the rules is taken
 * as it is. */
#include "core/ds/intset.h"
#include "core/ds/listpack.h"
#include "core/rdb/rdb_types.h"

/* ---- saving ---- */

static enum rdb_type set_type_of(const struct entry *e, enum rdb_reach reach) {
    switch (set_of(e).encoding) {
    case SET_INTSET: return RDB_SET_INTSET;
    case SET_LISTPACK: return reach == RDB_FOR_US ? RDB_SET_LISTPACK : RDB_SET;
    case SET_TABLE: break;
    }
    return RDB_SET;
}

static void write_member(struct rdb_writer *w, const struct set_member *member) {
    if (member->text.ptr == NULL)
        rdb_writer_int(w, member->number);
    else
        rdb_writer_string(w, member->text);
}

static bool set_save_step(struct rdb_saver *saver, struct rdb_writer *w, size_t bytes_max) {
    struct set set = set_of(saver->entry);
    if (saver->type == RDB_SET_INTSET || saver->type == RDB_SET_LISTPACK) {
        size_t len = saver->type == RDB_SET_INTSET ? intset_bytes(set.object) : listpack_bytes(set.object);
        rdb_writer_string(w, bytes_of(set.object, len));
        return true;
    }
    size_t before = w->out->len;
    if (!saver->is_begun)
        rdb_writer_length(w, set_count(set));
    saver->is_begun = true;
    while (w->out->len - before < bytes_max) {
        struct set_member member;
        if (!set_next(set, &saver->at.set, &member))
            return true;
        write_member(w, &member);
    }
    return false;
}

/* ---- loading ---- */

/* Adds one more member than there are; false: it was there, or there is no memory for it. */
static bool add_member(struct set *set, const struct rdb_load *how, const struct set_member *member,
                       enum rdb_loaded *result_out) {
    switch (set_add(set, member, &how->rules->set)) {
    case SET_ADDED: return true;
    case SET_PRESENT: *result_out = RDB_LOAD_BROKEN; return false;
    case SET_NO_MEMORY: *result_out = RDB_LOAD_NO_MEMORY; return false;
    }
    return false;
}

static struct set load_members(struct rdb_reader *r, const struct rdb_load *how,
                               enum rdb_loaded *result_out) {
    struct set set = {NULL, SET_INTSET};
    uint64_t count = rdb_reader_count(r, 1);
    bool is_good = count != 0;
    for (uint64_t i = 0; i < count && is_good; i++) {
        struct rdb_text text;
        rdb_reader_string(r, &text);
        struct set_member member = set_member_text(text.bytes);
        if (i == 0)
            set = set_new(&member, (size_t)count, &how->rules->set);
        is_good = !rdb_reader_is_broken(r) && add_member(&set, how, &member, result_out);
        rdb_text_deinit(&text);
    }
    if (count == 0)
        rdb_reader_break(r);
    return set;
}

static struct set load_intset(struct rdb_reader *r, const struct rdb_load *how, enum rdb_loaded *result_out) {
    struct set set = {NULL, SET_INTSET};
    struct rdb_text block;
    rdb_reader_string(r, &block);
    const unsigned char *is = (const unsigned char *)block.bytes.ptr;
    if (rdb_reader_is_broken(r) || !intset_is_sound(is, block.bytes.len) || intset_count(is) == 0) {
        rdb_reader_break(r);
    } else if (intset_count(is) <= how->rules->set.intset_max) {
        set.object = intset_dup(is);
    } else {
        size_t count = intset_count(is);
        struct set_member member = set_member_number(intset_at(is, 0));
        set = set_new(&member, count, &how->rules->set);
        for (size_t i = 0; i < count; i++) {
            member = set_member_number(intset_at(is, i));
            if (!add_member(&set, how, &member, result_out))
                break;
        }
    }
    rdb_text_deinit(&block);
    return set;
}

static struct set load_listpack(struct rdb_reader *r, const struct rdb_load *how,
                                enum rdb_loaded *result_out) {
    /* It was no intset before, so it becomes none, even if all its members are numbers. */
    const struct set_member no_number = set_member_text(BYTES_LIT("-"));
    struct set set = {NULL, SET_INTSET};
    struct rdb_text block;
    rdb_reader_string(r, &block);
    const unsigned char *lp = (const unsigned char *)block.bytes.ptr;
    if (rdb_reader_is_broken(r) || !listpack_is_sound(lp, block.bytes.len) || listpack_count(lp) == 0) {
        rdb_reader_break(r);
    } else {
        char scratch[NUM_INT_TEXT_MAX];
        set = set_new(&no_number, listpack_count(lp), &how->rules->set);
        for (const unsigned char *at = listpack_first(lp); at != NULL; at = listpack_next(lp, at)) {
            struct set_member member = set_member_text(listpack_get(at, scratch));
            if (!add_member(&set, how, &member, result_out))
                break;
        }
    }
    rdb_text_deinit(&block);
    return set;
}

static struct entry *set_load(struct rdb_reader *r, enum rdb_type type, const struct rdb_load *how,
                              enum rdb_loaded *result_out) {
    struct set set = type == RDB_SET          ? load_members(r, how, result_out)
                     : type == RDB_SET_INTSET ? load_intset(r, how, result_out)
                                              : load_listpack(r, how, result_out);
    if (set.object == NULL)
        return NULL;
    struct entry *e = entry_new_object(how->key, VALUE_SET, (uint8_t)set.encoding, set.object);
    return entry_set_expire(e, how->expire_ms);
}

const struct rdb_type_ops rdb_set_ops = {set_type_of, set_save_step, set_load};
