/* io_sim_names.h: names of a simulated disk: a map from paths to files. Private to io_sim*.c.
 *
 * Paths are kept in one spelling; a directory is a name without a file. A map holds a reference to each of its files. */
#pragma once

#include "core/base/buf.h"

/* What a file holds; io_sim_disk.c keeps it. */
struct sim_file {
    unsigned refs;
    struct buf data;
    struct buf stable;
    struct buf marks;      /* one byte per page of data: 1 = not synced */
    bool is_size_unsynced; /* truncated since the last fsync */
};

/* A name; a directory if file is NULL. */
struct sim_name {
    char *path;
    struct sim_file *file;
};

struct sim_names {
    struct sim_name *items;
    size_t count;
    size_t cap;
};

/* A new reference to the file (NULL stays NULL), and the end of one. */
struct sim_file *io_sim_names__ref(struct sim_file *file);
void io_sim_names__unref(struct sim_file *file);

/* Gives the one spelling of a path: no doubled, leading or trailing slashes, no "./". */
char *io_sim_names__normal(const char *path);

/* NULL if the path is not there. Valid until the map changes. */
struct sim_name *io_sim_names__find(const struct sim_names *names, const char *path);

/* True if the directory that the path lies in is there. */
bool io_sim_names__has_parent(const struct sim_names *names, const char *path);

/* True if the path lies directly in the directory ("" is the root). */
bool io_sim_names__is_in(const char *path, const char *dir);

/* Puts a name, instead of an old one if there is one. Copies path. */
void io_sim_names__put(struct sim_names *names, const char *path, struct sim_file *file);

/* Removes a name; harmless if it is not there. */
void io_sim_names__remove(struct sim_names *names, const char *path);

void io_sim_names__clear(struct sim_names *names);
