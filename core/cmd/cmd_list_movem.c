/* cmd_list_movem.c: LMOVEM and BLMOVEM, which move several elements at once.
 *
 * The elements are copied out first, in the order in which they are pushed: so one push serves all of them, the
 * destination's effect can name them, and the lists may be one and the same.
 *
 * OBO says that the elements go one by one, as by so many LMOVEs; BULK that they keep the order they had. These differ only
 * where the end that is taken from is the end that is put to: there OBO turns the elements round, and if it is the
 * same list, moves the same element again and again. The reply shows the elements as they lie in the destination. */
#include "core/base/mem.h"
#include "core/cmd/cmd_list.h"

struct movem {
    enum list_end from;
    enum list_end to;
    size_t count;
    bool is_exact;      /* all or none */
    bool is_one_by_one; /* OBO */
};

/* Reads the ends at argv[3] and argv[4], and the block of options from argv[i] on; false: the error was replied. */
static bool movem_args(struct exec *x, int i, struct movem *args) {
    *args = (struct movem){.count = 1};
    if (!cmd_list_arg_end(x, 3, &args->from) || !cmd_list_arg_end(x, 4, &args->to))
        return false;
    if (i == x->argc)
        return true;
    args->is_exact = bytes_is_word(x->argv[i], "exactly");
    bool is_selector = args->is_exact || bytes_is_word(x->argv[i], "count");
    if (i + 3 != x->argc || !is_selector) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return false;
    }
    int64_t count;
    if (!num_parse_int(x->argv[i + 1], &count) || count <= 0) {
        resp_err(x->out, REPLY_ERR_COUNT_POSITIVE);
        return false;
    }
    args->count = (size_t)count;
    args->is_one_by_one = bytes_is_word(x->argv[i + 2], "obo");
    if (args->is_one_by_one || bytes_is_word(x->argv[i + 2], "bulk"))
        return true;
    resp_err(x->out, REPLY_ERR_SYNTAX);
    return false;
}

/* Elements outside of their list, in the order in which they are pushed. Two more places in front are for an effect. */
struct batch {
    struct bytes *argv;
    struct bytes *values; /* argv + 2 */
    size_t count;
    struct buf text;
};

/* Copies the elements out. */
static void batch_init(struct batch *b, const struct list *l, const struct movem *args, size_t count) {
    size_t total = list_count(l);
    size_t first = args->from == LIST_HEAD ? 0 : total - count;
    bool is_turned = args->is_one_by_one && args->from == args->to;
    bool is_backward = is_turned != (args->to == LIST_HEAD); /* what is pushed to the head goes last first */
    b->argv = mem_alloc((count + 2) * sizeof b->argv[0]);
    b->values = b->argv + 2;
    b->count = count;
    buf_init(&b->text);
    struct list_iter it;
    char scratch[NUM_INT_TEXT_MAX];
    list_iter_init(&it, l, is_backward ? first + count - 1 : first, is_backward);
    for (size_t i = 0; i < count; i++) {
        must(list_iter_next(&it, scratch, &b->values[i]));
        buf_put_bytes(&b->text, b->values[i]);
    }
    list_iter_deinit(&it);
    struct bytes all = buf_bytes(&b->text);
    for (size_t i = 0, at = 0; i < count; at += b->values[i].len, i++)
        b->values[i].ptr = all.ptr + at;
}

static void batch_deinit(struct batch *b) {
    buf_deinit(&b->text);
    mem_free(b->argv);
}

static void batch_reply(struct exec *x, const struct batch *b, enum list_end to) {
    resp_array(x->out, b->count);
    for (size_t i = 0; i < b->count; i++)
        resp_bulk(x->out, b->values[to == LIST_TAIL ? i : b->count - 1 - i]);
}

/* Turns the list by `count` elements; the source is the destination. */
static void movem_rotate(struct key_view *kv, const struct movem *args, size_t count) {
    struct exec *x = kv->x;
    struct list_rules rules = cmd_list_rules(x);
    struct list l = list_of(kv->entry);
    struct batch b;
    batch_init(&b, &l, args, count);
    if (args->from != args->to) {
        if (!cmd_list_push(kv, args->to, b.values, count)) {
            batch_deinit(&b);
            return;
        }
        l = list_of(kv->entry);
        list_remove(&l, args->from == LIST_HEAD ? 0 : list_count(&l) - count, count);
        list_shrink(&l, &rules);
        cmd_list_close(kv, &l);
    } else {
        for (size_t i = 0; args->is_one_by_one && i < count; i++)
            b.values[i] = b.values[args->to == LIST_HEAD ? 0 : count - 1];
        exec_event(kv, EVENT_LIST, args->to == LIST_HEAD ? "lpush" : "rpush");
    }
    batch_reply(x, &b, args->to);
    char text[NUM_INT_TEXT_MAX];
    struct bytes argv[8] = {BYTES_LIT("LMOVEM"),
                            kv->key,
                            kv->key,
                            x->argv[3],
                            x->argv[4],
                            BYTES_LIT("COUNT"),
                            bytes_of(text, num_from_uint(text, count)),
                            args->is_one_by_one ? BYTES_LIT("OBO") : BYTES_LIT("BULK")};
    effect_put(kv, 8, argv);
    exec_event(kv, EVENT_LIST, args->from == LIST_HEAD ? "lpop" : "rpop");
    batch_deinit(&b);
}

/* Moves what is asked for. False: the source has too little; nothing was done, nothing replied. */
static bool movem_try(struct exec *x, const struct movem *args) {
    struct key_view source;
    struct key_view destination;
    if (!key_open_write(x, x->argv[1], &source))
        return false;
    if (!key_check_type(&source, VALUE_LIST))
        return true;
    struct list l = list_of(source.entry);
    size_t total = list_count(&l);
    size_t count = args->count < total ? args->count : total;
    if (bytes_equal(x->argv[1], x->argv[2])) {
        if (args->is_exact && count < args->count)
            return false;
        movem_rotate(&source, args, count);
        return true;
    }
    key_open_write(x, x->argv[2], &destination);
    if (!key_check_type(&destination, VALUE_LIST))
        return true;
    if (args->is_exact && count < args->count)
        return false;
    struct batch b;
    batch_init(&b, &l, args, count);
    if (cmd_list_push(&destination, args->to, b.values, count)) {
        batch_reply(x, &b, args->to);
        b.argv[0] = args->to == LIST_HEAD ? BYTES_LIT("LPUSH") : BYTES_LIT("RPUSH");
        b.argv[1] = destination.key;
        effect_put(&destination, (int)count + 2, b.argv);
        cmd_list_pop(&source, args->from, count);
        cmd_list_effect_pop(&source, args->from, count);
    }
    batch_deinit(&b);
    return true;
}

/* LMOVEM source destination LEFT|RIGHT LEFT|RIGHT [COUNT|EXACTLY count OBO|BULK] */
void cmd_lmovem(struct exec *x) {
    struct movem args;
    if (movem_args(x, 5, &args) && !movem_try(x, &args))
        resp_null_array(x->out);
}

/* BLMOVEM source destination LEFT|RIGHT LEFT|RIGHT timeout [COUNT|EXACTLY count OBO|BULK] */
void cmd_blmovem(struct exec *x) {
    struct movem args;
    int64_t deadline_ms;
    if (!movem_args(x, 6, &args) || !cmd_arg_deadline(x, 5, &deadline_ms) || movem_try(x, &args))
        return;
    exec_block(x, &(struct exec_block){
                      .first_key = 1, .key_count = 1, .deadline_ms = deadline_ms, .is_null_array = true});
}
