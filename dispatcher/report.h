/* What an agent reports of its tasks: checked, then merged into the tasks' statuses.  Pure. */
#pragma once
#include "api/dispatcher.pb-c.h"
#include "lib/state/plan.h"
#include "lib/state/view.h"

/* At most this many reports come in one batch. */
enum { REPORT_BATCH_MAX = 4096 };

/* Adds one report to the plan's newest group, in a copy.  'clock_ahead_ns': how far the agent's
 * clock is ahead of ours; its times are set back by that much, so that all times in the store are
 * the managers'.
 *
 * ERR_DENIED: the task is not on that node; ERR_INVALID: a state that agents do not report, or a
 * text beyond its bound. ERR_NOT_FOUND: there is no such task (any more); it can be ignored. */
int report_plan(const struct view *view, const char *node_id, const Sk__TaskReport *report,
                int64_t clock_ahead_ns, struct plan *plan, struct err *err);
