/* Tasks as service ps, node ps and ps show them. */
#include "cli/tasks.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/docker/docker.h"
#include "lib/state/task_life.h"

enum { ERROR_WIDTH = 30 };

const struct flag task_list_flags[] = {
        { "filter", 'f', FLAG_FILTER, NULL, "Filter output based on conditions provided", NULL },
        { "format", 0, FLAG_STRING, NULL, "Pretty-print tasks using a Go template", NULL },
        { "no-resolve", 0, FLAG_BOOL, NULL, "Do not map IDs to Names", NULL },
        { "no-trunc", 0, FLAG_BOOL, NULL, "Do not truncate output", NULL },
        { "quiet", 'q', FLAG_BOOL, NULL, "Only display task IDs", NULL },
        { 0 },
};

static const struct list_field task_fields[] = {
        { "ID", "ID" },
        { "Name", "NAME" },
        { "Image", "IMAGE" },
        { "Node", "NODE" },
        { "DesiredState", "DESIRED STATE" },
        { "CurrentState", "CURRENT STATE" },
        { "Error", "ERROR" },
        { "Ports", "PORTS" },
        { 0 },
};

const struct list_kind task_list = {
        .fields = task_fields,
        .table = "{{.ID}}\t{{.Name}}\t{{.Image}}\t{{.Node}}\t{{.DesiredState}}\t{{.CurrentState}}"
                 "\t{{.Error}}\t{{.Ports}}",
        .quiet = "{{.ID}}",
        .setting = "tasksFormat",
};

/* When the state was entered, as far as is known. */
static int64_t state_since(const Sk__Task *task)
{
        if (task->status && task->status->at_ns)
                return task_status_since(task->status);
        if (task->placement && task->placement->at_ns)
                return task->placement->at_ns;
        return task->meta ? task->meta->created_at_ns : 0;
}

static const char *task_name(struct arena *arena, const Sk__TaskView *view, bool no_resolve)
{
        const Sk__TaskDefinition *definition = view->task->definition;
        char name[256];

        if (no_resolve || str_is_empty(view->service_name))
                return definition->slot ? arena_printf(arena, "%s.%llu", definition->service_id,
                                                       (unsigned long long)task_number(definition))
                                        : arena_printf(arena, "%s.%s", definition->service_id,
                                                       definition->node_id);
        task_slot_name(view->task, view->service_name, name, sizeof name);
        return arena_strdup(arena, name);
}

static const char *error_text(struct arena *arena, const Sk__TaskView *view, bool whole)
{
        _cleanup_(str_done) struct str text = { 0 };
        const Sk__Task *task = view->task;
        const char *error = task->status ? str_or(task->status->err, "") : "";

        if (!error[0] && view->state <= SK__TASK_STATE__TASK_PENDING && task->placement)
                error = str_or(task->placement->explanation, "");
        if (!error[0])
                return "";
        str_add_char(&text, '"');
        if (whole)
                add_one_line(&text, error, strlen(error));
        else
                add_ellipsis(&text, error, ERROR_WIDTH);
        str_add_char(&text, '"');
        return arena_strdup(arena, str_text(&text));
}

static const char *current_state(struct arena *arena, const Sk__TaskView *view, int64_t now_ns)
{
        _cleanup_(str_done) struct str text = { 0 };
        char restart[80];
        size_t start;

        str_addf(&text, "%s ", capitalised(arena, task_state_name(view->state)));
        start = text.length;
        add_ago(&text, state_since(view->task), now_ns);
        if (text.text[start] >= 'A' && text.text[start] <= 'Z')
                text.text[start] = (char)(text.text[start] - 'A' + 'a');
        task_restart_text(view->task, now_ns, restart, sizeof restart);
        if (restart[0])
                str_addf(&text, ", %s", restart);
        if (view->state == SK__TASK_STATE__TASK_RUNNING && view->task->status &&
            view->task->status->is_unready)
                str_add(&text, " (not ready)");
        return arena_strdup(arena, str_text(&text));
}

static json_t *task_row(struct arena *arena, const Sk__TaskView *view, const char *name,
                        bool is_older, const struct task_rows *options)
{
        const Sk__Task *task = view->task;
        const char *node = options->no_resolve ? task_node(task) : view->node_name;
        const Sk__TaskStatus *status = task->status;

        return json_pack("{ss ss ss ss ss ss ss ss}", "ID",
                         short_id(arena, task->id, options->whole), "Name",
                         is_older ? arena_printf(arena, " \\_ %s", name) : name, "Image",
                         short_image(arena, str_or(view->image, ""), options->whole), "Node",
                         str_or(node, ""), "DesiredState",
                         capitalised(arena, task_state_name(task->definition->desired_state)),
                         "CurrentState", current_state(arena, view, options->now_ns), "Error",
                         error_text(arena, view, options->whole), "Ports",
                         status ? ports_text(arena, status->host_ports, status->n_host_ports,
                                             SK__PORT_CONFIG__PUBLISH_MODE__HOST, ",")
                                : "");
}

struct named {
        const char *name;
        const Sk__TaskView *view;
};

static int by_name_newest_first(const void *a, const void *b)
{
        const struct named *x = a, *y = b;
        const Sk__Task *s = x->view->task, *t = y->view->task;
        int order = natural_compare(x->name, y->name);

        if (order)
                return order;
        if (s->definition->generation != t->definition->generation &&
            str_equal(s->definition->service_id, t->definition->service_id))
                return s->definition->generation > t->definition->generation ? -1 : 1;
        return strcmp(s->id, t->id);
}

json_t *task_rows(struct arena *arena, Sk__TaskView *const *tasks, size_t n,
                  const struct task_rows *options)
{
        _cleanup_(vec_done) struct vec sorted = VEC_OF(struct named);
        json_t *rows = json_array();
        const char *before = "";

        for (size_t i = 0; i < n; i++)
                if (tasks[i]->task && tasks[i]->task->definition)
                        vec_push(&sorted,
                                 &(struct named){ task_name(arena, tasks[i], options->no_resolve),
                                                  tasks[i] });
        vec_sort(&sorted, by_name_newest_first);
        for (size_t i = 0; i < sorted.n; i++) {
                const struct named *named = vec_at(&sorted, i);
                bool is_older = strcmp(named->name, before) == 0;

                json_array_append_new(rows,
                                      task_row(arena, named->view, named->name, is_older, options));
                before = named->name;
        }
        return rows;
}

int tasks_print(struct cli *cli, const struct arguments *arguments, Sk__Filter **filters,
                size_t n_filters)
{
        struct task_rows options = {
                .whole = argument_bool(arguments, "no-trunc") || argument_bool(arguments, "quiet"),
                .no_resolve = argument_bool(arguments, "no-resolve"),
                .now_ns = loop_now(cli->loop),
        };
        Sk__ListTasksRequest request = SK__LIST_TASKS_REQUEST__INIT;
        const Sk__ListTasksResponse *response;
        const void *out;

        request.filters = filters;
        request.n_filters = n_filters;
        if (cli_call(cli, RPC_METHOD(control, ListTasks), &request.base, &out) < 0)
                return cli_fail(cli);
        response = out;
        return print_list(cli, arguments, &task_list,
                          task_rows(&cli->arena, response->tasks, response->n_tasks, &options));
}
