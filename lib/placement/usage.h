/* What the tasks on a node take from it. */
#pragma once
#include "lib/base/id.h"
#include "lib/base/time.h"
#include "lib/base/vec.h"
#include "lib/placement/need.h"

/* A generic resource in use: some of a countable kind, or one by name. */
struct usage_generic {
        const char *kind, *name; /* name NULL: countable; both on the heap, owned */
        int64_t count;
};

struct usage_service {
        uint64_t service; /* hash of its id */
        uint32_t n_tasks;
};

/* Failures are forgiven after this long. */
#define USAGE_FAILURES_NS (5 * NS_PER_MINUTE)

struct usage_failure {
        uint64_t spec; /* hash of its id */
        int64_t at;
        char task_id[ID_SIZE];
};

/* Tasks count while they are wanted; what they reserve counts until they are over. */
struct placement_usage {
        int64_t nano_cpus, memory_bytes;
        uint32_t n_tasks;
        struct vec services; /* struct usage_service, each service once */
        struct vec ports;    /* uint32_t: placement_port(), once per task that has it; ascending */
        struct vec generic;  /* struct usage_generic */
        /* Of all tasks that are not over: what they can be named by, and what they will not have
           beside them (affinity.h); 'specs' are hashes of the specs that are in the two. */
        struct vec traits, forbidden, specs;
        struct vec
                failures; /* struct usage_failure: tasks that failed here, as far as history goes */
};

void placement_usage_init(struct placement_usage *usage);
void placement_usage_done(struct placement_usage *usage);

/* Forgets, and adds up what is on the node according to the view. */
void placement_usage_read(struct placement_usage *usage, const struct view *view,
                          const char *node_id);

/* The same without the tasks of which 'is_gone' says so. */
void placement_usage_read_without(struct placement_usage *usage, const struct view *view,
                                  const char *node_id,
                                  bool (*is_gone)(const void *context, const Sk__Task *task),
                                  const void *context);

/* One more task; 'assigned' are the generic resources it was given. */
void placement_usage_add(struct placement_usage *usage, const struct placement_need *need,
                         Sk__GenericResource *const *assigned, size_t n_assigned);

/* What one task that is there takes; nothing when it is over. */
void placement_usage_add_task(struct placement_usage *usage, const struct view *view,
                              const Sk__Task *task);

uint32_t placement_usage_of_service(const struct placement_usage *usage, uint64_t service);

bool placement_usage_has_port(const struct placement_usage *usage, uint32_t port);

/* How often tasks of the spec failed here of late. */
uint32_t placement_usage_failures(const struct placement_usage *usage, uint64_t spec, int64_t now);

/* The node's generic resources that satisfy 'need' and are free, in 'arena'; ascending by name.
 * False when too few are. */
bool placement_claim(const struct placement_need *need, const Sk__Node *node,
                     const struct placement_usage *usage, struct arena *arena,
                     Sk__GenericResource ***ret_claims, size_t *ret_n_claims);

/* The first kind of generic resource of which too little is free on the node, and how much is; NULL
 * when nothing is missing. */
const struct placement_generic *placement_missing(const struct placement_need *need,
                                                  const Sk__Node *node,
                                                  const struct placement_usage *usage,
                                                  int64_t *ret_free);
