/* Asking nodes about their tasks: tasks are gathered by node, then every node is asked once. */
#pragma once
#include "api/dispatcher.pb-c.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/vec.h"

struct ask {
        struct map by_node; /* struct node_tasks * */
        struct vec nodes;   /* the same, in the order they came */
};

/* A zeroed struct asks nobody. */
void ask_done(struct ask *ask);

/* Ids are borrowed.  A task is added once. */
void ask_add(struct ask *ask, const char *node_id, const char *task_id);

/* What the dispatcher is asked, in 'arena': every node gets 'like', a question about logs or usage,
 * with its own tasks. */
Sk__AskRequest *ask_request(const struct ask *ask, const Sk__NodeRequest *like,
                            struct arena *arena);
