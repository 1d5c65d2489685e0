/* What holds when all has come to rest. */
#include "tests/sim/cluster/internal.h"

#include <inttypes.h>
#include <string.h>

#include "lib/placement/placement.h"
#include "lib/state/task_life.h"
#include "tests/unit/manager/scheduler/oracle_filter.h"

/* Does the policy let a task that ended like this rest? */
static bool may_rest(struct sim *sim, const Sk__Task *task)
{
        const Sk__RestartPolicy *policy =
                view_task_spec(sim->world.view, task)->spec->task->restart;

        return policy->condition == SK__RESTART_POLICY__CONDITION__NONE || policy->max_attempts ||
               (policy->condition == SK__RESTART_POLICY__CONDITION__ON_FAILURE &&
                task_state(task) == SK__TASK_STATE__TASK_COMPLETE);
}

/* Is there a node that would have room without its less important tasks? */
static bool could_evict(struct sim *sim, const Sk__Task *task)
{
        const Sk__ServiceSpec *spec = view_task_spec(sim->world.view, task)->spec;
        struct view_cursor cursor = { 0 };
        const struct object_head *head;

        /* Nobody is evicted for a branch that is full. */
        if (spec->task->placement->n_spread_limits)
                return false;
        while ((head = view_each(sim->world.view, SK__KIND__KIND_NODE, &cursor)))
                if ((!*task->definition->node_id || !strcmp(task->definition->node_id, head->id)) &&
                    oracle_filter(sim->world.view, spec, (const Sk__Node *)head) != FILTER_NONE &&
                    oracle_filter_above(sim->world.view, spec, (const Sk__Node *)head,
                                        spec->task->placement->priority) == FILTER_NONE)
                        return true;
        return false;
}

/* Is there really no node for it? */
static bool cannot_be_placed(struct sim *sim, const Sk__Task *task)
{
        struct placement_verdict *verdicts;
        struct arena arena = { 0 };
        bool none_fits = true;
        struct err err;
        size_t n;

        if (placement_verdicts(sim->world.view, task, &arena, &verdicts, &n, &err) < 0)
                return false;
        for (size_t i = 0; i < n; i++)
                none_fits &= verdicts[i].filter != FILTER_NONE;
        arena_done(&arena);
        if (could_evict(sim, task))
                sim_fail(sim, "task %s waits though less important ones could go", task->id);
        return none_fits && task->placement && *task->placement->explanation;
}

/* Tasks are where the spec they are to obey may be: of an older one their own, until it is their
 * turn. */
static void check_constraints(struct sim *sim, const Sk__Service *service, const Sk__Task *task)
{
        const Sk__ServiceSpecObject *present =
                view_service_spec(sim->world.view, service->spec->spec_id);
        const Sk__ServiceSpecRevision *own = view_task_spec(sim->world.view, task);
        const Sk__Node *node = view_node(sim->world.view, task_node(task));
        bool has_turn = !*task->definition->node_id || has_canaries(sim, service);
        const Sk__ServiceSpec *obeyed =
                is_current(sim, service, task) || !has_turn ? present->spec->spec : own->spec;

        if (node && !task_is_over(task) && task_state(task) >= SK__TASK_STATE__TASK_ASSIGNED &&
            node->spec->availability == SK__NODE_SPEC__AVAILABILITY__ACTIVE &&
            !placement_constraints_met(obeyed->task->placement, node))
                sim_fail(sim, "task %s is where it may not be", task->id);
}

/* Counts the slot as taken, or says what is wrong with it. */
static bool check_slot(struct sim *sim, const Sk__Service *service, const Sk__Task *newest)
{
        bool is_wanted = task_is_wanted(newest);

        if (newest->definition->desired_state == SK__TASK_STATE__TASK_REMOVE) {
                sim_fail(sim, "task %s was given up and is still there", newest->id);
                return false;
        }
        /* What comes to a node beside canaries must suit both specs, so nothing may come. */
        if (!is_wanted && !may_rest(sim, newest) &&
            (*newest->definition->node_id == 0 || !has_canaries(sim, service)))
                sim_fail(sim, "task %s rests though it may not", newest->id);
        if (is_wanted && task_state(newest) == SK__TASK_STATE__TASK_PENDING) {
                if (!cannot_be_placed(sim, newest))
                        sim_fail(sim, "task %s waits though a node is free", newest->id);
                return true;
        }
        if (is_wanted && task_state(newest) != SK__TASK_STATE__TASK_RUNNING)
                sim_fail(sim, "task %s is %s at rest", newest->id,
                         task_state_name(task_state(newest)));
        if (is_wanted && newest->definition->desired_state != SK__TASK_STATE__TASK_RUNNING)
                sim_fail(sim, "task %s still waits for its turn", newest->id);
        return true;
}

static bool has_deadline(struct sim *sim, const Sk__Service *service)
{
        const Sk__ServiceSpec *spec =
                view_service_spec(sim->world.view, service->spec->spec_id)->spec->spec;
        const Sk__UpdateConfig *config = service->spec->is_rollback ? spec->rollback : spec->update;

        return !config || config->progress_deadline_ns >= 0;
}

/* A node that is away is to have again what it had, so the canaries beside it wait for a person. */
static bool others_are_away(struct sim *sim, const Sk__Service *service)
{
        const struct view *view = sim->world.view;
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_service_task(view, service->id, &cursor))) {
                const char *node_id = task->definition->node_id;
                const Sk__Node *node = *node_id ? view_node(view, node_id) : NULL;

                if (node && task == view_node_slot_newest(view, service->id, node_id) &&
                    !task_is_wanted(task) && !is_current(sim, service, task) &&
                    placement_constraints_met(view_task_spec(view, task)->spec->task->placement,
                                              node))
                        return true;
        }
        return false;
}

/* An update is stuck only behind a task that has no node, and not beyond its deadline. */
static void check_update(struct sim *sim, const Sk__Service *service, size_t n_dirty,
                         size_t n_waiting)
{
        const Sk__UpdateStatus *status = service->progress ? service->progress->update : NULL;
        Sk__UpdateStatus__State state = status ? status->state : SK__UPDATE_STATUS__STATE__NONE;
        bool is_under_way = state == SK__UPDATE_STATUS__STATE__UPDATING ||
                            state == SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED;

        sim->result.n_stopped += state == SK__UPDATE_STATUS__STATE__PAUSED ||
                                 state >= SK__UPDATE_STATUS__STATE__ROLLBACK_PAUSED;

        if (state == SK__UPDATE_STATUS__STATE__PAUSED ||
            state == SK__UPDATE_STATUS__STATE__ROLLBACK_PAUSED)
                return;
        /* Then it waits for a person, also for the sake of slots that rest for ever. */
        if (has_canaries(sim, service) && (n_dirty || n_waiting || others_are_away(sim, service)))
                return;
        if (n_waiting && is_under_way && has_deadline(sim, service))
                sim_fail(sim, "the update of service %s waits beyond its deadline", service->name);
        if (n_dirty && !n_waiting)
                sim_fail(sim, "service %s still has tasks of an older spec", service->name);
        if (!n_dirty && !n_waiting && is_under_way)
                sim_fail(sim, "the update of service %s does not end", service->name);
        if (n_dirty && !is_under_way)
                sim_fail(sim, "the update of service %s says it has ended", service->name);
}

static void check_history(struct sim *sim, const Sk__Task *newest)
{
        const Sk__RestartPolicy *policy =
                view_task_spec(sim->world.view, newest)->spec->task->restart;
        uint64_t n = 0, n_attempts = policy->max_attempts ? policy->max_attempts + 1 : 0;

        for (const Sk__Task *task = newest; task; task = view_slot_older(sim->world.view, task)) {
                n++;
                /* What goes on until the newest is up was no attempt. */
                n_attempts += task != newest && task_is_wanted(task);
                if (task != newest && task_is_wanted(task) &&
                    task_state(newest) == SK__TASK_STATE__TASK_RUNNING)
                        sim_fail(sim, "task %s is wanted and old", task->id);
        }
        if (n > (n_attempts > 5 ? n_attempts : 5))
                sim_fail(sim, "%" PRIu64 " tasks are kept in the slot of %s", n, newest->id);
}

/* Beside canaries a task of an older spec comes back only where that one's may be. */
static bool global_may(struct sim *sim, const Sk__Service *service, const Sk__Task *newest,
                       const Sk__Node *node)
{
        const Sk__ServiceSpec *spec =
                view_service_spec(sim->world.view, service->spec->spec_id)->spec->spec;

        return node->spec->availability == SK__NODE_SPEC__AVAILABILITY__ACTIVE &&
               placement_constraints_met(spec->task->placement, node) &&
               (!newest || !has_canaries(sim, service) || is_current(sim, service, newest));
}

/* One that is under way is stuck only behind a task that has no node, and one that was asked for
 * has begun unless that, or an update, is in its way. */
static void check_rebalance(struct sim *sim, const Sk__Service *service, size_t n_waiting)
{
        const Sk__RebalanceProgress *progress =
                service->progress ? service->progress->rebalance : NULL;
        const Sk__Rebalance *asked = service->spec->rebalance;

        if (asked && !n_waiting && (!progress || progress->at_ns < asked->at_ns))
                sim_fail(sim, "the rebalance of service %s was asked for in vain", service->name);
        if (progress && !progress->is_over && !n_waiting)
                sim_fail(sim, "the rebalance of service %s does not end", service->name);
}

/* Who ended and rests for ever has its slot, and with an older spec waits for its update beside
 * canaries. */
static bool waits_beside_canaries(struct sim *sim, const Sk__Service *service,
                                  const Sk__Task *newest)
{
        return has_canaries(sim, service) && !is_current(sim, service, newest) &&
               task_ended_by_itself(task_state(newest)) && may_rest(sim, newest);
}

static void check_service(struct sim *sim, const Sk__Service *service)
{
        const Sk__ServiceSpec *spec =
                view_service_spec(sim->world.view, service->spec->spec_id)->spec->spec;
        bool is_global = spec->mode_case == SK__SERVICE_SPEC__MODE_GLOBAL;
        size_t n_taken = 0, n_dirty = 0, n_waiting = 0, n_wanted = 0;
        uint64_t n_slots =
                is_global ? sim->options->n_nodes : view_slots_max(sim->world.view, service->id);

        for (uint64_t i = 0; i < n_slots; i++) {
                const Sk__Node *node =
                        view_node(sim->world.view, sim->nodes[i % SIM_NODES_MOST].id);
                const Sk__Task *newest =
                        is_global ? view_node_slot_newest(sim->world.view, service->id, node->id)
                                  : view_slot_newest(sim->world.view, service->id, i + 1);
                bool may = !is_global || global_may(sim, service, newest, node);

                n_wanted += is_global && may;
                if (newest && !may && !task_is_wanted(newest))
                        n_dirty += waits_beside_canaries(sim, service, newest);
                if (!newest || (!may && !task_is_wanted(newest)))
                        continue;
                n_taken += check_slot(sim, service, newest);
                if (task_is_wanted(newest))
                        check_constraints(sim, service, newest);
                n_dirty += !is_current(sim, service, newest);
                n_waiting += task_state(newest) < SK__TASK_STATE__TASK_ASSIGNED;
                check_history(sim, newest);
        }
        if (!is_global)
                n_wanted = spec->replicated->replicas;
        if (n_taken != n_wanted && !n_dirty)
                sim_fail(sim, "service %s has %zu slots taken, not %zu", service->name, n_taken,
                         n_wanted);
        check_update(sim, service, n_dirty, n_waiting);
        check_rebalance(sim, service, n_waiting + n_dirty);
}

static bool is_named(const Sk__Service *service, const char *spec_id)
{
        if (!strcmp(service->spec->spec_id, spec_id) ||
            !strcmp(service->spec->previous_spec_id, spec_id))
                return true;
        for (size_t i = 0; i < service->spec->n_history; i++)
                if (!strcmp(service->spec->history[i], spec_id))
                        return true;
        return false;
}

static void check_leftovers(struct sim *sim)
{
        struct view_cursor specs = { 0 }, tasks = { 0 };
        const struct object_head *head;

        while ((head = view_each(sim->world.view, SK__KIND__KIND_TASK, &tasks))) {
                const Sk__Task *task = (const Sk__Task *)head;

                if (!view_service(sim->world.view, task->definition->service_id))
                        sim_fail(sim, "task %s outlives its service", task->id);
        }
        while ((head = view_each(sim->world.view, SK__KIND__KIND_SERVICE_SPEC, &specs))) {
                const Sk__ServiceSpecObject *object = (const Sk__ServiceSpecObject *)head;
                const Sk__Service *service =
                        view_service(sim->world.view, object->spec->service_id);

                if (!view_count_spec_tasks(sim->world.view, head->id) &&
                    (!service || !is_named(service, head->id)))
                        sim_fail(sim, "spec %s is named by nobody", head->id);
        }
}

/* A drained node is left as the service is updated, also when what it has now is a rollback. */
static bool may_stay_on_drained(struct sim *sim, const Sk__Service *service)
{
        const Sk__UpdateConfig *update =
                view_service_spec(sim->world.view, service->spec->spec_id)->spec->spec->update;

        return update && update->progress_deadline_ns < 0;
}

/* Whoever may take its time has had more than enough; but some have no deadline. */
static void check_drained(struct sim *sim, const Sk__Node *node)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_node_task(sim->world.view, node->id, &cursor))) {
                const Sk__Service *service =
                        view_service(sim->world.view, task->definition->service_id);

                if (task_is_wanted(task) && !task_is_over(task) &&
                    !may_stay_on_drained(sim, service))
                        sim_fail(sim, "task %s stays on a drained node", task->id);
        }
}

/* What a person said was heard, and what has left is forgotten. */
static void check_progress(struct sim *sim, const Sk__Service *service)
{
        const Sk__ServiceProgress *progress = service->progress;
        const Sk__UpdateStatus *status = progress ? progress->update : NULL;

        if (status && !strcmp(status->spec_id, service->spec->spec_id) &&
            (status->state == SK__UPDATE_STATUS__STATE__PAUSED ||
             status->state == SK__UPDATE_STATUS__STATE__ROLLBACK_PAUSED) &&
            status->resumed_at_ns != service->spec->resumed_at_ns)
                sim_fail(sim, "the update of service %s was resumed in vain", service->name);
        if (progress && progress->is_moving && !may_stay_on_drained(sim, service))
                sim_fail(sim, "service %s is still moving", service->name);
}

void check_rest(struct sim *sim)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *head;

        if (sim->last_commit > sim->world.now - NS_PER_MINUTE)
                sim_fail(sim, "there is no rest");
        while ((head = view_each(sim->world.view, SK__KIND__KIND_SERVICE, &cursor))) {
                const Sk__Service *service = (const Sk__Service *)head;

                if (is_job_spec(view_service_spec(sim->world.view, service->spec->spec_id)
                                        ->spec->spec)) {
                        check_job_rest(sim, service);
                        continue;
                }
                check_service(sim, service);
                check_progress(sim, service);
        }
        for (size_t i = 0; i < sim->options->n_nodes; i++)
                check_node(sim, view_node(sim->world.view, sim->nodes[i].id), NULL);
        check_drained(sim, view_node(sim->world.view, sim->nodes[0].id));
        check_leftovers(sim);
}
