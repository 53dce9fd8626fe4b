/* segment_rig.h: segment files on a simulated disk, for the tests of this folder. */
#pragma once

#include "core/io/io_sim.h"
#include "persist/segment_reader.h"

#include <criterion/criterion.h>
#include <fcntl.h>

struct rig {
    struct io_sim *sim;
    struct io_fs *fs;
};

static inline struct rig rig_new(void) {
    struct rig rig = {.sim = io_sim_new(&(struct io_sim_options){.seed = 1})};
    rig.fs = io_sim_fs(rig.sim, 0);
    return rig;
}

static inline void rig_write(const struct rig *rig, const char *path, struct bytes text) {
    int fd;
    cr_assert_eq(io_fs_open(rig->fs, path, O_RDWR | O_CREAT | O_TRUNC, 0644, &fd), ERR_OK);
    cr_assert_eq(io_fs_write(rig->fs, fd, text, 0), ERR_OK);
    cr_assert_eq(io_fs_close(rig->fs, fd), ERR_OK);
}

static inline void rig_put_header(struct buf *b, uint64_t id, unsigned shard, unsigned shard_count) {
    segment_put_header(
        b, &(struct segment_header){.id = id, .generation = 1, .shard = shard, .shard_count = shard_count});
}
