/* skep service scale, run and rollback; names for services that were given none. */
#include <string.h>

#include "cli/print.h"
#include "cli/progress.h"
#include "cli/service.h"
#include "lib/base/check.h"
#include "lib/message/message.h"
#include "lib/os/file.h"

const char *service_random_name(struct arena *arena)
{
        static const char *const qualities[] = {
                "amber",  "brave",  "bright", "busy",   "calm",    "clever", "eager",  "fond",
                "gentle", "golden", "happy",  "humble", "jolly",   "keen",   "kind",   "lively",
                "lucid",  "mellow", "merry",  "nimble", "patient", "quiet",  "serene", "sunny",
                "swift",  "tender", "tidy",   "vivid",  "warm",    "wise",   "witty",  "zesty",
        };
        static const char *const keepers[] = {
                "acacia", "alder",     "aster",   "borage",   "clover",   "comb",     "cornel",
                "crocus", "dandelion", "drone",   "elder",    "foxglove", "hazel",    "heather",
                "hive",   "holly",     "honey",   "lavender", "lilac",    "linden",   "mallow",
                "maple",  "meadow",    "melissa", "nectar",   "pollen",   "rosemary", "sage",
                "sorrel", "thistle",   "thyme",   "willow",
        };
        unsigned char bytes[2];

        os_random(bytes, sizeof bytes);
        return arena_printf(arena, "%s_%s", qualities[bytes[0] % COUNT_OF(qualities)],
                            keepers[bytes[1] % COUNT_OF(keepers)]);
}

int service_wait(struct cli *cli, const struct arguments *arguments, const char *id)
{
        printf("%s\n", id);
        fflush(stdout);
        if (argument_bool(arguments, "detach"))
                return 0;
        return progress_wait(cli, id, argument_bool(arguments, "quiet"));
}

/* --- rollback --- */

const struct flag service_rollback_flags[] = {
        { "to", 0, FLAG_UINT, "revision",
          "Go back to this revision instead of the previous one (see 'skep service history')",
          NULL },
        { 0 },
};

int service_rollback(struct cli *cli, const struct arguments *arguments)
{
        Sk__UpdateServiceRequest request = SK__UPDATE_SERVICE_REQUEST__INIT;
        const char *to = argument(arguments, "to");
        const void *out;

        request.id = positional(arguments, 0);
        request.rollback = true;
        if (to && (str_to_uint64(to, &request.rollback_to, NULL) < 0 || !request.rollback_to)) {
                err_set(&cli->err, ERR_INVALID, "revisions are numbered from 1");
                return print_failure(cli);
        }
        if (cli_call(cli, RPC_METHOD(control, UpdateService), &request.base, &out) < 0)
                return cli_fail(cli);
        return service_wait(cli, arguments, request.id);
}

/* --- run --- */

int service_run(struct cli *cli, const struct arguments *arguments)
{
        Sk__UpdateServiceRequest request = SK__UPDATE_SERVICE_REQUEST__INIT;
        const void *out;

        request.id = positional(arguments, 0);
        request.run = true;
        if (cli_call(cli, RPC_METHOD(control, UpdateService), &request.base, &out) < 0)
                return cli_fail(cli);
        printf("%s\n", request.id);
        fflush(stdout);
        return argument_bool(arguments, "detach")
                       ? 0
                       : progress_wait_run(cli, request.id, argument_bool(arguments, "quiet"));
}

/* --- scale --- */

/* "web=3" */
static int parse_scale(struct cli *cli, const char *typed, const char **ret_name,
                       uint64_t *ret_replicas)
{
        const char *equals = strchr(typed, '=');

        if (!equals || equals == typed || !equals[1])
                return err_set(&cli->err, ERR_INVALID,
                               "invalid scale specifier '%.64s'\n\nUsage:  skep service scale "
                               "SERVICE=REPLICAS [SERVICE=REPLICAS...]\n\nScale one or multiple "
                               "replicated services",
                               typed);
        *ret_name = arena_printf(&cli->arena, "%.*s", (int)(equals - typed), typed);
        if (str_to_uint64(equals + 1, ret_replicas, NULL) < 0)
                return err_set(&cli->err, ERR_INVALID,
                               "%s: invalid replicas value %.32s: not a whole number", *ret_name,
                               equals + 1);
        return 0;
}

static int set_replicas(struct cli *cli, const char *name, Sk__ServiceSpec *spec, uint64_t replicas)
{
        if (spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED) {
                spec->replicated->replicas = replicas;
                return 0;
        }
        if (spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED_JOB) {
                spec->replicated_job->total_completions = replicas;
                return 0;
        }
        return err_set(&cli->err, ERR_INVALID,
                       "%s: scale can only be used with replicated or replicated-job mode", name);
}

/* Failures are told here; the others go on. */
static int scale_one(struct cli *cli, const char *name, uint64_t replicas)
{
        Sk__UpdateServiceRequest request = SK__UPDATE_SERVICE_REQUEST__INIT;
        Sk__GetServiceRequest get = SK__GET_SERVICE_REQUEST__INIT;
        const Sk__ServiceView *service;
        const void *out;

        get.id = name;
        if (cli_call(cli, RPC_METHOD(control, GetService), &get.base, &out) < 0) {
                fprintf(stderr, "%s: ", name);
                return cli_fail(cli);
        }
        service = ((const Sk__GetServiceResponse *)out)->service;
        request.id = service->service->id;
        request.version = service->service->meta && service->service->meta->n_versions
                                  ? service->service->meta->versions[0]
                                  : 0;
        request.spec = (Sk__ServiceSpec *)message_copy(&cli->arena, &service->spec->base);
        if (set_replicas(cli, name, request.spec, replicas) < 0)
                return print_failure(cli);
        if (cli_call(cli, RPC_METHOD(control, UpdateService), &request.base, &out) < 0) {
                fprintf(stderr, "%s: ", name);
                return cli_fail(cli);
        }
        printf("%s scaled to %llu\n", name, (unsigned long long)replicas);
        fflush(stdout);
        return 0;
}

int service_scale(struct cli *cli, const struct arguments *arguments)
{
        const char *name, *typed, **scaled;
        size_t n_scaled = 0;
        uint64_t replicas;
        int status = 0;

        scaled = arena_alloc(&cli->arena, arguments->positional.n * sizeof *scaled);
        for (size_t i = 0; (typed = positional(arguments, i)); i++)
                if (parse_scale(cli, typed, &name, &replicas) < 0)
                        return print_failure(cli);
        for (size_t i = 0; (typed = positional(arguments, i)); i++) {
                parse_scale(cli, typed, &name, &replicas);
                if (scale_one(cli, name, replicas))
                        status = 1;
                else
                        scaled[n_scaled++] = name;
        }
        for (size_t i = 0; i < n_scaled && !argument_bool(arguments, "detach"); i++)
                if (progress_wait(cli, scaled[i], false))
                        status = 1;
        return status;
}
