/* Geohashes: what Redis gives for known places, and covers that forget nobody. */
#include "core/ds/geohash.h"

#include "core/base/rng.h"

#include <criterion/criterion.h>
#include <math.h>

Test(geohash, known_places_have_the_numbers_of_redis) {
    static const struct {
        struct geohash_place place;
        uint64_t hash;
        const char *text;
    } cases[] = {
        {{13.361389, 38.115556}, 3479099956230698, "sqc8b49rny0"},
        {{15.087269, 37.502669}, 3479447370796909, "sqdtr74hyu0"},
        {{-180, -85.05112878}, 0, "00bh0hbj200"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[GEOHASH_TEXT_BYTES];
        cr_expect_eq(geohash_encode(cases[i].place), cases[i].hash, "%zu: %llu", i,
                     (unsigned long long)geohash_encode(cases[i].place));
        geohash_text(geohash_decode(cases[i].hash), text);
        cr_expect(bytes_equal(bytes_of(text, sizeof text), bytes_cstr(cases[i].text)), "%zu: %.11s", i, text);
    }
}

static struct geohash_place any_place(struct rng *rng) {
    return (struct geohash_place){rng_unit(rng) * 360 - 180, (rng_unit(rng) * 2 - 1) * GEOHASH_LAT_MAX};
}

Test(geohash, decoding_comes_within_a_metre) {
    struct rng rng;
    rng_init(&rng, 1);
    for (int i = 0; i < 100000; i++) {
        struct geohash_place place = any_place(&rng);
        struct geohash_place back = geohash_decode(geohash_encode(place));
        cr_assert_lt(geohash_distance(place, back), 1.0);
        cr_assert_eq(geohash_encode(back), geohash_encode(place));
    }
}

Test(geohash, distances_are_those_of_redis) {
    struct geohash_place palermo = geohash_decode(3479099956230698);
    struct geohash_place catania = geohash_decode(3479447370796909);
    cr_assert_float_eq(geohash_distance(palermo, catania), 166274.1516, 0.0001);
    cr_assert_eq(geohash_distance(palermo, palermo), 0);
}

static bool is_covered(const struct geohash_range *ranges, unsigned count, uint64_t hash) {
    for (unsigned i = 0; i < count; i++)
        if (hash >= ranges[i].from && hash < ranges[i].to)
            return true;
    return false;
}

/* Away from the poles and from the line where longitudes jump, where Redis's covers have holes, too. */
Test(geohash, a_cover_holds_every_place_of_the_shape) {
    struct rng rng;
    rng_init(&rng, 2);
    for (int i = 0; i < 20000; i++) {
        struct geohash_place centre = {rng_unit(&rng) * 200 - 100, rng_unit(&rng) * 100 - 50};
        double reach = pow(10, rng_unit(&rng) * 5.5); /* metres, up to some 300 km */
        struct geohash_shape shape = {.centre = centre,
                                      .is_box = i % 2 == 0,
                                      .radius = reach,
                                      .width = reach * 2,
                                      .height = rng_unit(&rng) * reach * 2};
        struct geohash_range ranges[GEOHASH_CELLS_MAX];
        unsigned count = geohash_cover(&shape, ranges);
        cr_assert(count >= 1 && count <= GEOHASH_CELLS_MAX);
        for (int j = 0; j < 50; j++) {
            double degrees = reach / 111000 * 1.5;
            struct geohash_place place = {centre.lon + (rng_unit(&rng) * 2 - 1) * degrees /
                                                           cos(centre.lat * M_PI / 180),
                                          centre.lat + (rng_unit(&rng) * 2 - 1) * degrees};
            double distance;
            uint64_t hash = geohash_encode(place);
            if (geohash_is_inside(&shape, geohash_decode(hash), &distance))
                cr_assert(is_covered(ranges, count, hash), "seed 2, %d: %f %f within %f of %f %f", i,
                          place.lon, place.lat, reach, centre.lon, centre.lat);
        }
    }
}

Test(geohash, ranges_of_a_cover_are_different) {
    struct rng rng;
    rng_init(&rng, 3);
    for (int i = 0; i < 10000; i++) {
        struct geohash_shape shape = {.centre = any_place(&rng), .radius = pow(10, rng_unit(&rng) * 8)};
        struct geohash_range ranges[GEOHASH_CELLS_MAX];
        unsigned count = geohash_cover(&shape, ranges);
        for (unsigned a = 0; a < count; a++)
            for (unsigned b = a + 1; b < count; b++)
                cr_assert(ranges[a].from >= ranges[b].to || ranges[b].from >= ranges[a].to);
    }
}
