/* A plan as lines that a person reads. */
#include "tests/golden/plan_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/state/task_life.h"

static const char *name_of(const struct view *view, Sk__Kind kind, const char *id)
{
        const struct object_head *object = view_find(view, kind, id);

        return object && *object->name ? object->name : id;
}

/* "web.3#7": service, slot or node, generation. */
static void add_task_name(struct str *line, const struct view *view,
                          const Sk__TaskDefinition *definition)
{
        str_add(line, name_of(view, SK__KIND__KIND_SERVICE, definition->service_id));
        if (definition->slot)
                str_addf(line, ".%" PRIu64, task_number(definition));
        else
                str_addf(line, ".%s", name_of(view, SK__KIND__KIND_NODE, definition->node_id));
        if (definition->job_iteration)
                str_addf(line, "@%" PRIu64, definition->job_iteration);
        str_addf(line, "#%" PRIu64, definition->generation);
}

/* After how many failures, and when it starts. */
static void add_failures(struct str *line, const struct view *view,
                         const Sk__TaskDefinition *definition)
{
        if (definition->n_failures < 2)
                return;
        str_addf(line, " (%" PRIu64 " failures", definition->n_failures);
        if (definition->starts_at_ns) {
                str_add(line, ", starts in ");
                str_add_duration(line, definition->starts_at_ns - view_now(view));
        }
        str_add_char(line, ')');
}

static void add_generic(struct str *line, const Sk__TaskPlacement *placement)
{
        for (size_t i = 0; i < placement->n_assigned_generic; i++) {
                const Sk__GenericResource *generic = placement->assigned_generic[i];

                str_addf(line, "%s%s=", i ? "," : " with ", generic->kind);
                if (generic->value_case == SK__GENERIC_RESOURCE__VALUE_NAMED)
                        str_add(line, generic->named);
                else
                        str_addf(line, "%" PRIi64, generic->count);
        }
}

static void add_placement(struct str *line, const struct view *view,
                          const struct plan_change *change, const Sk__TaskDefinition *definition)
{
        const Sk__TaskPlacement *placement =
                (const Sk__TaskPlacement *)change->parts[PART_TASK_placement];

        str_add(line, *placement->node_id ? "place " : "explain ");
        add_task_name(line, view, definition);
        if (!*placement->node_id) {
                str_addf(line, ", %s", placement->explanation);
                return;
        }
        str_addf(line, " on %s", name_of(view, SK__KIND__KIND_NODE, placement->node_id));
        add_generic(line, placement);
        str_addf(line, ", %s", change->reason);
}

static void add_report(struct str *line, const struct view *view, const struct plan_change *change,
                       const Sk__TaskDefinition *definition)
{
        const Sk__TaskStatus *status = (const Sk__TaskStatus *)change->parts[PART_TASK_status];

        str_add(line, "report ");
        add_task_name(line, view, definition);
        str_addf(line, " %s", task_state_name(status->state));
}

/* Of a task that is not made from the present spec. */
static void add_revision(struct str *line, const struct view *view,
                         const Sk__TaskDefinition *definition)
{
        const Sk__Service *service = view_service(view, definition->service_id);
        const Sk__ServiceSpecObject *object = view_service_spec(view, definition->spec_id);

        if (service && object && !str_equal(service->spec->spec_id, definition->spec_id))
                str_addf(line, " of revision %" PRIu64, object->spec->revision);
}

static void add_task(struct str *line, const struct view *view, const struct plan_change *change)
{
        const Sk__TaskDefinition *definition =
                (const Sk__TaskDefinition *)change->parts[PART_TASK_definition];
        const Sk__Task *task = view_task(view, change->id);

        if (change->op != SK__CHANGE__OP__CREATE && !task)
                str_addf(line, "change a task that is gone, %s", change->id);
        else if (change->op == SK__CHANGE__OP__CREATE) {
                str_add(line, "create ");
                add_task_name(line, view, definition);
                str_addf(line, " %s", task_state_name(definition->desired_state));
                add_revision(line, view, definition);
                str_addf(line, ", %s", change->reason);
                add_failures(line, view, definition);
        } else if (change->op == SK__CHANGE__OP__REMOVE) {
                str_add(line, "forget ");
                add_task_name(line, view, task->definition);
                str_addf(line, ", %s", change->reason);
        } else if (definition) {
                str_add(line, "tell ");
                add_task_name(line, view, definition);
                str_addf(line, " %s, %s", task_state_name(definition->desired_state),
                         change->reason);
        } else if (change->parts[PART_TASK_allocation]) {
                str_add(line, "allocate ");
                add_task_name(line, view, task->definition);
        } else if (change->parts[PART_TASK_status]) {
                add_report(line, view, change, task->definition);
        } else {
                add_placement(line, view, change, task->definition);
        }
}

/* ", run 2, run 1 ended (job complete), next in 40s" */
static void add_job(struct str *line, const struct view *view, const Sk__JobStatus *job)
{
        for (size_t i = 0; i < job->n_runs; i++) {
                const Sk__JobStatus__Run *run = job->runs[i];

                str_addf(line, ", run %" PRIu64, run->iteration);
                if (run->ended_at_ns)
                        str_addf(line, " ended (%s)", run->message);
        }
        if (job->next_execution_ns) {
                str_add(line, ", next in ");
                str_add_duration(line, job->next_execution_ns - view_now(view));
        }
        if (job->n_missed)
                str_addf(line, ", missed %" PRIu64, job->n_missed);
}

static void add_service(struct str *line, const struct view *view, const struct plan_change *change)
{
        static const char *const states[] = { "none",       "updating",     "paused",
                                              "completed",  "rolling-back", "rollback-paused",
                                              "rolled-back" };
        const Sk__ServiceProgress *progress =
                (const Sk__ServiceProgress *)change->parts[PART_SERVICE_progress];
        const Sk__ServiceEndpoint *endpoint =
                (const Sk__ServiceEndpoint *)change->parts[PART_SERVICE_endpoint];
        const Sk__ServiceRevision *revision =
                (const Sk__ServiceRevision *)change->parts[PART_SERVICE_spec];
        const char *name = name_of(view, SK__KIND__KIND_SERVICE, change->id);

        if (progress) {
                str_addf(line, "progress %s, generation %" PRIu64 "%s", name, progress->generation,
                         progress->is_moving ? ", moving" : "");
                if (progress->rebalance)
                        str_addf(line, ", %" PRIu64 " moved%s", progress->rebalance->n_moved,
                                 progress->rebalance->is_over ? ", no more" : "");
                if (progress->update)
                        str_addf(line, ", %s: %s", states[progress->update->state],
                                 progress->update->message);
                if (progress->update && progress->update->completed_at_ns)
                        str_add(line, ", over");
                if (progress->job)
                        add_job(line, view, progress->job);
        } else if (endpoint) {
                str_addf(line, "endpoint %s", name);
                for (size_t i = 0; i < endpoint->n_ports; i++)
                        str_addf(line, ", %u", endpoint->ports[i]->published_port);
        } else {
                str_addf(line, "%s service %s",
                         change->op == SK__CHANGE__OP__REMOVE ? "remove" : "specify", name);
                for (size_t i = 0; revision && i < revision->n_labels; i++)
                        str_addf(line, ", %s=%s", revision->labels[i]->key,
                                 revision->labels[i]->value);
                if (change->reason)
                        str_addf(line, ", %s", change->reason);
        }
}

static void add_spec(struct str *line, const struct view *view, const struct plan_change *change)
{
        const Sk__ServiceSpecObject *object = view_service_spec(view, change->id);

        if (!object) {
                str_add(line, "create a spec");
                return;
        }
        str_addf(line, "forget revision %" PRIu64 " of %s, %s", object->spec->revision,
                 name_of(view, SK__KIND__KIND_SERVICE, object->spec->service_id), change->reason);
}

static void add_node(struct str *line, const struct view *view, const struct plan_change *change)
{
        static const char *const states[] = { "unknown", "down", "ready", "disconnected" };
        static const char *const availabilities[] = { "active", "pause", "drain" };
        const Sk__NodeStatus *status = (const Sk__NodeStatus *)change->parts[PART_NODE_status];
        const Sk__NodeSpec *spec = (const Sk__NodeSpec *)change->parts[PART_NODE_spec];

        str_addf(line, "node %s", name_of(view, SK__KIND__KIND_NODE, change->id));
        if (status)
                str_addf(line, " %s", states[status->state]);
        if (spec)
                str_addf(line, " %s", availabilities[spec->availability]);
}

static void add_change(struct str *line, const struct view *view, const struct plan_change *change)
{
        switch (change->kind) {
        case SK__KIND__KIND_TASK:
                add_task(line, view, change);
                break;
        case SK__KIND__KIND_SERVICE:
                add_service(line, view, change);
                break;
        case SK__KIND__KIND_SERVICE_SPEC:
                add_spec(line, view, change);
                break;
        case SK__KIND__KIND_NODE:
                add_node(line, view, change);
                break;
        default:
                str_addf(line, "change %s", change->id);
        }
}

void plan_text(const struct view *view, const struct plan *plan, struct arena *arena,
               struct vec *lines)
{
        for (size_t g = 0; g < plan->groups.n; g++) {
                const struct plan_group *group = vec_at(&plan->groups, g);

                for (size_t c = 0; c < group->changes.n; c++) {
                        struct str line = { 0 };

                        add_change(&line, view, vec_at(&group->changes, c));
                        vec_push(lines, &(const char *){ arena_strdup(arena, str_text(&line)) });
                        str_done(&line);
                }
        }
}
