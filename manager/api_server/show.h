/* Objects as the API answers with them: nothing secret in them, and the names that belong to them.
 */
#pragma once
#include "manager/api_server/call.h"

/* The spec without credentials; shares everything else with 'spec'. */
Sk__ServiceSpec *show_spec(struct call *call, const Sk__ServiceSpec *spec);

Sk__ServiceView *show_service(struct call *call, const Sk__Service *service, bool with_spec);

/* How many tasks run, shall run, have completed. */
Sk__ServiceCounts *show_counts(struct call *call, const Sk__Service *service,
                               const Sk__ServiceSpec *spec);

Sk__TaskView *show_task(struct call *call, const Sk__Task *task, bool with_spec);

/* The node with its manager's standing filled in. */
Sk__Node *show_node(struct call *call, const Sk__Node *node);

/* The spec that a service wants now; NULL only while a view is being filled. */
const Sk__ServiceSpec *service_spec_now(const struct view *view, const Sk__Service *service);
/* What that spec asks of nodes; lives as long as the call. */
struct placement_need;
const struct placement_need *service_need_now(struct call *call, const Sk__Service *service);
bool service_is_job(const struct view *view, const Sk__Service *service);

/* A slot's newest task stands for it; of a job only the last run counts.  The one that comes after
 * 'task', or the first (NULL, and a zeroed cursor); NULL at the end. */
const Sk__Task *service_next_newest(const struct view *view, const Sk__Service *service,
                                    const Sk__Task *task, struct view_cursor *cursor);

/* One sentence: where a task stands, and what a person can do. */
const char *explain_summary(struct call *call, const Sk__Task *task);

/* Fills 'ret' with the state of the service's slots, for progress. */
void show_progress(struct call *call, const Sk__Service *service, Sk__WatchServiceResponse *ret);
