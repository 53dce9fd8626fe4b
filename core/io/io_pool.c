/* io_pool.c: two lists under one lock, a condition variable towards the threads, an eventfd towards the owner.
 *
 * A disk operation takes at least tens of microseconds, so the lock is never what one waits for, and nothing cleverer
 * is worth its proof.
 *
 * I1. An operation is on `todo`, in the hands of exactly one thread, or on `done`.
 * I2. Fields of an operation are written by a thread only between taking it off `todo` and putting it on `done`, both
 *     under the lock: that orders them with the owner's reads. */
#include "core/io/io_pool.h"

#include "core/base/mem.h"
#include "core/io/io_backend.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define THREADS_MAX 8

struct io_pool {
    pthread_mutex_t lock;
    pthread_cond_t has_todo;
    struct link todo;
    struct link done;
    bool is_stopping;
    int notify_fd;
    unsigned thread_count;
    pthread_t threads[THREADS_MAX];
};

/* ---- the threads ---- */

static enum err write_all(struct io_file_op *op) {
    while (op->done_bytes < op->data.len) {
        size_t left = op->data.len - op->done_bytes;
        size_t piece = left < IO_TRANSFER_BYTES_MAX ? left : IO_TRANSFER_BYTES_MAX;
        ssize_t n =
            pwrite(op->fd, op->data.ptr + op->done_bytes, piece, (off_t)(op->offset + op->done_bytes));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_from_errno(errno);
        if (n == 0)
            return ERR_IO;
        op->done_bytes += (size_t)n;
    }
    return ERR_OK;
}

static void perform(struct io_file_op *op) {
    if (op->kind != IO_FILE_FSYNC)
        op->result = write_all(op);
    if (op->kind != IO_FILE_WRITE && op->result == ERR_OK && fdatasync(op->fd) < 0) {
        op->result = err_from_errno(errno);
        op->fsync_failed = true;
    }
}

static void notify(const struct io_pool *pool) {
    const uint64_t one = 1;
    ssize_t n = write(pool->notify_fd, &one, sizeof one);
    (void)n;
}

static void *thread_main(void *arg) {
    struct io_pool *pool = arg;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct link *node = link_pop_front(&pool->todo);
        if (!node && pool->is_stopping)
            break;
        if (!node) {
            pthread_cond_wait(&pool->has_todo, &pool->lock);
            continue;
        }
        pthread_mutex_unlock(&pool->lock);
        perform(CONTAINER_OF(node, struct io_file_op, link)); /* I2 */
        pthread_mutex_lock(&pool->lock);
        link_push_back(&pool->done, node);
        notify(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* ---- the owner ---- */

struct io_pool *io_pool_new(unsigned thread_count, int notify_fd) {
    must(thread_count > 0 && thread_count <= THREADS_MAX);
    struct io_pool *pool = mem_zalloc(sizeof *pool);
    must(pthread_mutex_init(&pool->lock, NULL) == 0);
    must(pthread_cond_init(&pool->has_todo, NULL) == 0);
    link_init_head(&pool->todo);
    link_init_head(&pool->done);
    pool->notify_fd = notify_fd;

    /* Signals are for the server's own threads. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (pool->thread_count < thread_count &&
           pthread_create(&pool->threads[pool->thread_count], NULL, thread_main, pool) == 0)
        pool->thread_count++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    cpu_set_t cpus;
    bool are_known = io__process_cpus(&cpus);
    for (unsigned i = 0; are_known && i < pool->thread_count; i++)
        (void)pthread_setaffinity_np(pool->threads[i], sizeof cpus, &cpus);
    if (pool->thread_count == 0) {
        io_pool_free(pool);
        return NULL;
    }
    return pool;
}

void io_pool_free(struct io_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->is_stopping = true;
    pthread_cond_broadcast(&pool->has_todo);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    must(link_is_empty(&pool->todo) && link_is_empty(&pool->done));
    pthread_cond_destroy(&pool->has_todo);
    pthread_mutex_destroy(&pool->lock);
    mem_free(pool);
}

void io_pool_submit(struct io_pool *pool, struct io_file_op *op) {
    pthread_mutex_lock(&pool->lock);
    link_push_back(&pool->todo, &op->link);
    pthread_cond_signal(&pool->has_todo);
    pthread_mutex_unlock(&pool->lock);
}

void io_pool_take_done(struct io_pool *pool, struct link *into) {
    pthread_mutex_lock(&pool->lock);
    for (struct link *node; (node = link_pop_front(&pool->done)) != NULL;)
        link_push_back(into, node);
    pthread_mutex_unlock(&pool->lock);
}
