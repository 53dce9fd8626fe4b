/* attr.c: what happens when an assertion fails.
 *
 * One line on standard error, written without allocation or stdio buffers, then abort(). The crash handler that
 * the server installs for SIGABRT adds registers, a backtrace and the state of the shards. */
#include "core/base/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void attr_must_failed(const char *condition, const char *file, int line) {
    char text[512];
    int n = snprintf(text, sizeof text, "=== BASALT BUG: must(%s) failed at %s:%d\n", condition, file, line);
    if (n > 0) {
        size_t bytes = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
        ssize_t written = write(STDERR_FILENO, text, bytes);
        (void)written;
    }
    abort();
}
