/* sort_plan.c: reading the arguments of SORT.
 *
 * They are read in one go from left to right, as Redis does, because that decides which error is told: the first. */
#include "core/cmd/sort_plan.h"

#include "core/base/mem.h"
#include "core/base/num.h"

static const char *find_byte(struct bytes text, char c) {
    return text.len == 0 ? NULL : memchr(text.ptr, c, text.len);
}

static bool read_limit(struct sort_plan *plan, const struct bytes *argv, struct resp_out *out) {
    if (num_parse_int(argv[0], &plan->limit_start) && num_parse_int(argv[1], &plan->limit_count))
        return true;
    if (out != NULL)
        resp_err(out, REPLY_ERR_NOT_INT);
    return false;
}

static void read_by(struct sort_plan *plan, const struct bytes *argv, int at) {
    bool has_star = find_byte(argv[at], '*') != NULL;
    plan->is_unsorted = plan->is_unsorted || !has_star;
    plan->by_at = at;
}

/* How many arguments the word at `i` and what belongs to it take; 0: it is no word, or it is incomplete. */
static int word_args(bool is_readonly, struct bytes word, int behind) {
    if (bytes_is_word(word, "asc") || bytes_is_word(word, "desc") || bytes_is_word(word, "alpha"))
        return 1;
    if (bytes_is_word(word, "limit"))
        return behind >= 2 ? 3 : 0;
    if (bytes_is_word(word, "store"))
        return behind >= 1 && !is_readonly ? 2 : 0;
    if (bytes_is_word(word, "by") || bytes_is_word(word, "get"))
        return behind >= 1 ? 2 : 0;
    return 0;
}

bool sort_plan_read(struct sort_plan *plan, const struct command *command, int argc, const struct bytes *argv,
                    struct resp_out *out) {
    bool is_readonly = (command->flags & CMD_READONLY) != 0;
    *plan = (struct sort_plan){.limit_count = -1};
    plan->gets = mem_alloc((size_t)argc * sizeof *plan->gets);
    for (int i = 2, args; i < argc; i += args) {
        struct bytes word = argv[i];
        args = word_args(is_readonly, word, argc - i - 1);
        if (args == 0) {
            if (out != NULL)
                resp_err(out, REPLY_ERR_SYNTAX);
            return false;
        }
        if (bytes_is_word(word, "asc"))
            plan->is_desc = false;
        else if (bytes_is_word(word, "desc"))
            plan->is_desc = true;
        else if (bytes_is_word(word, "alpha"))
            plan->is_alpha = true;
        else if (bytes_is_word(word, "store"))
            plan->store_at = i + 1;
        else if (bytes_is_word(word, "by"))
            read_by(plan, argv, i + 1);
        else if (bytes_is_word(word, "get"))
            plan->gets[plan->get_count++] = i + 1;
        else if (!read_limit(plan, &argv[i + 1], out))
            return false;
    }
    if (plan->is_unsorted)
        plan->by_at = 0;
    return true;
}

void sort_plan_deinit(struct sort_plan *plan) {
    mem_free(plan->gets);
    plan->gets = NULL;
}

struct sort_pattern sort_pattern_of(struct bytes text) {
    struct sort_pattern p = {.kind = SORT_NOTHING};
    if (bytes_equal(text, BYTES_LIT("#"))) {
        p.kind = SORT_ELEMENT;
        return p;
    }
    const char *star = find_byte(text, '*');
    if (star == NULL)
        return p;
    const char *end = text.ptr + text.len;
    p.kind = SORT_KEY;
    p.before = bytes_of(text.ptr, (size_t)(star - text.ptr));
    p.behind = bytes_of(star + 1, (size_t)(end - star - 1));
    const char *arrow = p.behind.len < 3 ? NULL : memmem(p.behind.ptr, p.behind.len, "->", 2);
    if (arrow != NULL && arrow + 2 < end) {
        p.kind = SORT_FIELD;
        p.behind.len = (size_t)(arrow - p.behind.ptr);
        p.field = bytes_of(arrow + 2, (size_t)(end - arrow - 2));
    }
    return p;
}

bool sort_pattern_is_tagged(const struct sort_pattern *p) {
    const char *open = find_byte(p->before, '{');
    if (open == NULL)
        return false;
    struct bytes rest = bytes_of(open + 1, (size_t)(p->before.ptr + p->before.len - open - 1));
    const char *close = find_byte(rest, '}');
    return close != NULL && close != rest.ptr;
}
