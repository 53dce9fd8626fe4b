/* reply_err.h: the fixed texts of reply errors, that is, of a client's mistakes. One row each in reply_err.def.
 *
 * The texts are Redis's, byte for byte, because client libraries and test suites compare them. */
#pragma once

#include "core/base/bytes.h"

enum reply_err {
#define REPLY_ERR_ROW(name, text) REPLY_ERR_##name,
#include "core/resp/reply_err.def"
#undef REPLY_ERR_ROW
    REPLY_ERR_COUNT
};

/* The whole text with its code word, without the leading '-' and without CR LF. */
struct bytes reply_err_text(enum reply_err e) ATTR_PURE;
