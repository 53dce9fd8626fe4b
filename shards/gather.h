/* gather.h: asking every shard.
 *
 * Commands about the server or about connections (INFO, CONFIG SET, CLIENT LIST, SLOWLOG GET) need something from each
 * shard. Their handler runs on one shard, which sends a question to all shards, itself included; each fills an answer of
 * its own, and when the last one is back, the asking shard writes the reply.
 *
 *     struct len_answer { uint64_t count; };
 *     static void len_ask(struct shard *shard, const void *question, void *answer) {...}
 *     static void len_finish(struct shard *shard, struct gather *gather, struct resp_out *out) {...}
 *     static const struct gather_how len_how = {sizeof(struct len_answer), len_ask, len_finish, NULL};
 *     void cmd_slowlog_len(struct exec *x) { gather_start(x, &len_how, NULL); }
 *
 * Shards answer at different moments: answers are true each for its shard, not for one instant of the whole server. No
 * order among commands is promised beyond this: what a shard did before it answered, it had done when the reply leaves.
 *
 * Thread: `ask` runs on the asked shard, perhaps by a visitor, so it may touch the shard's own fields but not those marked
 * "thread" (shard.h), unless needs_thread is set. `finish` runs on the asking shard, under the same rule. */
#pragma once

#include "core/exec/exec.h"

struct shard;
struct parked;
struct gather;

struct gather_how {
    size_t answer_bytes;
    /* Fills the answer, which is zero before. The question is constant until all have answered. NULL: shards only
     * acknowledge. */
    void (*ask)(struct shard *shard, const void *question, void *answer);
    /* All answers are in: writes exactly one reply to `out`, or calls gather_again. With a gather that no command
     * waits for, out is NULL. Frees what the answers own; not the answers themselves. */
    void (*finish)(struct shard *shard, struct gather *gather, struct resp_out *out);
    /* `ask` must run on the shard's own thread, not by a visitor: the shard is woken for it. */
    bool needs_thread;
    /* Frees the question; NULL: there is nothing to free. */
    void (*free_question)(void *question);
};

/* For a handler that runs on this shard: the reply will come later. Takes the question (may be NULL). */
void gather_start(struct exec *x, const struct gather_how *how, void *question);

/* The same, and the question is the command itself: a const struct request *. */
void gather_start_with_request(struct exec *x, const struct gather_how *how);

/* The same without a command that waits. */
void gather_start_silent(struct shard *shard, const struct gather_how *how, void *question);

/* Inside finish: asks another question for the same command, instead of replying. */
void gather_again(struct shard *shard, struct gather *gather, const struct gather_how *how, void *question);

/* Inside finish: the number of shards, and the answer of each. */
unsigned gather_count(const struct gather *gather);
void *gather_answer(const struct gather *gather, unsigned shard);
void *gather_question(const struct gather *gather);

/* Runs the questions that waited for the shard's own thread; once a turn. */
void gather_run_waiting(struct shard *shard);

/* Inside finish: the command that waits, with its arguments; must not be silent. */
const struct request *gather_request(const struct gather *gather);
