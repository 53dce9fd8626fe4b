/* cmd_geo.h: what the commands of places share. */
#pragma once

#include "core/cmd/cmd_zset.h"
#include "core/ds/geohash.h"

/* The handler that GEOADD ends in. */
void cmd_zadd(struct exec *x);

/* The place that a score stands for; scores that are no geohashes stand for some place, too. */
struct geohash_place cmd_geo_place(double score);

/* Reads argv[i] and argv[i + 1] as longitude and latitude. False: an error was replied. */
bool cmd_geo_arg_place(struct exec *x, int i, struct geohash_place *place_out) ATTR_MUST_USE;

/* Reads argv[i] as a unit of length. False: an error was replied. */
bool cmd_geo_arg_unit(struct exec *x, int i, double *metres_out) ATTR_MUST_USE;

/* A distance, in the unit that was asked for, with four digits behind the point. */
void cmd_geo_reply_distance(struct exec *x, double distance);

/* Longitude and latitude. */
void cmd_geo_reply_place(struct exec *x, struct geohash_place place);
