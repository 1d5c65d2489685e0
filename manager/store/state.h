/* What is true, as of one raft index: every object, found by id, by name, by who refers to it, and
 * in the order of their last change.
 *
 * That order is what makes watching cheap: each change moves its object to the end, a removal
 * leaves a note there, and a reader is a mark that moves towards the end (feed.h).  However far
 * behind it is, what lies between it and the end is at most each object once.  The disk is such a
 * reader too.
 *
 * Pure: filled by apply.h only, from one thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manager/store/answers.h"
#include "manager/store/record.h"

struct state;

struct state *state_new(void);
void state_free(struct state *state); /* NULL is fine; no mark may be left in it */

/* --- looking --- */

uint64_t state_version(const struct state *state); /* the last index applied */
int64_t state_time(const struct state *state);     /* its stamp; never decreases */

const struct record *state_find(const struct state *state, Sk__Kind kind, const char *id);
/* Of kinds with unique names only; NULL for others and for "". */
const struct record *state_find_name(const struct state *state, Sk__Kind kind, const char *name);
/* How many objects name this id in their references. */
size_t state_count_referrers(const struct state *state, const char *id);
size_t state_count(const struct state *state, Sk__Kind kind);
size_t state_count_all(const struct state *state);
size_t state_bytes(const struct state *state);

/* All of a kind, in an order that means nothing; start with *at = 0. */
const struct record *state_each(const struct state *state, Sk__Kind kind, size_t *at);

/* What was answered to which request (answers.h). */
struct answers *state_answers(struct state *state);

/* --- changing --- */

/* Puts the record, which it takes over, in the place of the one with its kind and id.  A removed
 * one takes an object away.  The name must be free. */
void state_put(struct state *state, struct record *record);

/* Puts since the last keep or undo are for good, or never happened. */
void state_keep(struct state *state);
void state_undo(struct state *state);

/* All of this index was applied. */
void state_advance(struct state *state, uint64_t version, int64_t time_ns);

/* Filling an empty state with what was on disk: records (taken over) in any order, then the version
 * and time.  What was removed before is forgotten.  ERR_DATA_LOSS: they contradict each other. */
int state_load(struct state *state, struct record *record, struct err *err);
void state_loaded(struct state *state, uint64_t version, int64_t time_ns);

/* --- reading on --- */

struct state_mark {
        struct order order;
        struct state *state; /* NULL: not in any */
};

void state_mark_first(struct state *state, struct state_mark *mark); /* before everything */
/* Behind everything that has not changed since 'version'. */
void state_mark_after(struct state *state, struct state_mark *mark, uint64_t version);
void state_mark_remove(struct state_mark *mark); /* no-op when it is in none */

/* Moves past the next record and returns it; NULL at the end. */
const struct record *state_mark_next(struct state_mark *mark);

/* Removals up to this version may be missing from the order. */
uint64_t state_forgotten(const struct state *state);

/* Forgets the oldest removals that are beyond 'limit' in number, if of version 'up_to' or older. */
void state_forget(struct state *state, size_t limit, uint64_t up_to);
