/* skep stats and skep top. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/tables.h"
#include "cli/usage.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/state/task_life.h"

static const struct flag stats_flags[] = {
        { "all", 'a', FLAG_BOOL, NULL, "Show all containers (default shows just running)",
          "only what runs takes anything" },
        { "format", 0, FLAG_STRING, NULL, "Format output using a Go template, or json", NULL },
        { "no-stream", 0, FLAG_BOOL, NULL, "Disable streaming stats and only pull the first result",
          NULL },
        { "no-trunc", 0, FLAG_BOOL, NULL, "Do not truncate output", NULL },
        { 0 },
};

/* A node that does not answer within that time is not waited for any longer. */
static const int64_t patience_ns = 5 * NS_PER_S, redraw_ns = 900 * NS_PER_MS;

struct watching {
        struct cli *cli;
        const struct arguments *arguments;
        struct usage_table table;
        int64_t shown_at_ns;
        bool once, has_failed;
        struct loop_timer patience;
        json_t *processes;
};

static void be_done(void *context)
{
        struct watching *watching = context;

        watching->cli->stops = true;
}

static void add_tasks(struct watching *watching, const Sk__StreamUsageResponse *response)
{
        struct arena *arena = &watching->cli->arena;
        char name[256];

        for (size_t i = 0; i < response->n_tasks; i++) {
                const Sk__TaskView *view = response->tasks[i];

                task_slot_name(view->task, str_or(view->service_name, "?"), name, sizeof name);
                usage_table_add(&watching->table, arena_strdup(arena, view->task->id),
                                arena_strdup(arena, name));
        }
}

static void draw(const struct str *text, struct str *out)
{
        struct winsize size = { 0 };

        (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
        usage_draw(str_text(text), size.ws_row, size.ws_col, out);
}

/* False: what was asked for cannot be shown; cli->err says why. */
static bool show(struct watching *watching)
{
        const char *format = format_argument(watching->arguments);
        json_t *rows =
                usage_table_rows(&watching->table, argument_bool(watching->arguments, "no-trunc"));
        bool redraws = watching->cli->is_terminal && !watching->once;
        _cleanup_(str_done) struct str out = { 0 }, drawn = { 0 };

        watching->has_failed =
                list_render(&usage_list, format, false, rows, &out, &watching->cli->err) < 0;
        json_decref(rows);
        if (watching->has_failed)
                return false;
        if (redraws)
                draw(&out, &drawn);
        fputs(str_text(redraws ? &drawn : &out), stdout);
        fflush(stdout);
        return true;
}

static bool usage_came(struct cli *cli, void *context, const void *message)
{
        const Sk__StreamUsageResponse *response = message;
        struct watching *watching = context;
        int64_t now_ns = loop_now_boot(cli->loop);

        add_tasks(watching, response);
        for (size_t i = 0; i < response->n_usage; i++)
                usage_table_take(&watching->table, response->usage[i]);
        if (!str_is_empty(response->warning))
                print_line(stderr, response->warning);
        if (watching->once)
                return !usage_table_is_full(&watching->table);
        if (response->n_usage && now_ns - watching->shown_at_ns >= redraw_ns) {
                watching->shown_at_ns = now_ns;
                return show(watching);
        }
        return true;
}

static void take_names(struct cli *cli, const struct arguments *arguments,
                       Sk__StreamUsageRequest *request)
{
        const char *name;

        request->ids = arena_alloc(&cli->arena, (arguments->positional.n + 1) * sizeof(char *));
        while ((name = positional(arguments, request->n_ids)))
                request->ids[request->n_ids++] = name;
}

static int stats_run(struct cli *cli, const struct arguments *arguments)
{
        struct watching watching = { .cli = cli, .arguments = arguments };
        Sk__StreamUsageRequest request = SK__STREAM_USAGE_REQUEST__INIT;
        int result = template_check(cli, arguments);

        if (result)
                return result;
        take_names(cli, arguments, &request);
        watching.once = argument_bool(arguments, "no-stream");
        watching.patience = (struct loop_timer){ .fire = be_done, .context = &watching };
        if (watching.once)
                loop_timer_set(cli->loop, &watching.patience, patience_ns);
        result = cli_stream(cli, RPC_METHOD(control, StreamUsage), &request.base, usage_came,
                            &watching);
        loop_timer_cancel(&watching.patience);
        if (result == 0 && watching.once)
                show(&watching);
        usage_table_done(&watching.table);
        if (watching.has_failed)
                return print_failure(cli);
        return result < 0 ? cli_fail(cli) : 0;
}

/* --- top --- */

static bool processes_came(struct cli *cli, void *context, const void *message)
{
        const Sk__StreamUsageResponse *response = message;
        struct watching *watching = context;

        json_t *rows =
                process_rows(response->processes, response->n_processes, loop_now(cli->loop));

        json_array_extend(watching->processes, rows);
        json_decref(rows);
        if (!str_is_empty(response->warning))
                print_line(stderr, response->warning);
        return true;
}

static int top_run(struct cli *cli, const struct arguments *arguments)
{
        struct watching watching = { .cli = cli, .processes = json_array() };
        Sk__StreamUsageRequest request = SK__STREAM_USAGE_REQUEST__INIT;
        _cleanup_(str_done) struct str out = { 0 };
        int result;

        take_names(cli, arguments, &request);
        request.processes = true;
        result = cli_stream(cli, RPC_METHOD(control, StreamUsage), &request.base, processes_came,
                            &watching);
        /* A warning has said why there are none. */
        if (result == 0 && json_array_size(watching.processes))
                result = list_render(&process_list, NULL, false, watching.processes, &out,
                                     &cli->err);
        fputs(str_text(&out), stdout);
        result = result < 0 ? cli_fail(cli) : json_array_size(watching.processes) == 0;
        json_decref(watching.processes);
        return result;
}

static const struct flag *const stats_tables[] = { stats_flags, NULL };

/* clang-format off */
/*        noun  verb     usage                         summary                                                    aliases side             least most flags first  flags */
const struct command usage_commands[] = {
        { NULL, "stats", "[OPTIONS] [TASK|SERVICE...]", "Display a live stream of task resource usage statistics", NULL,  COMMAND_CONTROL, 0, -1, false, stats_tables, NULL, stats_run },
        { NULL, "top",   "TASK",                        "Display the running processes of a task",                 NULL,  COMMAND_CONTROL, 1, 1, false, NULL, NULL, top_run },
        { 0 },
};
/* clang-format on */
