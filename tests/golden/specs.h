/* Service specs, labels and resources of a situation. */
#pragma once
#include "tests/golden/yaml.h"
#include "tests/lib/build_objects.h"

#define SITUATION_SPEC_KEYS                                                            \
        "mode replicas image restart update rollback constraints spread max_per_node " \
        "strategy platforms reserve ports mounts log_driver networks "                 \
        "affinities max_skew priority labels"

/* Keys that 'from' lacks are looked up in 'otherwise'. */
Sk__ServiceSpec *situation_spec(struct world *world, const char *name, struct yaml from,
                                struct yaml otherwise);
Sk__Label **situation_labels(struct world *world, struct yaml from, size_t *ret_n);
/* {gpu: 2, ssd: [s1, s2]} */
Sk__GenericResource **situation_generic(struct world *world, struct yaml from, size_t *ret_n);
/* Takes a NEW task to 'state', entered at 'at'. */
void situation_advance(struct world *world, const char *task_id, Sk__TaskState state,
                       const char *node, int64_t at);
