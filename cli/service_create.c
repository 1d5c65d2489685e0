/* skep service create and update. */
#include <stdio.h>
#include <string.h>

#include "cli/login.h"
#include "cli/print.h"
#include "cli/service.h"
#include "cli/spec.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/message/message.h"

const struct flag service_create_flags[] = {
        { "detach", 'd', FLAG_BOOL, NULL,
          "Exit immediately instead of waiting for the service to converge", NULL },
        { "quiet", 'q', FLAG_BOOL, NULL, "Suppress progress output", NULL },
        { "no-resolve-image", 0, FLAG_BOOL, NULL,
          "Do not query the registry to resolve image digest and supported platforms", NULL },
        { "with-registry-auth", 0, FLAG_BOOL, NULL,
          "Send registry authentication details to swarm agents", NULL },
        { 0 },
};

const struct flag service_update_flags[] = {
        { "rollback", 0, FLAG_BOOL, NULL, "Rollback to previous specification", NULL },
        { "resume", 0, FLAG_BOOL, NULL, "Let a paused update go on, whatever failed before", NULL },
        { 0 },
};

/* The API's own words, but an image's name may be in them; lines stay lines. */
void service_print_warnings(char *const *warnings, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_(str_done) struct str text = { 0 };

                str_add(&text, warnings[i]);
                text_make_printable(text.text, text.length, "\n");
                fprintf(stderr, "%s\n", str_text(&text));
        }
}

int service_create(struct cli *cli, const struct arguments *arguments)
{
        Sk__CreateServiceRequest request = SK__CREATE_SERVICE_REQUEST__INIT;
        struct spec_edit edit = { .spec = spec_new(&cli->arena),
                                  .arena = &cli->arena,
                                  .err = &cli->err };
        Sk__ContainerSpec *container = edit.spec->task->container;
        const Sk__CreateServiceResponse *response;
        const void *out;

        container->image = spec_image(&cli->arena, positional(arguments, 0));
        container->n_args = arguments->positional.n - 1;
        container->args =
                arena_alloc(&cli->arena, arguments->positional.n * sizeof *container->args);
        for (size_t i = 0; i < container->n_args; i++)
                container->args[i] = positional(arguments, i + 1);
        if (spec_apply(&edit, arguments) < 0)
                return command_usage_error(cli->command, cli->err.text);
        if (str_is_empty(edit.spec->annotations->name))
                edit.spec->annotations->name = service_random_name(&cli->arena);
        request.spec = edit.spec;
        request.resolve_image = !argument_bool(arguments, "no-resolve-image");
        request.registry_auth = login_auth_for(cli, container->image);
        request.send_registry_auth = argument_bool(arguments, "with-registry-auth");
        if (cli_call(cli, RPC_METHOD(control, CreateService), &request.base, &out) < 0)
                return cli_fail(cli);
        response = out;
        service_print_warnings((char *const *)response->warnings, response->n_warnings);
        return service_wait(cli, arguments, response->id);
}

/* These do not go with changes of the spec: what was typed would be lost. */
static int check_alone(const struct arguments *arguments, const char *name, struct err *err)
{
        static const char *const may_stand_by[] = { "detach", "quiet" };

        if (!argument_bool(arguments, name))
                return 0;
        for (size_t i = 0; i < arguments->values.n; i++) {
                const char *other = VEC_AT(&arguments->values, struct flag_value, i).flag->name;
                bool may = strcmp(other, name) == 0;

                for (size_t k = 0; k < COUNT_OF(may_stand_by); k++)
                        may = may || strcmp(other, may_stand_by[k]) == 0;
                if (!may)
                        return err_set(err, ERR_INVALID,
                                       "other flags may not be combined with --%s", name);
        }
        return 0;
}

int service_update(struct cli *cli, const struct arguments *arguments)
{
        Sk__GetServiceRequest get = SK__GET_SERVICE_REQUEST__INIT;
        Sk__UpdateServiceRequest request = SK__UPDATE_SERVICE_REQUEST__INIT;
        struct spec_edit edit = { .arena = &cli->arena, .err = &cli->err, .is_update = true };
        const char *image = argument(arguments, "image");
        const Sk__UpdateServiceResponse *response;
        const Sk__ServiceView *service;
        const void *out;

        if (check_alone(arguments, "rollback", &cli->err) < 0 ||
            check_alone(arguments, "resume", &cli->err) < 0)
                return print_failure(cli);
        get.id = positional(arguments, 0);
        if (cli_call(cli, RPC_METHOD(control, GetService), &get.base, &out) < 0)
                return cli_fail(cli);
        service = ((const Sk__GetServiceResponse *)out)->service;
        edit.spec = (Sk__ServiceSpec *)message_copy(&cli->arena, &service->spec->base);
        if (spec_apply(&edit, arguments) < 0)
                return command_usage_error(cli->command, cli->err.text);
        request.id = service->service->id;
        request.version =
                service->service->meta->n_versions ? service->service->meta->versions[0] : 0;
        request.rollback = argument_bool(arguments, "rollback");
        request.resume = argument_bool(arguments, "resume");
        request.spec = request.rollback || request.resume ? NULL : edit.spec;
        request.resolve_image = image && !argument_bool(arguments, "no-resolve-image");
        request.send_registry_auth = argument_bool(arguments, "with-registry-auth");
        if (request.resolve_image || request.send_registry_auth)
                request.registry_auth = login_auth_for(cli, edit.spec->task->container->image);
        if (cli_call(cli, RPC_METHOD(control, UpdateService), &request.base, &out) < 0)
                return cli_fail(cli);
        response = out;
        service_print_warnings((char *const *)response->warnings, response->n_warnings);
        return service_wait(cli, arguments, get.id);
}
