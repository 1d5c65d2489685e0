/* skep task, and why. */
#include <string.h>

#include "cli/print.h"
#include "cli/service.h"
#include "cli/tables.h"
#include "cli/why.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/docker/docker.h"
#include "lib/state/task_life.h"

/* --- inspect --- */

static json_t *get_json(struct cli *cli, const char *name)
{
        Sk__GetTaskRequest request = SK__GET_TASK_REQUEST__INIT;
        const void *out;

        request.id = name;
        if (cli_call(cli, RPC_METHOD(control, GetTask), &request.base, &out) < 0)
                return NULL;
        return docker_task(((const Sk__GetTaskResponse *)out)->task);
}

static int explain(struct cli *cli, const char *name, struct str *out)
{
        Sk__ExplainTaskRequest request = SK__EXPLAIN_TASK_REQUEST__INIT;
        const void *response;

        request.id = name;
        TRY(cli_call(cli, RPC_METHOD(control, ExplainTask), &request.base, &response));
        why_render(out, response, loop_now(cli->loop));
        return 0;
}

static void inspect_fail(struct cli *cli, const char *name)
{
        (void)name;
        cli_fail(cli);
}

static int task_inspect(struct cli *cli, const struct arguments *arguments)
{
        static const struct inspection inspection = { get_json, explain, inspect_fail };

        return print_inspection(cli, arguments, &inspection);
}

/* --- why --- */

static void add_cell(struct str *out, const char *text, char end)
{
        add_one_line(out, text, strlen(text));
        str_add_char(out, end);
}

void why_render(struct str *out, const Sk__ExplainTaskResponse *why, int64_t now_ns)
{
        const Sk__TaskView *task = why->task;
        _cleanup_(str_done) struct str nodes = { 0 };
        char name[256] = "task";

        if (task && task->task && task->task->definition)
                task_slot_name(task->task, str_or(task->service_name, "?"), name, sizeof name);
        str_addf(out, "%s (%s) is %s", name, task && task->task ? task->task->id : "",
                 task_state_name(task ? task->state : 0));
        if (task && !str_is_empty(task->node_name))
                str_addf(out, " on %s", task->node_name);
        str_addf(out, ": %s\n", str_or(why->summary, "nothing more is known"));
        str_add(out, why->n_steps ? "\nWhat happened:\n" : "");
        for (size_t i = 0; i < why->n_steps; i++) {
                _cleanup_(str_done) struct str when = { 0 };

                if (why->steps[i]->at_ns)
                        add_ago(&when, why->steps[i]->at_ns, now_ns);
                str_addf(out, "  %-24s ", str_text(&when));
                add_cell(out, why->steps[i]->what, '\n');
        }
        if (!why->n_nodes)
                return;
        str_add(&nodes, "NODE\tSUITS\tFILTER\tWHY\n");
        for (size_t i = 0; i < why->n_nodes; i++) {
                const Sk__ExplainTaskResponse__NodeVerdict *node = why->nodes[i];

                add_cell(&nodes, str_or(node->node_name, node->node_id), '\t');
                add_cell(&nodes, str_is_empty(node->filter) ? "yes" : "no", '\t');
                add_cell(&nodes, node->filter, '\t');
                add_cell(&nodes, node->why, '\n');
        }
        str_add(out, "\nNodes:\n");
        columns_align(str_text(&nodes), out);
}

void why_render_service(struct str *out, const Sk__ExplainServiceResponse *why)
{
        const char *name = why->service && why->service->service ? why->service->service->name : "";

        add_one_line(out, name, strlen(name));
        str_addf(out, "%s: %s\n", why->n_troubles ? "" : " is as it should be", why->summary);
        for (size_t i = 0; i < why->n_troubles; i++) {
                const Sk__ExplainServiceResponse__Trouble *trouble = why->troubles[i];

                str_add(out, "\n");
                for (size_t k = 0; k < trouble->n_names; k++)
                        str_addf(out, "%s%s", k ? ", " : "", trouble->names[k]);
                if (trouble->n_tasks > trouble->n_names)
                        str_addf(out, " and %llu more",
                                 (unsigned long long)(trouble->n_tasks - trouble->n_names));
                str_add(out, trouble->n_names ? ":\n  " : "");
                add_cell(out, trouble->what, '\n');
        }
        if (why->n_untold)
                str_addf(out, "\n%llu tasks have yet other reasons\n",
                         (unsigned long long)why->n_untold);
        for (size_t i = 0; i < why->n_troubles; i++) {
                if (!why->troubles[i]->n_names)
                        continue;
                str_addf(out, "\n'skep why %s' tells more\n", why->troubles[i]->names[0]);
                break;
        }
}

static int explain_service(struct cli *cli, const char *name, struct str *out)
{
        Sk__ExplainServiceRequest request = SK__EXPLAIN_SERVICE_REQUEST__INIT;
        const void *response;

        request.id = name;
        TRY(cli_call(cli, RPC_METHOD(control, ExplainService), &request.base, &response));
        why_render_service(out, response);
        return 0;
}

/* A service, or else a task: of a task the start of its id is enough, which may be a service's
 * name.
 */
static int explain_any(struct cli *cli, const char *name, struct str *out)
{
        int result = explain_service(cli, name, out);

        if (result != ERR_NOT_FOUND)
                return result;
        result = explain(cli, name, out);
        if (result == ERR_NOT_FOUND)
                err_set(&cli->err, ERR_NOT_FOUND, "no such task or service: %.64s", name);
        return result;
}

static int task_why(struct cli *cli, const struct arguments *arguments)
{
        _cleanup_(str_done) struct str out = { 0 };
        const char *name;
        int status = 0;

        for (size_t i = 0; (name = positional(arguments, i)); i++) {
                str_add(&out, i && out.length ? "\n" : "");
                if (explain_any(cli, name, &out) < 0)
                        status = cli_fail(cli);
        }
        print_words(&out);
        return status;
}

/* --- rows --- */

static const struct flag *const inspect_tables[] = { inspect_flags, NULL };
static const struct flag *const logs_tables[] = { service_logs_flags, NULL };

/* clang-format off */
/*        noun    verb       usage                        summary                                               aliases       side   least most flags first  flags */
const struct command task_commands[] = {
        { "task", "inspect", "[OPTIONS] TASK [TASK...]",  "Display detailed information on one or more tasks",  NULL, COMMAND_CONTROL, 1, -1, false, inspect_tables, NULL, task_inspect },
        { "task", "logs",    "[OPTIONS] TASK",            "Fetch the logs of a task",                           NULL, COMMAND_CONTROL, 1,  1, false, logs_tables, NULL, service_logs },
        { NULL,   "why",     "TASK|SERVICE [...]",        "Explain where a task or service stands, and why it does not run", NULL, COMMAND_CONTROL, 1, -1, false, NULL, NULL, task_why },
        { 0 },
};
/* clang-format on */
