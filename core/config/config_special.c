/* config_special.c: rows whose values are no plain number, word or text.
 *
 * Each has a set function, which checks all of its arguments before it touches the field, and a print function whose
 * text the set function takes back. What only one command or file format would ask for is not here. */
#include "core/config/config_internal.h"

#include "core/base/mem.h"
#include "core/base/num.h"

#include <inttypes.h>
#include <math.h>

enum {
    BIND_ADDRESS_COUNT_MAX = 16,
    OOM_SCORE_MAX = 2000, /* the kernel takes -1000 to 1000; relative values may be twice as far off */
    PERMISSION_MAX = 0777,
};

static bool refuse(struct buf *error_out, const char *why) {
    buf_put(error_out, why, strlen(why));
    return false;
}

/* An only argument that is empty stands for no arguments: `save ""`, `bind ""`. */
static size_t real_count(const struct bytes *args, size_t count) {
    return count == 1 && args[0].len == 0 ? 0 : count;
}

/* Reads a number as people write it in lists: a plus sign and leading zeros are allowed. */
static bool read_int(struct bytes text, int64_t *value_out) {
    if (text.len > 1 && text.ptr[0] == '+' && text.ptr[1] != '-')
        text = bytes_of(text.ptr + 1, text.len - 1);
    while (text.len > 1 && text.ptr[0] == '0')
        text = bytes_of(text.ptr + 1, text.len - 1);
    return num_parse_int(text, value_out);
}

/* ---- lists of texts */

void config__list_deinit(struct config_list *list) {
    for (size_t i = 0; i < list->count; i++)
        mem_free(list->items[i]);
    mem_free(list->items);
    *list = (struct config_list){NULL, 0};
}

struct config_list config__list_of(const struct bytes *items, size_t count) {
    struct config_list list = {count ? mem_alloc(count * sizeof(*list.items)) : NULL, count};
    for (size_t i = 0; i < count; i++)
        list.items[i] = config__dup(items[i]);
    return list;
}

static void list_print(const void *field, struct buf *out) {
    const struct config_list *list = field;
    for (size_t i = 0; i < list->count; i++)
        buf_printf(out, "%s%s", i ? " " : "", list->items[i]);
}

static void list_deinit(void *field) {
    config__list_deinit(field);
}

static bool bind_set(struct config *cfg, void *field, const struct bytes *args, size_t count,
                     enum config__source source, struct buf *error_out) {
    (void)cfg;
    (void)source;
    count = real_count(args, count);
    if (count > BIND_ADDRESS_COUNT_MAX)
        return refuse(error_out, "Too many bind addresses specified.");
    for (size_t i = 0; i < count; i++)
        if (args[i].len == 0 || memchr(args[i].ptr, 0, args[i].len) || memchr(args[i].ptr, ' ', args[i].len))
            return refuse(error_out, "an address must not be empty, nor contain blanks");
    config__list_deinit(field);
    *(struct config_list *)field = config__list_of(args, count);
    return true;
}

const struct config__special config__special_bind = {bind_set, list_print, list_deinit};

/* Replication is not there yet: the row takes what means "none", and its flag refuses the rest. */
static bool replicaof_set(struct config *cfg, void *field, const struct bytes *args, size_t count,
                          enum config__source source, struct buf *error_out) {
    (void)cfg;
    (void)source;
    count = real_count(args, count);
    if (count != 0 && count != 2)
        return refuse(error_out, "wrong number of arguments");
    if (count == 2 && bytes_is_word(args[0], "no") && bytes_is_word(args[1], "one"))
        count = 0;
    int64_t port;
    if (count == 2 && (!num_parse_int(args[1], &port) || port < 0 || port > 65535))
        return refuse(error_out, "Invalid master port");
    config__list_deinit(field);
    *(struct config_list *)field = config__list_of(args, count);
    return true;
}

const struct config__special config__special_replicaof = {replicaof_set, list_print, list_deinit};

/* ---- unixsocketperm */

static bool permission_set(struct config *cfg, void *field, const struct bytes *args, size_t count,
                           enum config__source source, struct buf *error_out) {
    (void)cfg;
    (void)source;
    if (count != 1)
        return refuse(error_out, "wrong number of arguments");
    unsigned value = 0;
    for (size_t i = 0; i < args[0].len; i++) {
        char c = args[0].ptr[i];
        if (c < '0' || c > '7' || args[0].len > 10)
            return refuse(error_out, "argument couldn't be parsed as an octal number");
        value = value * 8 + (unsigned)(c - '0');
    }
    if (args[0].len == 0)
        return refuse(error_out, "argument couldn't be parsed as an octal number");
    if (value > PERMISSION_MAX) {
        buf_printf(error_out, "argument must be between 0 and %o inclusive", (unsigned)PERMISSION_MAX);
        return false;
    }
    *(unsigned *)field = value;
    return true;
}

static void permission_print(const void *field, struct buf *out) {
    buf_printf(out, "%o", *(const unsigned *)field);
}

const struct config__special config__special_unixsocketperm = {permission_set, permission_print, NULL};

/* ---- oom-score-adj-values */

static bool oom_values_set(struct config *cfg, void *field, const struct bytes *args, size_t count,
                           enum config__source source, struct buf *error_out) {
    (void)cfg;
    (void)source;
    struct config_oom_values values;
    if (count != COUNT_OF(values.of))
        return refuse(error_out, "wrong number of arguments");
    for (size_t i = 0; i < count; i++) {
        int64_t value;
        if (!read_int(args[i], &value) || value < -OOM_SCORE_MAX || value > OOM_SCORE_MAX) {
            buf_printf(error_out, "Invalid oom-score-adj-values, elements must be between %d and %d.",
                       -OOM_SCORE_MAX, OOM_SCORE_MAX);
            return false;
        }
        values.of[i] = (int)value;
    }
    *(struct config_oom_values *)field = values;
    return true;
}

static void oom_values_print(const void *field, struct buf *out) {
    const struct config_oom_values *values = field;
    buf_printf(out, "%d %d %d", values->of[0], values->of[1], values->of[2]);
}

const struct config__special config__special_oom_score_adj_values = {oom_values_set, oom_values_print, NULL};

/* ---- shutdown-on-sigint, shutdown-on-sigterm */

static const struct config__word shutdown_words[] = {
    {"default", 0},
    {"save", CONFIG_SHUTDOWN_SAVE},
    {"nosave", CONFIG_SHUTDOWN_NOSAVE},
    {"now", CONFIG_SHUTDOWN_NOW},
    {"force", CONFIG_SHUTDOWN_FORCE},
};

static bool shutdown_set(struct config *cfg, void *field, const struct bytes *args, size_t count,
                         enum config__source source, struct buf *error_out) {
    (void)cfg;
    (void)source;
    unsigned bits = 0;
    bool are_known = count != 0;
    for (size_t i = 0; i < count && are_known; i++) {
        are_known = false;
        for (size_t w = 0; w < COUNT_OF(shutdown_words); w++)
            if (bytes_is_word(args[i], shutdown_words[w].text)) {
                bits |= (unsigned)shutdown_words[w].value;
                are_known = true;
            }
    }
    if (!are_known)
        return refuse(error_out,
                      "argument(s) must be one of the following: default, save, nosave, now, force");
    if ((bits & CONFIG_SHUTDOWN_SAVE) && (bits & CONFIG_SHUTDOWN_NOSAVE))
        return refuse(error_out, "shutdown options SAVE and NOSAVE can't be used simultaneously");
    *(unsigned *)field = bits;
    return true;
}

static void shutdown_print(const void *field, struct buf *out) {
    unsigned bits = *(const unsigned *)field;
    if (bits == 0)
        BUF_PUT_LIT(out, "default");
    const char *space = "";
    for (size_t w = 1; w < COUNT_OF(shutdown_words); w++)
        if (bits & (unsigned)shutdown_words[w].value) {
            buf_printf(out, "%s%s", space, shutdown_words[w].text);
            space = " ";
        }
}

const struct config__special config__special_shutdown_on_sigint = {shutdown_set, shutdown_print, NULL};
const struct config__special config__special_shutdown_on_sigterm = {shutdown_set, shutdown_print, NULL};

/* ---- client-output-buffer-limit */

static const char *const class_names[CONFIG_CLASS_COUNT] = {"normal", "slave", "pubsub"};

/* The class with this name, CONFIG_CLASS_COUNT if there is none. */
static size_t class_find(struct bytes name) {
    if (bytes_is_word(name, "replica"))
        return CONFIG_CLASS_REPLICA;
    size_t class = 0;
    while (class < CONFIG_CLASS_COUNT && !bytes_is_word(name, class_names[class]))
        class ++;
    return class;
}

static bool output_limits_set(struct config *cfg, void *field, const struct bytes *args, size_t count,
                              enum config__source source, struct buf *error_out) {
    (void)cfg;
    (void)source;
    struct config_output_limits limits = *(struct config_output_limits *)field;
    if (count % 4 != 0)
        return refuse(error_out, "Wrong number of arguments in buffer limit configuration.");
    for (size_t i = 0; i < count; i += 4) {
        size_t class = class_find(args[i]);
        if (class == CONFIG_CLASS_COUNT)
            return refuse(error_out, "Invalid client class specified in buffer limit configuration.");
        struct config_output_limit *limit = &limits.of[class];
        if (!num_parse_memory(args[i + 1], &limit->hard_bytes) ||
            !num_parse_memory(args[i + 2], &limit->soft_bytes) ||
            !read_int(args[i + 3], &limit->soft_seconds) || limit->soft_seconds < 0)
            return refuse(error_out,
                          "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    *(struct config_output_limits *)field = limits;
    return true;
}

static void output_limits_print(const void *field, struct buf *out) {
    const struct config_output_limits *limits = field;
    for (size_t class = 0; class < CONFIG_CLASS_COUNT; class ++) {
        const struct config_output_limit *limit = &limits->of[class];
        buf_printf(out, "%s%s %" PRIu64 " %" PRIu64 " %" PRId64, class ? " " : "", class_names[class],
                   limit->hard_bytes, limit->soft_bytes, limit->soft_seconds);
    }
}

const struct config__special config__special_client_output_buffer_limit = {output_limits_set,
                                                                           output_limits_print, NULL};

/* ---- maxmemory-clients: bytes, or a percentage as a negative number */

static bool maxmemory_clients_set(struct config *cfg, void *field, const struct bytes *args, size_t count,
                                  enum config__source source, struct buf *error_out) {
    (void)cfg;
    (void)source;
    if (count != 1)
        return refuse(error_out, "wrong number of arguments");
    struct bytes text = args[0];
    if (text.len && text.ptr[text.len - 1] == '%') {
        int64_t percent;
        if (!num_parse_int(bytes_of(text.ptr, text.len - 1), &percent) || percent < 0)
            return refuse(error_out, "argument must be a memory or percent value");
        if (percent > 100)
            return refuse(error_out, "percentage argument must be less or equal to 100");
        *(int64_t *)field = -percent;
        return true;
    }
    uint64_t bytes = 0;
    if (text.len && (!num_parse_memory(text, &bytes) || bytes > INT64_MAX))
        return refuse(error_out, "argument must be a memory or percent value");
    *(int64_t *)field = (int64_t)bytes;
    return true;
}

static void maxmemory_clients_print(const void *field, struct buf *out) {
    int64_t value = *(const int64_t *)field;
    if (value < 0)
        buf_printf(out, "%" PRId64 "%%", -value);
    else
        buf_printf(out, "%" PRId64, value);
}

const struct config__special config__special_maxmemory_clients = {maxmemory_clients_set,
                                                                  maxmemory_clients_print, NULL};

/* ---- save */

/* Lines of a file add up, from the first one on, which replaces the default; `save ""` starts over. */
static bool save_set(struct config *cfg, void *field, const struct bytes *args, size_t count,
                     enum config__source source, struct buf *error_out) {
    struct config_save *save = field;
    count = real_count(args, count);
    if (count % 2 != 0)
        return refuse(error_out, "Invalid save parameters");
    size_t kept = source == CONFIG__FILE && cfg->save_is_given && count ? save->count : 0;
    size_t total = kept + count / 2;
    struct config_save_point *points = total ? mem_alloc(total * sizeof(*points)) : NULL;
    for (size_t i = 0; i < kept; i++)
        points[i] = save->points[i];
    for (size_t i = 0; i < count; i += 2) {
        struct config_save_point *point = &points[kept + i / 2];
        int64_t changes;
        if (!read_int(args[i], &point->seconds) || !read_int(args[i + 1], &changes) || point->seconds < 1 ||
            changes < 0 || changes > INT_MAX) {
            mem_free(points);
            return refuse(error_out, "Invalid save parameters");
        }
        point->changes = (int)changes;
    }
    mem_free(save->points);
    *save = (struct config_save){points, total};
    cfg->save_is_given = cfg->save_is_given || source == CONFIG__FILE;
    return true;
}

static void save_print(const void *field, struct buf *out) {
    const struct config_save *save = field;
    for (size_t i = 0; i < save->count; i++)
        buf_printf(out, "%s%" PRId64 " %d", i ? " " : "", save->points[i].seconds, save->points[i].changes);
}

static void save_deinit(void *field) {
    struct config_save *save = field;
    mem_free(save->points);
    *save = (struct config_save){NULL, 0};
}

const struct config__special config__special_save = {save_set, save_print, save_deinit};

/* ---- latency-tracking-info-percentiles */

static bool percentiles_set(struct config *cfg, void *field, const struct bytes *args, size_t count,
                            enum config__source source, struct buf *error_out) {
    (void)cfg;
    (void)source;
    count = real_count(args, count);
    double *values = count ? mem_alloc(count * sizeof(*values)) : NULL;
    const char *why = NULL;
    for (size_t i = 0; i < count && !why; i++) {
        if (!num_parse_double(args[i], &values[i]))
            why = "Invalid latency-tracking-info-percentiles parameters";
        else if (values[i] < 0.0 || values[i] > 100.0)
            why = "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
        else
            values[i] = round(values[i] * 1e6) / 1e6; /* what can be printed */
    }
    if (why) {
        mem_free(values);
        return refuse(error_out, why);
    }
    struct config_percentiles *percentiles = field;
    mem_free(percentiles->values);
    *percentiles = (struct config_percentiles){values, count};
    return true;
}

/* Six decimals at most, without trailing zeros. */
static void percentiles_print(const void *field, struct buf *out) {
    const struct config_percentiles *percentiles = field;
    for (size_t i = 0; i < percentiles->count; i++) {
        if (i)
            buf_put_char(out, ' ');
        buf_printf(out, "%f", percentiles->values[i]);
        while (out->ptr[out->len - 1] == '0')
            out->len--;
        if (out->ptr[out->len - 1] == '.')
            out->len--;
    }
}

static void percentiles_deinit(void *field) {
    struct config_percentiles *percentiles = field;
    mem_free(percentiles->values);
    *percentiles = (struct config_percentiles){NULL, 0};
}

const struct config__special config__special_latency_tracking_info_percentiles = {
    percentiles_set, percentiles_print, percentiles_deinit};

/* ---- notify-keyspace-events */

/* In the order in which CONFIG GET shows them; A stands for the first ten together. */
static const struct {
    char letter;
    unsigned bits;
} notify_letters[] = {
    {'g', CONFIG_NOTIFY_GENERIC},  {'$', CONFIG_NOTIFY_STRING},   {'l', CONFIG_NOTIFY_LIST},
    {'s', CONFIG_NOTIFY_SET},      {'h', CONFIG_NOTIFY_HASH},     {'z', CONFIG_NOTIFY_ZSET},
    {'x', CONFIG_NOTIFY_EXPIRED},  {'e', CONFIG_NOTIFY_EVICTED},  {'t', CONFIG_NOTIFY_STREAM},
    {'d', CONFIG_NOTIFY_MODULE},   {'n', CONFIG_NOTIFY_NEW},      {'K', CONFIG_NOTIFY_KEYSPACE},
    {'E', CONFIG_NOTIFY_KEYEVENT}, {'m', CONFIG_NOTIFY_KEY_MISS},
};

static bool notify_set(struct config *cfg, void *field, const struct bytes *args, size_t count,
                       enum config__source source, struct buf *error_out) {
    (void)cfg;
    (void)source;
    if (count != 1)
        return refuse(error_out, "wrong number of arguments");
    unsigned bits = 0;
    for (size_t i = 0; i < args[0].len; i++) {
        unsigned bit = args[0].ptr[i] == 'A' ? (unsigned)CONFIG_NOTIFY_ALL : 0;
        for (size_t k = 0; k < COUNT_OF(notify_letters); k++)
            if (args[0].ptr[i] == notify_letters[k].letter)
                bit = notify_letters[k].bits;
        if (bit == 0)
            return refuse(error_out, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
        bits |= bit;
    }
    *(unsigned *)field = bits;
    return true;
}

static void notify_print(const void *field, struct buf *out) {
    unsigned bits = *(const unsigned *)field;
    if ((bits & CONFIG_NOTIFY_ALL) == CONFIG_NOTIFY_ALL) {
        buf_put_char(out, 'A');
        bits &= ~(unsigned)CONFIG_NOTIFY_ALL;
    }
    for (size_t k = 0; k < COUNT_OF(notify_letters); k++)
        if (bits & notify_letters[k].bits)
            buf_put_char(out, notify_letters[k].letter);
}

const struct config__special config__special_notify_keyspace_events = {notify_set, notify_print, NULL};
