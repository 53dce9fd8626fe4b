/* config_help.c: what --help prints. */
#include "core/config/config_internal.h"

void config_print_help(FILE *out) {
    fputs(
        "Usage: basalt-server [FILE] [-] [--DIRECTIVE VALUE...]...\n"
        "       basalt-server --version | -v\n"
        "       basalt-server --help | -h\n"
        "\n"
        "FILE is a configuration file in the format of redis.conf. A lone - reads more of it from standard\n"
        "input. Every directive can also be given as an option, which then wins over the file. Without any\n"
        "of them the server listens on port 6379 and starts one shard per CPU.\n"
        "\n"
        "Examples:\n"
        "       basalt-server\n"
        "       basalt-server /etc/basalt/basalt.conf\n"
        "       basalt-server --port 7000 --shards 4 --appendonly yes\n"
        "       basalt-server basalt.conf --save \"\" --maxmemory 4gb --maxmemory-policy allkeys-lru\n"
        "       echo 'maxmemory 100mb' | basalt-server -\n"
        "\n"
        "Directives with an effect:\n",
        out);
    for (unsigned i = 0; i < CONFIG_COUNT; i++)
        if (!(config__rows[i].flags & (CONFIG_ACCEPTED | CONFIG_ONLY_DEFAULT)))
            fprintf(out, "  --%s\n      %s\n", config__rows[i].name, config__rows[i].help);
}
