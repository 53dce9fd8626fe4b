/* The text of --help. */
#include "core/config/config.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(config_help, names_directives_that_have_an_effect_and_no_others) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    config_print_help(out);
    fclose(out);
    cr_expect_eq(strncmp(text, "Usage: basalt-server ", strlen("Usage: basalt-server ")), 0);
    for (unsigned i = 0; i < CONFIG_COUNT; i++) {
        enum config_id id = (enum config_id)i;
        char line[80];
        snprintf(line, sizeof(line), "\n  --%s\n", config_name(id));
        bool is_effective = !(config_flags(id) & (CONFIG_ACCEPTED | CONFIG_ONLY_DEFAULT));
        cr_expect_eq(strstr(text, line) != NULL, is_effective, "%s", config_name(id));
    }
    free(text);
}
