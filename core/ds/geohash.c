/* geohash.c: a grid over the map, and its cells as ranges of numbers.
 *
 * The problem: all places within some distance, out of a set that is ordered by one number only.
 *
 * The bits of column and row are interleaved, so a cell of a coarser grid (fewer halvings, *steps*) is one range of
 * geohashes. A shape is covered by nine cells: the one that holds its centre and its neighbours, at the finest step where they
 * are sure to cover it. Places in those ranges are then measured.
 *
 *   steps 2, rows upwards         geohash: c1 r1 c0 r0 (c: column, r: row)
 *     5  7 13 15
 *     4  6 12 14
 *     1  3  9 11
 *     0  2  8 10
 *
 * Which step is chosen, which neighbours are left out, and the order of the nine are those of Redis: replies that nobody
 * asked to be sorted come in that order.
 *
 * Cost: nine seeks in a sorted set, and a distance for each place in the cells, whose area is some ten times the shape's. */
#include "core/ds/geohash.h"

#include <math.h>

#define EARTH_RADIUS   6372797.560856 /* metres */
#define MERCATOR_RANGE 20037726.37    /* metres, half the equator */
#define DEGREE         (M_PI / 180.0)

static double radians(double degrees) {
    return degrees * DEGREE;
}

static double degrees(double radian) {
    return radian / DEGREE;
}

/* ---- bits ---- */

/* Puts a zero in front of every bit. */
static uint64_t spread(uint32_t value) {
    uint64_t bits = value;
    bits = (bits | bits << 16) & 0x0000ffff0000ffffU;
    bits = (bits | bits << 8) & 0x00ff00ff00ff00ffU;
    bits = (bits | bits << 4) & 0x0f0f0f0f0f0f0f0fU;
    bits = (bits | bits << 2) & 0x3333333333333333U;
    return (bits | bits << 1) & 0x5555555555555555U;
}

/* Takes every other bit. */
static uint32_t gather(uint64_t bits) {
    bits &= 0x5555555555555555U;
    bits = (bits | bits >> 1) & 0x3333333333333333U;
    bits = (bits | bits >> 2) & 0x0f0f0f0f0f0f0f0fU;
    bits = (bits | bits >> 4) & 0x00ff00ff00ff00ffU;
    bits = (bits | bits >> 8) & 0x0000ffff0000ffffU;
    return (uint32_t)(bits | bits >> 16);
}

static uint64_t interleave(uint32_t column, uint32_t row) {
    return spread(column) << 1 | spread(row);
}

/* The number of the stripe that holds `value`, of 2^step stripes from -max to max. */
static uint32_t stripe(double value, double max, unsigned step) {
    return (uint32_t)((value + max) / (2 * max) * (double)((uint64_t)1 << step));
}

/* Where a stripe begins. */
static double stripe_edge(uint64_t number, double max, unsigned step) {
    return -max + ((double)number / (double)((uint64_t)1 << step)) * (2 * max);
}

uint64_t geohash_encode(struct geohash_place place) {
    return interleave(stripe(place.lon, GEOHASH_LON_MAX, GEOHASH_STEP_MAX),
                      stripe(place.lat, GEOHASH_LAT_MAX, GEOHASH_STEP_MAX));
}

static double middle(uint32_t number, double max) {
    double value = (stripe_edge(number, max, GEOHASH_STEP_MAX) +
                    stripe_edge((uint64_t)number + 1, max, GEOHASH_STEP_MAX)) /
                   2;
    return value > max ? max : value < -max ? -max : value;
}

struct geohash_place geohash_decode(uint64_t hash) {
    return (struct geohash_place){middle(gather(hash >> 1), GEOHASH_LON_MAX),
                                  middle(gather(hash), GEOHASH_LAT_MAX)};
}

void geohash_text(struct geohash_place place, char text[GEOHASH_TEXT_BYTES]) {
    static const char letters[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    uint64_t hash =
        interleave(stripe(place.lon, 180.0, GEOHASH_STEP_MAX), stripe(place.lat, 90.0, GEOHASH_STEP_MAX));
    for (unsigned i = 0; i + 1 < GEOHASH_TEXT_BYTES; i++)
        text[i] = letters[hash >> (52 - 5 * (i + 1)) & 31];
    text[GEOHASH_TEXT_BYTES - 1] = '0'; /* 52 bits end within the eleventh letter; Redis writes 0 */
}

/* ---- distances ---- */

static double lat_distance(double a, double b) {
    return EARTH_RADIUS * fabs(radians(b) - radians(a));
}

/* The haversine formula. */
double geohash_distance(struct geohash_place a, struct geohash_place b) {
    double v = sin((radians(b.lon) - radians(a.lon)) / 2);
    if (v == 0.0)
        return lat_distance(a.lat, b.lat);
    double lat_a = radians(a.lat);
    double lat_b = radians(b.lat);
    double u = sin((lat_b - lat_a) / 2);
    return 2.0 * EARTH_RADIUS * asin(sqrt(u * u + cos(lat_a) * cos(lat_b) * v * v));
}

bool geohash_is_inside(const struct geohash_shape *shape, struct geohash_place place, double *distance_out) {
    *distance_out = 0;
    if (shape->is_box) {
        struct geohash_place same_lat = {shape->centre.lon, place.lat};
        if (lat_distance(place.lat, shape->centre.lat) > shape->height / 2 ||
            geohash_distance(place, same_lat) > shape->width / 2)
            return false;
    }
    *distance_out = geohash_distance(shape->centre, place);
    return shape->is_box || !(*distance_out > shape->radius);
}

/* ---- covering ---- */

/* Degrees; on the side of the nearer pole a metre is more of them. */
struct bounds {
    double lon_min;
    double lon_max;
    double lat_min;
    double lat_max;
};

static struct bounds bounds_of(const struct geohash_shape *shape) {
    double height = shape->is_box ? shape->height / 2 : shape->radius;
    double width = shape->is_box ? shape->width / 2 : shape->radius;
    double lat = shape->centre.lat;
    double lat_reach = degrees(height / EARTH_RADIUS);
    double lat_of_widest = lat < 0 ? lat - lat_reach : lat + lat_reach;
    double lon_reach = degrees(width / EARTH_RADIUS / cos(radians(lat_of_widest)));
    return (struct bounds){shape->centre.lon - lon_reach, shape->centre.lon + lon_reach, lat - lat_reach,
                           lat + lat_reach};
}

/* The finest step whose cells are larger than the shape, or nearly. */
static unsigned step_for(const struct geohash_shape *shape) {
    double reach = shape->is_box
                       ? sqrt(shape->width / 2 * (shape->width / 2) + shape->height / 2 * (shape->height / 2))
                       : shape->radius;
    if (reach == 0)
        return GEOHASH_STEP_MAX;
    int step = 1;
    for (; reach < MERCATOR_RANGE; reach *= 2)
        step++;
    step -= 2;
    double lat = fabs(shape->centre.lat);
    if (lat > 66) /* cells become narrow towards the poles */
        step -= lat > 80 ? 2 : 1;
    return step < 1 ? 1 : step > GEOHASH_STEP_MAX ? GEOHASH_STEP_MAX : (unsigned)step;
}

/* The cell of a grid of 2^step columns and rows. */
struct cell {
    uint32_t column;
    uint32_t row;
    unsigned step;
};

static struct cell cell_of(struct geohash_place place, unsigned step) {
    return (struct cell){stripe(place.lon, GEOHASH_LON_MAX, step), stripe(place.lat, GEOHASH_LAT_MAX, step),
                         step};
}

/* The neighbour so many columns and rows away; the grid goes on at its other side. Places on the upper edges are in a column
 * or row of their own, beyond the grid: who stays in it stays there. */
static struct cell neighbour(struct cell cell, int columns, int rows) {
    uint32_t mask = ((uint32_t)1 << cell.step) - 1;
    if (columns != 0)
        cell.column = (cell.column + (uint32_t)columns) & mask;
    if (rows != 0)
        cell.row = (cell.row + (uint32_t)rows) & mask;
    return cell;
}

static struct bounds cell_bounds(struct cell cell) {
    return (struct bounds){stripe_edge(cell.column, GEOHASH_LON_MAX, cell.step),
                           stripe_edge((uint64_t)cell.column + 1, GEOHASH_LON_MAX, cell.step),
                           stripe_edge(cell.row, GEOHASH_LAT_MAX, cell.step),
                           stripe_edge((uint64_t)cell.row + 1, GEOHASH_LAT_MAX, cell.step)};
}

/* True if the neighbours in the four directions reach beyond the bounds. */
static bool reaches(struct cell cell, const struct bounds *bounds) {
    return !(cell_bounds(neighbour(cell, 0, 1)).lat_max < bounds->lat_max) &&
           !(cell_bounds(neighbour(cell, 0, -1)).lat_min > bounds->lat_min) &&
           !(cell_bounds(neighbour(cell, 1, 0)).lon_max < bounds->lon_max) &&
           !(cell_bounds(neighbour(cell, -1, 0)).lon_min > bounds->lon_min);
}

static struct geohash_range cell_range(struct cell cell) {
    uint64_t bits = interleave(cell.column, cell.row);
    unsigned shift = 2 * (GEOHASH_STEP_MAX - cell.step);
    return (struct geohash_range){bits << shift, (bits + 1) << shift};
}

unsigned geohash_cover(const struct geohash_shape *shape,
                       struct geohash_range ranges_out[GEOHASH_CELLS_MAX]) {
    static const struct {
        int columns;
        int rows;
    } order[GEOHASH_CELLS_MAX] = {{0, 0}, {0, 1},  {0, -1}, {1, 0},  {-1, 0},
                                  {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
    struct bounds bounds = bounds_of(shape);
    struct cell centre = cell_of(shape->centre, step_for(shape));
    if (centre.step > 1 && !reaches(centre, &bounds))
        centre = cell_of(shape->centre, centre.step - 1);
    struct bounds middle = cell_bounds(centre);
    bool may_skip = centre.step >= 2; /* with one step a neighbour on one side is the one on the other, too */
    unsigned count = 0;
    for (unsigned i = 0; i < GEOHASH_CELLS_MAX; i++) {
        int columns = order[i].columns;
        int rows = order[i].rows;
        bool is_useless = (rows < 0 && middle.lat_min < bounds.lat_min) ||
                          (rows > 0 && middle.lat_max > bounds.lat_max) ||
                          (columns < 0 && middle.lon_min < bounds.lon_min) ||
                          (columns > 0 && middle.lon_max > bounds.lon_max);
        if (may_skip && is_useless)
            continue;
        struct geohash_range range = cell_range(neighbour(centre, columns, rows));
        bool is_known = false; /* few columns: a cell is its own neighbour's neighbour */
        for (unsigned j = 0; j < count; j++)
            is_known = is_known || ranges_out[j].from == range.from;
        if (!is_known)
            ranges_out[count++] = range;
    }
    return count;
}
