/* What holds at every commit, and what holds when all has come to rest. */
#include "tests/sim/cluster/internal.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/placement/placement.h"
#include "lib/state/task_life.h"
#include "tests/unit/manager/scheduler/oracle_filter.h"

/* --- states only grow --- */

static struct seen_task *seen_of(struct sim *sim, const char *id)
{
        struct seen_task *seen = map_find(&sim->seen, id);

        if (seen)
                return seen;
        seen = mem_alloc(sizeof *seen);
        strcpy(seen->id, id);
        map_put(&sim->seen, seen->id, seen);
        sim->result.n_tasks++;
        return seen;
}

bool task_ended_by_itself(Sk__TaskState state)
{
        return state == SK__TASK_STATE__TASK_FAILED || state == SK__TASK_STATE__TASK_COMPLETE ||
               state == SK__TASK_STATE__TASK_REJECTED;
}

static void check_growth(struct sim *sim, const Sk__Task *task)
{
        struct seen_task *seen = seen_of(sim, task->id);
        Sk__TaskState state = task_state(task), desired = task->definition->desired_state;

        if (seen->is_gone)
                sim_fail(sim, "task %s came back", task->id);
        if (state < seen->state)
                sim_fail(sim, "task %s went back to %s", task->id, task_state_name(state));
        if (desired < seen->desired)
                sim_fail(sim, "task %s is wanted again as %s", task->id, task_state_name(desired));
        if (task_ended_by_itself(state) && !seen->failed_at)
                seen->failed_at = sim->world.now;
        if (desired >= SK__TASK_STATE__TASK_SHUTDOWN && !seen->told_to_stop_at)
                seen->told_to_stop_at = sim->world.now;
        seen->state = state;
        seen->desired = desired;
}

/* --- one wanted task per slot; none too early --- */

static const Sk__Task *slot_newest(struct sim *sim, const Sk__TaskDefinition *definition)
{
        return definition->slot
                       ? view_slot_newest(sim->world.view, definition->service_id, definition->slot)
                       : view_node_slot_newest(sim->world.view, definition->service_id,
                                               definition->node_id);
}

static bool may_start_first(struct sim *sim, const Sk__Task *task)
{
        return map_find(&sim->start_first, task->definition->service_id) != NULL;
}

static void check_slot(struct sim *sim, const Sk__Task *task)
{
        size_t n_wanted = 0;

        for (const Sk__Task *other = slot_newest(sim, task->definition); other;
             other = view_slot_older(sim->world.view, other))
                n_wanted += task_is_wanted(other);
        if (n_wanted > (may_start_first(sim, task) ? 2 : 1))
                sim_fail(sim, "%zu tasks are wanted in the slot of %s", n_wanted, task->id);
}

static bool node_was_troubled(struct sim *sim, const char *node_id)
{
        struct sim_node *node = node_find(sim, node_id);

        return !node || node->changed_at > sim->world.now - 2 * NS_PER_MINUTE ||
               !node->is_reachable;
}

static const Sk__RestartPolicy *policy_of(struct sim *sim, const Sk__Task *task)
{
        return view_task_spec(sim->world.view, task)->spec->task->restart;
}

/* A task that follows one of its own kind which failed may not run before the delay is over. */
static void check_delay(struct sim *sim, const Sk__Task *task)
{
        const Sk__Task *older = view_slot_older(sim->world.view, task);
        const Sk__RestartPolicy *policy;
        const struct seen_task *seen;
        int64_t delay;

        if ((task->definition->desired_state != SK__TASK_STATE__TASK_RUNNING &&
             task->definition->desired_state != SK__TASK_STATE__TASK_COMPLETE) ||
            task_is_over(task) || !older ||
            older->definition->job_iteration != task->definition->job_iteration ||
            older->definition->desired_state != SK__TASK_STATE__TASK_SHUTDOWN ||
            strcmp(older->definition->spec_id, task->definition->spec_id) != 0)
                return;
        seen = map_find(&sim->seen, older->id);
        policy = policy_of(sim, older);
        delay = policy->delay ? policy->delay->ns : 5 * NS_PER_S;
        /* With back-off, at least so long after the second failure in a row. */
        if (policy->backoff_max_ns && task->definition->n_failures > 1 && delay)
                delay = 2 * delay < policy->backoff_max_ns ? 2 * delay : policy->backoff_max_ns;
        if (seen->failed_at && seen->failed_at <= seen->told_to_stop_at && *task_node(older) &&
            !node_was_troubled(sim, task_node(older)) && sim->world.now < seen->failed_at + delay)
                sim_fail(sim, "task %s was started %" PRIi64 " ms after a failure", task->id,
                         (sim->world.now - seen->failed_at) / NS_PER_MS);
}

/* Was it replaced because it ended?  What goes on until its successor runs may end meanwhile. */
static bool was_restarted(struct sim *sim, const Sk__Task *task, const Sk__Task *successor)
{
        const struct seen_task *seen = map_find(&sim->seen, task->id);

        return seen->failed_at && seen->failed_at <= seen->told_to_stop_at &&
               seen->failed_at <= successor->meta->created_at_ns;
}

/* No more restarts than the policy allows. */
static void check_attempts(struct sim *sim, const Sk__Task *task)
{
        const Sk__RestartPolicy *policy = policy_of(sim, task);
        const Sk__Task *successor = task;
        uint64_t n = 0;

        if (!policy->max_attempts || policy->window_ns)
                return;
        for (const Sk__Task *older = task; (older = view_slot_older(sim->world.view, older));) {
                if (older->definition->job_iteration != task->definition->job_iteration)
                        continue;
                if (strcmp(older->definition->spec_id, task->definition->spec_id) != 0 ||
                    older->definition->desired_state == SK__TASK_STATE__TASK_REMOVE)
                        break;
                n += was_restarted(sim, older, successor);
                successor = older;
        }
        if (n > policy->max_attempts)
                sim_fail(sim, "task %s is restart %" PRIu64 " of at most %" PRIu64, task->id, n,
                         policy->max_attempts);
}

/* --- nothing is over-committed --- */

static void check_generic(struct sim *sim, const Sk__Node *node)
{
        const Sk__Resources *have = node->description->resources;
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;
        int64_t n_used = 0, n_have = 0;

        for (size_t i = 0; i < have->n_generic; i++)
                n_have += have->generic[i]->value_case == SK__GENERIC_RESOURCE__VALUE_COUNT
                                  ? have->generic[i]->count
                                  : 1;
        while ((task = view_each_node_task(sim->world.view, node->id, &cursor)))
                for (size_t i = 0; !task_is_over(task) && task->placement &&
                                   i < task->placement->n_assigned_generic;
                     i++)
                        n_used += task->placement->assigned_generic[i]->value_case ==
                                                  SK__GENERIC_RESOURCE__VALUE_COUNT
                                          ? task->placement->assigned_generic[i]->count
                                          : 1;
        if (n_used > n_have)
                sim_fail(sim, "node %s gave more generic resources than it has", node->name);
}

void check_node(struct sim *sim, const Sk__Node *node, const Sk__Resources *asked)
{
        const Sk__Resources *have = node->description->resources;
        int64_t nano_cpus = have->nano_cpus, memory_bytes = have->memory_bytes;
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;
        size_t n_ports[3] = { 0 };

        while ((task = view_each_node_task(sim->world.view, node->id, &cursor))) {
                const Sk__ServiceSpec *spec = view_task_spec(sim->world.view, task)->spec;

                if (task_is_over(task) || task_state(task) < SK__TASK_STATE__TASK_ASSIGNED)
                        continue;
                nano_cpus -= spec->task->reservations->nano_cpus;
                memory_bytes -= spec->task->reservations->memory_bytes;
                for (size_t i = 0; spec->endpoint && i < spec->endpoint->n_ports; i++)
                        if (++n_ports[spec->endpoint->ports[i]->published_port % 8000] > 1)
                                sim_fail(sim, "node %s has a host port twice", node->name);
        }
        if ((nano_cpus < 0 && (!asked || asked->nano_cpus)) ||
            (memory_bytes < 0 && (!asked || asked->memory_bytes)))
                sim_fail(sim, "node %s is over-committed", node->name);
        check_generic(sim, node);
}

/* No task that is not over refuses to be beside the one that came. */
static void check_apart(struct sim *sim, const Sk__Task *task)
{
        const Sk__ServiceSpec *spec = view_task_spec(sim->world.view, task)->spec;
        struct view_cursor cursor = { 0 };
        const Sk__Task *other;

        while ((other = view_each_node_task(sim->world.view, task_node(task), &cursor)))
                if (other != task && task_state(other) >= SK__TASK_STATE__TASK_ASSIGNED &&
                    !task_is_over(other) &&
                    oracle_are_apart(spec, view_task_spec(sim->world.view, other)->spec))
                        sim_fail(sim, "tasks %s and %s are to be apart", task->id, other->id);
}

/* The node must have been fit for the task not long ago. */
static void check_placement(struct sim *sim, const Sk__Task *task)
{
        const Sk__Node *node = view_node(sim->world.view, task_node(task));
        const Sk__Placement *placement =
                view_task_spec(sim->world.view, task)->spec->task->placement;
        size_t n_here = 0;
        struct view_cursor cursor = { 0 };
        const Sk__Task *other;

        if (!node) {
                sim_fail(sim, "task %s was placed on a node that is not there", task->id);
                return;
        }
        if (node_find(sim, node->id)->changed_at < sim->world.now - CHECK_LAG)
                check_node(sim, node,
                           view_task_spec(sim->world.view, task)->spec->task->reservations);
        check_apart(sim, task);
        while ((other = view_each_node_task(sim->world.view, node->id, &cursor)))
                n_here += task_state(other) >= SK__TASK_STATE__TASK_ASSIGNED &&
                          !task_is_over(other) && task_is_wanted(other) &&
                          !strcmp(other->definition->spec_id, task->definition->spec_id);
        if (placement->max_replicas_per_node && task_is_wanted(task) &&
            n_here > placement->max_replicas_per_node)
                sim_fail(sim, "node %s has too many replicas", node->name);
        if (node_find(sim, node->id)->changed_at > sim->world.now - CHECK_LAG)
                return;
        if (node->status->state != SK__NODE_STATUS__STATE__READY ||
            node->spec->availability != SK__NODE_SPEC__AVAILABILITY__ACTIVE)
                sim_fail(sim, "task %s was placed on a node that takes none", task->id);
        if (!placement_constraints_met(placement, node))
                sim_fail(sim, "task %s was placed against its constraints", task->id);
}

/* --- priorities --- */

static int32_t priority_of(struct sim *sim, const Sk__Task *task)
{
        return view_task_spec(sim->world.view, task)->spec->task->placement->priority;
}

/* Who is evicted makes room for a task that waits and is more important. */
static void check_eviction(struct sim *sim, const Sk__Task *task)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *head;

        if (!strstr(task->definition->reason, "needs the room") ||
            task->definition->desired_state != SK__TASK_STATE__TASK_SHUTDOWN)
                return;
        while ((head = view_each(sim->world.view, SK__KIND__KIND_TASK, &cursor))) {
                const Sk__Task *other = (const Sk__Task *)head;

                /* The same plan may give it up for another reason. */
                if ((task_is_wanted(other) || other->meta->updated_at_ns == sim->world.now) &&
                    task_state(other) == SK__TASK_STATE__TASK_PENDING &&
                    priority_of(sim, other) > priority_of(sim, task))
                        return;
        }
        sim_fail(sim, "task %s is evicted though nobody more important waits", task->id);
}

/* --- every commit --- */

static bool has_part(const Sk__Event *event, size_t part)
{
        for (size_t i = 0; i < event->n_parts; i++)
                if (event->parts[i]->index == part)
                        return true;
        return false;
}

static void check_task(struct sim *sim, const Sk__Event *event)
{
        const Sk__Task *task = view_task(sim->world.view, event->id);
        const Sk__Service *service;

        if (!task) {
                struct seen_task *seen = seen_of(sim, event->id);
                bool never_placed = seen->state < SK__TASK_STATE__TASK_ASSIGNED;

                if (!never_placed && seen->desired < SK__TASK_STATE__TASK_SHUTDOWN &&
                    view_service(sim->world.view, event->id))
                        sim_fail(sim, "task %s was forgotten while it was wanted", event->id);
                seen->is_gone = true;
                return;
        }
        if (!view_task_spec(sim->world.view, task)) {
                sim_fail(sim, "the spec of task %s is gone", task->id);
                return;
        }
        check_growth(sim, task);
        if (has_part(event, PART_TASK_definition)) {
                check_eviction(sim, task);
                sim->result.n_moved +=
                        task->definition->desired_state == SK__TASK_STATE__TASK_SHUTDOWN &&
                        !strcmp(task->definition->reason, "it would be placed elsewhere today");
                service = view_service(sim->world.view, task->definition->service_id);
                check_attempts(sim, task);
                check_delay(sim, task);
                if (task->definition->job_iteration)
                        check_job_task(sim, task);
                else
                        check_slot(sim, task);
                if (!task->definition->job_iteration)
                        check_told(sim, task);
                if (service && !task->definition->job_iteration)
                        check_steps(sim, service);
        }
        if (has_part(event, PART_TASK_placement) && *task->placement->node_id)
                check_placement(sim, task);
}

/* No more tasks move than were asked to. */
static void check_budget(struct sim *sim, const Sk__Service *service)
{
        const Sk__Rebalance *asked = service->spec->rebalance;
        const Sk__RebalanceProgress *progress =
                service->progress ? service->progress->rebalance : NULL;

        if (asked && progress && progress->at_ns == asked->at_ns &&
            progress->n_moved > asked->budget)
                sim_fail(sim, "%" PRIu64 " tasks of service %s moved, not %" PRIu64,
                         progress->n_moved, service->name, asked->budget);
}

void check_plan(struct sim *sim, const struct plan *plan, const struct applied *applied)
{
        (void)plan;
        for (size_t i = 0; i < applied->n_events; i++)
                if (applied->events[i]->kind == SK__KIND__KIND_TASK)
                        check_task(sim, applied->events[i]);
        for (size_t i = 0; i < applied->n_events; i++)
                if (applied->events[i]->kind == SK__KIND__KIND_SERVICE &&
                    view_service(sim->world.view, applied->events[i]->id)) {
                        check_job(sim, view_service(sim->world.view, applied->events[i]->id));
                        check_budget(sim, view_service(sim->world.view, applied->events[i]->id));
                }
}

/* Stop first: no two containers of a slot at once, unless one was told to stop a minute ago or
 * cannot be heard. */
void check_started(struct sim *sim, const struct sim_task *started)
{
        const Sk__Task *task = view_task(sim->world.view, started->id);

        /* What nobody can reach does what it was told last. */
        if (!task || may_start_first(sim, task) || !started->node->is_reachable)
                return;
        for (const Sk__Task *other = slot_newest(sim, task->definition); other;
             other = view_slot_older(sim->world.view, other)) {
                struct sim_node *node = node_find(sim, task_node(other));
                const struct sim_task *known = node ? map_find(&node->tasks, other->id) : NULL;
                const struct seen_task *seen = map_find(&sim->seen, other->id);

                if (other == task || !known || !known->is_running ||
                    other->definition->job_iteration != task->definition->job_iteration ||
                    node_was_troubled(sim, node->id))
                        continue;
                if (!seen->told_to_stop_at ||
                    sim->world.now < seen->told_to_stop_at + NS_PER_MINUTE)
                        sim_fail(sim, "tasks %s and %s run in one slot", task->id, other->id);
        }
}
