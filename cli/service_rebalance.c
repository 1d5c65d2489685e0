/* skep service rebalance: tasks move to where they would be placed today. */
#include <string.h>

#include "cli/print.h"
#include "cli/progress.h"
#include "cli/service.h"

const struct flag service_rebalance_flags[] = {
        { "all", 0, FLAG_BOOL, NULL, "All replicated services", NULL },
        { "budget", 0, FLAG_UINT, "number",
          "Move at most so many tasks, of all services (default 1000)", NULL },
        { "dry-run", 0, FLAG_BOOL, NULL, "Only show what would move", NULL },
        { 0 },
};

/* Asks for one service; '*left' is what is left of the budget. */
static int rebalance_one(struct cli *cli, const struct arguments *arguments, const char *name,
                         uint64_t *left)
{
        Sk__RebalanceServiceRequest request = SK__REBALANCE_SERVICE_REQUEST__INIT;
        const Sk__RebalanceServiceResponse *response;
        const void *out;

        request.id = name;
        request.budget = *left;
        request.dry_run = argument_bool(arguments, "dry-run");
        if (cli_call(cli, RPC_METHOD(control, RebalanceService), &request.base, &out) < 0)
                return cli_fail(cli);
        response = out;
        for (size_t i = 0; i < response->n_moves; i++)
                printf("%s: %s -> %s\n", response->moves[i]->task_name,
                       response->moves[i]->from_node, response->moves[i]->to_node);
        *left -= response->n_moves < *left ? response->n_moves : *left;
        fflush(stdout);
        if (request.dry_run || argument_bool(arguments, "detach") || !response->n_moves)
                return 0;
        return progress_wait(cli, name, argument_bool(arguments, "quiet"));
}

static int rebalance_all(struct cli *cli, const struct arguments *arguments, uint64_t *left)
{
        Sk__ListServicesRequest request = SK__LIST_SERVICES_REQUEST__INIT;
        const Sk__ListServicesResponse *response;
        const void *out;
        int status = 0;

        if (cli_call(cli, RPC_METHOD(control, ListServices), &request.base, &out) < 0)
                return cli_fail(cli);
        response = out;
        for (size_t i = 0; i < response->n_services && *left; i++) {
                const Sk__ServiceView *service = response->services[i];

                if (service->spec &&
                    service->spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED &&
                    rebalance_one(cli, arguments, service->service->id, left))
                        status = 1;
        }
        return status;
}

int service_rebalance(struct cli *cli, const struct arguments *arguments)
{
        bool is_all = argument_bool(arguments, "all");
        const char *budget = argument(arguments, "budget"), *name = positional(arguments, 0);
        uint64_t left = 1000;

        if (is_all == (name != NULL))
                return command_usage_error(cli->command, "name services, or say --all");
        if (budget && (str_to_uint64(budget, &left, NULL) < 0 || !left)) {
                err_set(&cli->err, ERR_INVALID, "a budget is at least 1");
                return print_failure(cli);
        }
        if (is_all)
                return rebalance_all(cli, arguments, &left);
        for (size_t i = 0; (name = positional(arguments, i)) && left; i++) {
                int status = rebalance_one(cli, arguments, name, &left);

                if (status)
                        return status;
        }
        return 0;
}
