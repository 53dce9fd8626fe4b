/* sort_job.h: one SORT at work, in stages, so that the keys which patterns name may live anywhere.
 *
 *     sort_job_begin    takes a copy of the elements and tells which keys of BY it wants to look up
 *     (somebody answers job->asked)
 *     sort_job_sort     sorts, cuts, and tells which keys of GET it wants to look up
 *     (somebody answers job->asked)
 *     sort_job_finish   replies or stores
 *
 * On one shard the same handler answers between the stages (sort_job_look_here). Over several shards the coordinator holds
 * all of them still meanwhile and lets each answer for its own keys (shards/txn_sort.h). A stage that answers false has
 * replied; nothing is left but sort_job_deinit.
 *
 * Nothing in a job points into the sorted value, except between sort_job_begin's entry and its return. */
#pragma once

#include "core/cmd/sort_plan.h"

struct sort_chunk;
struct sort_item;

/* A key that the job wants to know about. */
struct sort_question {
    struct bytes key;
    struct bytes field; /* with has_field */
    bool has_field;
    bool has_answer; /* the key, or the field, is there and holds a string: */
    struct bytes answer;
};

struct sort_job {
    struct sort_plan plan;
    struct sort_chunk *chunks; /* the texts of elements, questions and answers */
    struct sort_item *items;
    size_t item_count;
    size_t item_cap;
    size_t from; /* the part of the items that is wanted, once they are sorted: from .. to - 1 */
    size_t to;
    struct sort_question *asked;
    size_t asked_count;
};

bool sort_job_begin(struct sort_job *job, struct exec *x) ATTR_MUST_USE;
bool sort_job_sort(struct sort_job *job, struct exec *x) ATTR_MUST_USE;
void sort_job_finish(struct sort_job *job, struct exec *x);
void sort_job_deinit(struct sort_job *job);

/* Looks up one key in x's engine. True: there is a string, in `text` or `scratch`, valid until the next change. */
bool sort_look(struct exec *x, const struct sort_question *question, char scratch[NUM_INT_TEXT_MAX],
               struct bytes *text_out);

/* Notes the answer to a question, copying it. */
void sort_job_answer(struct sort_job *job, struct sort_question *question, struct bytes text);

/* Answers all questions from x's engine. */
void sort_job_look_here(struct sort_job *job, struct exec *x);
