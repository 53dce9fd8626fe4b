/* io_pool.h: a few threads that write and sync files for the epoll backend, so that a disk never blocks a shard.
 * Private to this folder.
 *
 * Operations come from one owner thread, are done by any of the threads, and are taken back by the owner. */
#pragma once

#include "core/io/io.h"

struct io_pool;

/* Starts the threads. `notify_fd` is an eventfd, borrowed, written whenever something was done. NULL if not even one
 * thread can be started. */
struct io_pool *io_pool_new(unsigned thread_count, int notify_fd);

/* Takes the pool. Every operation must have been taken back. */
void io_pool_free(struct io_pool *pool);

/* Borrows op until io_pool_take_done gives it back, with op->result, op->done_bytes and op->fsync_failed filled in. */
void io_pool_submit(struct io_pool *pool, struct io_file_op *op);

/* Moves all operations that are done to the end of the list `into`. */
void io_pool_take_done(struct io_pool *pool, struct link *into);
