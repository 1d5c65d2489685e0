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

static const char *node_words(struct call *call, const Sk__Task *task)
{
        const Sk__Node *node = view_node(call->view, task_node(task));

        return node && !str_is_empty(node->name) ? node->name : task_node(task);
}

/* What went wrong, without the word for whom docker puts before it. */
static const char *error_of(const Sk__Task *task)
{
        const char *err = task->status ? str_or(task->status->err, "") : "";

        return str_starts_with(err, "task: ") ? err + strlen("task: ") : err;
}

static const char *end_words(Sk__TaskState state)
{
        switch (state) {
        case SK__TASK_STATE__TASK_COMPLETE:
                return "completed";
        case SK__TASK_STATE__TASK_SHUTDOWN:
                return "was shut down";
        case SK__TASK_STATE__TASK_REJECTED:
                return "was rejected";
        case SK__TASK_STATE__TASK_REMOVE:
                return "was removed";
        case SK__TASK_STATE__TASK_ORPHANED:
                return "was lost with its node";
        default:
                return task_state_name(state);
        }
}

/* Why a task ended; "" when nothing is known. */
static const char *why_over(const Sk__Task *task)
{
        const char *why = error_of(task);

        /* Whoever was told to stop says nothing about it; whoever failed was told so afterwards. */
        if (!*why && task_state(task) == SK__TASK_STATE__TASK_SHUTDOWN && !task_is_wanted(task))
                why = str_or(task->definition->reason, "");
        return why;
}

/* Why a task exists.  Its definition does not tell: the reason there is that of its present desired
 * state. */
static void tell_creation(struct call *call, Sk__ExplainTaskResponse *out, const Sk__Task *task)
{
        const Sk__Task *before = view_slot_older(call->view, task);
        int64_t at_ns = task->meta ? task->meta->created_at_ns : 0;
        const char *why = before ? why_over(before) : "";

        if (before && before->definition->job_iteration != task->definition->job_iteration)
                before = NULL;
        if (!before) {
                add_step(call, out, at_ns,
                         task->definition->job_iteration ? "created: the job wants it"
                                                         : "created: the service wants it");
                return;
        }
        if (task_is_over(before))
                add_step(call, out, before->status->at_ns,
                         arena_printf(call->arena, "%s, which came before, %s%s%s", before->id,
                                      end_words(task_state(before)), *why ? ": " : "", why));
        add_step(call, out, at_ns,
                 arena_printf(call->arena, "created to replace %s%s", before->id,
                              str_equal(before->definition->spec_id, task->definition->spec_id)
                                      ? ""
                                      : ": the service was updated"));
}

/* "failed: non-zero exit (3)", "preparing", "running". */
static const char *state_words(struct call *call, const Sk__Task *task)
{
        const char *name = task_state_name(task->status->state), *err = error_of(task);

        return *err ? arena_printf(call->arena, "%s: %s", name, err) : name;
}

static void tell_life(struct call *call, Sk__ExplainTaskResponse *out, const Sk__Task *task)
{
        tell_creation(call, out, task);
        if (task->placement && !str_is_empty(task->placement->node_id))
                add_step(call, out, task->placement->at_ns,
                         arena_printf(call->arena, "placed on %s%s%s", node_words(call, task),
                                      str_is_empty(task->placement->explanation) ? "" : ": ",
                                      str_or(task->placement->explanation, "")));
        if (task->status && task->status->state)
                add_step(call, out, task_status_since(task->status), state_words(call, task));
}

/* By time; those of one instant stay as they are. */
static void order_steps(Sk__ExplainTaskResponse *out)
{
        for (size_t i = 1; i < out->n_steps; i++) {
                Sk__ExplainTaskResponse__Step *step = out->steps[i];
                size_t k = i;

                for (; k && out->steps[k - 1]->at_ns > step->at_ns; k--)
                        out->steps[k] = out->steps[k - 1];
                out->steps[k] = step;
        }
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

const char *explain_summary(struct call *call, const Sk__Task *task)
{
        Sk__TaskState state = task_state(task), desired = task->definition->desired_state;
        const Sk__Node *node = view_node(call->view, task_node(task));
        const char *err = error_of(task), *reason = str_or(task->definition->reason, "");
        char restart[80];
        const char *missing =
                state != SK__TASK_STATE__TASK_RUNNING ? missing_file(call, task) : NULL;

        if (missing && (!task_is_over(task) || state == SK__TASK_STATE__TASK_REJECTED))
                return missing;
        if (task_is_over(task))
                return *why_over(task) ? why_over(task) : "it is over";
        if (desired > SK__TASK_STATE__TASK_COMPLETE)
                return arena_printf(call->arena, "it is being stopped%s%s", reason[0] ? ": " : "",
                                    reason);
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
        tell_life(call, out, task);
        if (task->status) {
                tell_probes(call, out, "health check", task->status->health);
                tell_probes(call, out, "readiness check", task->status->readiness);
                if (!str_is_empty(task->status->log_trouble))
                        add_step(call, out, task->status->at_ns,
                                 arena_printf(call->arena, "log: %s", task->status->log_trouble));
        }
        order_steps(out);
        if (task_node(task)[0] == '\0' && !task_is_over(task))
                TRY(tell_nodes(call, task, out));
        out->summary = explain_summary(call, task);
        return 0;
}
