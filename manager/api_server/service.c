/* Handlers for services. */
#include "manager/api_server/service.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/message/message.h"
#include "lib/state/references.h"
#include "lib/state/task_digest.h"
#include "manager/api_server/check.h"
#include "manager/api_server/file.h"
#include "manager/api_server/filter.h"
#include "manager/api_server/revision.h"
#include "manager/api_server/show.h"

enum { PART_SERVICE_SPEC = 0 };

static bool is_same_task(struct call *call, const Sk__ServiceSpecRevision *before,
                         const Sk__ServiceSpec *after)
{
        ProtobufCBinaryData digest = task_digest_of(after, call->arena);

        return before->task_digest.len == digest.len &&
               memcmp(before->task_digest.data, digest.data, digest.len) == 0;
}

static bool has_same_platforms(const Sk__Placement *a, const Sk__Placement *b)
{
        size_t n = a ? a->n_platforms : 0;

        if (n != (b ? b->n_platforms : 0))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!str_equal(a->platforms[i]->os, b->platforms[i]->os) ||
                    !str_equal(a->platforms[i]->architecture, b->platforms[i]->architecture))
                        return false;
        return true;
}

/* What an image is for goes with its digest: told anew with it, and not kept for another image.
 * 'before': what the service was, NULL when it is new. */
static void keep_platforms(struct call *call, const Sk__ServiceSpec *before, Sk__TaskSpec *kept)
{
        const struct resolved_image *resolved = call->resolved;
        bool is_stale = before &&
                        !str_equal(before->task->container->image, kept->container->image) &&
                        has_same_platforms(before->task->placement, kept->placement);
        Sk__Placement *placement;

        if ((!resolved && !is_stale) || (!kept->placement && (!resolved || !resolved->n_platforms)))
                return;
        placement = CALL_NEW(call, Sk__Placement, SK__PLACEMENT__INIT);
        if (kept->placement)
                *placement = *kept->placement;
        placement->n_platforms = resolved ? resolved->n_platforms : 0;
        placement->platforms = resolved ? resolved->platforms : NULL;
        kept->placement = placement;
}

/* The spec as it will be kept: image resolved, secrets and configs found, credentials only when the
 * person asked for it. */
static int spec_to_keep(struct call *call, const Sk__ServiceSpec *before,
                        const Sk__ServiceSpec *spec, const Sk__RegistryAuth *auth,
                        Sk__ServiceSpec **ret)
{
        Sk__ServiceSpec *kept = arena_copy(call->arena, spec, sizeof *spec);

        kept->task = arena_copy(call->arena, spec->task, sizeof *spec->task);
        kept->task->container =
                arena_copy(call->arena, spec->task->container, sizeof *spec->task->container);
        kept->task->container->registry_auth = (Sk__RegistryAuth *)auth;
        if (call->resolved)
                kept->task->container->image = call->resolved->reference;
        keep_platforms(call, before, kept->task);
        *ret = kept;
        return file_fill_references(call, kept->task->container);
}

static void plan_revision(struct call *call, const char *spec_id, const char *service_id,
                          uint64_t revision, Sk__ServiceSpec *spec)
{
        Sk__ServiceSpecRevision *part =
                CALL_NEW(call, Sk__ServiceSpecRevision, SK__SERVICE_SPEC_REVISION__INIT);
        struct plan_change *change = plan_create(call->plan, SK__KIND__KIND_SERVICE_SPEC, spec_id);

        part->service_id = service_id;
        part->revision = revision;
        part->spec = spec;
        part->task_digest = task_digest_of(spec, call->arena);
        plan_set_part(change, 0, &part->base);
}

static void add_warning(struct call *call, char ***ret_warnings, size_t *ret_n)
{
        if (!call->warning)
                return;
        *ret_warnings = arena_alloc(call->arena, sizeof **ret_warnings);
        (*ret_warnings)[0] = (char *)call->warning;
        *ret_n = 1;
}

int handle_create_service(struct call *call, const Sk__CreateServiceRequest *in,
                          Sk__CreateServiceResponse *out)
{
        Sk__ServiceRevision *part = CALL_NEW(call, Sk__ServiceRevision, SK__SERVICE_REVISION__INIT);
        const char *id = call->fresh_ids[0], *spec_id = call->fresh_ids[1];
        struct plan_change *change;
        Sk__ServiceSpec *spec;

        TRY(check_service_spec(in->spec, call->err));
        if (view_find_name(call->view, SK__KIND__KIND_SERVICE, in->spec->annotations->name))
                return err_set(call->err, ERR_EXISTS,
                               "name conflicts with an existing object: service %s already exists",
                               in->spec->annotations->name);
        part->spec_id = spec_id;
        part->previous_spec_id = "";
        part->revision = 1;
        part->n_labels = in->spec->annotations->n_labels;
        part->labels = in->spec->annotations->labels;
        TRY(spec_to_keep(call, NULL, in->spec, in->send_registry_auth ? in->registry_auth : NULL,
                         &spec));
        plan_revision(call, spec_id, id, 1, spec);
        change = plan_create(call->plan, SK__KIND__KIND_SERVICE, id);
        change->name = in->spec->annotations->name;
        change->references = service_references(part, spec, call->arena);
        change->reason = "service created";
        plan_set_part(change, PART_SERVICE_SPEC, &part->base);
        out->id = id;
        add_warning(call, (char ***)&out->warnings, &out->n_warnings);
        return 0;
}

static int find_service(struct call *call, const char *what, const Sk__Service **ret)
{
        const struct object_head *object;

        TRY(view_resolve(call->view, SK__KIND__KIND_SERVICE, what, &object, call->err));
        *ret = (const Sk__Service *)object;
        return 0;
}

static void plan_next(struct call *call, const Sk__Service *service, Sk__ServiceRevision *part,
                      Sk__ServiceSpec *spec, const char *reason)
{
        struct plan_change *change;

        plan_revision(call, part->spec_id, service->id, part->revision, spec);
        plan_require_unchanged(call->plan, SK__KIND__KIND_SERVICE,
                               (const struct object_head *)service, PART_SERVICE_SPEC);
        change = plan_update(call->plan, SK__KIND__KIND_SERVICE, service->id);
        change->references = service_references(part, spec, call->arena);
        change->reason = reason;
        plan_set_part(change, PART_SERVICE_SPEC, &part->base);
}

void service_plan_revision(struct call *call, const Sk__Service *service, const char *spec_id,
                           Sk__ServiceSpec *spec, const char *reason)
{
        plan_next(call, service, revision_next(call, service, spec_id, spec), spec, reason);
}

/* What the service shall become: the spec given, or the previous one. */
static int wanted_spec(struct call *call, const Sk__UpdateServiceRequest *in,
                       const Sk__Service *service, Sk__ServiceSpec **ret)
{
        const Sk__ServiceSpecObject *now = view_service_spec(call->view, service->spec->spec_id);
        const Sk__ServiceSpecObject *previous =
                view_service_spec(call->view, str_or(service->spec->previous_spec_id, ""));
        const Sk__RegistryAuth *auth = in->send_registry_auth ? in->registry_auth : NULL;

        if (!now)
                return err_set(call->err, ERR_UNAVAILABLE,
                               "service %s is still being read, try again", service->name);
        if (in->rollback && in->rollback_to) {
                previous = revision_find(call->view, service, in->rollback_to);
                if (!previous)
                        return err_set(call->err, ERR_NOT_FOUND,
                                       "service %s has no revision %llu: see 'skep service "
                                       "history %s'",
                                       service->name, (unsigned long long)in->rollback_to,
                                       service->name);
        }
        if (in->rollback && !previous)
                return err_set(call->err, ERR_PRECONDITION,
                               "service %s does not have a previous spec", service->name);
        if (in->rollback) {
                *ret = previous->spec->spec;
                return file_require_references(call, (*ret)->task->container);
        }
        TRY(check_service_spec(in->spec, call->err));
        TRY(check_service_update(now->spec->spec, in->spec, call->err));
        if (!auth && in->registry_auth_from_previous && previous)
                auth = previous->spec->spec->task->container->registry_auth;
        else if (!auth)
                auth = now->spec->spec->task->container->registry_auth;
        return spec_to_keep(call, now->spec->spec, in->spec, auth, ret);
}

int handle_update_service(struct call *call, const Sk__UpdateServiceRequest *in,
                          Sk__UpdateServiceResponse *out)
{
        const Sk__ServiceSpecObject *now;
        const Sk__Service *service;
        Sk__ServiceRevision *part;
        Sk__ServiceSpec *spec = NULL;

        TRY(find_service(call, in->id, &service));
        if (in->version && in->version != object_part_version((const struct object_head *)service,
                                                              PART_SERVICE_SPEC))
                return err_set(call->err, ERR_PRECONDITION, "update out of sequence");
        if (in->resume || in->promote || in->run)
                return revision_go_on(call, in, service);
        TRY(wanted_spec(call, in, service, &spec));
        part = revision_next(call, service, call->fresh_ids[0], spec);
        part->is_rollback = in->rollback;
        now = view_service_spec(call->view, service->spec->spec_id);
        /* What changes no task keeps an update going as it was. */
        part->is_promoted =
                service->spec->is_promoted && !in->rollback && is_same_task(call, now->spec, spec);
        plan_next(call, service, part, spec,
                  in->rollback ? "service rolled back" : "service updated");
        add_warning(call, (char ***)&out->warnings, &out->n_warnings);
        return 0;
}

int handle_remove_service(struct call *call, const Sk__RemoveServiceRequest *in,
                          Sk__RemoveServiceResponse *out)
{
        const Sk__Service *service;

        TRY(find_service(call, in->id, &service));
        plan_remove(call->plan, SK__KIND__KIND_SERVICE, service->id)->reason = "service removed";
        out->id = arena_strdup(call->arena, service->id);
        return 0;
}

static const char **names_of(struct call *call, Sk__Kind kind, Sk__FileReference *const *files,
                             size_t n)
{
        const char **names = arena_alloc(call->arena, (n + 1) * sizeof *names);

        for (size_t i = 0; i < n; i++) {
                const struct object_head *object = view_find(call->view, kind, files[i]->id);

                names[i] = object ? object->name : "";
        }
        return names;
}

int handle_get_service(struct call *call, const Sk__GetServiceRequest *in,
                       Sk__GetServiceResponse *out)
{
        const Sk__ContainerSpec *container;
        const Sk__Service *service;

        TRY(find_service(call, in->id, &service));
        out->service = show_service(call, service, true);
        if (!out->service->spec)
                return 0;
        container = out->service->spec->task->container;
        out->n_secret_names = container->n_secrets;
        out->secret_names =
                names_of(call, SK__KIND__KIND_SECRET, container->secrets, container->n_secrets);
        out->n_config_names = container->n_configs;
        out->config_names =
                names_of(call, SK__KIND__KIND_CONFIG, container->configs, container->n_configs);
        return 0;
}

static const char *mode_name(const Sk__ServiceSpec *spec)
{
        switch (spec ? spec->mode_case : SK__SERVICE_SPEC__MODE__NOT_SET) {
        case SK__SERVICE_SPEC__MODE_REPLICATED:
                return "replicated";
        case SK__SERVICE_SPEC__MODE_GLOBAL:
                return "global";
        case SK__SERVICE_SPEC__MODE_REPLICATED_JOB:
                return "replicated-job";
        case SK__SERVICE_SPEC__MODE_GLOBAL_JOB:
                return "global-job";
        default:
                return "";
        }
}

static bool service_matches(struct call *call, const Sk__Service *service,
                            const Sk__ListServicesRequest *in)
{
        Sk__Filter *const *filters = in->filters;
        size_t n = in->n_filters;

        return filters_match_prefix(filters, n, "id", service->id) &&
               filters_match_prefix(filters, n, "name", service->name) &&
               filters_match_exact(filters, n, "mode",
                                   mode_name(service_spec_now(call->view, service))) &&
               filters_match_labels(filters, n, "label", service->spec->labels,
                                    service->spec->n_labels);
}

int handle_list_services(struct call *call, const Sk__ListServicesRequest *in,
                         Sk__ListServicesResponse *out)
{
        static const char *const known[] = { "id", "name", "label", "mode", "runtime", NULL };
        struct view_cursor cursor = { 0 };
        const struct object_head *object;

        TRY(filters_check(in->filters, in->n_filters, known, call->err));
        out->services = arena_alloc(call->arena, (view_count(call->view, SK__KIND__KIND_SERVICE) +
                                                  1) * sizeof *out->services);
        while ((object = view_each(call->view, SK__KIND__KIND_SERVICE, &cursor))) {
                const Sk__Service *service = (const Sk__Service *)object;

                if (service_matches(call, service, in))
                        out->services[out->n_services++] =
                                show_service(call, service, !in->without_specs);
        }
        return 0;
}
