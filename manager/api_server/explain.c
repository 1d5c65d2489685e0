/* ExplainTask: the story of a task, and what it waits for. */
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/placement/placement.h"
#include "lib/state/task_life.h"
#include "manager/api_server/show.h"

enum { STEPS_MAX = 16 };

static void add_step(struct call *call, Sk__ExplainTaskResponse *out, int64_t at_ns,
                     const char *what)
{
        Sk__ExplainTaskResponse__Step *step = CALL_NEW(call, Sk__ExplainTaskResponse__Step,
                                                       SK__EXPLAIN_TASK_RESPONSE__STEP__INIT);

        if (out->n_steps == STEPS_MAX)
                return;
        step->at_ns = at_ns;
        step->what = what;
        out->steps[out->n_steps++] = step;
}

/* What came before in the same slot: usually the reason why this task exists. */
static void tell_predecessor(struct call *call, Sk__ExplainTaskResponse *out, const Sk__Task *task)
{
        const Sk__Task *before = view_slot_older(call->view, task);
        const char *why;

        if (!before)
                return;
        why = before->status ? str_or(before->status->err, "") : "";
        if (!*why && !task_is_wanted(before))
                why = str_or(before->definition->reason, "");
        add_step(call, out, before->status ? before->status->at_ns : 0,
                 arena_printf(call->arena, "replaces %s, which is %s%s%s", before->id,
                              task_state_name(task_state(before)), *why ? ": " : "", why));
}

static const char *node_words(struct call *call, const Sk__Task *task)
{
        const Sk__Node *node = view_node(call->view, task_node(task));

        return node && !str_is_empty(node->name) ? node->name : task_node(task);
}

static void tell_life(struct call *call, Sk__ExplainTaskResponse *out, const Sk__Task *task)
{
        add_step(call, out, task->meta ? task->meta->created_at_ns : 0,
                 arena_printf(call->arena, "created%s%s",
                              str_is_empty(task->definition->reason) ? "" : ": ",
                              str_or(task->definition->reason, "")));
        if (task->placement && !str_is_empty(task->placement->node_id))
                add_step(call, out, task->placement->at_ns,
                         arena_printf(call->arena, "placed on %s%s%s", node_words(call, task),
                                      str_is_empty(task->placement->explanation) ? "" : ": ",
                                      str_or(task->placement->explanation, "")));
        if (task->status && task->status->state)
                add_step(call, out, task->status->at_ns,
                         arena_printf(call->arena, "%s%s%s%s%s",
                                      task_state_name(task->status->state),
                                      str_is_empty(task->status->message) ? "" : ": ",
                                      str_or(task->status->message, ""),
                                      str_is_empty(task->status->err) ? "" : ": ",
                                      str_or(task->status->err, "")));
}

static const char *first_missing(struct call *call, Sk__Kind kind, Sk__FileReference *const *files,
                                 size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!view_find(call->view, kind, files[i]->id))
                        return arena_printf(call->arena,
                                            "%s %s, which it uses, was removed: create it again "
                                            "and update the service",
                                            object_kind(kind)->name, files[i]->name);
        return NULL;
}

/* A secret or config that the task's spec names and nobody has; NULL: there is none. */
static const char *missing_file(struct call *call, const Sk__Task *task)
{
        const Sk__ServiceSpecRevision *revision = view_task_spec(call->view, task);
        const Sk__ContainerSpec *container = revision ? revision->spec->task->container : NULL;
        const char *missing;

        if (!container)
                return NULL;
        missing = first_missing(call, SK__KIND__KIND_SECRET, container->secrets,
                                container->n_secrets);
        return missing ? missing
                       : first_missing(call, SK__KIND__KIND_CONFIG, container->configs,
                                       container->n_configs);
}

enum { SAID_MAX = 200 };

/* What a probe said last is the reason for all that follows from it. */
static void tell_probes(struct call *call, Sk__ExplainTaskResponse *out, const char *what,
                        const Sk__HealthStatus *health)
{
        for (size_t i = 0; health && i < health->n_results; i++) {
                const Sk__HealthStatus__Result *result = health->results[i];
                const char *output = str_or(result->output, "");
                size_t length = 0, n;

                while (output[length] &&
                       (n = utf8_next(output + length, strnlen(output + length, 4))) &&
                       length + n <= SAID_MAX)
                        length += n;
                add_step(call, out, result->ended_at_ns,
                         arena_printf(call->arena, "%s: exit code %lld%s%.*s", what,
                                      (long long)result->exit_code, length ? ": " : "", (int)length,
                                      output));
        }
}

static const char *probe_words(struct call *call, const char *sentence,
                               const Sk__HealthStatus *health)
{
        unsigned n = health ? health->failing_streak : 0;

        return n ? arena_printf(call->arena, "%s: %u probe%s failed in a row", sentence, n,
                                n == 1 ? "" : "s")
                 : sentence;
}

/* One sentence: where it stands, and what a person can do. */
static const char *summary_of(struct call *call, const Sk__Task *task)
{
        Sk__TaskState state = task_state(task), desired = task->definition->desired_state;
        const Sk__Node *node = view_node(call->view, task_node(task));
        const char *err = task->status ? str_or(task->status->err, "") : "";
        char restart[80];
        const char *missing =
                state != SK__TASK_STATE__TASK_RUNNING ? missing_file(call, task) : NULL;

        if (missing && (!task_is_over(task) || state == SK__TASK_STATE__TASK_REJECTED))
                return missing;
        if (task_is_over(task))
                return arena_printf(call->arena, "it is over: %s%s%s", task_state_name(state),
                                    err[0] ? ": " : "", err);
        if (desired > SK__TASK_STATE__TASK_COMPLETE)
                return "it is being stopped";
        if (state < SK__TASK_STATE__TASK_ASSIGNED)
                return task->placement && !str_is_empty(task->placement->explanation)
                               ? task->placement->explanation
                               : "it waits for the scheduler to find a node";
        if (node && node->status && node->status->state == SK__NODE_STATUS__STATE__DOWN)
                return arena_printf(call->arena, "its node %s is down: %s", node_words(call, task),
                                    str_or(node->status->message, ""));
        if (state == SK__TASK_STATE__TASK_RUNNING && !task_is_ready(task))
                return probe_words(call, "it runs, but is not ready", task->status->readiness);
        if (state == SK__TASK_STATE__TASK_RUNNING)
                return "it runs";
        task_restart_text(task, call->now_ns, restart, sizeof restart);
        if (state == SK__TASK_STATE__TASK_READY && restart[0])
                return arena_printf(call->arena, "it is ready and %s", restart);
        if (state == SK__TASK_STATE__TASK_STARTING && task->status->health)
                return probe_words(call, "its container runs, but is not healthy yet",
                                   task->status->health);
        if (state == SK__TASK_STATE__TASK_READY && desired == SK__TASK_STATE__TASK_READY)
                return "it is ready and waits for its turn: a restart delay or a task that has to "
                       "stop first";
        return arena_printf(call->arena, "%s works on it: %s%s%s", node_words(call, task),
                            task_state_name(state), err[0] ? ": " : "", err);
}

/* Why each node does or does not take it, as things are now. */
static int tell_nodes(struct call *call, const Sk__Task *task, Sk__ExplainTaskResponse *out)
{
        struct placement_verdict *verdicts;
        size_t n;

        TRY(placement_verdicts(call->view, task, call->arena, &verdicts, &n, call->err));
        out->nodes = arena_alloc(call->arena, (n + 1) * sizeof *out->nodes);
        for (size_t i = 0; i < n; i++) {
                Sk__ExplainTaskResponse__NodeVerdict *verdict =
                        CALL_NEW(call, Sk__ExplainTaskResponse__NodeVerdict,
                                 SK__EXPLAIN_TASK_RESPONSE__NODE_VERDICT__INIT);

                verdict->node_id = verdicts[i].node_id;
                verdict->node_name = verdicts[i].node_name;
                verdict->filter = placement_filter_name(verdicts[i].filter);
                verdict->why = verdicts[i].text;
                out->nodes[out->n_nodes++] = verdict;
        }
        return 0;
}

int handle_explain_task(struct call *call, const Sk__ExplainTaskRequest *in,
                        Sk__ExplainTaskResponse *out)
{
        Sk__GetTaskRequest request = SK__GET_TASK_REQUEST__INIT;
        Sk__GetTaskResponse response = SK__GET_TASK_RESPONSE__INIT;
        const Sk__Task *task;

        request.id = in->id;
        TRY(handle_get_task(call, &request, &response));
        task = response.task->task;
        out->task = response.task;
        out->steps = arena_alloc(call->arena, STEPS_MAX * sizeof *out->steps);
        tell_predecessor(call, out, task);
        tell_life(call, out, task);
        if (task->status) {
                tell_probes(call, out, "health check", task->status->health);
                tell_probes(call, out, "readiness check", task->status->readiness);
        }
        if (task_node(task)[0] == '\0' && !task_is_over(task))
                TRY(tell_nodes(call, task, out));
        out->summary = summary_of(call, task);
        return 0;
}
