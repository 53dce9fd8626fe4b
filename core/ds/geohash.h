/* geohash.h: places on a sphere as numbers: encoding, decoding, distances, and which numbers lie near a place.
 *
 * A place is longitude and latitude in degrees. Its *geohash* has 52 bits: the 26 of its column and the 26 of its row in a
 * grid over the map, interleaved, column first, so that near places mostly have near numbers. The grid covers longitudes
 * -180 .. 180 and latitudes -85.05112878 .. 85.05112878, the square of the Mercator projection. Pure functions; distances
 * are in metres. */
#pragma once

#include "core/base/bytes.h"

enum {
    GEOHASH_STEP_MAX = 26, /* halvings of each side of the grid */
    GEOHASH_TEXT_BYTES = 11,
    GEOHASH_CELLS_MAX = 9,
};

#define GEOHASH_LON_MAX 180.0
#define GEOHASH_LAT_MAX 85.05112878

struct geohash_place {
    double lon;
    double lat;
};

/* Circle or box around a place. */
struct geohash_shape {
    struct geohash_place centre;
    bool is_box;
    double radius; /* metres, of a circle */
    double width;  /* metres, of a box, from edge to edge */
    double height;
};

/* Geohashes from .. to - 1. */
struct geohash_range {
    uint64_t from;
    uint64_t to;
};

/* True for places that the grid covers. */
static inline bool geohash_has_place(struct geohash_place place) {
    return place.lon >= -GEOHASH_LON_MAX && place.lon <= GEOHASH_LON_MAX && place.lat >= -GEOHASH_LAT_MAX &&
           place.lat <= GEOHASH_LAT_MAX;
}

/* The geohash of a place that the grid covers. */
uint64_t geohash_encode(struct geohash_place place);

/* The middle of a geohash's cell. */
struct geohash_place geohash_decode(uint64_t hash);

/* Writes the place as the usual text of 11 letters, whose grid goes to the poles. */
void geohash_text(struct geohash_place place, char text[GEOHASH_TEXT_BYTES]);

/* Great-circle distance, of a sphere with the radius of 6372797.560856 m. */
double geohash_distance(struct geohash_place a, struct geohash_place b);

/* True if the place lies in the shape; *distance_out is then how far it is from the centre. */
bool geohash_is_inside(const struct geohash_shape *shape, struct geohash_place place, double *distance_out);

/* Gives ranges of geohashes that hold every place of the shape, and others; at most GEOHASH_CELLS_MAX, returned is
 * their number. The first is the centre's; then north, south, east, west, and the corners. */
unsigned geohash_cover(const struct geohash_shape *shape, struct geohash_range ranges_out[GEOHASH_CELLS_MAX]);
