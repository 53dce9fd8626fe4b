/* cmd_geo_search.c: GEOSEARCH, GEOSEARCHSTORE, and the older GEORADIUS family, which is the same with fewer shapes and the
 * place to store at among its options. */
#include "core/cmd/cmd_geo.h"

#include <stdlib.h>

/* What a command's name says. */
struct geo_form {
    enum { GEO_SEARCH, GEO_RADIUS, GEO_RADIUS_BY_MEMBER } kind;
    int key_at;     /* argv position of the set that is searched */
    int options_at; /* and of the first option */
    bool may_store; /* GEORADIUS knows STORE and STOREDIST */
    bool is_store;  /* GEOSEARCHSTORE: argv[1] is the target */
};

enum geo_order { GEO_UNSORTED, GEO_ASC, GEO_DESC };

/* What the arguments say. */
struct geo_query {
    const struct geo_form *form;
    struct zset *z; /* NULL: no such key */
    struct geohash_shape shape;
    double metres; /* of the unit */
    bool has_centre_place;
    bool has_centre_member;
    bool has_circle;
    bool has_box;
    bool with_dist;
    bool with_hash;
    bool with_coord;
    bool is_any;
    bool is_dist_stored; /* STOREDIST */
    enum geo_order order;
    int64_t count; /* 0: all */
    int store_at;  /* argv position of the target; 0: none */
};

/* One place that was found. */
struct geo_point {
    struct geohash_place place;
    double distance; /* metres */
    double score;
    size_t name_at; /* in the names of the list */
    size_t name_len;
    size_t number; /* in the order in which it was found */
};

struct geo_list {
    struct buf points;
    struct buf names;
    size_t count;
};

static struct geo_point *geo_points(const struct geo_list *list) {
    return (struct geo_point *)(void *)list->points.ptr;
}

/* ---- arguments ---- */

static bool read_member(struct exec *x, int i, struct geo_query *q) {
    struct zset_spot spot = zset_look(q->z, x->argv[i]);
    if (!spot.is_there) {
        resp_error(x->out, BYTES_LIT("ERR could not decode requested zset member"));
        return false;
    }
    q->shape.centre = cmd_geo_place(spot.score);
    return true;
}

/* Reads a number that may not be negative; the two errors are the caller's. */
static bool read_length(struct exec *x, int i, const char *not_numeric, double *value_out) {
    *value_out = 0;
    if (num_parse_double(x->argv[i], value_out))
        return true;
    resp_errorf(x->out, "ERR need numeric %s", not_numeric);
    return false;
}

static bool read_radius(struct exec *x, int i, struct geo_query *q) {
    if (!read_length(x, i, "radius", &q->shape.radius))
        return false;
    if (q->shape.radius < 0) {
        resp_error(x->out, BYTES_LIT("ERR radius cannot be negative"));
        return false;
    }
    q->shape.is_box = false;
    return cmd_geo_arg_unit(x, i + 1, &q->metres);
}

static bool read_box(struct exec *x, int i, struct geo_query *q) {
    if (!read_length(x, i, "width", &q->shape.width) || !read_length(x, i + 1, "height", &q->shape.height))
        return false;
    if (q->shape.width < 0 || q->shape.height < 0) {
        resp_error(x->out, BYTES_LIT("ERR height or width cannot be negative"));
        return false;
    }
    q->shape.is_box = true;
    return cmd_geo_arg_unit(x, i + 2, &q->metres);
}

static bool read_count(struct exec *x, int i, struct geo_query *q) {
    if (!cmd_arg_int(x, i, &q->count))
        return false;
    if (q->count > 0)
        return true;
    resp_error(x->out, BYTES_LIT("ERR COUNT must be > 0"));
    return false;
}

/* Words without values. */
static bool read_flag(struct bytes word, struct geo_query *q) {
    if (bytes_is_word(word, "withdist"))
        q->with_dist = true;
    else if (bytes_is_word(word, "withhash"))
        q->with_hash = true;
    else if (bytes_is_word(word, "withcoord"))
        q->with_coord = true;
    else if (bytes_is_word(word, "any"))
        q->is_any = true;
    else if (bytes_is_word(word, "asc"))
        q->order = GEO_ASC;
    else if (bytes_is_word(word, "desc"))
        q->order = GEO_DESC;
    else if (q->form->is_store && bytes_is_word(word, "storedist"))
        q->is_dist_stored = true;
    else
        return false;
    return true;
}

/* Centre and shape of GEOSEARCH, at argv[i]: the number of words read, 0 when it is something else, -1 when an error was
 * replied. */
static int read_shape(struct exec *x, int i, struct geo_query *q) {
    struct bytes word = x->argv[i];
    int left = x->argc - i - 1;
    if (left >= 1 && !q->has_centre_place && bytes_is_word(word, "frommember")) {
        q->has_centre_member = true;
        return q->z == NULL || read_member(x, i + 1, q) ? 2 : -1;
    }
    if (left >= 2 && !q->has_centre_member && bytes_is_word(word, "fromlonlat")) {
        q->has_centre_place = true;
        return cmd_geo_arg_place(x, i + 1, &q->shape.centre) ? 3 : -1;
    }
    if (left >= 2 && !q->has_box && bytes_is_word(word, "byradius")) {
        q->has_circle = true;
        return read_radius(x, i + 1, q) ? 3 : -1;
    }
    if (left >= 3 && !q->has_circle && bytes_is_word(word, "bybox")) {
        q->has_box = true;
        return read_box(x, i + 1, q) ? 4 : -1;
    }
    return 0;
}

/* False: an error was replied. */
static bool read_options(struct exec *x, struct geo_query *q) {
    for (int i = q->form->options_at; i < x->argc;) {
        struct bytes word = x->argv[i];
        bool has_value = i + 1 < x->argc;
        int used = 0;
        if (read_flag(word, q)) {
            used = 1;
        } else if (has_value && bytes_is_word(word, "count")) {
            used = read_count(x, i + 1, q) ? 2 : -1;
        } else if (has_value && q->form->may_store &&
                   (bytes_is_word(word, "store") || bytes_is_word(word, "storedist"))) {
            q->store_at = i + 1;
            q->is_dist_stored = word.len > 5;
            used = 2;
        } else if (q->form->kind == GEO_SEARCH) {
            used = read_shape(x, i, q);
        }
        if (used == 0)
            resp_err(x->out, REPLY_ERR_SYNTAX);
        if (used <= 0)
            return false;
        i += used;
    }
    return true;
}

/* What the options must have in common. False: an error was replied. */
static bool check_options(struct exec *x, const struct geo_query *q) {
    bool is_search = q->form->kind == GEO_SEARCH;
    int name_len = (int)x->argv[0].len;
    if (q->store_at != 0 && (q->with_dist || q->with_hash || q->with_coord))
        resp_errorf(x->out, "ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                    is_search ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS");
    else if (is_search && !q->has_centre_member && !q->has_centre_place)
        resp_errorf(x->out, "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %.*s", name_len,
                    x->argv[0].ptr);
    else if (is_search && !q->has_circle && !q->has_box)
        resp_errorf(x->out, "ERR exactly one of BYRADIUS and BYBOX can be specified for %.*s", name_len,
                    x->argv[0].ptr);
    else if (q->is_any && q->count == 0)
        resp_error(x->out, BYTES_LIT("ERR the ANY argument requires COUNT argument"));
    else
        return true;
    return false;
}

static bool read_query(struct exec *x, struct geo_query *q) {
    switch (q->form->kind) {
    case GEO_SEARCH: q->store_at = q->form->is_store ? 1 : 0; break;
    case GEO_RADIUS:
        if (!cmd_geo_arg_place(x, 2, &q->shape.centre) || !read_radius(x, 4, q))
            return false;
        break;
    case GEO_RADIUS_BY_MEMBER:
        if (q->z != NULL && (!read_member(x, 2, q) || !read_radius(x, 3, q)))
            return false;
        break;
    }
    return read_options(x, q) && check_options(x, q);
}

/* ---- searching ---- */

static void list_add(struct geo_list *list, struct geo_point *point, struct bytes name) {
    point->name_at = list->names.len;
    point->name_len = name.len;
    point->number = list->count++;
    buf_put_bytes(&list->names, name);
    buf_put(&list->points, point, sizeof(*point));
}

/* Adds what lies in the shape, up to `max` in all. */
static void search(const struct geo_query *q, size_t max, struct geo_list *list) {
    struct geohash_range ranges[GEOHASH_CELLS_MAX];
    struct geohash_shape shape = q->shape; /* in metres */
    shape.radius *= q->metres;
    shape.width *= q->metres;
    shape.height *= q->metres;
    unsigned count = geohash_cover(&shape, ranges);
    for (unsigned i = 0; i < count && list->count < max; i++) {
        struct rank_probe from = {.side = RANK_BEFORE_SCORE, .score = (double)ranges[i].from};
        struct zset_walk w;
        zset_walk_begin(&w, q->z, zset_find(q->z, &from), false);
        while (list->count < max && zset_walk_next(&w) && w.score < (double)ranges[i].to) {
            struct geo_point point = {.place = cmd_geo_place(w.score), .score = w.score};
            if (geohash_is_inside(&shape, point.place, &point.distance))
                list_add(list, &point, w.name);
        }
    }
}

static int compare_ascending(const void *a, const void *b) {
    const struct geo_point *left = a;
    const struct geo_point *right = b;
    if (left->distance != right->distance)
        return left->distance < right->distance ? -1 : 1;
    return left->number < right->number ? -1 : 1;
}

static int compare_descending(const void *a, const void *b) {
    const struct geo_point *left = a;
    const struct geo_point *right = b;
    if (left->distance != right->distance)
        return left->distance > right->distance ? -1 : 1;
    return left->number < right->number ? -1 : 1;
}

static void reply_points(struct exec *x, const struct geo_query *q, const struct geo_list *list,
                         size_t count) {
    const struct geo_point *points = geo_points(list);
    size_t extras = (size_t)q->with_dist + q->with_hash + q->with_coord;
    resp_array(x->out, count);
    for (size_t i = 0; i < count; i++) {
        if (extras > 0)
            resp_array(x->out, extras + 1);
        resp_bulk(x->out, bytes_of(list->names.ptr + points[i].name_at, points[i].name_len));
        if (q->with_dist)
            cmd_geo_reply_distance(x, points[i].distance / q->metres);
        if (q->with_hash)
            resp_int(x->out, (int64_t)points[i].score);
        if (q->with_coord)
            cmd_geo_reply_place(x, points[i].place);
    }
}

static void store_points(struct exec *x, const struct geo_query *q, const struct geo_list *list,
                         size_t count) {
    const struct geo_point *points = geo_points(list);
    struct zset_limits limits = cmd_zset_limits(x);
    struct zset result = zset_new(&limits, count, 0);
    bool is_good = true;
    for (size_t i = 0; i < count && is_good; i++) {
        struct bytes name = bytes_of(list->names.ptr + points[i].name_at, points[i].name_len);
        double score = q->is_dist_stored ? points[i].distance / q->metres : points[i].score;
        is_good = zset_set(&result, &limits, &(struct zset_spot){.is_there = false}, name, score);
    }
    if (!is_good) {
        zset_free(&result);
        cmd_reply_no_memory(x);
        return;
    }
    struct key_view target;
    key_open_write(x, x->argv[q->store_at], &target);
    cmd_zset_store(&target, &result, q->form->kind == GEO_SEARCH ? "geosearchstore" : "georadiusstore");
}

static void run(struct exec *x, const struct geo_form *form) {
    struct key_view kv;
    struct zset z;
    struct geo_query q = {.form = form, .metres = 1};
    enum cmd_zset_found found = cmd_zset_open_read(x, x->argv[form->key_at], &kv, &z);
    if (found == CMD_ZSET_WRONG)
        return;
    q.z = found == CMD_ZSET_OPEN ? &z : NULL;
    if (!read_query(x, &q))
        return;
    struct geo_list list = {.count = 0};
    buf_init(&list.points);
    buf_init(&list.names);
    if (q.z != NULL)
        search(&q, q.is_any ? (size_t)q.count : SIZE_MAX, &list);
    if (q.count != 0 && q.order == GEO_UNSORTED && !q.is_any)
        q.order = GEO_ASC; /* the nearest ones */
    if (q.order != GEO_UNSORTED && list.count > 0)
        qsort(list.points.ptr, list.count, sizeof(struct geo_point),
              q.order == GEO_ASC ? compare_ascending : compare_descending);
    size_t count = q.count != 0 && (uint64_t)q.count < list.count ? (size_t)q.count : list.count;
    if (q.store_at != 0)
        store_points(x, &q, &list, count);
    else
        reply_points(x, &q, &list, count);
    buf_deinit(&list.points);
    buf_deinit(&list.names);
}

/* GEOSEARCH key FROMMEMBER member | FROMLONLAT longitude latitude BYRADIUS radius unit | BYBOX width height unit
 * [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH] */
void cmd_geosearch(struct exec *x) {
    run(x, &(struct geo_form){.kind = GEO_SEARCH, .key_at = 1, .options_at = 2});
}

/* GEOSEARCHSTORE destination source ... [STOREDIST] */
void cmd_geosearchstore(struct exec *x) {
    run(x, &(struct geo_form){.kind = GEO_SEARCH, .key_at = 2, .options_at = 3, .is_store = true});
}

/* GEORADIUS key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]
 * [STORE key | STOREDIST key] */
void cmd_georadius(struct exec *x) {
    run(x, &(struct geo_form){.kind = GEO_RADIUS, .key_at = 1, .options_at = 6, .may_store = true});
}

/* GEORADIUS_RO: without the last two */
void cmd_georadius_ro(struct exec *x) {
    run(x, &(struct geo_form){.kind = GEO_RADIUS, .key_at = 1, .options_at = 6});
}

/* GEORADIUSBYMEMBER key member radius unit, and the same options */
void cmd_georadiusbymember(struct exec *x) {
    run(x, &(struct geo_form){.kind = GEO_RADIUS_BY_MEMBER, .key_at = 1, .options_at = 5, .may_store = true});
}

/* GEORADIUSBYMEMBER_RO */
void cmd_georadiusbymember_ro(struct exec *x) {
    run(x, &(struct geo_form){.kind = GEO_RADIUS_BY_MEMBER, .key_at = 1, .options_at = 5});
}
