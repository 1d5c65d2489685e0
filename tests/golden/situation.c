/* A situation: a little world written down as YAML. */
#include "tests/golden/situation.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/state/task_life.h"
#include "tests/golden/specs.h"

#define NOW (100000 * NS_PER_S)

/* --- cluster, nodes --- */

static void build_cluster(struct world *world, struct yaml from)
{
        Sk__ClusterSpec *spec =
                (Sk__ClusterSpec *)message_copy(&world->arena, &a_cluster(world)->spec->base);
        static const char *const strategies[] = { "default", "spread", "binpack", "random", NULL };

        yaml_allow(from, "history strategy rebalance_budget");
        spec->rebalance_budget = yaml_count_of(yaml_get(from, "rebalance_budget"), 0);
        if (yaml_get(from, "history").node)
                CHECK(str_to_int64(yaml_text(yaml_get(from, "history"), ""),
                                   &spec->task_history_limit, NULL) == 0);
        spec->strategy =
                (Sk__Placement__Strategy)yaml_word(yaml_get(from, "strategy"), strategies, 0);
        a_part(world, SK__KIND__KIND_CLUSTER, an_id(world, "cluster"), NULL, PART_CLUSTER_spec,
               &spec->base);
}

static void describe_node(struct world *world, struct yaml from, const char *id, const char *name)
{
        Sk__NodeDescription *description = a_node_description(world, name);
        struct yaml plugins = yaml_get(from, "plugins");

        description->platform->architecture = yaml_text(yaml_get(from, "arch"), "x86_64");
        description->platform->os = yaml_text(yaml_get(from, "os"), "linux");
        description->resources->nano_cpus =
                (int64_t)yaml_count_of(yaml_get(from, "cpus"), 4) * INT64_C(1000000000);
        description->resources->memory_bytes =
                yaml_bytes(yaml_get(from, "memory"), INT64_C(8) << 30);
        description->resources->generic = situation_generic(world, yaml_get(from, "generic"),
                                                            &description->resources->n_generic);
        description->engine_labels = situation_labels(world, yaml_get(from, "engine_labels"),
                                                      &description->n_engine_labels);
        description->plugins =
                arena_alloc(&world->arena, yaml_count(plugins) * sizeof *description->plugins);
        for (size_t i = 0; i < yaml_count(plugins); i++) {
                Sk__Plugin *plugin = arena_alloc(&world->arena, sizeof *plugin);
                char *text = arena_strdup(&world->arena, yaml_text(yaml_at(plugins, i), ""));

                sk__plugin__init(plugin);
                plugin->type = strsep(&text, "/");
                plugin->name = text ? text : "";
                description->plugins[description->n_plugins++] = plugin;
        }
        a_part(world, SK__KIND__KIND_NODE, id, NULL, PART_NODE_description, &description->base);
}

static void build_node(struct world *world, const char *name, struct yaml from)
{
        static const char *const states[] = { "unknown", "down", "ready", "disconnected", NULL };
        static const char *const availabilities[] = { "active", "pause", "drain", NULL };
        static const char *const roles[] = { "worker", "manager", NULL };
        int availability = yaml_word(yaml_get(from, "availability"), availabilities, 0);
        int state = yaml_word(yaml_get(from, "state"), states, 2);
        const Sk__Node *node = a_node_that_is(world, name, (Sk__NodeStatus__State)state,
                                              (Sk__NodeSpec__Availability)availability);
        const char *id = arena_strdup(&world->arena, node->id);
        Sk__NodeSpec *spec = (Sk__NodeSpec *)message_copy(&world->arena, &node->spec->base);
        Sk__NodeStatus *status = (Sk__NodeStatus *)message_copy(&world->arena, &node->status->base);
        Sk__NodeIdentity *identity = arena_alloc(&world->arena, sizeof *identity);

        yaml_allow(from, "state availability drained role labels engine_labels cpus memory generic "
                         "arch os ip plugins since undescribed");
        if (yaml_bool(yaml_get(from, "undescribed"), false))
                no_more(world, SK__KIND__KIND_NODE, id);
        if (yaml_get(from, "since").node)
                status->since_ns = NOW - yaml_duration(yaml_get(from, "since"), 0);
        if (yaml_get(from, "drained").node) {
                spec->availability = SK__NODE_SPEC__AVAILABILITY__DRAIN;
                spec->drained_at_ns = NOW - yaml_duration(yaml_get(from, "drained"), 0);
        }
        spec->annotations->labels =
                situation_labels(world, yaml_get(from, "labels"), &spec->annotations->n_labels);
        a_part(world, SK__KIND__KIND_NODE, id, name, PART_NODE_spec, &spec->base);
        status->address = yaml_text(yaml_get(from, "ip"), "10.0.0.1");
        a_part(world, SK__KIND__KIND_NODE, id, NULL, PART_NODE_status, &status->base);
        sk__node_identity__init(identity);
        identity->role = (Sk__NodeRole)yaml_word(yaml_get(from, "role"), roles, 0);
        a_part(world, SK__KIND__KIND_NODE, id, NULL, PART_NODE_identity, &identity->base);
        if (!yaml_bool(yaml_get(from, "undescribed"), false))
                describe_node(world, from, id, name);
}

/* --- services --- */

static Sk__Rebalance *rebalance_of(struct world *world, struct yaml from)
{
        Sk__Rebalance *rebalance = arena_alloc(&world->arena, sizeof *rebalance);

        if (!from.node)
                return NULL;
        yaml_allow(from, "asked budget");
        sk__rebalance__init(rebalance);
        rebalance->at_ns = NOW - yaml_duration(yaml_get(from, "asked"), 0);
        rebalance->budget = yaml_count_of(yaml_get(from, "budget"), 1000);
        return rebalance;
}

static void set_history(struct world *world, const char *id, struct yaml from)
{
        struct yaml history = yaml_get(from, "history");
        Sk__ServiceRevision *revision =
                (Sk__ServiceRevision *)message_copy(&world->arena,
                                                    &view_service(world->view, id)->spec->base);

        revision->is_rollback = yaml_bool(yaml_get(from, "is_rollback"), false);
        revision->is_promoted = yaml_bool(yaml_get(from, "is_promoted"), false);
        if (yaml_get(from, "resumed").node)
                revision->resumed_at_ns = NOW - yaml_duration(yaml_get(from, "resumed"), 0);
        revision->rebalance = rebalance_of(world, yaml_get(from, "rebalance"));
        revision->history =
                arena_alloc(&world->arena, yaml_count(history) * sizeof *revision->history);
        for (size_t i = 0; i < yaml_count(history); i++)
                revision->history[revision->n_history++] =
                        an_id(world, arena_printf(&world->arena, "%sspec%s",
                                                  view_service(world->view, id)->name,
                                                  yaml_text(yaml_at(history, i), "")));
        a_part(world, SK__KIND__KIND_SERVICE, id, NULL, PART_SERVICE_spec, &revision->base);
}

/* "status: updating" is about the present revision, "status: {of: 1, is: updating}" about another.
 */
static void set_progress(struct world *world, const char *name, const char *id, struct yaml from,
                         bool is_moving)
{
        static const char *const states[] = { "none",         "updating",
                                              "paused",       "completed",
                                              "rolling-back", "rollback-paused",
                                              "rolled-back",  NULL };
        bool is_plain = from.node && from.node->type == YAML_SCALAR_NODE;
        struct yaml state = is_plain ? from : yaml_get(from, "is");
        Sk__ServiceProgress *progress = arena_alloc(&world->arena, sizeof *progress);
        Sk__UpdateStatus *update = arena_alloc(&world->arena, sizeof *update);

        sk__service_progress__init(progress);
        progress->is_moving = is_moving;
        if (!from.node && is_moving)
                a_part(world, SK__KIND__KIND_SERVICE, id, NULL, PART_SERVICE_progress,
                       &progress->base);
        if (!from.node)
                return;
        sk__update_status__init(update);
        update->state = (Sk__UpdateStatus__State)yaml_word(state, states, 0);
        update->started_at_ns = NOW - yaml_duration(yaml_get(from, "age"), NS_PER_MINUTE);
        if (update->state == SK__UPDATE_STATUS__STATE__COMPLETED)
                update->completed_at_ns = NOW - yaml_duration(yaml_get(from, "ended"), 0);
        if (!is_plain)
                update->message = yaml_text(yaml_get(from, "says"), "");
        /* Paused since it was resumed, unless it was resumed since. */
        if (!is_plain && yaml_bool(yaml_get(from, "answered"), false))
                update->resumed_at_ns = view_service(world->view, id)->spec->resumed_at_ns;
        update->spec_id = arena_strdup(&world->arena, view_service(world->view, id)->spec->spec_id);
        if (!is_plain && yaml_get(from, "of").node)
                update->spec_id = an_id(world, arena_printf(&world->arena, "%sspec%s", name,
                                                            yaml_text(yaml_get(from, "of"), "")));
        progress->update = update;
        a_part(world, SK__KIND__KIND_SERVICE, id, NULL, PART_SERVICE_progress, &progress->base);
}

static void build_service(struct world *world, const char *name, struct yaml from)
{
        struct yaml before = yaml_get(from, "before");
        const char *id = an_id(world, name);

        yaml_allow(from, SITUATION_SPEC_KEYS SITUATION_JOB_KEYS
                   " before history is_rollback is_promoted resumed "
                   "is_moving status removed rebalance");
        for (size_t i = 0; i < yaml_count(before); i++)
                a_service_of(world, situation_spec(world, name, yaml_at(before, i), from));
        a_service_of(world, situation_spec(world, name, from, from));
        set_history(world, id, from);
        set_progress(world, name, id, yaml_get(from, "status"),
                     yaml_bool(yaml_get(from, "is_moving"), false));
        situation_job(world, name, from, NOW);
}

/* --- tasks --- */

static bool is_job_of(const struct world *world, const char *name)
{
        const Sk__Service *service =
                (const Sk__Service *)view_find_name(world->view, SK__KIND__KIND_SERVICE, name);
        int mode = view_service_spec(world->view, service->spec->spec_id)->spec->spec->mode_case;

        return mode == SK__SERVICE_SPEC__MODE_REPLICATED_JOB ||
               mode == SK__SERVICE_SPEC__MODE_GLOBAL_JOB;
}

static void set_definition(struct world *world, const char *id, struct yaml from, const char *name,
                           bool is_over)
{
        static const char *const desires[] = { "ready",  "running",  "shutdown",
                                               "remove", "complete", NULL };
        static const Sk__TaskState states[] = { SK__TASK_STATE__TASK_READY,
                                                SK__TASK_STATE__TASK_RUNNING,
                                                SK__TASK_STATE__TASK_SHUTDOWN,
                                                SK__TASK_STATE__TASK_REMOVE,
                                                SK__TASK_STATE__TASK_COMPLETE };
        bool is_job = is_job_of(world, name);
        Sk__TaskDefinition *definition =
                (Sk__TaskDefinition *)message_copy(&world->arena,
                                                   &view_task(world->view, id)->definition->base);

        definition->desired_state = states[yaml_word(yaml_get(from, "desired"), desires,
                                                     is_over  ? 2
                                                     : is_job ? 4
                                                              : 1)];
        definition->job_iteration = yaml_count_of(yaml_get(from, "iteration"), is_job);
        definition->n_failures = yaml_count_of(yaml_get(from, "failures"), 0);
        if (yaml_get(from, "spec").node)
                definition->spec_id =
                        an_id(world, arena_printf(&world->arena, "%sspec%s", name,
                                                  yaml_text(yaml_get(from, "spec"), "")));
        a_part(world, SK__KIND__KIND_TASK, id, NULL, PART_TASK_definition, &definition->base);
}

static void set_placement(struct world *world, const char *id, struct yaml from)
{
        const Sk__Task *task = view_task(world->view, id);
        Sk__TaskPlacement *placement = arena_alloc(&world->arena, sizeof *placement);

        if (!yaml_get(from, "generic").node && !yaml_get(from, "explanation").node)
                return;
        sk__task_placement__init(placement);
        if (task->placement)
                placement->node_id = arena_strdup(&world->arena, task->placement->node_id);
        placement->explanation = yaml_text(yaml_get(from, "explanation"), "");
        placement->assigned_generic =
                situation_generic(world, yaml_get(from, "generic"), &placement->n_assigned_generic);
        a_part(world, SK__KIND__KIND_TASK, id, NULL, PART_TASK_placement, &placement->base);
}

/* "ran: 3s": so long before its present state it began to run. */
static void set_started(struct world *world, const char *id, struct yaml from)
{
        const Sk__Task *task = view_task(world->view, id);
        Sk__TaskStatus *status;

        if (!yaml_get(from, "ran").node)
                return;
        status = (Sk__TaskStatus *)message_copy(&world->arena, &task->status->base);
        status->started_at_ns = status->at_ns - yaml_duration(yaml_get(from, "ran"), 0);
        a_part(world, SK__KIND__KIND_TASK, id, NULL, PART_TASK_status, &status->base);
}

/* "readiness: unhealthy": it was ready once and is no more. */
static void set_readiness(struct world *world, const char *id, struct yaml from)
{
        static const char *const words[] = { "none", "starting", "healthy", "unhealthy", NULL };
        const Sk__Task *task = view_task(world->view, id);
        Sk__HealthStatus readiness = SK__HEALTH_STATUS__INIT;
        Sk__TaskStatus *status;

        if (!yaml_get(from, "readiness").node)
                return;
        readiness.state = (Sk__HealthStatus__State)yaml_word(yaml_get(from, "readiness"), words, 0);
        status = (Sk__TaskStatus *)message_copy(&world->arena, &task->status->base);
        status->readiness = &readiness;
        status->is_unready = readiness.state != SK__HEALTH_STATUS__STATE__HEALTHY;
        a_part(world, SK__KIND__KIND_TASK, id, NULL, PART_TASK_status, &status->base);
}

/* "web.1" is slot 1, of a job "job.0" the first index, "web.a" the task of a global service on node
 * a. */
static void build_task(struct world *world, const char *key, struct yaml from)
{
        char *slot = arena_strdup(&world->arena, key), *name = strsep(&slot, ".");
        int state = task_state_from_name(yaml_text(yaml_get(from, "state"), "running"));
        const char *node = yaml_text(yaml_get(from, "node"), NULL), *id;
        int64_t age = yaml_duration(yaml_get(from, "age"), NS_PER_HOUR);
        uint64_t number = 0;
        const Sk__Task *task;

        yaml_allow(from, "state desired node age created ran spec generic explanation iteration "
                         "failures readiness");
        CHECK(slot && state >= 0);
        world->now = NOW - yaml_duration(yaml_get(from, "created"), age);
        task = str_to_uint64(slot, &number, NULL) == 0
                       ? a_task(world, name, number += is_job_of(world, name),
                                SK__TASK_STATE__TASK_NEW, NULL)
                       : a_node_task(world, name, slot, SK__TASK_STATE__TASK_NEW);
        id = arena_strdup(&world->arena, task->id);
        situation_advance(world, id, (Sk__TaskState)state, number ? node : slot, NOW - age);
        set_started(world, id, from);
        set_readiness(world, id, from);
        set_definition(world, id, from, name,
                       state > SK__TASK_STATE__TASK_RUNNING &&
                               !(state == SK__TASK_STATE__TASK_COMPLETE && is_job_of(world, name)));
        set_placement(world, id, from);
}

void situation_build(struct world *world, struct yaml root)
{
        struct yaml nodes = yaml_get(root, "nodes"), services = yaml_get(root, "services");
        struct yaml tasks = yaml_get(root, "tasks");

        yaml_allow(root, "case cluster nodes services tasks limit only plan");
        build_cluster(world, yaml_get(root, "cluster"));
        for (size_t i = 0; i < yaml_count(nodes); i++)
                build_node(world, yaml_key_at(nodes, i), yaml_at(nodes, i));
        for (size_t i = 0; i < yaml_count(services); i++)
                build_service(world, yaml_key_at(services, i), yaml_at(services, i));
        for (size_t i = 0; i < yaml_count(tasks); i++) {
                struct yaml slot = yaml_at(tasks, i);

                if (!yaml_is_sequence(slot))
                        build_task(world, yaml_key_at(tasks, i), slot);
                for (size_t k = 0; yaml_is_sequence(slot) && k < yaml_count(slot); k++)
                        build_task(world, yaml_key_at(tasks, i), yaml_at(slot, k));
        }
        for (size_t i = 0; i < yaml_count(services); i++)
                if (yaml_bool(yaml_get(yaml_at(services, i), "removed"), false))
                        no_more(world, SK__KIND__KIND_SERVICE,
                                an_id(world, yaml_key_at(services, i)));
        world->now = NOW;
        view_set_now(world->view, NOW);
}
