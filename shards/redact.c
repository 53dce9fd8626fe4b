/* redact.c: passwords stand behind AUTH, in HELLO behind the word AUTH, and in CONFIG SET behind the directives that are
 * marked as sensitive. */
#include "shards/redact.h"

#include "core/config/config.h"

int redact_from(const struct command *command, int argc, const struct bytes *argv) {
    if (command->id == COMMAND_AUTH)
        return 1;
    for (int i = 1; i < argc && command->id == COMMAND_HELLO; i++)
        if (bytes_is_word(argv[i], "AUTH"))
            return i + 1;
    for (int i = 2; i + 1 < argc && command->id == COMMAND_CONFIG_SET; i += 2) {
        enum config_id id = config_find(argv[i]);
        if (id != CONFIG_COUNT && (config_flags(id) & CONFIG_SENSITIVE))
            return i + 1;
    }
    return argc;
}
