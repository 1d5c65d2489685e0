/* skep service: ls, ps, inspect, rm, and the rows of all its commands. */
#include "cli/service.h"

#include <string.h>

#include "cli/print.h"
#include "cli/spec.h"
#include "cli/tables.h"
#include "cli/tasks.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/docker/docker.h"

/* --- ls --- */

static const struct list_field service_fields[] = {
        { "ID", "ID" },
        { "Name", "NAME" },
        { "Mode", "MODE" },
        { "Replicas", "REPLICAS" },
        { "Image", "IMAGE" },
        { "Ports", "PORTS" },
        { 0 },
};

const struct list_kind service_list = {
        .fields = service_fields,
        .table = "{{.ID}}\t{{.Name}}\t{{.Mode}}\t{{.Replicas}}\t{{.Image}}\t{{.Ports}}",
        .quiet = "{{.ID}}",
        .setting = "servicesFormat",
};

const char *service_mode(const Sk__ServiceSpec *spec)
{
        switch (spec ? spec->mode_case : SK__SERVICE_SPEC__MODE__NOT_SET) {
        case SK__SERVICE_SPEC__MODE_REPLICATED:
                return "replicated";
        case SK__SERVICE_SPEC__MODE_GLOBAL:
                return "global";
        case SK__SERVICE_SPEC__MODE_REPLICATED_JOB:
                return "replicated job";
        case SK__SERVICE_SPEC__MODE_GLOBAL_JOB:
                return "global job";
        default:
                return "";
        }
}

const char *service_replicas(struct arena *arena, const Sk__ServiceView *service)
{
        static const Sk__ServiceCounts none = SK__SERVICE_COUNTS__INIT;
        const Sk__ServiceCounts *counts = service->counts ? service->counts : &none;
        const Sk__ServiceSpec *spec = service->spec;
        unsigned long long running = counts->running, desired = counts->desired,
                           completed = counts->completed, most = 0;

        if (spec && spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED_JOB) {
                unsigned long long total = spec->replicated_job->total_completions;
                unsigned long long at_once = spec->replicated_job->max_concurrent;

                return arena_printf(arena, "%llu/%llu (%llu/%llu completed)", running,
                                    at_once ? at_once : total, completed, total);
        }
        if (spec && spec->mode_case == SK__SERVICE_SPEC__MODE_GLOBAL_JOB)
                return arena_printf(arena, "%llu/%llu (%llu/%llu completed)", running, desired,
                                    completed, desired + completed);
        if (spec && spec->task && spec->task->placement)
                most = spec->task->placement->max_replicas_per_node;
        if (most && spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED)
                return arena_printf(arena, "%llu/%llu (max %llu per node)", running, desired, most);
        return arena_printf(arena, "%llu/%llu", running, desired);
}

json_t *service_row(struct arena *arena, const Sk__ServiceView *view)
{
        const Sk__ServiceEndpoint *endpoint = view->service->endpoint;
        const Sk__ServiceSpec *spec = view->spec;
        const char *image =
                spec && spec->task && spec->task->container ? spec->task->container->image : "";

        return json_pack("{ss ss ss ss ss ss}", "ID", short_id(arena, view->service->id, false),
                         "Name", view->service->name, "Mode", service_mode(spec), "Replicas",
                         service_replicas(arena, view), "Image", short_image(arena, image, false),
                         "Ports",
                         endpoint ? ports_text(arena, endpoint->ports, endpoint->n_ports,
                                               SK__PORT_CONFIG__PUBLISH_MODE__INGRESS, ", ")
                                  : "");
}

static int service_ls(struct cli *cli, const struct arguments *arguments)
{
        Sk__ListServicesRequest request = SK__LIST_SERVICES_REQUEST__INIT;
        const Sk__ListServicesResponse *response;
        json_t *rows;
        const void *out;

        filters_from(cli, arguments, &request.filters, &request.n_filters);
        if (cli_call(cli, RPC_METHOD(control, ListServices), &request.base, &out) < 0)
                return cli_fail(cli);
        response = out;
        rows = json_array();
        for (size_t i = 0; i < response->n_services; i++)
                json_array_append_new(rows, service_row(&cli->arena, response->services[i]));
        return print_list(cli, arguments, &service_list, rows_sorted(rows, "Name"));
}

/* --- inspect --- */

static const Sk__GetServiceResponse *get_service(struct cli *cli, const char *name)
{
        Sk__GetServiceRequest request = SK__GET_SERVICE_REQUEST__INIT;
        const void *out;

        request.id = name;
        request.insert_defaults = true;
        if (cli_call(cli, RPC_METHOD(control, GetService), &request.base, &out) == 0)
                return out;
        if (cli->err.code == ERR_NOT_FOUND)
                err_set(&cli->err, ERR_NOT_FOUND, "no such service: %.200s", name);
        return NULL;
}

static json_t *get_json(struct cli *cli, const char *name)
{
        const Sk__GetServiceResponse *response = get_service(cli, name);

        return response ? docker_service(response->service, DOCKER_INSERT_DEFAULTS) : NULL;
}

/* Who follows a name is shown with the version that it means now: "pw (pw@2)". */
static void tell_versions(struct cli *cli, Sk__FileReference **files, size_t n, const char **names,
                          size_t n_names)
{
        for (size_t i = 0; i < n && i < n_names; i++)
                if (!files[i]->version && *names[i] && strcmp(names[i], files[i]->name) != 0)
                        files[i]->name =
                                arena_printf(&cli->arena, "%s (%s)", files[i]->name, names[i]);
}

static int get_pretty(struct cli *cli, const char *name, struct str *out)
{
        const Sk__GetServiceResponse *response = get_service(cli, name);
        const Sk__ContainerSpec *container;
        const Sk__ServiceView *service;

        if (!response)
                return cli->err.code;
        service = response->service;
        container = service->spec && service->spec->task ? service->spec->task->container : NULL;
        if (container) {
                tell_versions(cli, container->secrets, container->n_secrets, response->secret_names,
                              response->n_secret_names);
                tell_versions(cli, container->configs, container->n_configs, response->config_names,
                              response->n_config_names);
        }
        service_pretty(out, service, loop_now(cli->loop));
        return 0;
}

static void inspect_fail(struct cli *cli, const char *name)
{
        (void)name;
        if (cli->err.code == ERR_NOT_FOUND)
                fprintf(stderr, "Error: %s\n", cli->err.text);
        else
                cli_fail(cli);
}

static int service_inspect(struct cli *cli, const struct arguments *arguments)
{
        static const struct inspection inspection = { get_json, get_pretty, inspect_fail };

        return print_inspection(cli, arguments, &inspection);
}

/* --- ps --- */

/* "job: next run at 2026-11-20T05:31:53Z, last at ..." */
static void add_schedule(struct str *out, const Sk__ServiceView *service)
{
        const Sk__ServiceProgress *progress = service->service->progress;
        const Sk__JobStatus *job = progress ? progress->job : NULL;

        if (!job || !service->spec || !service->spec->schedule)
                return;
        str_addf(out, "%s: ", service->service->name);
        if (job->next_execution_ns) {
                str_add(out, "next run at ");
                str_add_time(out, job->next_execution_ns);
        } else {
                str_add(out, "no next run");
        }
        if (job->last_execution_ns) {
                str_add(out, ", last at ");
                str_add_time(out, job->last_execution_ns);
        }
        if (job->n_missed)
                str_addf(out, ", %llu missed", (unsigned long long)job->n_missed);
        str_add_char(out, '\n');
}

static int service_ps(struct cli *cli, const struct arguments *arguments)
{
        _cleanup_(str_done) struct str schedules = { 0 };
        Sk__Filter **filters = NULL;
        size_t n_filters = 0, n_found = 0;
        int status = 0, listed = 0;
        const char *name;

        filters_from(cli, arguments, &filters, &n_filters);
        for (size_t i = 0; (name = positional(arguments, i)); i++) {
                const Sk__GetServiceResponse *response = get_service(cli, name);

                if (!response && cli->err.code != ERR_NOT_FOUND)
                        return cli_fail(cli);
                if (response) {
                        filter_add(&cli->arena, &filters, &n_filters, "service",
                                   response->service->service->id);
                        add_schedule(&schedules, response->service);
                        n_found++;
                        continue;
                }
                fprintf(stderr, "%s\n", cli->err.text);
                status = 1;
        }
        if (n_found)
                listed = tasks_print(cli, arguments, filters, n_filters);
        if (!argument(arguments, "format") && !argument_bool(arguments, "quiet"))
                print_text(&schedules);
        return listed ? listed : status;
}

/* --- rm --- */

static int service_rm(struct cli *cli, const struct arguments *arguments)
{
        Sk__RemoveServiceRequest request = SK__REMOVE_SERVICE_REQUEST__INIT;
        const void *out;
        int status = 0;

        for (size_t i = 0; (request.id = positional(arguments, i)); i++) {
                if (cli_call(cli, RPC_METHOD(control, RemoveService), &request.base, &out) < 0)
                        status = cli_fail(cli);
                else
                        printf("%s\n", request.id);
        }
        return status;
}

/* --- rows --- */

static const struct flag detach_flags[] = {
        { "detach", 'd', FLAG_BOOL, NULL,
          "Exit immediately instead of waiting for the service to converge", NULL },
        { "quiet", 'q', FLAG_BOOL, NULL, "Suppress progress output", NULL },
        { 0 },
};

static const struct flag scale_flags[] = {
        { "detach", 'd', FLAG_BOOL, NULL,
          "Exit immediately instead of waiting for the service to converge", NULL },
        { 0 },
};

static const struct flag *const *service_create_tables(void)
{
        static const struct flag *tables[3];

        tables[0] = service_create_flags;
        tables[1] = spec_create_flags();
        return tables;
}

static const struct flag *const *service_update_tables(void)
{
        static const struct flag *tables[4];

        tables[0] = service_create_flags;
        tables[1] = service_update_flags;
        tables[2] = spec_update_flags();
        return tables;
}

static const struct flag *const ls_tables[] = { list_flags, NULL };
static const struct flag *const ps_tables[] = { task_list_flags, NULL };
static const struct flag *const inspect_tables[] = { inspect_flags, NULL };
static const struct flag *const logs_tables[] = { service_logs_flags, NULL };
static const struct flag *const scale_tables[] = { scale_flags, NULL };
static const struct flag *const rollback_tables[] = { detach_flags, service_rollback_flags, NULL };
static const struct flag *const promote_tables[] = { detach_flags, NULL };
static const struct flag *const rebalance_tables[] = { detach_flags, service_rebalance_flags,
                                                       NULL };
static const struct flag *const history_tables[] = { service_history_flags, NULL };

/* clang-format off */
/*        noun       verb        usage                                     summary                                  aliases           side  least most flags first  flags  run */
const struct command service_commands[] = {
        { "service", "create",   "[OPTIONS] IMAGE [COMMAND] [ARG...]",     "Create a new service",                  NULL,     COMMAND_CONTROL, 1, -1, true,  .make_flags = service_create_tables, .run = service_create },
        { "service", "diff",     "SERVICE [REVISION [REVISION]]",          "Show what differs between revisions of a service: two, one and the current, or the previous and the current", NULL, COMMAND_CONTROL, 1, 3, false, NULL, NULL, service_diff },
        { "service", "history",  "[OPTIONS] SERVICE",                      "List the revisions of a service",       NULL,     COMMAND_CONTROL, 1,  1, false, history_tables, NULL, service_history },
        { "service", "inspect",  "[OPTIONS] SERVICE [SERVICE...]",         "Display detailed information on one or more services", NULL, COMMAND_CONTROL, 1, -1, false, inspect_tables, NULL, service_inspect },
        { "service", "logs",     "[OPTIONS] SERVICE|TASK",                 "Fetch the logs of a service or task",   NULL,     COMMAND_CONTROL, 1,  1, false, logs_tables, NULL, service_logs },
        { "service", "ls",       "[OPTIONS]",                              "List services",                         "list",   COMMAND_CONTROL, 0,  0, false, ls_tables, NULL, service_ls },
        { "service", "promote",  "[OPTIONS] SERVICE",                      "Let an update go on after its canaries", NULL,    COMMAND_CONTROL, 1,  1, false, promote_tables, NULL, service_promote },
        { "service", "ps",       "[OPTIONS] SERVICE [SERVICE...]",         "List the tasks of one or more services", NULL,    COMMAND_CONTROL, 1, -1, false, ps_tables, NULL, service_ps },
        { "service", "rebalance", "[OPTIONS] [SERVICE...]",                "Move tasks to where they would be placed today", NULL, COMMAND_CONTROL, 0, -1, false, rebalance_tables, NULL, service_rebalance },
        { "service", "rm",       "SERVICE [SERVICE...]",                   "Remove one or more services",           "remove", COMMAND_CONTROL, 1, -1, false, NULL, NULL, service_rm },
        { "service", "rollback", "[OPTIONS] SERVICE",                      "Revert changes to a service's configuration", NULL, COMMAND_CONTROL, 1, 1, false, rollback_tables, NULL, service_rollback },
        { "service", "run",      "[OPTIONS] SERVICE",                      "Run a job now",                         NULL,     COMMAND_CONTROL, 1,  1, false, promote_tables, NULL, service_run },
        { "service", "scale",    "SERVICE=REPLICAS [SERVICE=REPLICAS...]", "Scale one or multiple replicated services", NULL, COMMAND_CONTROL, 1, -1, false, scale_tables, NULL, service_scale },
        { "service", "update",   "[OPTIONS] SERVICE",                      "Update a service",                      NULL,     COMMAND_CONTROL, 1,  1, false, .make_flags = service_update_tables, .run = service_update },
        { NULL,      "ps",       "[OPTIONS] SERVICE [SERVICE...]",         "List the tasks of one or more services", NULL,    COMMAND_CONTROL, 1, -1, false, ps_tables, NULL, service_ps },
        { 0 },
};
/* clang-format on */
