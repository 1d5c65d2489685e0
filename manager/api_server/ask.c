#include "manager/api_server/ask.h"

#include "lib/base/check.h"

struct node_tasks {
        const char *node_id;
        struct vec ids; /* const char * */
};

void ask_done(struct ask *ask)
{
        struct node_tasks *tasks;

        for (size_t at = 0; (tasks = map_next(&ask->by_node, &at));) {
                vec_done(&tasks->ids);
                free(tasks);
        }
        map_done(&ask->by_node);
        vec_done(&ask->nodes);
}

void ask_add(struct ask *ask, const char *node_id, const char *task_id)
{
        struct node_tasks *tasks = map_find(&ask->by_node, node_id);

        if (!tasks) {
                tasks = mem_alloc(sizeof *tasks);
                *tasks = (struct node_tasks){ node_id, VEC_OF(const char *) };
                map_put(&ask->by_node, node_id, tasks);
                ask->nodes.element_size = sizeof tasks;
                vec_push(&ask->nodes, &tasks);
        }
        vec_push(&tasks->ids, &task_id);
}

static Sk__NodeRequest *request_about(const struct node_tasks *tasks, const Sk__NodeRequest *like,
                                      struct arena *arena)
{
        const char **ids = arena_copy(arena, tasks->ids.data, tasks->ids.n * sizeof *ids);
        Sk__NodeRequest *request = arena_copy(arena, like, sizeof *like);

        if (like->what_case == SK__NODE_REQUEST__WHAT_LOGS) {
                request->logs = arena_copy(arena, like->logs, sizeof *like->logs);
                request->logs->task_ids = ids;
                request->logs->n_task_ids = tasks->ids.n;
                return request;
        }
        CHECK(like->what_case == SK__NODE_REQUEST__WHAT_USAGE);
        request->usage = arena_copy(arena, like->usage, sizeof *like->usage);
        request->usage->task_ids = ids;
        request->usage->n_task_ids = tasks->ids.n;
        return request;
}

Sk__AskRequest *ask_request(const struct ask *ask, const Sk__NodeRequest *like, struct arena *arena)
{
        Sk__AskRequest *request = arena_alloc(arena, sizeof *request);

        *request = (Sk__AskRequest)SK__ASK_REQUEST__INIT;
        request->nodes = arena_alloc(arena, (ask->nodes.n + 1) * sizeof *request->nodes);
        for (size_t i = 0; i < ask->nodes.n; i++) {
                const struct node_tasks *tasks = VEC_AT(&ask->nodes, struct node_tasks *, i);
                Sk__AskRequest__Node *node = arena_alloc(arena, sizeof *node);

                *node = (Sk__AskRequest__Node)SK__ASK_REQUEST__NODE__INIT;
                node->node_id = tasks->node_id;
                node->request = request_about(tasks, like, arena);
                request->nodes[request->n_nodes++] = node;
        }
        return request;
}
