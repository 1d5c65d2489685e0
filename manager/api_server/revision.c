/* The revisions of a service: the next one, those that are kept, and how an update goes on. */
#include "manager/api_server/revision.h"

#include <string.h>

#include "lib/base/str.h"
#include "manager/api_server/show.h"

/* Older revisions that are kept: the previous one, and these. */
enum { HISTORY_MAX = 9 };

Sk__ServiceRevision *revision_next(struct call *call, const Sk__Service *service,
                                   const char *spec_id, const Sk__ServiceSpec *spec)
{
        const Sk__ServiceRevision *before = service->spec;
        Sk__ServiceRevision *part = CALL_NEW(call, Sk__ServiceRevision, SK__SERVICE_REVISION__INIT);

        part->spec_id = spec_id;
        part->previous_spec_id = before->spec_id;
        part->revision = before->revision + 1;
        part->runs_asked = before->runs_asked;
        part->rebalance = before->rebalance;
        part->n_labels = spec->annotations->n_labels;
        part->labels = spec->annotations->labels;
        part->history = arena_alloc(call->arena, HISTORY_MAX * sizeof *part->history);
        if (!str_is_empty(before->previous_spec_id))
                part->history[part->n_history++] = before->previous_spec_id;
        for (size_t i = 0; i < before->n_history && part->n_history < HISTORY_MAX; i++)
                part->history[part->n_history++] = before->history[i];
        return part;
}

/* The specs that are kept, one after the other: the present one, the previous one, older ones. */
static const Sk__ServiceSpecObject *each_kept(const struct view *view, const Sk__Service *service,
                                              size_t *i)
{
        const Sk__ServiceRevision *revision = service->spec;
        const Sk__ServiceSpecObject *found = NULL;

        for (; !found && *i < 2 + revision->n_history; ++*i) {
                const char *id = *i == 0   ? revision->spec_id
                                 : *i == 1 ? revision->previous_spec_id
                                           : revision->history[*i - 2];

                found = str_is_empty(id) ? NULL : view_service_spec(view, id);
                found = found && found->spec && found->spec->spec ? found : NULL;
        }
        return found;
}

const Sk__ServiceSpecObject *revision_find(const struct view *view, const Sk__Service *service,
                                           uint64_t number)
{
        const Sk__ServiceSpecObject *object;
        size_t i = 0;

        while ((object = each_kept(view, service, &i)))
                if (object->spec->revision == number)
                        return object;
        return NULL;
}

/* --- going on --- */

static const Sk__UpdateStatus *status_of(const Sk__Service *service)
{
        const Sk__UpdateStatus *status = service->progress ? service->progress->update : NULL;

        return status && str_equal(status->spec_id, service->spec->spec_id) ? status : NULL;
}

static int resume(struct call *call, const Sk__Service *service, Sk__ServiceRevision *part)
{
        const Sk__UpdateStatus *status = status_of(service);

        if (!status || (status->state != SK__UPDATE_STATUS__STATE__PAUSED &&
                        status->state != SK__UPDATE_STATUS__STATE__ROLLBACK_PAUSED))
                return err_set(call->err, ERR_PRECONDITION,
                               "service %s has no paused update to resume", service->name);
        /* Equal times would say that nothing was asked. */
        part->resumed_at_ns =
                call->now_ns > part->resumed_at_ns ? call->now_ns : part->resumed_at_ns + 1;
        return 0;
}

static int promote(struct call *call, const Sk__Service *service, Sk__ServiceRevision *part)
{
        const Sk__ServiceSpec *spec = service_spec_now(call->view, service);
        const Sk__UpdateStatus *status = status_of(service);

        if (!spec || !spec->update || !spec->update->canary || part->is_rollback ||
            part->is_promoted || !status)
                return err_set(call->err, ERR_PRECONDITION, "service %s has no canaries to promote",
                               service->name);
        if (status->state == SK__UPDATE_STATUS__STATE__PAUSED)
                return err_set(call->err, ERR_PRECONDITION, "the canaries of service %s failed: %s",
                               service->name, status->message);
        part->is_promoted = true;
        return 0;
}

static bool is_running(const Sk__Service *service)
{
        const Sk__JobStatus *job = service->progress ? service->progress->job : NULL;

        for (size_t i = 0; job && i < job->n_runs; i++)
                if (!job->runs[i]->ended_at_ns)
                        return true;
        return false;
}

static int run(struct call *call, const Sk__Service *service, Sk__ServiceRevision *part)
{
        const Sk__ServiceSpec *spec = service_spec_now(call->view, service);

        if (!service_is_job(call->view, service))
                return err_set(call->err, ERR_PRECONDITION,
                               "service %s is no job: only replicated-job and global-job services "
                               "can be run",
                               service->name);
        if (spec->schedule && spec->schedule->concurrency == SK__SCHEDULE__CONCURRENCY__FORBID &&
            is_running(service))
                return err_set(call->err, ERR_PRECONDITION,
                               "a run of job %s is under way, and its schedule forbids another",
                               service->name);
        part->runs_asked++;
        return 0;
}

int revision_go_on(struct call *call, const Sk__UpdateServiceRequest *in,
                   const Sk__Service *service)
{
        const char *what = in->run ? "run" : in->promote ? "promote" : "resume";
        Sk__ServiceRevision *part = arena_copy(call->arena, service->spec, sizeof *service->spec);
        struct plan_change *change;

        if (in->spec || in->rollback)
                return err_set(call->err, ERR_INVALID,
                               "'%s' changes no spec of a service: it cannot be asked for together "
                               "with '%s'",
                               what, in->spec ? "spec" : "rollback");
        if (in->resume)
                TRY(resume(call, service, part));
        if (in->promote)
                TRY(promote(call, service, part));
        if (in->run)
                TRY(run(call, service, part));
        plan_require_unchanged(call->plan, SK__KIND__KIND_SERVICE,
                               (const struct object_head *)service, PART_SERVICE_spec);
        change = plan_update(call->plan, SK__KIND__KIND_SERVICE, service->id);
        change->reason = in->run       ? "run asked for"
                         : in->promote ? "canaries promoted"
                                       : "update resumed";
        plan_set_part(change, PART_SERVICE_spec, &part->base);
        return 0;
}

/* --- history --- */

static int newest_first(const void *a, const void *b)
{
        const Sk__ServiceRevisionView *const *x = a, *const *y = b;

        return (*x)->revision < (*y)->revision ? 1 : (*x)->revision > (*y)->revision ? -1 : 0;
}

int handle_list_service_revisions(struct call *call, const Sk__ListServiceRevisionsRequest *in,
                                  Sk__ListServiceRevisionsResponse *out)
{
        const Sk__ServiceSpecObject *object;
        const struct object_head *head;
        const Sk__Service *service;
        size_t i = 0;

        TRY(view_resolve(call->view, SK__KIND__KIND_SERVICE, in->id, &head, call->err));
        service = (const Sk__Service *)head;
        out->revisions =
                arena_alloc(call->arena, (2 + service->spec->n_history) * sizeof *out->revisions);
        while ((object = each_kept(call->view, service, &i))) {
                Sk__ServiceRevisionView *shown =
                        CALL_NEW(call, Sk__ServiceRevisionView, SK__SERVICE_REVISION_VIEW__INIT);

                shown->revision = object->spec->revision;
                shown->created_at_ns = object->meta ? object->meta->created_at_ns : 0;
                shown->spec = show_spec(call, object->spec->spec);
                shown->is_current = str_equal(object->id, service->spec->spec_id);
                shown->is_previous = str_equal(object->id, service->spec->previous_spec_id);
                out->revisions[out->n_revisions++] = shown;
        }
        qsort(out->revisions, out->n_revisions, sizeof *out->revisions, newest_first);
        return 0;
}
