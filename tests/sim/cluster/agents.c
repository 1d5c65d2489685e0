/* Nodes and their agents: the real task life over an executor that takes its time and fails. */
#include "tests/sim/cluster/internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/state/task_life.h"

static void drive(struct sim_task *task);

struct sim_node *node_find(struct sim *sim, const char *id)
{
        for (size_t i = 0; i < sim->options->n_nodes; i++)
                if (!strcmp(sim->nodes[i].id, id))
                        return &sim->nodes[i];
        return NULL;
}

/* --- what the executor does --- */

static int64_t duration_of(struct sim *sim, enum task_verb verb)
{
        switch (verb) {
        case TASK_DO_PREPARE:
                return sim_between(sim, 50, 3000);
        case TASK_DO_START:
                return sim_between(sim, 20,
                                   sim_has_faults(sim) && sim_one_in(sim, 30) ? 90000 : 2000);
        case TASK_DO_SHUTDOWN:
                return sim_between(sim, 50,
                                   sim_has_faults(sim) && sim_one_in(sim, 20) ? 90000 : 8000);
        default:
                return sim_between(sim, 1, 50);
        }
}

/* Most verbs go well. */
static const struct err *failure_of(struct sim *sim, enum task_verb verb)
{
        static const struct err no_image = { ERR_NOT_FOUND, "No such image" };
        static const struct err no_start = { ERR_UNKNOWN, "cannot start" };
        static const struct err no_health = { ERR_UNKNOWN, "unhealthy container" };

        if (!sim_has_faults(sim))
                return NULL;
        if (verb == TASK_DO_PREPARE && sim_one_in(sim, 40))
                return &no_image;
        if (verb == TASK_DO_START && sim_one_in(sim, 40))
                return &no_start;
        if (verb == TASK_DO_START && sim->options->is_ailing && sim_one_in(sim, 8))
                return &no_health;
        return NULL;
}

/* --- reports --- */

static void report_readiness(const struct sim_task *task, Sk__TaskStatus *status,
                             struct arena *arena)
{
        if (!task->readiness)
                return;
        status->readiness = arena_alloc(arena, sizeof *status->readiness);
        sk__health_status__init(status->readiness);
        status->readiness->state = task->readiness;
        status->is_unready = status->state == SK__TASK_STATE__TASK_RUNNING &&
                             task->readiness != SK__HEALTH_STATUS__STATE__HEALTHY;
}

static void report(struct sim *sim, void *context, uint64_t boots)
{
        struct sim_node *node = context;
        struct sim_task *task;
        struct plan plan;

        if (boots != node->boots)
                return;
        node->is_report_due = false;
        if (!node->is_reachable)
                return;
        plan_init(&plan);
        for (size_t at = 0; (task = map_next(&node->tasks, &at));) {
                Sk__TaskStatus *status = arena_alloc(&plan.arena, sizeof *status);

                if (!task->has_report)
                        continue;
                task->has_report = false;
                sk__task_status__init(status);
                status->state = task->life.state;
                status->at_ns = sim->world.now + node->skew_ns;
                status->started_at_ns = task->started_at_ns;
                status->message = arena_strdup(&plan.arena, task->life.message);
                status->err = task->life.err ? arena_strdup(&plan.arena, task->life.err) : "";
                report_readiness(task, status, &plan.arena);
                plan_group(&plan);
                plan_merge_status(&plan, task->id, status);
        }
        if (!plan_is_empty(&plan))
                news_unref(sim_commit(sim, &plan));
        plan_done(&plan);
}

static void report_soon(struct sim_node *node)
{
        if (!node->is_report_due)
                sim_after(node->sim, sim_between(node->sim, 5, 100), report, node, node->boots);
        node->is_report_due = true;
}

/* --- a task's life --- */

/* An event of a task that may be gone when it fires: found again by its id. */
struct moment {
        struct sim_node *node;
        uint64_t boots;
        enum task_verb verb;
        char id[ID_SIZE];
};

static struct moment *moment_of(struct sim_task *task, enum task_verb verb)
{
        struct moment *moment = arena_alloc(&task->node->sim->arena, sizeof *moment);

        moment->node = task->node;
        moment->boots = task->node->boots;
        moment->verb = verb;
        strcpy(moment->id, task->id);
        return moment;
}

static struct sim_task *task_of(const struct moment *moment)
{
        return moment->boots == moment->node->boots ? map_find(&moment->node->tasks, moment->id)
                                                    : NULL;
}

static void exits(struct sim *sim, void *context, uint64_t n_verbs)
{
        struct sim_task *task = task_of(context);
        struct executor_exit exit = { .exit_code = sim_one_in(sim, 3) ? 0 : 1 };

        (void)n_verbs;
        if (!task || !task->is_running || (!sim_has_faults(sim) && !task->is_job))
                return;
        /* A job's task ends well more often than not. */
        if (task->is_job && (!sim_has_faults(sim) || sim_one_in(sim, 2)))
                exit.exit_code = 0;
        task->is_running = false;
        if (exit.exit_code)
                strcpy(exit.err, "task: non-zero exit (1)");
        task_exited(&task->life, &exit);
        drive(task);
}

/* Its health check fails at times; when it does so three times in a row, the container is stopped
 * for it. */
static void ails(struct sim *sim, void *context, uint64_t n_failures)
{
        struct executor_exit exit = { .err = "task: unhealthy container" };
        struct sim_task *task = task_of(context);

        if (!task || !task->is_running || !sim_has_faults(sim))
                return;
        if (n_failures < 3) {
                sim_after(sim, sim_between(sim, 200, 10000), ails, context,
                          sim_one_in(sim, 2) ? n_failures + 1 : 0);
                return;
        }
        sim->result.n_unhealthy++;
        task->is_running = false;
        task_exited(&task->life, &exit);
        drive(task);
}

/* Ready and unready in turn; for good ready when the faults are over. */
static void flaps(struct sim *sim, void *context, uint64_t n_verbs)
{
        struct sim_task *task = task_of(context);
        bool is_ready;

        (void)n_verbs;
        if (!task || !task->is_running)
                return;
        is_ready = task->readiness == SK__HEALTH_STATUS__STATE__HEALTHY;
        if (is_ready && !sim_has_faults(sim))
                return;
        task->readiness =
                is_ready ? SK__HEALTH_STATUS__STATE__UNHEALTHY : SK__HEALTH_STATUS__STATE__HEALTHY;
        task_changed(&task->life);
        drive(task);
        sim_after(sim, sim_between(sim, 10, 60000), flaps, context, 0);
}

static void ended(struct sim *sim, void *context, uint64_t n_verbs)
{
        const struct moment *moment = context;
        struct sim_task *task = task_of(moment);
        const struct err *err = failure_of(sim, moment->verb);

        if (!task || n_verbs != task->n_verbs)
                return;
        if (moment->verb == TASK_DO_START && !err) {
                task->is_running = true;
                task->started_at_ns = sim->world.now + task->node->skew_ns;
                check_started(sim, task);
                if (sim->options->is_ailing && sim_one_in(sim, 2))
                        sim_after(sim, sim_between(sim, 200, 10000), ails,
                                  moment_of(task, TASK_DO_NOTHING), 0);
                if (!task->is_job && sim_one_in(sim, 4)) {
                        task->readiness = SK__HEALTH_STATUS__STATE__STARTING;
                        sim_after(sim, sim_between(sim, 10, 20000), flaps,
                                  moment_of(task, TASK_DO_NOTHING), 0);
                }
                if (task->is_job)
                        sim_after(sim, sim_between(sim, 100, 60000), exits,
                                  moment_of(task, TASK_DO_NOTHING), 0);
                else if (sim_one_in(sim, 3))
                        sim_after(sim, sim_between(sim, 100, 300000), exits,
                                  moment_of(task, TASK_DO_NOTHING), 0);
        }
        if (moment->verb == TASK_DO_SHUTDOWN || moment->verb == TASK_DO_TERMINATE)
                task->is_running = false;
        task_verb_ended(&task->life, task->is_running, err);
        drive(task);
}

static void drop(struct sim_task *task)
{
        map_remove(&task->node->tasks, task->id);
        task_done(&task->life);
        free(task);
}

static void drive(struct sim_task *task)
{
        struct sim_node *node = task->node;
        enum task_verb verb = task_next(&task->life);

        if (task->life.is_interrupted)
                task_verb_ended(&task->life, false, NULL);
        if (verb != TASK_DO_NOTHING)
                sim_after(node->sim, duration_of(node->sim, verb), ended, moment_of(task, verb),
                          ++task->n_verbs);
        if (task_take_news(&task->life)) {
                task->has_report = true;
                report_soon(node);
        }
        if (task->life.is_gone)
                drop(task);
}

/* --- what the node must know --- */

static void take(struct sim_node *node, const Sk__Task *wanted)
{
        struct sim_task *task = map_find(&node->tasks, wanted->id);

        if (!task && task_is_over(wanted))
                return;
        if (!task) {
                task = mem_alloc(sizeof *task);
                strcpy(task->id, wanted->id);
                task->node = node;
                task->is_job = wanted->definition->job_iteration > 0;
                task_init(&task->life, task_state(wanted), wanted->definition->desired_state);
                map_put(&node->tasks, task->id, task);
        }
        task_desire(&task->life, wanted->definition->desired_state);
        drive(task);
}

/* The dispatcher's assignment, whole: what is placed here; anything else is discarded. */
static void sync_tasks(struct sim *sim, void *context, uint64_t boots)
{
        struct sim_node *node = context;
        struct view_cursor cursor = { 0 };
        const Sk__Task *wanted;
        struct sim_task *task;

        if (boots != node->boots)
                return;
        node->is_sync_due = false;
        if (!node->is_reachable)
                return;
        while ((wanted = view_each_node_task(sim->world.view, node->id, &cursor)))
                if (task_state(wanted) >= SK__TASK_STATE__TASK_ASSIGNED)
                        take(node, wanted);
        for (size_t at = 0; (task = map_next(&node->tasks, &at));)
                if (!view_task(sim->world.view, task->id)) {
                        task_discard(&task->life);
                        drive(task);
                }
}

static void sync_soon(struct sim_node *node)
{
        if (!node->is_sync_due && node->is_alive)
                sim_after(node->sim, sim_between(node->sim, 1, 50), sync_tasks, node, node->boots);
        node->is_sync_due = node->is_alive;
}

void node_news(struct sim *sim, const char *node_id)
{
        struct sim_node *node = *node_id ? node_find(sim, node_id) : NULL;

        if (node)
                sync_soon(node);
}

/* --- the node's own life --- */

static void set_status(struct sim_node *node, Sk__NodeStatus__State state)
{
        struct plan plan;
        Sk__NodeStatus *status;

        plan_init(&plan);
        status = arena_alloc(&plan.arena, sizeof *status);
        sk__node_status__init(status);
        status->state = state;
        status->since_ns = node->sim->world.now;
        status->address = "10.0.0.1";
        plan_set_part(plan_update(&plan, SK__KIND__KIND_NODE, node->id), PART_NODE_status,
                      &status->base);
        node->changed_at = node->sim->world.now;
        news_unref(sim_commit(node->sim, &plan));
        plan_done(&plan);
}

void node_init(struct sim *sim, struct sim_node *node, size_t number)
{
        *node = (struct sim_node){ .sim = sim,
                                   .number = number,
                                   .is_alive = true,
                                   .is_reachable = true,
                                   .changed_at = sim->world.now,
                                   .skew_ns = sim_between(sim, 0, 2000) - NS_PER_S };
        node->name = arena_printf(&sim->arena, "n%zux", number);
        node->id = arena_strdup(&sim->arena, a_node(&sim->world, node->name)->id);
}

static void forget_tasks(struct sim_node *node)
{
        struct sim_task *task;

        for (size_t at = 0; (task = map_next(&node->tasks, &at));)
                drop(task);
}

void node_done(struct sim_node *node)
{
        forget_tasks(node);
        map_done(&node->tasks);
}

static void found_missing(struct sim *sim, void *context, uint64_t boots)
{
        struct sim_node *node = context;

        (void)sim;
        if (boots == node->boots && !node->is_reachable)
                set_status(node, SK__NODE_STATUS__STATE__DOWN);
}

static void go(struct sim_node *node)
{
        node->is_reachable = false;
        node->sim->result.n_node_faults++;
        sim_after(node->sim, sim_between(node->sim, 3000, 15000), found_missing, node, node->boots);
}

/* Everything that ran on it is dead; what the agent wrote down stays. */
void node_crash(struct sim_node *node)
{
        if (!node->is_alive || !node->is_reachable)
                return;
        node->boots++;
        node->is_alive = node->is_sync_due = node->is_report_due = false;
        forget_tasks(node);
        go(node);
}

/* It runs on, but nobody hears of it. */
void node_cut(struct sim_node *node)
{
        if (node->is_alive && node->is_reachable)
                go(node);
}

void node_return(struct sim_node *node)
{
        if (node->is_reachable)
                return;
        node->is_alive = node->is_reachable = true;
        set_status(node, SK__NODE_STATUS__STATE__READY);
        sync_soon(node);
        report_soon(node);
}
