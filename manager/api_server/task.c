/* Handlers for tasks. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/id.h"
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"
#include "lib/placement/need.h"
#include "lib/state/task_life.h"
#include "manager/api_server/filter.h"
#include "manager/api_server/show.h"

/* A task is named by its id, a prefix of it, or as people see it in lists: "web.3" (the newest of
 * the slot), "web.3.<id>". */
static const Sk__Task *find_by_slot(struct call *call, const char *what)
{
        const char *dot = strrchr(what, '.');
        const struct object_head *service;
        uint64_t slot;
        char *name;

        if (!dot)
                return NULL;
        if (id_is_valid(dot + 1) && view_task(call->view, dot + 1))
                return view_task(call->view, dot + 1);
        name = arena_copy(call->arena, what, (size_t)(dot - what) + 1);
        name[dot - what] = '\0';
        service = view_find_name(call->view, SK__KIND__KIND_SERVICE, name);
        if (!service)
                return NULL;
        if (str_to_uint64(dot + 1, &slot, NULL) == 0)
                return view_slot_newest(call->view, service->id,
                                        slot + service_is_job(call->view,
                                                              (const Sk__Service *)service));
        return view_node_slot_newest(call->view, service->id, dot + 1);
}

static int find_task(struct call *call, const char *what, const Sk__Task **ret)
{
        const Sk__Task *by_slot = find_by_slot(call, what);
        const struct object_head *object;

        if (by_slot) {
                *ret = by_slot;
                return 0;
        }
        TRY(view_resolve(call->view, SK__KIND__KIND_TASK, what, &object, call->err));
        *ret = (const Sk__Task *)object;
        return 0;
}

int handle_get_task(struct call *call, const Sk__GetTaskRequest *in, Sk__GetTaskResponse *out)
{
        const Sk__Task *task;

        TRY(find_task(call, in->id, &task));
        out->task = show_task(call, task, true);
        return 0;
}

/* --- list --- */

/* What the filters ask, resolved once: names of services and nodes have become ids. */
struct task_query {
        const Sk__ListTasksRequest *in;
        const char **service_ids, **node_ids; /* NULL: not asked */
        size_t n_services, n_nodes;
        bool only_current; /* "_up-to-date": made from what the service wants now */
        struct map wanted; /* and what that asks: struct placement_need, by the service's id */
};

static void query_done(struct task_query *query)
{
        map_done(&query->wanted);
}

static int resolve_ids(struct call *call, const Sk__Filter *filter, Sk__Kind kind,
                       const char ***ret_ids, size_t *ret_n)
{
        const char **ids;

        if (!filter)
                return 0;
        ids = arena_alloc(call->arena, (filter->n_values + 1) * sizeof *ids);
        for (size_t i = 0; i < filter->n_values; i++) {
                const struct object_head *object;

                /* A service that is gone may still have tasks: its id is good enough. */
                if (view_resolve(call->view, kind, filter->values[i], &object, call->err) == 0)
                        ids[i] = object->id;
                else if (id_is_valid(filter->values[i]))
                        ids[i] = filter->values[i];
                else
                        return call->err->code;
        }
        *ret_ids = ids;
        *ret_n = filter->n_values;
        return 0;
}

static int query_init(struct call *call, const Sk__ListTasksRequest *in, struct task_query *ret)
{
        static const char *const known[] = { "id",          "name",    "label",
                                             "service",     "node",    "desired-state",
                                             "_up-to-date", "runtime", NULL };
        static const char *const states[] = { "running", "shutdown", "accepted", NULL };
        const Sk__Filter *current;

        TRY(filters_check(in->filters, in->n_filters, known, call->err));
        TRY(filters_check_words(in->filters, in->n_filters, "desired-state", states, call->err));
        *ret = (struct task_query){ .in = in };
        TRY(resolve_ids(call, filters_find(in->filters, in->n_filters, "service"),
                        SK__KIND__KIND_SERVICE, &ret->service_ids, &ret->n_services));
        TRY(resolve_ids(call, filters_find(in->filters, in->n_filters, "node"), SK__KIND__KIND_NODE,
                        &ret->node_ids, &ret->n_nodes));
        current = filters_find(in->filters, in->n_filters, "_up-to-date");
        ret->only_current = current && current->n_values && strcmp(current->values[0], "true") == 0;
        return 0;
}

static bool is_one_of(const char *id, const char *const *ids, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (str_equal(id, ids[i]))
                        return true;
        return !ids;
}

/* Docker folds the desired states into three words for this filter. */
static const char *desired_word(const Sk__Task *task)
{
        Sk__TaskState desired = task->definition->desired_state;

        if (desired <= SK__TASK_STATE__TASK_ACCEPTED)
                return "accepted";
        return desired <= SK__TASK_STATE__TASK_COMPLETE ? "running" : "shutdown";
}

static bool is_current(struct call *call, struct task_query *query, const Sk__Task *task)
{
        const Sk__Service *service = view_service(call->view, task->definition->service_id);
        const struct placement_need *wanted =
                service ? map_find(&query->wanted, service->id) : NULL;

        if (service && !wanted) {
                wanted = service_need_now(call, service);
                if (wanted)
                        map_put(&query->wanted, service->id, (void *)wanted);
        }
        return placement_is_current(call->view, task, wanted);
}

static bool task_matches(struct call *call, struct task_query *query, const Sk__Task *task)
{
        const Sk__Service *service = view_service(call->view, task->definition->service_id);
        const Sk__ServiceSpecRevision *revision = view_task_spec(call->view, task);
        Sk__Filter *const *filters = query->in->filters;
        size_t n = query->in->n_filters, n_labels = 0;
        Sk__Label **labels = NULL;
        char name[160] = "";

        if (revision) {
                labels = revision->spec->task->container->labels;
                n_labels = revision->spec->task->container->n_labels;
        }
        if (service)
                task_slot_name(task, service->name, name, sizeof name);
        return is_one_of(task->definition->service_id, query->service_ids, query->n_services) &&
               is_one_of(task_node(task), query->node_ids, query->n_nodes) &&
               filters_match_prefix(filters, n, "id", task->id) &&
               filters_match_prefix(filters, n, "name", name) &&
               filters_match_word(filters, n, "desired-state", desired_word(task)) &&
               filters_match_labels(filters, n, "label", labels, n_labels) &&
               (!query->only_current || is_current(call, query, task));
}

static void add_task(struct call *call, struct task_query *query, const Sk__Task *task,
                     struct vec *found)
{
        Sk__TaskView *shown;

        if (!task_matches(call, query, task))
                return;
        shown = show_task(call, task, query->in->with_specs);
        vec_push(found, &shown);
}

int handle_list_tasks(struct call *call, const Sk__ListTasksRequest *in, Sk__ListTasksResponse *out)
{
        _cleanup_(vec_done) struct vec found = VEC_OF(Sk__TaskView *);
        struct view_cursor cursor = { 0 };
        const struct object_head *object;
        _cleanup_(query_done) struct task_query query = { 0 };
        const Sk__Task *task;

        TRY(query_init(call, in, &query));
        if (query.service_ids) {
                for (size_t i = 0; i < query.n_services; i++) {
                        cursor = (struct view_cursor){ 0 };
                        while ((task = view_each_service_task(call->view, query.service_ids[i],
                                                              &cursor)))
                                add_task(call, &query, task, &found);
                }
        } else {
                while ((object = view_each(call->view, SK__KIND__KIND_TASK, &cursor)))
                        add_task(call, &query, (const Sk__Task *)object, &found);
        }
        out->tasks = arena_copy(call->arena, found.data, found.n * sizeof *out->tasks);
        out->n_tasks = found.n;
        return 0;
}
