/* skep exec. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/inside.h"
#include "cli/print.h"
#include "cli/tables.h"
#include "lib/base/str.h"
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

/* clang-format off */
/*        noun  verb    usage                             summary                                aliases side             least most flags first  flags */
const struct command inside_commands[] = {
        { NULL, "exec", "[OPTIONS] TASK COMMAND [ARG...]", "Execute a command in a running task", NULL,  COMMAND_CONTROL, 2, -1, true, exec_tables, NULL, exec_run },
        { 0 },
};
/* clang-format on */
