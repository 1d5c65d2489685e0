/* Builders: a little world of objects in a view, in one line each.
 *
 *         struct world world;
 *         world_init(&world);
 *         a_node(&world, "n1");
 *         a_service(&world, "web", 3);
 *         a_task(&world, "web", 1, SK__TASK_STATE__TASK_RUNNING, "n1");
 *
 * Names make ids: the object named "web" has the id an_id("web"), which is valid and readable. What
 * a builder returns is in the view, so it is borrowed until that object is built or changed again.
 */
#pragma once
#include "lib/state/apply_plan.h"
#include "lib/state/plan.h"
#include "lib/state/view.h"

struct world {
        struct view *view;
        struct arena arena; /* everything built; freed by world_done() */
        uint64_t version;   /* of the last change */
        int64_t now;        /* ns; starts at 1,000 s */
};

void world_init(struct world *world);
void world_done(struct world *world);

/* Lets time pass. */
void world_wait(struct world *world, int64_t ns);

/* Applies the plan by the store's rules, as the next version. */
struct applied world_apply(struct world *world, const struct plan *plan);

/* The name, filled up with 'x' to 25 characters (so "n1" and "n10" differ); what is no 0-9a-z
 * becomes 'x'.  In the world's arena. */
const char *an_id(struct world *world, const char *name);

/* Sets one part of an object, creating the object when it is absent. */
const struct object_head *a_part(struct world *world, Sk__Kind kind, const char *id,
                                 const char *name, size_t part, const ProtobufCMessage *message);
void no_more(struct world *world, Sk__Kind kind, const char *id); /* removes the object */

/* A spec to fill in further (in the world's arena): replicated, image "img:1", restart ANY after 5
 * s. */
Sk__ServiceSpec *a_spec(struct world *world, const char *name, uint64_t replicas);
Sk__ServiceSpec *a_global_spec(struct world *world, const char *name);
Sk__ServiceSpec *a_job_spec(struct world *world, const char *name, uint64_t completions);

/* A service of this spec and its spec object; called again for the same name: its next revision. */
const Sk__Service *a_service_of(struct world *world, const Sk__ServiceSpec *spec);
const Sk__Service *a_service(struct world *world, const char *name, uint64_t replicas);
const Sk__Service *a_global_service(struct world *world, const char *name);

/* A task of the service's current spec, with the next generation of the service.  The parts it has
 * follow from 'state': NEW only a definition, PENDING an allocation too, ASSIGNED and beyond a
 * placement on 'node' (a name), ACCEPTED and beyond a status. Desired: RUNNING, or SHUTDOWN when
 * the state is over. */
const Sk__Task *a_task(struct world *world, const char *service, uint64_t slot, Sk__TaskState state,
                       const char *node);

/* The same of a global service, for its node. */
const Sk__Task *a_node_task(struct world *world, const char *service, const char *node,
                            Sk__TaskState state);

/* Changes an existing task: as its agent would report, as the orchestrator would decide. */
const Sk__Task *is_now(struct world *world, const Sk__Task *task, Sk__TaskState state,
                       const char *error);
const Sk__Task *shall_be(struct world *world, const Sk__Task *task, Sk__TaskState desired);

/* READY, ACTIVE, worker, 4 CPUs, 8 GiB, linux/amd64. */
const Sk__Node *a_node(struct world *world, const char *name);
Sk__NodeSpec *a_node_spec(struct world *world, const char *name);
Sk__NodeDescription *a_node_description(struct world *world, const char *name);
const Sk__Node *a_node_that_is(struct world *world, const char *name, Sk__NodeStatus__State state,
                               Sk__NodeSpec__Availability availability);

const Sk__Cluster *a_cluster(struct world *world); /* "default", history 5 */
const Sk__Network *a_network(struct world *world, const char *name);
const Sk__Secret *a_secret(struct world *world, const char *name);
const Sk__Config *a_config(struct world *world, const char *name);

/* A string list and a label list for specs: a_list(w, &n, "a", "b", NULL). */
const char **a_list(struct world *world, size_t *ret_n, ...) __attribute__((sentinel));
Sk__Label *a_label(struct world *world, const char *key, const char *value);
