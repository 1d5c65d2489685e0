/* Why not that node: each node's verdict on one task, with the deficit. */
#include <string.h>

#include "lib/base/vec.h"
#include "lib/placement/placement.h"
#include "lib/state/task_life.h"

/* Whose task has the port that is in use?  The filter knows only that somebody's has. */
static void add_port_holder(struct str *text, const struct view *view,
                            const struct placement_need *need, const char *node_id)
{
        struct view_cursor cursor = { 0 };
        bool is_found = false;
        const Sk__Task *task;

        while (!is_found && (task = view_each_node_task(view, node_id, &cursor))) {
                struct placement_usage usage;
                const Sk__Service *service =
                        (const Sk__Service *)view_find(view, SK__KIND__KIND_SERVICE,
                                                       task->definition->service_id);
                char name[256];

                placement_usage_init(&usage);
                placement_usage_add_task(&usage, view, task);
                for (size_t i = 0; i < need->n_ports && !is_found; i++)
                        is_found = placement_usage_has_port(&usage, need->ports[i]);
                placement_usage_done(&usage);
                task_slot_name(task, service ? service->name : "?", name, sizeof name);
                if (is_found)
                        str_addf(text, " by %s", name);
        }
}

static struct placement_verdict verdict_of(const struct view *view,
                                           const struct placement_need *need, const Sk__Node *node,
                                           struct placement_branches *branches, struct arena *arena)
{
        struct placement_verdict verdict = { .node_id = node->id, .node_name = node->name };
        struct placement_usage usage;
        struct str text = { 0 };

        placement_usage_init(&usage);
        placement_usage_read(&usage, view, node->id);
        verdict.filter = placement_check(need, node, &usage, &text);
        if (verdict.filter == FILTER_host_port)
                add_port_holder(&text, view, need, node->id);
        if (verdict.filter == FILTER_NONE && branches && placement_skewed(branches, node, &text))
                verdict.filter = FILTER_skew;
        verdict.text = arena_strdup(arena, text.length ? str_text(&text) : "fits");
        str_done(&text);
        placement_usage_done(&usage);
        return verdict;
}

int placement_verdicts(const struct view *view, const Sk__Task *task, struct arena *arena,
                       struct placement_verdict **ret_verdicts, size_t *ret_n_verdicts,
                       struct err *err)
{
        const Sk__ServiceSpecRevision *revision = view_task_spec(view, task);
        const char *own = task->definition ? task->definition->node_id : "";
        struct view_cursor cursor = { 0 };
        struct placement_branches *branches;
        struct placement_verdict *verdicts;
        struct placement_need need;
        const struct object_head *head;
        size_t n = 0;

        if (!revision)
                return err_set(err, ERR_NOT_FOUND, "the spec of task %s is gone", task->id);
        placement_need_read(arena, view, task->definition->spec_id, revision, &need);
        branches = need.has_skew && !*own ? placement_branches_read(view, &need, arena) : NULL;
        verdicts = arena_alloc(arena, view_count(view, SK__KIND__KIND_NODE) * sizeof *verdicts);
        while ((head = view_each(view, SK__KIND__KIND_NODE, &cursor)))
                if (!*own || !strcmp(own, head->id))
                        verdicts[n++] =
                                verdict_of(view, &need, (const Sk__Node *)head, branches, arena);
        *ret_verdicts = verdicts;
        *ret_n_verdicts = n;
        return 0;
}
