/* reply_err.c: the table behind reply_err.h. */
#include "core/resp/reply_err.h"

static const struct bytes reply_err_texts[] = {
#define REPLY_ERR_ROW(name, text) [REPLY_ERR_##name] = {(text), sizeof(text) - 1},
#include "core/resp/reply_err.def"
#undef REPLY_ERR_ROW
};

_Static_assert(COUNT_OF(reply_err_texts) == REPLY_ERR_COUNT, "each row has a text");

struct bytes reply_err_text(enum reply_err e) {
    must(e < REPLY_ERR_COUNT);
    return reply_err_texts[e];
}
