/* err.c: texts of faults, and the mapping from errno. */
#include "core/base/err.h"

#include <errno.h>

static const char *const err_texts[ERR_COUNT] = {
#define ERR_ROW(name, text) [ERR_##name] = (text),
#include "core/base/err.def"
#undef ERR_ROW
};

const char *err_text(enum err e) {
    must((unsigned)e < ERR_COUNT);
    return err_texts[e];
}

enum err err_from_errno(int errno_value) {
    switch (errno_value) {
    case 0: return ERR_OK;
    case ENOMEM: return ERR_NOMEM;
    case ENOSPC:
    case EDQUOT: return ERR_NOSPACE;
    case ENOENT: return ERR_NOTFOUND;
    case EEXIST: return ERR_EXISTS;
    case EAGAIN:
    case EINTR: return ERR_AGAIN;
    case EPIPE:
    case ECONNRESET: return ERR_CLOSED;
    case EACCES:
    case EPERM: return ERR_PERM;
    case EINVAL: return ERR_INVALID;
    case ENOSYS:
    case EOPNOTSUPP: return ERR_UNSUPPORTED;
    default: return ERR_IO;
    }
}
