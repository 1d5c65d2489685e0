/* What a task asks of its node: read once from a spec revision, then compared with many nodes. */
#pragma once
#include "lib/placement/affinity.h"
#include "lib/placement/constraint.h"
#include "lib/state/view.h"

struct placement_generic {
        const char *kind;
        int64_t count;
};

struct placement_plugin {
        const char *type, *name; /* "Volume", "nfs" */
};

/* One level of preference: over the values of a label. */
struct placement_spread {
        const char *descriptor;
        uint64_t max_skew; /* tasks more than in the branch with the fewest; 0: no limit */
};

/* All strings and arrays lie in the arena it was read into, none in the view. */
struct placement_need {
        const char *service_id, *spec_id;
        uint64_t service, spec; /* placement_hash() of these */
        int64_t nano_cpus, memory_bytes;
        struct placement_generic *generic; /* each kind once, count at least 1 */
        size_t n_generic;
        struct constraint *constraints;
        size_t n_constraints;
        struct constraint *wishes; /* the soft ones */
        size_t n_wishes;
        struct placement_plugin *plugins;
        size_t n_plugins;
        const char **devices; /* "vendor.com/class=name" */
        size_t n_devices;
        struct placement_plugin *platforms; /* type: architecture, name: os; "" is any */
        size_t n_platforms;
        uint32_t *ports; /* placement_port() of each host-mode port that was asked for by number */
        size_t n_ports;
        struct placement_spread *spread; /* outermost first */
        size_t n_spread;
        bool has_skew;    /* one of them has a limit */
        bool seeks_tasks; /* a hard affinity to be beside others */
        struct affinity *affinities;
        size_t n_affinities;
        uint64_t *traits; /* what others can name of it */
        size_t n_traits;
        uint64_t max_replicas; /* per node; 0: no limit */
        Sk__Placement__Strategy strategy;
        int32_t priority;
};

/* 'revision' is that of the spec 'spec_id'.  Networks are looked up for their drivers. */
void placement_need_read(struct arena *arena, const struct view *view, const char *spec_id,
                         const Sk__ServiceSpecRevision *revision, struct placement_need *ret);

/* What chooses among nodes: the spec's, else the cluster's, else SPREAD; never CLUSTER_DEFAULT. */
Sk__Placement__Strategy placement_strategy(const struct view *view,
                                           const struct placement_need *need);

/* A protocol and a port as one number. */
uint32_t placement_port(const Sk__PortConfig *port);

/* Does the node meet the placement constraints of a spec?  For who needs no more than that. */
bool placement_constraints_met(const Sk__Placement *placement, const Sk__Node *node);

/* The same, when they were read before. */
bool placement_constraints_hold(const struct placement_need *need, const Sk__Node *node);

/* Is the task as good as one made from the spec that was read, where it is?  NULL: no. */
bool placement_is_current(const struct view *view, const Sk__Task *task,
                          const struct placement_need *wanted);

/* A short name for an id, for tables of counts. */
uint64_t placement_hash(const char *id);
