/* template.c: compile to pieces, render by copying.
 *
 * All that is the same in every command is one run of text, values of fixed size included, so that a SET of three bytes
 * is two copies and a key. */
#include "bench/load/template.h"

#include "core/base/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char key_word[] = "__key__";
static const char data_word[] = "__data__";

static void refuse(const char *why, const char *text) __attribute__((noreturn));
static void refuse(const char *why, const char *text) {
    fprintf(stderr, "basalt-load: %s: %s\n", why, text);
    exit(2);
}

void key_form_init(struct key_form *form, const struct options *o) {
    char highest[32];
    int digits = snprintf(highest, sizeof highest, "%llu", (unsigned long long)(o->key_min + o->keys - 1));
    size_t prefix = strlen(o->key_prefix);
    if (prefix + (size_t)digits > o->key_bytes)
        refuse("keys are too short for their prefix and number", "--key-bytes");
    form->len = o->key_bytes;
    form->blank = malloc(form->len);
    must(form->blank != NULL);
    memset(form->blank, '0', form->len);
    memcpy(form->blank, o->key_prefix, prefix);
}

void key_form_deinit(struct key_form *form) {
    free(form->blank);
}

void key_form_write(const struct key_form *form, char *out, uint64_t number) {
    memcpy(out, form->blank, form->len);
    char *p = out + form->len;
    while (number > 0) {
        *--p = (char)('0' + number % 10);
        number /= 10;
    }
}

static void text_add(struct template *t, const char *text, size_t len) {
    struct piece *last = t->piece_count ? &t->pieces[t->piece_count - 1] : NULL;
    if (last == NULL || last->kind != PIECE_TEXT) {
        must(t->piece_count < TEMPLATE_PIECES_MAX);
        last = &t->pieces[t->piece_count++];
        *last = (struct piece){.kind = PIECE_TEXT, .offset = (uint32_t)t->text_len};
    }
    t->text = realloc(t->text, t->text_len + len);
    must(t->text != NULL);
    memcpy(t->text + t->text_len, text, len);
    t->text_len += len;
    last->len += (uint32_t)len;
    t->bytes_max += len;
}

static void hole_add(struct template *t, enum piece_kind kind, size_t bytes_max) {
    must(t->piece_count < TEMPLATE_PIECES_MAX);
    t->pieces[t->piece_count++] = (struct piece){.kind = kind};
    t->bytes_max += bytes_max;
}

static void header_add(struct template *t, char type, size_t number) {
    char header[32];
    int n = snprintf(header, sizeof header, "%c%zu\r\n", type, number);
    text_add(t, header, (size_t)n);
}

static void data_add(struct template *t) {
    if (t->data_bytes_min != t->data_bytes_max) {
        hole_add(t, PIECE_DATA, t->data_bytes_max + 32);
        return;
    }
    header_add(t, '$', t->data_bytes_min);
    text_add(t, t->noise, t->data_bytes_min);
    text_add(t, "\r\n", 2);
}

static void argument_add(struct template *t, const char *arg, size_t len) {
    char word[1024];
    if (len >= sizeof word)
        refuse("argument too long", arg);
    memcpy(word, arg, len);
    word[len] = '\0';
    if (strcmp(word, data_word) == 0) {
        data_add(t);
        return;
    }
    size_t total = len;
    for (const char *at = word; (at = strstr(at, key_word)) != NULL; at += sizeof key_word - 1)
        total = total - (sizeof key_word - 1) + t->form->len;
    header_add(t, '$', total);
    const char *from = word, *hole;
    while ((hole = strstr(from, key_word)) != NULL) {
        text_add(t, from, (size_t)(hole - from));
        hole_add(t, PIECE_KEY, t->form->len);
        from = hole + sizeof key_word - 1;
    }
    text_add(t, from, strlen(from));
    text_add(t, "\r\n", 2);
}

/* The next argument of *at, which moves behind it. Returns its length, 0 at the end. */
static size_t next_argument(const char **at, const char **arg_out) {
    const char *p = *at + strspn(*at, " ");
    size_t len = strcspn(p, " ");
    *arg_out = p;
    *at = p + len;
    return len;
}

void template_init(struct template *t, const char *command, const struct options *o,
                   const struct key_form *form) {
    *t = (struct template){
        .data_bytes_min = o->data_bytes_min, .data_bytes_max = o->data_bytes_max, .form = form};
    size_t noise_bytes = TEMPLATE_NOISE_BYTES + o->data_bytes_max;
    t->noise = malloc(noise_bytes);
    must(t->noise != NULL);
    struct rng rng;
    rng_init(&rng, 7);
    for (size_t i = 0; i < noise_bytes; i++)
        t->noise[i] = (char)('a' + rng_below(&rng, 26));
    size_t argc = 0, len;
    const char *arg, *at = command;
    while (next_argument(&at, &arg) > 0)
        argc++;
    if (argc == 0)
        refuse("empty command", command);
    header_add(t, '*', argc);
    at = command;
    while ((len = next_argument(&at, &arg)) > 0) {
        if (t->piece_count > TEMPLATE_PIECES_MAX - 8)
            refuse("too many arguments", command);
        argument_add(t, arg, len);
    }
}

void template_deinit(struct template *t) {
    free(t->text);
    free(t->noise);
}

static size_t data_render(const struct template *t, char *out, struct rng *rng) {
    size_t bytes = t->data_bytes_min + rng_below(rng, t->data_bytes_max - t->data_bytes_min + 1);
    size_t n = (size_t)snprintf(out, 32, "$%zu\r\n", bytes);
    memcpy(out + n, t->noise + rng_below(rng, TEMPLATE_NOISE_BYTES), bytes);
    n += bytes;
    out[n++] = '\r';
    out[n++] = '\n';
    return n;
}

size_t template_render(const struct template *t, char *out, const struct template_source *source) {
    char *p = out;
    for (uint32_t i = 0; i < t->piece_count; i++) {
        const struct piece *piece = &t->pieces[i];
        switch (piece->kind) {
        case PIECE_TEXT:
            memcpy(p, t->text + piece->offset, piece->len);
            p += piece->len;
            break;
        case PIECE_KEY:
            key_form_write(t->form, p, source->key(source->owner));
            p += t->form->len;
            break;
        case PIECE_DATA: p += data_render(t, p, source->rng); break;
        }
    }
    return (size_t)(p - out);
}
