/* cmd_dump.h: what else than RESTORE reads dumped values: DEBUG RELOAD. */
#pragma once

#include "core/exec/exec.h"
#include "core/rdb/rdb_value.h"

/* The rules for encodings as configured now, with fresh seeds. */
struct rdb_rules cmd_dump_rules(struct exec *x);
