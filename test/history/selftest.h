/* selftest.h: the checker against histories whose verdict is known. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Runs them all; says which verdicts were wrong. */
bool selftest_run(FILE *out);
