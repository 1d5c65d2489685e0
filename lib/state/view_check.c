/* The indexes of a view, compared with what a scan finds. */
#include "lib/state/view_check.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/base/vec.h"
#include "lib/state/task_life.h"
#include "lib/state/view_internal.h"

static int check_kind(const struct view *view, const struct object_kind *kind, struct err *err)
{
        const struct object_head *object, *before = NULL;
        struct view_cursor cursor = { 0 };
        size_t n = 0;

        if (!order_check(&view->kinds[kind->kind].by_id))
                return err_set(err, ERR_INTERNAL, "the tree of %ss is not in order", kind->name);
        for (; (object = view_each(view, kind->kind, &cursor)); before = object, n++) {
                if (before && strcmp(before->id, object->id) >= 0)
                        return err_set(err, ERR_INTERNAL, "%s %s is out of order", kind->name,
                                       object->id);
                if (view_find(view, kind->kind, object->id) != object)
                        return err_set(err, ERR_INTERNAL, "%s %s is not found by its id",
                                       kind->name, object->id);
                if (kind->has_unique_names && !str_is_empty(object->name) &&
                    view_find_name(view, kind->kind, object->name) != object)
                        return err_set(err, ERR_INTERNAL, "%s %s is not found by its name '%s'",
                                       kind->name, object->id, object->name);
        }
        if (n != view_count(view, kind->kind))
                return err_set(err, ERR_INTERNAL, "%zu %ss are counted, %zu found",
                               view_count(view, kind->kind), kind->name, n);
        return 0;
}

static int compare_pointers(const void *a, const void *b)
{
        return view_compare_tasks(*(const struct record *const *)a,
                                  *(const struct record *const *)b);
}

/* All tasks with a definition, in their order. */
static struct vec sorted_tasks(const struct view *view)
{
        struct vec tasks = VEC_OF(const struct record *);
        const struct object_head *object;
        struct view_cursor cursor = { 0 };

        while ((object = view_each(view, SK__KIND__KIND_TASK, &cursor)))
                if (((const Sk__Task *)object)->definition)
                        vec_push(&tasks, &(const struct record *){ record_of(object) });
        vec_sort(&tasks, compare_pointers);
        return tasks;
}

static const Sk__Task *task_in(const struct vec *tasks, size_t i)
{
        return record_task(VEC_AT(tasks, const struct record *, i));
}

static bool is_same_slot(const Sk__Task *a, const Sk__Task *b)
{
        const Sk__TaskDefinition *x = a->definition, *y = b->definition;

        return str_equal(x->service_id, y->service_id) && x->slot == y->slot &&
               (x->slot || str_equal(x->node_id, y->node_id));
}

static int check_slots(const struct view *view, const struct vec *tasks, struct err *err)
{
        for (size_t i = 0; i < tasks->n; i++) {
                const Sk__Task *task = task_in(tasks, i), *newest, *older = NULL;
                const Sk__TaskDefinition *definition = task->definition;

                if (i + 1 < tasks->n && is_same_slot(task, task_in(tasks, i + 1)))
                        older = task_in(tasks, i + 1);
                if (view_slot_older(view, task) != older)
                        return err_set(err, ERR_INTERNAL, "what is older than task %s?", task->id);
                if (i && is_same_slot(task, task_in(tasks, i - 1)))
                        continue;
                newest = definition->slot
                                 ? view_slot_newest(view, definition->service_id, definition->slot)
                                 : view_node_slot_newest(view, definition->service_id,
                                                         definition->node_id);
                if (newest != task)
                        return err_set(err, ERR_INTERNAL, "task %s is not the newest of its slot",
                                       task->id);
        }
        return 0;
}

static int check_services(const struct view *view, const struct vec *tasks, struct err *err)
{
        struct view_cursor orphans = { 0 };
        size_t i = 0, n_services = 0;

        for (; i < tasks->n; n_services++) {
                const char *id = task_in(tasks, i)->definition->service_id;
                struct view_cursor cursor = { 0 };
                size_t n = view_count_service_tasks(view, id);
                uint64_t slots_max = 0;

                for (size_t k = 0; k < n; k++, i++) {
                        if (i == tasks->n ||
                            view_each_service_task(view, id, &cursor) != task_in(tasks, i))
                                return err_set(err, ERR_INTERNAL, "the tasks of service %s", id);
                        slots_max = task_in(tasks, i)->definition->slot;
                }
                if (!n || view_each_service_task(view, id, &cursor) ||
                    view_slots_max(view, id) != slots_max)
                        return err_set(err, ERR_INTERNAL, "the tasks of service %s end badly", id);
                if (!view_service(view, id) &&
                    !str_equal(view_each_orphaned_service(view, &orphans), id))
                        return err_set(err, ERR_INTERNAL, "service %s is not orphaned", id);
        }
        if (view_each_orphaned_service(view, &orphans) || n_services != view->services.n)
                return err_set(err, ERR_INTERNAL, "there are too many services with tasks");
        return 0;
}

static int check_unassigned(const struct view *view, const struct vec *tasks, struct err *err)
{
        struct view_cursor cursor = { 0 };
        size_t n = 0;

        for (size_t i = 0; i < tasks->n; i++) {
                if (!view_task_waits(task_in(tasks, i)))
                        continue;
                n++;
                if (view_each_unassigned(view, &cursor) != task_in(tasks, i))
                        return err_set(err, ERR_INTERNAL, "task %s should be unassigned",
                                       task_in(tasks, i)->id);
        }
        if (view_each_unassigned(view, &cursor) || view_each_unassigned(view, &cursor) ||
            n != view_count_unassigned(view))
                return err_set(err, ERR_INTERNAL, "%zu tasks are unassigned, not %zu", n,
                               view_count_unassigned(view));
        return 0;
}

/* Each task once in the list of its node, lists sorted, and nothing else in them. */
static int check_nodes(const struct view *view, const struct vec *tasks, struct err *err)
{
        const struct node_tasks *node;
        size_t at = 0, n_listed = 0, n_placed = 0;

        for (size_t i = 0; i < tasks->n; i++)
                n_placed += !str_is_empty(task_node(task_in(tasks, i)));
        while ((node = map_next(&view->nodes, &at))) {
                struct view_cursor cursor = { 0 };
                const Sk__Task *task;
                size_t n = 0;

                if (!order_check(&node->tasks))
                        return err_set(err, ERR_INTERNAL, "the tree of node %s", node->id);
                for (; (task = view_each_node_task(view, node->id, &cursor)); n++)
                        if (!str_equal(task_node(task), node->id))
                                return err_set(err, ERR_INTERNAL, "task %s is not on node %s",
                                               task->id, node->id);
                if (!n || n != view_count_node_tasks(view, node->id))
                        return err_set(err, ERR_INTERNAL, "the tasks of node %s", node->id);
                n_listed += n;
        }
        if (n_listed != n_placed)
                return err_set(err, ERR_INTERNAL, "%zu tasks are on nodes, %zu listed", n_placed,
                               n_listed);
        return 0;
}

static int check_specs(const struct view *view, const struct vec *tasks, struct err *err)
{
        const struct spec_tasks *spec;
        size_t at = 0, n = 0;

        for (size_t i = 0; i < tasks->n; i++) {
                const struct record *record = VEC_AT(tasks, const struct record *, i);

                if (!record->spec ||
                    !str_equal(record->spec->id, record_task(record)->definition->spec_id) ||
                    record->spec->object !=
                            view_record(view, SK__KIND__KIND_SERVICE_SPEC, record->spec->id))
                        return err_set(err, ERR_INTERNAL, "the spec of task %s", record->object.id);
        }
        while ((spec = map_next(&view->specs, &at)))
                n += view_count_spec_tasks(view, spec->id);
        if (n != tasks->n)
                return err_set(err, ERR_INTERNAL, "specs have %zu tasks of %zu", n, tasks->n);
        return 0;
}

static int check_tasks(const struct view *view, const struct vec *tasks, struct err *err)
{
        TRY(check_slots(view, tasks, err));
        TRY(check_services(view, tasks, err));
        TRY(check_unassigned(view, tasks, err));
        TRY(check_nodes(view, tasks, err));
        return check_specs(view, tasks, err);
}

int view_check(const struct view *view, struct err *err)
{
        struct vec tasks;
        int result;

        for (int i = 0; i < OBJECT_KINDS; i++)
                if (object_kind((Sk__Kind)i))
                        TRY(check_kind(view, object_kind((Sk__Kind)i), err));
        tasks = sorted_tasks(view);
        result = check_tasks(view, &tasks, err);
        vec_done(&tasks);
        return result;
}
