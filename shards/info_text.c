/* info_text.c: stats.def becomes text: a small function for each row reads its value, one table says how to print it. */
#include "core/base/mem.h"
#include "core/base/num.h"
#include "shards/info.h"
#include "shards/server.h"
#include "shards/version.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#define INFO_STRING_OF(x) #x
#define INFO_STRING(x)    INFO_STRING_OF(x)
#define INFO_COMPILER                                                                                        \
    INFO_STRING(__GNUC__) "." INFO_STRING(__GNUC_MINOR__) "." INFO_STRING(__GNUC_PATCHLEVEL__)

/* ---- sources that are more than an expression ---- */

static const char *info_os(struct info *i) {
    struct utsname name;
    if (uname(&name) != 0)
        return "";
    snprintf(i->word, sizeof i->word, "%s %s %s", name.sysname, name.release, name.machine);
    return i->word;
}

static const char *info_allocator(struct info *i) {
    mem_allocator_name(i->word, sizeof i->word);
    return i->word;
}

static const char *info_config_word(struct info *i, enum config_id id) {
    struct buf text;
    buf_init(&text);
    config_print(i->config, id, &text);
    snprintf(i->word, sizeof i->word, "%.*s", (int)text.len, text.ptr);
    buf_deinit(&text);
    return i->word;
}

static int64_t info_uptime_s(const struct info *i) {
    return i->now_us / 1000000 - i->server->start_ms / 1000;
}

static double info_percent(uint64_t part, uint64_t whole) {
    return whole ? (double)part * 100 / (double)whole : 0;
}

static uint64_t info_overhead(const struct info *i) {
    return i->server->base_bytes + i->sum.table_bytes + i->sum.client_bytes;
}

static int64_t info_is_loading(const struct info *i) {
    return atomic_load_explicit(&i->server->is_loading, memory_order_relaxed);
}

static const char *info_log_status(const struct info *i) {
    return atomic_load_explicit(&i->server->log_fault, memory_order_relaxed) == ERR_OK ? "ok" : "err";
}

/* ---- the table ---- */

#define INFO_READER(type, field, source)                                                                     \
    static type info_read_##field(struct info *i) {                                                          \
        (void)i;                                                                                             \
        return (type)(source);                                                                               \
    }
#define STAT_TEXT(section, field, source, help)                       INFO_READER(const char *, field, source)
#define STAT_INT(section, field, unit, kind, source, help)            INFO_READER(int64_t, field, source)
#define STAT_REAL(section, field, decimals, unit, kind, source, help) INFO_READER(double, field, source)
#define STAT_HUMAN(section, field, source, help)                      INFO_READER(uint64_t, field, source)
#define STAT_PERCENT(section, field, source, help)                    INFO_READER(double, field, source)
#include "shards/stats.def"

enum info_kind { INFO_IS_TEXT, INFO_IS_INT, INFO_IS_REAL, INFO_IS_HUMAN, INFO_IS_PERCENT, INFO_IS_LINES };

struct info_field {
    enum info_section section;
    enum info_kind kind;
    int decimals;
    const char *name;
    const char *(*text)(struct info *i);
    int64_t (*whole)(struct info *i);
    double (*real)(struct info *i);
    uint64_t (*bytes)(struct info *i);
    void (*lines)(const struct info *i, struct buf *text);
};

/* clang-format off */
static const struct info_field info_fields[] = {
#define STAT_TEXT(s, field, source, help) \
    {.section = INFO_##s, .kind = INFO_IS_TEXT, .name = #field, .text = info_read_##field},
#define STAT_INT(s, field, unit, kind_, source, help) \
    {.section = INFO_##s, .kind = INFO_IS_INT, .name = #field, .whole = info_read_##field},
#define STAT_REAL(s, field, places, unit, kind_, source, help) \
    {.section = INFO_##s, .kind = INFO_IS_REAL, .decimals = places, .name = #field, .real = info_read_##field},
#define STAT_HUMAN(s, field, source, help) \
    {.section = INFO_##s, .kind = INFO_IS_HUMAN, .name = #field, .bytes = info_read_##field},
#define STAT_PERCENT(s, field, source, help) \
    {.section = INFO_##s, .kind = INFO_IS_PERCENT, .name = #field, .real = info_read_##field},
#define STAT_LINES(s, field, function, help) \
    {.section = INFO_##s, .kind = INFO_IS_LINES, .name = #field, .lines = function},
#include "shards/stats.def"
};
/* clang-format on */

enum info_set { INFO_DEFAULT, INFO_ALL, INFO_EVERYTHING };

static const struct {
    const char *title;
    enum info_set set;
} info_sections[INFO_SECTION_COUNT] = {
#define STAT_SECTION(id, title, set) [INFO_##id] = {title, INFO_##set},
#include "shards/stats.def"
};

/* ---- choosing ---- */

static unsigned info_sections_of(enum info_set set) {
    unsigned sections = 0;
    for (unsigned s = 0; s < INFO_SECTION_COUNT; s++)
        if (info_sections[s].set <= set)
            sections |= 1u << s;
    return sections;
}

unsigned info_sections_named(struct bytes word) {
    if (bytes_is_word(word, "default"))
        return info_sections_of(INFO_DEFAULT);
    if (bytes_is_word(word, "all"))
        return info_sections_of(INFO_ALL);
    if (bytes_is_word(word, "everything"))
        return info_sections_of(INFO_EVERYTHING);
    for (unsigned s = 0; s < INFO_SECTION_COUNT; s++)
        if (bytes_is_word(word, info_sections[s].title))
            return 1u << s;
    return 0;
}

/* ---- printing ---- */

void info_put_human(struct buf *text, uint64_t bytes) {
    static const char units[] = "KMGTP";
    double n = (double)bytes;
    unsigned unit = 0;
    if (bytes < 1024) {
        buf_printf(text, "%" PRIu64 "B", bytes);
        return;
    }
    for (n /= 1024; n >= 1024 && unit < sizeof units - 2; unit++)
        n /= 1024;
    buf_printf(text, "%.2f%c", n, units[unit]);
}

static void info_put_field(struct info *info, const struct info_field *f, struct buf *text) {
    if (f->kind != INFO_IS_LINES)
        buf_printf(text, "%s:", f->name);
    switch (f->kind) {
    case INFO_IS_TEXT: buf_put_bytes(text, bytes_cstr(f->text(info))); break;
    case INFO_IS_INT: buf_printf(text, "%" PRId64, f->whole(info)); break;
    case INFO_IS_REAL: buf_printf(text, "%.*f", f->decimals, f->real(info)); break;
    case INFO_IS_HUMAN: info_put_human(text, f->bytes(info)); break;
    case INFO_IS_PERCENT: buf_printf(text, "%.2f%%", f->real(info)); break;
    case INFO_IS_LINES: f->lines(info, text); return;
    }
    BUF_PUT_LIT(text, "\r\n");
}

void info_put_sections(struct info *info, unsigned sections, struct buf *text) {
    bool is_first = true;
    for (unsigned s = 0; s < INFO_SECTION_COUNT; s++) {
        if (!(sections & (1u << s)))
            continue;
        if (!is_first)
            BUF_PUT_LIT(text, "\r\n");
        is_first = false;
        buf_printf(text, "# %s\r\n", info_sections[s].title);
        for (size_t f = 0; f < COUNT_OF(info_fields); f++)
            if (info_fields[f].section == s)
                info_put_field(info, &info_fields[f], text);
    }
}
