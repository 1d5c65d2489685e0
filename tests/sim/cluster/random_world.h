/* Worlds drawn from a seed: nodes in all conditions, services of all modes, tasks at every point of
 * their lives. */
#pragma once
#include "lib/base/random.h"
#include "tests/lib/build_objects.h"

struct random_options {
        size_t n_nodes, n_services, n_slots; /* at most; slots per service */
        bool all_waiting; /* tasks are running or wait for a node, nothing else */
        bool all_fit;     /* no service reserves anything, so no node is over-committed */
};

/* Fills a fresh world. */
void random_world(struct world *world, struct random *random, const struct random_options *options);

/* One change that a person, an agent or a node might make next.  Returns the service that it
 * removed, or NULL. */
const char *random_event(struct world *world, struct random *random);

/* A spec for the service of that name; 'image' 1.. makes its tasks differ. */
Sk__ServiceSpec *random_spec(struct world *world, struct random *random, const char *name,
                             size_t n_slots);
