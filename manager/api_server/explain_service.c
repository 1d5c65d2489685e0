/* ExplainService: what keeps a service from being as it should be, each reason once. */
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/placement/need.h"
#include "lib/state/task_life.h"
#include "manager/api_server/show.h"

enum { REASONS_MAX = 20, NAMES_MAX = 5, NAME_SIZE = 256 };

struct telling {
        struct call *call;
        const Sk__Service *service;
        const Sk__ServiceSpec *spec;
        const struct placement_need *need;
        Sk__ExplainServiceResponse *out;
        struct map by_reason; /* of the response's troubles */
        bool is_job;
        uint64_t n_asked; /* tasks there should be; UINT64_MAX: as many as there are nodes, or a job
                             has */
        uint64_t n_wanted; /* slots or nodes with a task */
};

/* NULL: there are too many reasons already. */
static Sk__ExplainServiceResponse__Trouble *trouble_for(struct telling *telling, const char *what)
{
        Sk__ExplainServiceResponse__Trouble *trouble = map_find(&telling->by_reason, what);

        if (trouble || telling->out->n_troubles == REASONS_MAX)
                return trouble;
        trouble = CALL_NEW(telling->call, Sk__ExplainServiceResponse__Trouble,
                           SK__EXPLAIN_SERVICE_RESPONSE__TROUBLE__INIT);
        trouble->what = what;
        trouble->names = arena_alloc(telling->call->arena, NAMES_MAX * sizeof *trouble->names);
        telling->out->troubles[telling->out->n_troubles++] = trouble;
        map_put(&telling->by_reason, what, trouble);
        return trouble;
}

static void add_task(struct telling *telling, const Sk__Task *task, const char *what)
{
        Sk__ExplainServiceResponse__Trouble *trouble = trouble_for(telling, what);
        char name[NAME_SIZE];

        if (!trouble) {
                telling->out->n_untold++;
                return;
        }
        trouble->n_tasks++;
        if (trouble->n_names == NAMES_MAX)
                return;
        task_slot_name(task, telling->service->name, name, sizeof name);
        trouble->names[trouble->n_names++] = arena_strdup(telling->call->arena, name);
}

/* --- its tasks --- */

static bool is_as_it_should_be(const Sk__Task *task, bool is_job)
{
        Sk__TaskState state = task_state(task);

        if (is_job &&
            (state == SK__TASK_STATE__TASK_RUNNING || state == SK__TASK_STATE__TASK_COMPLETE))
                return true;
        return state == SK__TASK_STATE__TASK_RUNNING && task_is_ready(task);
}

/* Ended without being told to, and nothing comes after it. */
static bool is_left(const Sk__Task *task)
{
        Sk__TaskState state = task_state(task);

        return state == SK__TASK_STATE__TASK_FAILED || state == SK__TASK_STATE__TASK_REJECTED ||
               state == SK__TASK_STATE__TASK_COMPLETE;
}

static void tell_wanted(struct telling *telling)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task = NULL;

        while ((task = service_next_newest(telling->call->view, telling->service, task, &cursor))) {
                if (!task_is_wanted(task))
                        continue;
                telling->n_wanted++;
                if (!is_as_it_should_be(task, telling->is_job))
                        add_task(telling, task, explain_summary(telling->call, task));
        }
}

/* A global task has no other node: where none can be any more, none is missed. */
static bool has_place(const struct telling *telling, const Sk__Task *task)
{
        const Sk__Node *node;

        if (telling->spec->mode_case != SK__SERVICE_SPEC__MODE_GLOBAL)
                return true;
        node = view_node(telling->call->view, task->definition->node_id);
        return node && !(node->status && node->status->state == SK__NODE_STATUS__STATE__DOWN) &&
               !(node->spec && node->spec->availability == SK__NODE_SPEC__AVAILABILITY__DRAIN) &&
               placement_constraints_hold(telling->need, node);
}

/* Those that may not be started again; what a smaller service no longer needs is not missed. */
static void tell_left(struct telling *telling)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task = NULL;

        while ((task = service_next_newest(telling->call->view, telling->service, task, &cursor))) {
                if (telling->n_wanted >= telling->n_asked || task_is_wanted(task) ||
                    !is_left(task) || is_as_it_should_be(task, telling->is_job) ||
                    !has_place(telling, task))
                        continue;
                telling->n_wanted++;
                add_task(telling, task, explain_summary(telling->call, task));
        }
}

/* --- the service as a whole --- */

static const char *tell_update(const struct telling *telling)
{
        const Sk__UpdateStatus *status =
                telling->service->progress ? telling->service->progress->update : NULL;
        const char *name = telling->service->name;
        struct arena *arena = telling->call->arena;

        switch (status ? status->state : SK__UPDATE_STATUS__STATE__NONE) {
        case SK__UPDATE_STATUS__STATE__UPDATING:
        case SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED:
                return status->message;
        case SK__UPDATE_STATUS__STATE__PAUSED:
                return arena_printf(arena,
                                    "%s: 'skep service update --resume %s' goes on, 'skep service "
                                    "rollback %s' goes back",
                                    status->message, name, name);
        case SK__UPDATE_STATUS__STATE__ROLLBACK_PAUSED:
                return arena_printf(arena, "%s: 'skep service update --resume %s' goes on",
                                    status->message, name);
        default:
                return "";
        }
}

static const char *tell_job(const struct telling *telling)
{
        const Sk__JobStatus *job =
                telling->service->progress ? telling->service->progress->job : NULL;
        const Sk__JobStatus__Run *run = job && job->n_runs ? job->runs[0] : NULL;

        return run && run->n_failed ? str_or(run->message, "") : "";
}

static const char *tell_missing(const struct telling *telling)
{
        const Sk__ServiceSpec *spec = telling->spec;

        if (spec->mode_case == SK__SERVICE_SPEC__MODE_GLOBAL && !telling->n_wanted)
                return "no node is active and meets its constraints";
        if (spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED &&
            telling->n_wanted < telling->n_asked)
                return arena_printf(telling->call->arena, "%llu of its tasks are not made yet",
                                    (unsigned long long)(telling->n_asked - telling->n_wanted));
        return "";
}

static const char *summary_of(struct telling *telling)
{
        const Sk__ServiceCounts *counts = telling->out->service->counts;
        struct arena *arena = telling->call->arena;

        if (telling->is_job)
                return arena_printf(arena, "%llu completed, %llu run",
                                    (unsigned long long)counts->completed,
                                    (unsigned long long)counts->running);
        return arena_printf(arena, "%llu of %llu tasks run", (unsigned long long)counts->running,
                            (unsigned long long)counts->desired);
}

static void tell_all(struct telling *telling)
{
        const char *whole[] = { tell_update(telling), tell_job(telling), NULL };

        for (size_t i = 0; i < 2; i++)
                if (*whole[i])
                        (void)trouble_for(telling, whole[i]);
        tell_wanted(telling);
        tell_left(telling);
        whole[2] = tell_missing(telling);
        if (*whole[2])
                (void)trouble_for(telling, whole[2]);
}

int handle_explain_service(struct call *call, const Sk__ExplainServiceRequest *in,
                           Sk__ExplainServiceResponse *out)
{
        struct telling telling = { .call = call, .out = out };
        const struct object_head *object;

        TRY(view_resolve(call->view, SK__KIND__KIND_SERVICE, in->id, &object, call->err));
        telling.service = (const Sk__Service *)object;
        telling.spec = service_spec_now(call->view, telling.service);
        if (!telling.spec)
                return err_set(call->err, ERR_UNAVAILABLE, "service %.64s is just being made",
                               in->id);
        telling.need = service_need_now(call, telling.service);
        telling.is_job = service_is_job(call->view, telling.service);
        telling.n_asked = telling.spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED
                                  ? telling.spec->replicated->replicas
                                  : UINT64_MAX;
        out->service = show_service(call, telling.service, false);
        out->troubles = arena_alloc(call->arena, REASONS_MAX * sizeof *out->troubles);
        tell_all(&telling);
        out->summary = summary_of(&telling);
        map_done(&telling.by_reason);
        return 0;
}
