/* sort_job.c: collecting, weighing, sorting, replying.
 *
 * Invariants:
 *   I1  texts lie in chunks that never move, so views into them live as long as the job.
 *   I2  job->asked has one question for each item (BY), or for each wanted item and each pattern with keys (GET), in
 *       that order, so that answers need no names.
 *
 * Order: a merge sort, because equal elements then keep the order they had, as with the C library that Redis is built on.
 * Numbers that are equal are ordered by their texts, so that the result is the same whatever the type's inner order.
 * Texts are compared byte by byte: Redis compares by the locale's rules, which are the same in the "C" locale.
 *
 * Why the elements are copied: GET may name the sorted key itself, and over several shards the value goes home while
 * questions are on their way. The copy costs less than the reply. */
#include "core/cmd/sort_job.h"

#include "core/base/mem.h"
#include "core/cmd/cmd.h"
#include "core/cmd/sort_elements.h"
#include "core/value/hash.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { CHUNK_BYTES = 16 * 1024, NUMBER_TEXT_MAX = 512 };

struct sort_chunk {
    struct sort_chunk *next;
    size_t used;
    size_t size;
    char bytes[];
};

struct sort_item {
    struct bytes text;
    struct bytes weight; /* ALPHA */
    double number;       /* else */
    bool has_weight;
};

/* ---- texts ---- */

/* Room for a text (I1). */
static char *chunk_room(struct sort_job *job, size_t len) {
    struct sort_chunk *chunk = job->chunks;
    if (chunk == NULL || chunk->size - chunk->used < len) {
        size_t size = len > CHUNK_BYTES ? len : CHUNK_BYTES;
        chunk = mem_alloc(sizeof *chunk + size);
        chunk->used = 0;
        chunk->size = size;
        chunk->next = job->chunks;
        job->chunks = chunk;
    }
    char *at = chunk->bytes + chunk->used;
    chunk->used += len;
    return at;
}

static struct bytes keep_text(struct sort_job *job, struct bytes text) {
    char *at = chunk_room(job, text.len);
    if (text.len)
        memcpy(at, text.ptr, text.len);
    return bytes_of(at, text.len);
}

static struct bytes keep_joined(struct sort_job *job, struct bytes a, struct bytes b, struct bytes c) {
    const struct bytes parts[3] = {a, b, c};
    char *at = chunk_room(job, a.len + b.len + c.len);
    size_t len = 0;
    for (int i = 0; i < 3; i++) {
        if (parts[i].len)
            memcpy(at + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    return bytes_of(at, len);
}

/* ---- questions ---- */

static void ask(struct sort_job *job, const struct sort_pattern *pattern, struct bytes element) {
    job->asked[job->asked_count++] = (struct sort_question){
        .key = keep_joined(job, pattern->before, element, pattern->behind),
        .field = pattern->field,
        .has_field = pattern->kind == SORT_FIELD,
    };
}

bool sort_look(struct exec *x, const struct sort_question *question, char scratch[NUM_INT_TEXT_MAX],
               struct bytes *text_out) {
    struct key_view kv;
    struct hash_item item;
    *text_out = BYTES_NONE;
    if (!key_open_read(x, question->key, &kv))
        return false;
    if (!question->has_field) {
        if (entry_type(kv.entry) != VALUE_STRING)
            return false;
        *text_out = str_view(kv.entry, scratch);
        return true;
    }
    if (entry_type(kv.entry) != VALUE_HASH || !hash_find(kv.entry, question->field, &item))
        return false;
    if (item.expire_ms != HASH_NO_EXPIRE && item.expire_ms <= x->engine->now_ms && !x->engine->is_replaying)
        return false;
    if (item.value.ptr == item.value_scratch) { /* a number: the text must outlive the item */
        memcpy(scratch, item.value_scratch, item.value.len);
        item.value.ptr = scratch;
    }
    *text_out = item.value;
    return true;
}

void sort_job_answer(struct sort_job *job, struct sort_question *question, struct bytes text) {
    question->answer = keep_text(job, text);
    question->has_answer = true;
}

void sort_job_look_here(struct sort_job *job, struct exec *x) {
    char scratch[NUM_INT_TEXT_MAX];
    struct bytes text;
    for (size_t i = 0; i < job->asked_count; i++)
        if (sort_look(x, &job->asked[i], scratch, &text))
            sort_job_answer(job, &job->asked[i], text);
}

/* ---- collecting ---- */

static void add_element(void *ctx, struct bytes text) {
    struct sort_job *job = ctx;
    if (job->item_count == job->item_cap) {
        job->item_cap = job->item_cap == 0 ? 16 : job->item_cap * 2;
        job->items = mem_realloc(job->items, job->item_cap * sizeof *job->items);
    }
    job->items[job->item_count++] = (struct sort_item){.text = keep_text(job, text)};
}

/* The wanted part of `count` sorted elements, by LIMIT. */
static void find_range(struct sort_job *job, size_t count) {
    const struct sort_plan *plan = &job->plan;
    uint64_t from = plan->limit_start < 0 ? 0 : (uint64_t)plan->limit_start;
    uint64_t left = from < count ? count - from : 0;
    uint64_t wanted =
        plan->limit_count < 0 || (uint64_t)plan->limit_count > left ? left : (uint64_t)plan->limit_count;
    job->from = (size_t)(from < count ? from : count);
    job->to = job->from + (size_t)wanted;
}

/* A set has no order of its own to be kept; where the order will last, it is made a certain one. */
static void settle_order(struct sort_job *job, enum value_type type) {
    if (job->plan.is_unsorted && type == VALUE_SET && job->plan.store_at) {
        job->plan.is_unsorted = false;
        job->plan.is_alpha = true;
    }
}

static void collect(struct sort_job *job, const struct entry *e) {
    settle_order(job, entry_type(e));
    size_t count = sort_elements_count(e);
    find_range(job, count);
    struct sort_elements how = {.first = 0, .count = count, .add = add_element, .ctx = job};
    if (job->plan.is_unsorted && entry_type(e) != VALUE_SET) {
        how.is_reverse = job->plan.is_desc;
        how.first = job->from; /* only those that are wanted */
        how.count = job->to - job->from;
        job->from = 0;
        job->to = how.count;
    }
    sort_elements_visit(e, &how);
    dcheck(job->item_count == how.count);
}

bool sort_job_begin(struct sort_job *job, struct exec *x) {
    struct key_view kv;
    *job = (struct sort_job){0};
    if (!sort_plan_read(&job->plan, x->command, x->argc, x->argv, x->out))
        return false;
    if (key_open_read(x, x->argv[1], &kv)) {
        if (!sort_elements_has(entry_type(kv.entry))) {
            resp_err(x->out, REPLY_ERR_WRONGTYPE);
            return false;
        }
        collect(job, kv.entry);
    }
    if (job->plan.by_at == 0 || job->plan.is_unsorted)
        return true;
    struct sort_pattern by = sort_pattern_of(x->argv[job->plan.by_at]);
    job->asked = mem_alloc((job->item_count + 1) * sizeof *job->asked);
    for (size_t i = 0; i < job->item_count; i++)
        ask(job, &by, job->items[i].text); /* I2 */
    return true;
}

/* ---- sorting ---- */

/* Reads a number as strtod does, leading blanks and the empty text included. */
static bool read_number(struct bytes text, double *number_out) {
    char copy[NUMBER_TEXT_MAX];
    char *end;
    *number_out = 0;
    if (text.len >= sizeof copy)
        return false;
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    errno = 0;
    *number_out = strtod(copy, &end);
    return *end == '\0' && errno != ERANGE && !isnan(*number_out);
}

/* False: a weight is no number. An element without a weight has number 0, or stands in front of all texts. */
static bool weigh(struct sort_job *job) {
    bool is_by = job->asked_count != 0;
    for (size_t i = 0; i < job->item_count; i++) {
        struct sort_item *item = &job->items[i];
        item->has_weight = !is_by || job->asked[i].has_answer;
        item->weight = is_by ? job->asked[i].answer : item->text;
        if (item->has_weight && !job->plan.is_alpha && !read_number(item->weight, &item->number))
            return false;
    }
    return true;
}

static int compare_items(const struct sort_plan *plan, const struct sort_item *a, const struct sort_item *b) {
    int order;
    if (!plan->is_alpha) {
        order = (a->number > b->number) - (a->number < b->number);
        if (order == 0)
            order = bytes_compare(a->text, b->text);
    } else if (a->has_weight && b->has_weight) {
        order = bytes_compare(a->weight, b->weight);
    } else {
        order = a->has_weight - b->has_weight;
    }
    return plan->is_desc ? -order : order;
}

/* Sorts items[0..count) with the help of as many in `spare`. */
static void merge_sort(const struct sort_plan *plan, struct sort_item *items, struct sort_item *spare,
                       size_t count) {
    if (count < 2)
        return;
    size_t half = count / 2;
    merge_sort(plan, items, spare, half);
    merge_sort(plan, items + half, spare, count - half);
    memcpy(spare, items, half * sizeof *items);
    size_t left = 0;
    size_t right = half;
    for (size_t to = 0; left < half; to++) {
        bool is_left = right == count || compare_items(plan, &spare[left], &items[right]) <= 0;
        items[to] = is_left ? spare[left++] : items[right++];
    }
}

/* Asks for what GET names (I2). */
static void ask_values(struct sort_job *job, const struct exec *x) {
    job->asked_count = 0;
    size_t wanted = job->to - job->from;
    if (job->plan.get_count == 0 || wanted == 0)
        return;
    job->asked = mem_realloc(job->asked, wanted * (size_t)job->plan.get_count * sizeof *job->asked);
    for (size_t i = job->from; i < job->to; i++) {
        for (int g = 0; g < job->plan.get_count; g++) {
            struct sort_pattern pattern = sort_pattern_of(x->argv[job->plan.gets[g]]);
            if (sort_pattern_has_keys(&pattern))
                ask(job, &pattern, job->items[i].text);
        }
    }
}

bool sort_job_sort(struct sort_job *job, struct exec *x) {
    if (!job->plan.is_unsorted) {
        if (!weigh(job)) {
            resp_errorf(x->out, "ERR One or more scores can't be converted into double");
            return false;
        }
        struct sort_item *spare = mem_alloc((job->item_count / 2 + 1) * sizeof *spare);
        merge_sort(&job->plan, job->items, spare, job->item_count);
        mem_free(spare);
    }
    ask_values(job, x);
    return true;
}

/* ---- finishing ---- */

struct result_sink {
    void (*put)(void *ctx, bool is_there, struct bytes text);
    void *ctx;
};

/* Gives every text of the result, in order. */
static void give_results(const struct sort_job *job, const struct exec *x, struct result_sink sink) {
    size_t answer = 0;
    for (size_t i = job->from; i < job->to; i++) {
        if (job->plan.get_count == 0)
            sink.put(sink.ctx, true, job->items[i].text);
        for (int g = 0; g < job->plan.get_count; g++) {
            struct sort_pattern pattern = sort_pattern_of(x->argv[job->plan.gets[g]]);
            if (pattern.kind == SORT_ELEMENT) {
                sink.put(sink.ctx, true, job->items[i].text);
            } else if (pattern.kind == SORT_NOTHING) {
                sink.put(sink.ctx, false, BYTES_NONE);
            } else {
                const struct sort_question *q = &job->asked[answer++];
                sink.put(sink.ctx, q->has_answer, q->answer);
            }
        }
    }
    dcheck(answer == job->asked_count);
}

static void put_reply(void *ctx, bool is_there, struct bytes text) {
    struct resp_out *out = ctx;
    if (is_there)
        resp_bulk(out, text);
    else
        resp_null(out);
}

/* False: there was no memory, and the error was replied. */
static bool store(struct sort_job *job, struct exec *x, size_t count) {
    struct key_view kv;
    bool was_there = key_open_write(x, x->argv[job->plan.store_at], &kv);
    if (count == 0) {
        if (was_there)
            cmd_delete(&kv);
        return true;
    }
    struct sort_elements_list list;
    sort_elements_list_begin(&list, x);
    give_results(job, x, (struct result_sink){sort_elements_list_add, &list});
    struct entry *e = sort_elements_list_end(&list, kv.key);
    if (e == NULL) {
        cmd_reply_no_memory(x);
        return false;
    }
    key_put(&kv, e);
    cmd_effect_whole(&kv);
    exec_event(&kv, EVENT_LIST, "sortstore");
    return true;
}

void sort_job_finish(struct sort_job *job, struct exec *x) {
    size_t per_item = job->plan.get_count == 0 ? 1 : (size_t)job->plan.get_count;
    size_t count = (job->to - job->from) * per_item;
    if (job->plan.store_at) {
        if (store(job, x, count))
            resp_int(x->out, (int64_t)count);
        return;
    }
    resp_array(x->out, count);
    give_results(job, x, (struct result_sink){put_reply, x->out});
}

void sort_job_deinit(struct sort_job *job) {
    sort_plan_deinit(&job->plan);
    while (job->chunks != NULL) {
        struct sort_chunk *next = job->chunks->next;
        mem_free(job->chunks);
        job->chunks = next;
    }
    mem_free(job->items);
    mem_free(job->asked);
    *job = (struct sort_job){0};
}
