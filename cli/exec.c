/* skep exec and skep cp: going inside. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/copy.h"
#include "cli/inside.h"
#include "cli/print.h"
#include "cli/tables.h"
#include "lib/base/str.h"
#include "lib/copy/rules.h"
#include "lib/os/os_error.h"

static const struct flag exec_flags[] = {
        { "detach", 'd', FLAG_BOOL, NULL, "Detached mode: run command in the background", NULL },
        { "detach-keys", 0, FLAG_STRING, NULL,
          "Override the key sequence for detaching a container",
          "what runs inside ends when its stream does; -d lets it go from the start" },
        { "env", 'e', FLAG_LIST, NULL, "Set environment variables", NULL },
        { "env-file", 0, FLAG_LIST, NULL, "Read in a file of environment variables", NULL },
        { "interactive", 'i', FLAG_BOOL, NULL, "Keep STDIN open even if not attached", NULL },
        { "privileged", 0, FLAG_BOOL, NULL, "Give extended privileges to the command", NULL },
        { "tty", 't', FLAG_BOOL, NULL, "Allocate a pseudo-TTY", NULL },
        { "user", 'u', FLAG_STRING, NULL, "Username or UID (format: \"<name|uid>[:<group|gid>]\")",
          NULL },
        { "workdir", 'w', FLAG_STRING, NULL, "Working directory inside the container", NULL },
        { 0 },
};

/* "K=V" as it is; "K" means ours, if there is one. */
static void add_variable(struct cli *cli, struct vec *env, const char *text)
{
        const char *ours = strchr(text, '=') ? NULL : getenv(text), *variable = text;

        if (!strchr(text, '=') && !ours)
                return;
        if (ours)
                variable = arena_printf(&cli->arena, "%s=%s", text, ours);
        vec_push(env, &(const char *){ arena_strdup(&cli->arena, variable) });
}

static int add_file(struct cli *cli, struct vec *env, const char *path)
{
        FILE *file = fopen(path, "re");
        char *line = NULL;
        size_t size = 0;
        int result = 0;

        if (!file)
                return os_error(&cli->err, errno, "open %.200s", path);
        while (getline(&line, &size, file) > 0) {
                line[strcspn(line, "\r\n")] = '\0';
                if (line[0] && line[0] != '#')
                        add_variable(cli, env, line);
        }
        if (ferror(file))
                result = os_error(&cli->err, errno, "read %.200s", path);
        free(line);
        fclose(file);
        return result;
}

static int take_environment(struct cli *cli, const struct arguments *arguments, Sk__ExecSpec *exec)
{
        _cleanup_(vec_done) struct vec env = VEC_OF(const char *);
        const char *text;

        for (size_t i = 0; (text = argument_nth(arguments, "env-file", i)); i++)
                TRY(add_file(cli, &env, text));
        for (size_t i = 0; (text = argument_nth(arguments, "env", i)); i++)
                add_variable(cli, &env, text);
        exec->n_env = env.n;
        exec->env = arena_copy(&cli->arena, env.data, env.n * sizeof *exec->env);
        return 0;
}

static void take_arguments(struct cli *cli, const struct arguments *arguments, Sk__ExecSpec *exec)
{
        const char *text;

        exec->args = arena_alloc(&cli->arena, arguments->positional.n * sizeof *exec->args);
        while ((text = positional(arguments, exec->n_args + 1)))
                exec->args[exec->n_args++] = text;
        exec->user = str_or(argument(arguments, "user"), "");
        exec->dir = str_or(argument(arguments, "workdir"), "");
        exec->tty = argument_bool(arguments, "tty");
        exec->privileged = argument_bool(arguments, "privileged");
        exec->detach = argument_bool(arguments, "detach");
        exec->stdin = argument_bool(arguments, "interactive") && !exec->detach;
}

static int exec_run(struct cli *cli, const struct arguments *arguments)
{
        Sk__EnterStart start = SK__ENTER_START__INIT;
        Sk__ExecSpec exec = SK__EXEC_SPEC__INIT;
        Sk__TerminalSize size = SK__TERMINAL_SIZE__INIT;
        struct inside_options options = {
                .start = &start, .in = -1, .out = STDOUT_FILENO, .errors = STDERR_FILENO
        };
        struct winsize now;
        int code = 1;

        take_arguments(cli, arguments, &exec);
        if (exec.tty && exec.stdin && !isatty(STDIN_FILENO)) {
                fprintf(stderr, "the input device is not a TTY\n");
                return 1;
        }
        if (take_environment(cli, arguments, &exec) < 0)
                return print_failure(cli);
        if (exec.tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) == 0) {
                size.width = now.ws_col;
                size.height = now.ws_row;
                exec.size = &size;
        }
        start.task = positional(arguments, 0);
        start.what_case = SK__ENTER_START__WHAT_EXEC;
        start.exec = &exec;
        options.in = exec.stdin ? STDIN_FILENO : -1;
        options.is_tty = exec.tty && exec.stdin;
        return inside_run(cli, &options, &code) < 0 ? cli_fail(cli) : code;
}

static const struct flag *const exec_tables[] = { exec_flags, NULL };

/* --- cp --- */

static const struct flag cp_flags[] = {
        { "archive", 'a', FLAG_BOOL, NULL, "Archive mode (copy all uid/gid information)", NULL },
        { "follow-link", 'L', FLAG_BOOL, NULL, "Always follow symbol link in SRC_PATH", NULL },
        { "quiet", 'q', FLAG_BOOL, NULL,
          "Suppress progress output during copy. Progress output is automatically suppressed if no "
          "terminal is attached",
          NULL },
        { 0 },
};

#define CP_SUMMARY                                                                      \
        "Copy files/folders between a running task and the local filesystem\n\n"        \
        "Use '-' as the source to read a tar archive from stdin\n"                      \
        "and extract it to a directory destination in a task.\n"                        \
        "Use '-' as the destination to stream a tar archive of a\n"                     \
        "task's files to stdout.\n\n"                                                   \
        "A folder goes into a folder that exists, and becomes one that does not;\n"     \
        "'folder/.' is what is in it.  Paths in a task begin at its root.\n"            \
        "TASK is an id, a name like web.1, or a service that has one running task.\n\n" \
        "  skep cp web.1:/etc/nginx/nginx.conf .\n"                                     \
        "  skep cp site/. web.1:/usr/share/nginx/html\n"                                \
        "  skep cp web.1:/var/log - | tar t"

static int cp_fail(const char *sentence)
{
        fprintf(stderr, "%s\n", sentence);
        return 1;
}

static int cp_run(struct cli *cli, const struct arguments *arguments)
{
        struct copy_wish wish = {
                .keeps_owners = argument_bool(arguments, "archive"),
                .follows_link = argument_bool(arguments, "follow-link"),
                .is_quiet = argument_is_set(arguments, "quiet") ? argument_bool(arguments, "quiet")
                                                                : !cli->is_terminal,
        };
        const char *from = positional(arguments, 0), *to = positional(arguments, 1);
        const char *from_task, *to_task;

        if (str_is_empty(from) || str_is_empty(to))
                return cp_fail(str_is_empty(from) ? "source can not be empty"
                                                  : "destination can not be empty");
        copy_split_word(&cli->arena, from, &from_task, &from);
        copy_split_word(&cli->arena, to, &to_task, &to);
        if (from_task && to_task)
                return cp_fail("copying between containers is not supported");
        if (!from_task && !to_task)
                return cp_fail("must specify at least one container source");
        wish.task = from_task ? from_task : to_task;
        wish.inside = from_task ? from : to;
        wish.here = from_task ? to : from;
        return from_task ? copy_out(cli, &wish) : copy_in(cli, &wish);
}

static const struct flag *const cp_tables[] = { cp_flags, NULL };

/* clang-format off */
/*        noun  verb    usage                             summary                                aliases side             least most flags first  flags */
const struct command inside_commands[] = {
        { NULL, "exec", "[OPTIONS] TASK COMMAND [ARG...]", "Execute a command in a running task", NULL,  COMMAND_CONTROL, 2, -1, true, exec_tables, NULL, exec_run },
        { NULL, "cp",   "[OPTIONS] TASK:SRC_PATH DEST_PATH|-\n\tskep cp [OPTIONS] SRC_PATH|- TASK:DEST_PATH", CP_SUMMARY, NULL, COMMAND_CONTROL, 2, 2, false, cp_tables, NULL, cp_run },
        { 0 },
};
/* clang-format on */
