/* cmd_geo.c: GEOADD, GEODIST, GEOHASH, GEOPOS. A set of places is a sorted set whose scores are geohashes.
 *
 * GEOADD is a ZADD with other arguments: it is turned into one, and the log sees only that. */
#include "core/cmd/cmd_geo.h"

#include <math.h>
#include <stdio.h>

struct geohash_place cmd_geo_place(double score) {
    return geohash_decode(score >= 0 && score < 0x1p63 ? (uint64_t)score : 0);
}

bool cmd_geo_arg_place(struct exec *x, int i, struct geohash_place *place_out) {
    *place_out = (struct geohash_place){0, 0};
    if (!cmd_zset_arg_score(x, i, &place_out->lon) || !cmd_zset_arg_score(x, i + 1, &place_out->lat))
        return false;
    if (geohash_has_place(*place_out))
        return true;
    resp_errorf(x->out, "ERR invalid longitude,latitude pair %f,%f", place_out->lon, place_out->lat);
    return false;
}

bool cmd_geo_arg_unit(struct exec *x, int i, double *metres_out) {
    static const struct {
        const char *word;
        double metres;
    } units[] = {{"m", 1}, {"km", 1000}, {"ft", 0.3048}, {"mi", 1609.34}};
    *metres_out = 1;
    for (size_t u = 0; u < COUNT_OF(units); u++)
        if (bytes_is_word(x->argv[i], units[u].word)) {
            *metres_out = units[u].metres;
            return true;
        }
    resp_error(x->out, BYTES_LIT("ERR unsupported unit provided. please use M, KM, FT, MI"));
    return false;
}

void cmd_geo_reply_distance(struct exec *x, double distance) {
    char text[64];
    int len = snprintf(text, sizeof(text), "%.4f",
                       distance < 1e14 ? (double)llrint(distance * 1e4) / 1e4 : distance);
    must(len > 0 && (size_t)len < sizeof(text));
    resp_bulk(x->out, bytes_of(text, (size_t)len));
}

void cmd_geo_reply_place(struct exec *x, struct geohash_place place) {
    resp_array(x->out, 2);
    resp_double(x->out, place.lon);
    resp_double(x->out, place.lat);
}

/* ---- GEOADD ---- */

/* The words of the ZADD: the first `options` ones as they are, then scores and members. False: an error was replied. */
static bool geoadd_words(struct exec *x, int options, int places, struct bytes *argv,
                         char (*texts)[NUM_INT_TEXT_MAX]) {
    memcpy(argv, x->argv, (size_t)options * sizeof(*argv));
    argv[0] = BYTES_LIT("ZADD");
    for (int i = 0; i < places; i++) {
        struct geohash_place place;
        if (!cmd_geo_arg_place(x, options + 3 * i, &place))
            return false;
        argv[options + 2 * i] = bytes_of(texts[i], num_from_uint(texts[i], geohash_encode(place)));
        argv[options + 2 * i + 1] = x->argv[options + 3 * i + 2];
    }
    return true;
}

/* GEOADD key [NX | XX] [CH] longitude latitude member ... */
void cmd_geoadd(struct exec *x) {
    bool is_nx = false;
    bool is_xx = false;
    int at = 2;
    for (; at < x->argc; at++) {
        if (bytes_is_word(x->argv[at], "nx"))
            is_nx = true;
        else if (bytes_is_word(x->argv[at], "xx"))
            is_xx = true;
        else if (!bytes_is_word(x->argv[at], "ch"))
            break;
    }
    int places = (x->argc - at) / 3;
    if ((x->argc - at) % 3 != 0 || (is_nx && is_xx)) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    struct bytes *argv = mem_alloc((size_t)(at + 2 * places) * sizeof(*argv));
    char(*texts)[NUM_INT_TEXT_MAX] = mem_alloc((size_t)(places + 1) * sizeof(*texts));
    if (geoadd_words(x, at, places, argv, texts)) {
        struct exec zadd = *x;
        zadd.argc = at + 2 * places;
        zadd.argv = argv;
        cmd_zadd(&zadd);
    }
    mem_free(texts);
    mem_free(argv);
}

/* ---- reading ---- */

/* GEODIST key member1 member2 [M | KM | FT | MI] */
void cmd_geodist(struct exec *x) {
    struct key_view kv;
    struct zset z;
    double metres = 1;
    if (x->argc > 5) {
        resp_err(x->out, REPLY_ERR_SYNTAX);
        return;
    }
    if (x->argc == 5 && !cmd_geo_arg_unit(x, 4, &metres))
        return;
    enum cmd_zset_found found = cmd_zset_open_read(x, x->argv[1], &kv, &z);
    if (found == CMD_ZSET_WRONG)
        return;
    struct zset_spot a = {.is_there = false};
    struct zset_spot b = {.is_there = false};
    if (found == CMD_ZSET_OPEN) {
        a = zset_look(&z, x->argv[2]);
        b = zset_look(&z, x->argv[3]);
    }
    if (a.is_there && b.is_there)
        cmd_geo_reply_distance(x, geohash_distance(cmd_geo_place(a.score), cmd_geo_place(b.score)) / metres);
    else
        resp_null(x->out);
}

static void reply_each(struct exec *x, bool is_text) {
    struct key_view kv;
    struct zset z;
    enum cmd_zset_found found = cmd_zset_open_read(x, x->argv[1], &kv, &z);
    if (found == CMD_ZSET_WRONG)
        return;
    resp_array(x->out, (size_t)x->argc - 2);
    for (int i = 2; i < x->argc; i++) {
        struct zset_spot spot = {.is_there = false};
        char text[GEOHASH_TEXT_BYTES];
        if (found == CMD_ZSET_OPEN)
            spot = zset_look(&z, x->argv[i]);
        if (spot.is_there && is_text) {
            geohash_text(cmd_geo_place(spot.score), text);
            resp_bulk(x->out, bytes_of(text, sizeof(text)));
        } else if (spot.is_there) {
            cmd_geo_reply_place(x, cmd_geo_place(spot.score));
        } else if (is_text) {
            resp_null(x->out);
        } else {
            resp_null_array(x->out);
        }
    }
}

/* GEOHASH key [member ...] */
void cmd_geohash(struct exec *x) {
    reply_each(x, true);
}

/* GEOPOS key [member ...] */
void cmd_geopos(struct exec *x) {
    reply_each(x, false);
}
