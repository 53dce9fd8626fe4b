/* template.h: a command with holes, compiled once and rendered once per request.
 *
 * "SET __key__ __data__" becomes protocol bytes in which every __key__ is another key number drawn from the caller and
 * __data__, which must be a whole argument, a value whose size is fixed or random. Arguments are split at spaces. */
#pragma once

#include "bench/load/options.h"
#include "core/base/rng.h"

#include <stddef.h>
#include <stdint.h>

enum { TEMPLATE_PIECES_MAX = 256, TEMPLATE_NOISE_BYTES = 64 << 10 };

enum piece_kind { PIECE_TEXT, PIECE_KEY, PIECE_DATA };

struct piece {
    enum piece_kind kind;
    uint32_t offset; /* PIECE_TEXT: in `text` */
    uint32_t len;
};

/* How keys look: a prefix, then the number with leading zeros. */
struct key_form {
    char *blank; /* the key with number 0 */
    size_t len;
};

void key_form_init(struct key_form *form, const struct options *o);
void key_form_deinit(struct key_form *form);
void key_form_write(const struct key_form *form, char *out, uint64_t number);

struct template {
    char *text;
    size_t text_len;
    struct piece pieces[TEMPLATE_PIECES_MAX];
    uint32_t piece_count;
    size_t bytes_max; /* of a rendered command */
    size_t data_bytes_min;
    size_t data_bytes_max;
    const struct key_form *form; /* borrowed */
    char *noise;                 /* values of random size are cut from it */
};

/* What a render draws from. `key` may be called several times per command. */
struct template_source {
    uint64_t (*key)(void *owner);
    void *owner;
    struct rng *rng;
};

/* Compiles `command`; ends the program where it cannot. */
void template_init(struct template *t, const char *command, const struct options *o,
                   const struct key_form *form);
void template_deinit(struct template *t);

/* Writes one command, at most bytes_max bytes; returns its length. */
size_t template_render(const struct template *t, char *out, const struct template_source *source);
