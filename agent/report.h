/* Statuses on their way to a manager: at most one batch is in flight; what changes meanwhile waits
 * and is told once, in its latest form.  A batch that was not acknowledged when the session ended
 * is told again. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/vec.h"

/* Embed one in what is reported on. */
struct report {
        bool is_waiting, is_in_flight;
};

struct report_queue {
        struct vec waiting, in_flight; /* struct report *; the waiting one may hold NULLs */
        uint64_t sequence;             /* of the batch in flight, or the last one */
};

void report_queue_init(struct report_queue *queue);
void report_queue_done(struct report_queue *queue);

/* There is news of it. */
void report_add(struct report_queue *queue, struct report *report);

/* It will be freed. */
void report_forget(struct report_queue *queue, struct report *report);

/* The next batch: up to 'limit' reports in in_flight, and a new sequence; false while one is in
 * flight or nothing waits. */
bool report_take(struct report_queue *queue, size_t limit);

/* The batch of that sequence is durable; another number is ignored. */
void report_acknowledge(struct report_queue *queue, uint64_t sequence);

/* The session ended: what is in flight waits again. */
void report_restart(struct report_queue *queue);
