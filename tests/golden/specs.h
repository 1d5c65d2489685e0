/* Service specs, labels and resources of a situation. */
#pragma once
#include "tests/golden/yaml.h"
#include "tests/lib/build_objects.h"

#define SITUATION_SPEC_KEYS                                                            \
        "mode replicas image restart update rollback constraints spread max_per_node " \
        "strategy platforms reserve limits ports mounts log_driver networks "          \
        "affinities max_skew priority labels at_once schedule"

/* Keys that 'from' lacks are looked up in 'otherwise'. */
Sk__ServiceSpec *situation_spec(struct world *world, const char *name, struct yaml from,
                                struct yaml otherwise);
Sk__Label **situation_labels(struct world *world, struct yaml from, size_t *ret_n);
/* Of a service: how often a run was "asked", and its "job" as the orchestrator left it:
 * {iteration: 2, next: 40s, missed: 1, asked: 1, of: 1, runs: [{iteration: 2, age: 1m, ended: 3s}]}
 */
void situation_job(struct world *world, const char *name, struct yaml from, int64_t now);
#define SITUATION_JOB_KEYS " job asked"
/* {gpu: 2, ssd: [s1, s2]} */
Sk__GenericResource **situation_generic(struct world *world, struct yaml from, size_t *ret_n);
/* Takes a NEW task to 'state', entered at 'at'. */
void situation_advance(struct world *world, const char *task_id, Sk__TaskState state,
                       const char *node, int64_t at);
