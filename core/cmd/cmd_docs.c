/* cmd_docs.c: the documentation map of a command, and the tree of its arguments.
 *
 * The tree is built from the row's syntax text while it is read (grammar: command_docs.def), by recursive descent: every
 * function replies what it has read. The text is our own constant data, so a mistake in it is a bug; the test builds
 * the tree of every row. */
#include "core/cmd/cmd_docs.h"

#include "core/command/command_docs.h"

struct reader {
    const char *at;
};

/* One argument's facts, collected before its map is replied. */
struct argument {
    struct bytes name;
    struct bytes type;
    struct bytes token;
    const char *inner; /* text behind '(', or NULL */
    int key_spec;      /* -1: no key */
    bool is_optional;
    bool is_multiple;
    bool has_multiple_token;
};

static bool is_word_char(char c) {
    return c != '\0' && strchr(" |()[]=@.", c) == NULL;
}

/* "ip:port" and the like are names although they have a colon: a type follows only where it is known. */
static bool is_type(struct bytes word) {
    static const char *const types[] = {"string", "integer", "double", "key", "pattern", "unix-time"};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (bytes_equal(word, bytes_cstr(types[i])))
            return true;
    }
    return false;
}

static struct bytes read_word(struct reader *r) {
    const char *start = r->at;
    while (is_word_char(*r->at))
        r->at++;
    if (r->at == start && *r->at == '=') /* a word of its own: MAXLEN = 5 */
        r->at++;
    must(r->at != start);
    return bytes_of(start, (size_t)(r->at - start));
}

static bool is_token(struct bytes word) {
    bool has_upper = false;
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        if (c >= 'a' && c <= 'z')
            return false;
        has_upper = has_upper || (c >= 'A' && c <= 'Z');
    }
    return has_upper;
}

/* True if the level that begins at `text` is a choice: (a|b), not (a b). */
static bool is_choice(const char *text) {
    int depth = 0;
    for (const char *p = text; *p != '\0' && (depth > 0 || *p != ')'); p++) {
        depth += *p == '(' || *p == '[' ? 1 : *p == ')' || *p == ']' ? -1 : 0;
        if (depth == 0 && *p == '|')
            return true;
    }
    return false;
}

static void read_name_and_type(struct argument *a, struct bytes word) {
    const char *colon = memrchr(word.ptr, ':', word.len);
    a->name = word;
    a->type = bytes_equal(word, BYTES_LIT("key"))       ? BYTES_LIT("key")
              : bytes_equal(word, BYTES_LIT("pattern")) ? BYTES_LIT("pattern")
                                                        : BYTES_LIT("string");
    if (colon == NULL)
        return;
    struct bytes type = bytes_of(colon + 1, word.len - (size_t)(colon + 1 - word.ptr));
    if (is_type(type)) {
        a->name = bytes_of(word.ptr, (size_t)(colon - word.ptr));
        a->type = type;
    }
}

/* Skips a group whose '(' was just read. */
static void skip_group(struct reader *r) {
    for (int depth = 1; depth > 0; r->at++) {
        must(*r->at != '\0');
        depth += *r->at == '(' ? 1 : *r->at == ')' ? -1 : 0;
    }
}

static struct argument read_argument(struct reader *r) {
    struct argument a = {.key_spec = -1};
    a.is_optional = *r->at == '[';
    r->at += a.is_optional ? 1 : 0;
    struct bytes word = read_word(r);
    if (is_token(word) && *r->at == ' ') {
        a.token = word;
        r->at++;
        word = read_word(r);
    }
    read_name_and_type(&a, word);
    if (is_token(word)) {
        a.token = word;
        a.type = BYTES_LIT("pure-token");
    }
    if (*r->at == '=') {
        r->at++;
        if (*r->at == '(') {
            a.inner = ++r->at;
            a.type = is_choice(a.inner) ? BYTES_LIT("oneof") : BYTES_LIT("block");
            skip_group(r);
        } else {
            a.token = read_word(r);
            a.type = BYTES_LIT("pure-token");
        }
    }
    if (bytes_equal(a.type, BYTES_LIT("key")))
        a.key_spec = 0;
    if (*r->at == '@') {
        a.key_spec = r->at[1] - '0';
        r->at += 2;
    }
    if (strncmp(r->at, "...", 3) == 0) {
        a.is_multiple = true;
        r->at += 3;
        a.has_multiple_token = *r->at == '+';
        r->at += a.has_multiple_token ? 1 : 0;
    }
    if (a.is_optional) {
        must(*r->at == ']');
        r->at++;
    }
    return a;
}

static void reply_arguments(struct exec *x, const char *syntax);

static void reply_pair(struct exec *x, const char *name, struct bytes value) {
    resp_bulk_cstr(x->out, name);
    resp_bulk(x->out, value);
}

static void reply_name(struct exec *x, const struct argument *a) {
    char lower[64];
    must(a->name.len <= sizeof(lower));
    bool is_from_token = is_token(a->name);
    for (size_t i = 0; i < a->name.len; i++) {
        char c = a->name.ptr[i];
        lower[i] = (char)(is_from_token && c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    reply_pair(x, "name", bytes_of(lower, a->name.len));
}

static void reply_argument(struct exec *x, const struct argument *a) {
    size_t mark = resp_defer(x->out);
    size_t pairs = 2;
    reply_name(x, a);
    reply_pair(x, "type", a->type);
    if (a->key_spec >= 0) {
        resp_bulk_cstr(x->out, "key_spec_index");
        resp_int(x->out, a->key_spec);
        pairs++;
    }
    if (a->token.len != 0) {
        reply_pair(x, "token", a->token);
        pairs++;
    }
    if (a->is_optional || a->is_multiple) {
        resp_bulk_cstr(x->out, "flags");
        resp_set(x->out, (size_t)a->is_optional + a->is_multiple + a->has_multiple_token);
        if (a->is_optional)
            RESP_SIMPLE_LIT(x->out, "optional");
        if (a->is_multiple)
            RESP_SIMPLE_LIT(x->out, "multiple");
        if (a->has_multiple_token)
            RESP_SIMPLE_LIT(x->out, "multiple_token");
        pairs++;
    }
    if (a->inner != NULL) {
        resp_bulk_cstr(x->out, "arguments");
        reply_arguments(x, a->inner);
        pairs++;
    }
    resp_defer_map(x->out, mark, pairs);
}

/* Replies the arguments of one level, up to ')' or the end of the text. */
static void reply_arguments(struct exec *x, const char *syntax) {
    struct reader r = {syntax};
    size_t mark = resp_defer(x->out);
    size_t count = 0;
    while (*r.at != '\0' && *r.at != ')') {
        struct argument a = read_argument(&r);
        reply_argument(x, &a);
        count++;
        if (*r.at == ' ' || *r.at == '|')
            r.at++;
    }
    resp_defer_array(x->out, mark, count);
}

static size_t reply_deprecation(struct exec *x, const struct command_docs *docs) {
    if (docs->deprecated_since == NULL)
        return 0;
    resp_bulk_cstr(x->out, "doc_flags");
    resp_set(x->out, 1);
    RESP_SIMPLE_LIT(x->out, "deprecated");
    reply_pair(x, "deprecated_since", bytes_cstr(docs->deprecated_since));
    reply_pair(x, "replaced_by", bytes_cstr(docs->replaced_by));
    return 3;
}

/* The map of one command, without its name; pairs of subcommands are added by the caller. */
static size_t reply_facts(struct exec *x, const struct command *c) {
    const struct command_docs *docs = command_docs_get(c);
    reply_pair(x, "summary", bytes_cstr(c->summary));
    reply_pair(x, "since", bytes_cstr(c->since));
    reply_pair(x, "group", bytes_cstr(command_group_name((enum command_group)c->group)));
    reply_pair(x, "complexity", bytes_cstr(c->complexity));
    size_t pairs = 4 + reply_deprecation(x, docs);
    if (docs->syntax[0] != '\0') {
        resp_bulk_cstr(x->out, "arguments");
        reply_arguments(x, docs->syntax);
        pairs++;
    }
    return pairs;
}

static void reply_one(struct exec *x, const struct command *c) {
    resp_bulk_cstr(x->out, c->fullname);
    size_t mark = resp_defer(x->out);
    size_t pairs = reply_facts(x, c);
    resp_defer_map(x->out, mark, pairs);
}

void cmd_docs_reply(struct exec *x, const struct command *c) {
    resp_bulk_cstr(x->out, c->fullname);
    size_t mark = resp_defer(x->out);
    size_t pairs = reply_facts(x, c);
    size_t subs_mark = 0;
    size_t subs = 0;
    const struct command *sub = NULL;
    while ((sub = command_sub_next(c, sub)) != NULL) {
        if (sub->flags & CMD_INTERNAL)
            continue;
        if (subs++ == 0) {
            resp_bulk_cstr(x->out, "subcommands");
            subs_mark = resp_defer(x->out);
        }
        reply_one(x, sub);
    }
    if (subs > 0) {
        resp_defer_map(x->out, subs_mark, subs);
        pairs++;
    }
    resp_defer_map(x->out, mark, pairs);
}
