/* What holds at every commit of updates and drains: step by step, canaries first. */
#include "tests/sim/cluster/internal.h"

#include <inttypes.h>
#include <string.h>

#include "lib/placement/placement.h"
#include "lib/state/task_life.h"

bool is_current(struct sim *sim, const Sk__Service *service, const Sk__Task *task)
{
        const Sk__ServiceSpecRevision *own = view_task_spec(sim->world.view, task);
        const Sk__ServiceSpecRevision *wanted =
                view_service_spec(sim->world.view, service->spec->spec_id)->spec;
        const Sk__Node *node = view_node(sim->world.view, task_node(task));

        if (own == wanted)
                return true;
        return own && own->task_digest.len == wanted->task_digest.len &&
               !memcmp(own->task_digest.data, wanted->task_digest.data, own->task_digest.len) &&
               (!node || placement_constraints_met(wanted->spec->task->placement, node));
}

static const Sk__UpdateConfig *config_of(struct sim *sim, const Sk__Service *service)
{
        const Sk__ServiceSpec *spec =
                view_service_spec(sim->world.view, service->spec->spec_id)->spec->spec;

        return service->spec->is_rollback ? spec->rollback : spec->update;
}

bool has_canaries(struct sim *sim, const Sk__Service *service)
{
        const Sk__UpdateConfig *config = config_of(sim, service);

        return config && config->canary && !service->spec->is_promoted &&
               !service->spec->is_rollback;
}

static uint64_t parallelism_of(struct sim *sim, const Sk__Service *service)
{
        const Sk__UpdateConfig *config = config_of(sim, service);
        const Sk__ServiceSpec *spec =
                view_service_spec(sim->world.view, service->spec->spec_id)->spec->spec;
        uint64_t n = spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED
                             ? spec->replicated->replicas
                             : sim->options->n_nodes;

        if (!config)
                return 1;
        if (!config->parallelism_percent)
                return config->parallelism ? config->parallelism : UINT64_MAX;
        n = n * config->parallelism_percent / 100;
        return n ? n : 1;
}

/* What does not get there in time holds nobody up. */
static bool is_stuck(const struct sim *sim, const Sk__UpdateConfig *config, const Sk__Task *task)
{
        int64_t deadline = config && config->progress_deadline_ns ? config->progress_deadline_ns
                                                                  : 10 * NS_PER_MINUTE;

        return deadline > 0 && task->meta->created_at_ns + deadline <= sim->world.now;
}

/* Such a task may rest from then on. */
static bool is_on_down_node(struct sim *sim, const Sk__Task *task)
{
        const Sk__Node *node = view_node(sim->world.view, task_node(task));

        return node && node->status->state == SK__NODE_STATUS__STATE__DOWN;
}

/* Who is not to be restarted rests as soon as it must leave its node: a global task has no other.
 */
static bool is_to_rest(struct sim *sim, const Sk__Task *task)
{
        const Sk__Node *node = view_node(sim->world.view, task_node(task));
        const Sk__TaskSpec *spec = view_task_spec(sim->world.view, task)->spec->task;

        if (!node || !task->definition->slot ||
            spec->restart->condition != SK__RESTART_POLICY__CONDITION__NONE)
                return false;
        return node->spec->availability == SK__NODE_SPEC__AVAILABILITY__DRAIN ||
               (node->spec->availability == SK__NODE_SPEC__AVAILABILITY__ACTIVE &&
                !placement_constraints_met(spec->placement, node));
}

static void check_parallelism(struct sim *sim, const Sk__Service *service)
{
        const Sk__UpdateStatus *status = service->progress ? service->progress->update : NULL;
        bool is_updated = status && !strcmp(status->spec_id, service->spec->spec_id);
        const char *reason = is_updated ? "the service was updated" : "its node is being drained";
        uint64_t most = parallelism_of(sim, service), n = 0;
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_service_task(sim->world.view, service->id, &cursor)))
                n += !strcmp(task->definition->reason, reason) &&
                     !strcmp(task->definition->spec_id, service->spec->spec_id) &&
                     (!is_updated || task->meta->created_at_ns >= status->started_at_ns) &&
                     task_is_wanted(task) && !task_is_over(task) &&
                     !is_stuck(sim, config_of(sim, service), task) && !is_on_down_node(sim, task) &&
                     !is_to_rest(sim, task) && task_state(task) != SK__TASK_STATE__TASK_RUNNING;
        if (n > most)
                sim_fail(sim, "%" PRIu64 " tasks of %s are in change at once", n, service->name);
}

/* Beside canaries what leaves a drained node is of an older spec. */
static void check_drain_beside_canaries(struct sim *sim, const Sk__Service *service)
{
        const Sk__UpdateStatus *status = service->progress ? service->progress->update : NULL;
        uint64_t most = parallelism_of(sim, service), n = 0;
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        if (!status || strcmp(status->spec_id, service->spec->spec_id) != 0 ||
            !has_canaries(sim, service))
                return;
        while ((task = view_each_service_task(sim->world.view, service->id, &cursor)))
                n += !strcmp(task->definition->reason, "its node is being drained") &&
                     !is_current(sim, service, task) &&
                     task->meta->created_at_ns >= status->started_at_ns && task_is_wanted(task) &&
                     !task_is_over(task) && !is_stuck(sim, config_of(sim, service), task) &&
                     !is_on_down_node(sim, task) && !is_to_rest(sim, task) &&
                     task_state(task) != SK__TASK_STATE__TASK_RUNNING;
        if (n > most)
                sim_fail(sim, "%" PRIu64 " tasks of %s leave at once beside canaries", n,
                         service->name);
}

static void check_canaries(struct sim *sim, const Sk__Service *service)
{
        struct view_cursor cursor = { 0 };
        bool has_others = false;
        const Sk__Task *task;
        uint64_t n = 0;

        if (!has_canaries(sim, service))
                return;
        while ((task = view_each_service_task(sim->world.view, service->id, &cursor))) {
                n += !strcmp(task->definition->reason, "the service was updated") &&
                     !strcmp(task->definition->spec_id, service->spec->spec_id) &&
                     task_is_wanted(task);
                has_others |= task_is_wanted(task) && !is_current(sim, service, task);
        }
        if (has_others && n > config_of(sim, service)->canary)
                sim_fail(sim, "%" PRIu64 " tasks of %s are canaries", n, service->name);
}

/* Slots are filled up to the number of replicas, and no further. */
static void check_size(struct sim *sim, const Sk__Task *task)
{
        const char *id = task->definition->service_id, *reason = task->definition->reason;
        const Sk__Service *service = view_service(sim->world.view, id);
        uint64_t n = 0, n_slots = view_slots_max(sim->world.view, id);
        const Sk__ServiceSpec *spec;

        if (!service || task_state(task) != SK__TASK_STATE__TASK_NEW || !task_is_wanted(task) ||
            (strcmp(reason, "the service wants it") != 0 &&
             strcmp(reason, "the slot is empty") != 0))
                return;
        spec = view_service_spec(sim->world.view, service->spec->spec_id)->spec->spec;
        for (uint64_t i = 1; i <= n_slots; i++) {
                const Sk__Task *newest = view_slot_newest(sim->world.view, id, i);

                n += newest && task_is_wanted(newest);
        }
        if (n > spec->replicated->replicas)
                sim_fail(sim, "service %s fills %" PRIu64 " slots", service->name, n);
}

/* What changed on a node this long ago every loop has seen. */
static bool is_settled(struct sim *sim, const Sk__Node *node)
{
        return node && node_find(sim, node->id)->changed_at < sim->world.now - CHECK_LAG;
}

void check_told(struct sim *sim, const Sk__Task *task)
{
        const Sk__TaskDefinition *definition = task->definition;
        const Sk__Node *node = view_node(sim->world.view, task_node(task));
        const Sk__ServiceSpec *own = view_task_spec(sim->world.view, task)->spec;

        if (definition->slot)
                check_size(sim, task);
        if (!is_settled(sim, node))
                return;
        /* What only the present spec does not suit waits for its turn. */
        if (definition->slot && definition->desired_state == SK__TASK_STATE__TASK_SHUTDOWN &&
            strstr(definition->reason, "constraints") &&
            placement_constraints_met(own->task->placement, node))
                sim_fail(sim, "task %s leaves where its own spec may be", task->id);
        if (!definition->slot && task_state(task) == SK__TASK_STATE__TASK_NEW &&
            task_is_wanted(task) &&
            node->spec->availability == SK__NODE_SPEC__AVAILABILITY__PAUSE &&
            (!strcmp(definition->reason, "the service was updated") ||
             !strcmp(definition->reason, "every node runs one")))
                sim_fail(sim, "task %s is to come to a paused node", task->id);
}

void check_steps(struct sim *sim, const Sk__Service *service)
{
        check_parallelism(sim, service);
        check_drain_beside_canaries(sim, service);
        check_canaries(sim, service);
}
