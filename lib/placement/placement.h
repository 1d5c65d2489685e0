/* May this task run on that node, and if not, why not: docker's filters, in docker's order.
 *
 * A filter is one row here and one function in filter.c; the scheduler places by them and the API
 * explains by them. */
#pragma once
#include "lib/base/str.h"
#include "lib/placement/usage.h"

/* In the order they are asked: name; does the answer rest on the NODE's own parts alone, also on
 * the TASKS on it, or also on other nodes, the CLUSTER (who sees them all asks:
 * placement_skewed(), and the scheduler); in a word; what is said around "1 node" or "3 nodes"
 * (NULL after: no number is said).  The sentences are docker's. */
#define PLACEMENT_FILTERS(X)                                                               \
        X(ready, NODE, "ready", "", " not available for new tasks")                        \
        X(resource, TASKS, "resources", "insufficient resources on ", "")                  \
        X(plugin, NODE, "plugins", "missing plugin on ", "")                               \
        X(device, NODE, "devices", "missing device on ", "")                               \
        X(constraint, NODE, "constraints", "scheduling constraints not satisfied on ", "") \
        X(platform, NODE, "platform", "unsupported platform on ", "")                      \
        X(host_port, TASKS, "host ports", "host-mode port already in use on ", "")         \
        X(max_replicas, TASKS, "replicas", "max replicas per node limit exceed", NULL)     \
        X(affinity, TASKS, "affinity", "affinity not satisfied on ", "")                   \
        X(skew, CLUSTER, "skew", "too many tasks already in the branch of ", "")           \
        X(held, CLUSTER, "priority", "room kept for tasks of higher priority on ", "")

enum placement_filter {
#define ROW(name, rests_on, word, before, after) FILTER_##name,
        PLACEMENT_FILTERS(ROW)
#undef ROW
                FILTERS,
        FILTER_NONE = FILTERS /* nothing is in the way */
};

/* The first filter that keeps the task from the node; FILTER_NONE when it fits.  'why' is added to,
 * when not NULL: what is missing, or nothing. */
enum placement_filter placement_check(const struct placement_need *need, const Sk__Node *node,
                                      const struct placement_usage *usage, struct str *why);

/* The same in two halves: what holds as long as the node's own parts stay as they are, and what
 * also depends on the tasks on it.  Both true: it fits. */
bool placement_suits(const struct placement_need *need, const Sk__Node *node);
bool placement_has_room(const struct placement_need *need, const Sk__Node *node,
                        const struct placement_usage *usage);

/* How many wishes of the task, soft constraints and affinities, the node does not meet. */
uint32_t placement_unmet(const struct placement_need *need, const Sk__Node *node,
                         const struct placement_usage *usage);

/* Where a service's tasks are, by the branches of its preferences.  'need' is kept. */
struct placement_branches;
struct placement_branches *placement_branches_read(const struct view *view,
                                                   const struct placement_need *need,
                                                   struct arena *arena);
/* One more task of the service there. */
void placement_branches_add(struct placement_branches *branches, const Sk__Node *node);
/* Would one more task on the node exceed the skew that the preferences allow?  Adds to 'why' when
 * not NULL. */
bool placement_skewed(struct placement_branches *branches, const Sk__Node *node, struct str *why);

/* The filter in a word: "resources"; "" for FILTER_NONE. */
const char *placement_filter_name(enum placement_filter filter);

/* Adds "no suitable node (scheduling constraints not satisfied on 2 nodes; insufficient resources
 * on 1 node)": how many nodes each filter refused, most first. */
void placement_explain(struct str *str, const uint32_t n_refused[FILTERS]);

/* One node's verdict on one task, for people. */
struct placement_verdict {
        const char *node_id;
        const char *node_name;
        enum placement_filter filter;
        const char *text; /* "fits", or what is missing: "2GiB of memory wanted, 512MiB free" */
};

/* Every node's verdict on the task as things are now, ascending by node id, in 'arena'.  A
 * preassigned task is judged on its own node alone.  ERR_NOT_FOUND when the task's spec is not in
 * the view. */
int placement_verdicts(const struct view *view, const Sk__Task *task, struct arena *arena,
                       struct placement_verdict **ret_verdicts, size_t *ret_n_verdicts,
                       struct err *err);
