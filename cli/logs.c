/* skep service logs. */
#include <string.h>

#include "cli/log_lines.h"
#include "cli/print.h"
#include "cli/service.h"
#include "cli/when.h"
#include "lib/base/time.h"

const struct flag service_logs_flags[] = {
        { "details", 0, FLAG_BOOL, NULL, "Show extra details provided to logs", NULL },
        { "follow", 'f', FLAG_BOOL, NULL, "Follow log output", NULL },
        { "no-resolve", 0, FLAG_BOOL, NULL, "Do not map IDs to Names in output", NULL },
        { "no-task-ids", 0, FLAG_BOOL, NULL, "Do not include task IDs in output", NULL },
        { "no-trunc", 0, FLAG_BOOL, NULL, "Do not truncate output", NULL },
        { "raw", 0, FLAG_BOOL, NULL, "Do not neatly format logs", NULL },
        { "since", 0, FLAG_STRING, NULL,
          "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for "
          "42 minutes)",
          NULL },
        { "tail", 'n', FLAG_STRING, NULL,
          "Number of lines to show from the end of the logs (default \"all\")", NULL },
        { "timestamps", 't', FLAG_BOOL, NULL, "Show timestamps", NULL },
        { "until", 0, FLAG_STRING, NULL,
          "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative", NULL },
        { 0 },
};

/* What the names of tasks are got by. */
struct naming {
        struct cli *cli;
        struct log_lines lines;
        bool has_warned;
};

static void name_task(void *context, const char *task_id, struct log_source *source)
{
        struct naming *naming = context;
        Sk__GetTaskRequest request = SK__GET_TASK_REQUEST__INIT;
        const Sk__TaskView *task;
        const void *out;

        request.id = task_id;
        if (cli_call(naming->cli, RPC_METHOD(control, GetTask), &request.base, &out) < 0)
                return;
        task = ((const Sk__GetTaskResponse *)out)->task;
        log_source_name(&naming->cli->arena, source, task);
}

static bool lines_came(struct cli *cli, void *context, const void *message)
{
        const Sk__StreamLogsResponse *response = message;
        struct naming *naming = context;

        (void)cli;
        for (size_t i = 0; i < response->n_lines; i++)
                log_lines_take(&naming->lines, response->lines[i]);
        if (!str_is_empty(response->warning))
                print_line(stderr, response->warning);
        return true;
}

static int parse_options(struct cli *cli, const struct arguments *arguments, Sk__LogOptions *ret)
{
        const char *tail = str_or(argument(arguments, "tail"), "all");
        int64_t now_ns = loop_now(cli->loop);

        ret->follow = argument_bool(arguments, "follow");
        ret->stdout = ret->stderr = true;
        ret->details = argument_bool(arguments, "details");
        ret->tail = -1;
        if (strcmp(tail, "all") != 0 && (str_to_int64(tail, &ret->tail, NULL) < 0))
                return err_set(&cli->err, ERR_INVALID,
                               "invalid value \"%.32s\" for --tail: a number of lines, or all",
                               tail);
        TRY(when_parse(argument(arguments, "since"), now_ns, &ret->since_ns, &cli->err));
        return when_parse(argument(arguments, "until"), now_ns, &ret->until_ns, &cli->err);
}

static void style_from(struct naming *naming, const struct arguments *arguments)
{
        struct log_style *style = &naming->lines.style;

        style->raw = argument_bool(arguments, "raw");
        style->timestamps = argument_bool(arguments, "timestamps");
        style->details = argument_bool(arguments, "details");
        style->no_resolve = argument_bool(arguments, "no-resolve");
        style->whole = argument_bool(arguments, "no-trunc");
        style->no_task_ids = argument_bool(arguments, "no-task-ids");
}

/* How many digits slots may have, so that prefixes line up. */
static void find_width(struct naming *naming, const char *name)
{
        Sk__GetServiceRequest request = SK__GET_SERVICE_REQUEST__INIT;
        const Sk__ServiceSpec *spec;
        const void *out;

        request.id = name;
        if (cli_call(naming->cli, RPC_METHOD(control, GetService), &request.base, &out) < 0)
                return;
        spec = ((const Sk__GetServiceResponse *)out)->service->spec;
        if (spec && spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED)
                naming->lines.style.slots = spec->replicated->replicas;
}

int service_logs(struct cli *cli, const struct arguments *arguments)
{
        Sk__StreamLogsRequest request = SK__STREAM_LOGS_REQUEST__INIT;
        Sk__LogOptions options = SK__LOG_OPTIONS__INIT;
        struct naming naming = { .cli = cli };
        int result;

        request.id = positional(arguments, 0);
        request.options = &options;
        if (parse_options(cli, arguments, &options) < 0)
                return print_failure(cli);
        log_lines_init(&naming.lines, stdout, stderr, options.follow);
        naming.lines.name = name_task;
        naming.lines.name_context = &naming;
        style_from(&naming, arguments);
        find_width(&naming, request.id);
        result = cli_stream(cli, RPC_METHOD(control, StreamLogs), &request.base, lines_came,
                            &naming);
        log_lines_finish(&naming.lines);
        log_lines_done(&naming.lines);
        if (result == 0)
                return 0;
        return cli->err.code == ERR_NOT_FOUND ? print_failure(cli) : cli_fail(cli);
}
