/* Private to the orchestrator: what the files about jobs share. */
#pragma once
#include "manager/orchestrator/work.h"

/* NULL: not kept. */
const Sk__JobStatus__Run *job_find_run(const Sk__JobStatus *job, uint64_t iteration);

/* --- job_run.c: when runs begin and end --- */

/* Begins what is to begin; true when that changed the job's status, which the view does not show
 * yet. */
bool job_begin(struct work *work);

/* --- schedule.c: when it is time --- */

/* The schedule's next time; 0: it has none. */
int64_t schedule_next(const struct work *work);

/* A time of the schedule has come: moves on to the next one and counts those that were missed. True
 * when a run is to begin.  After a long absence this takes several looks. */
bool schedule_is_due(struct work *work, Sk__JobStatus *job);

struct job_result {
        bool is_over;
        size_t n, n_completed, n_failed;
};

/* Notes how work->run stands when that is news: it is over, or not any more. */
void job_tell(struct work *work, const struct job_result *result);
