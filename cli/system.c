/* Verbs of the program itself: info, version, events, login, completion, docs. */
#include <string.h>

#include "cli/completion.h"
#include "cli/events.h"
#include "cli/info.h"
#include "cli/login.h"
#include "cli/print.h"
#include "cli/spec.h"
#include "cli/tables.h"
#include "lib/base/str.h"

static int run_completion(struct cli *cli, const struct arguments *arguments)
{
        if (completion_print(stdout, positional(arguments, 0), &cli->err) < 0)
                return print_failure(cli);
        return 0;
}

/* For docs/: what is known of the flags, as Markdown. */
static int run_docs(struct cli *cli, const struct arguments *arguments)
{
        (void)cli;
        if (strcmp(positional(arguments, 0), "flags") != 0) {
                fprintf(stderr, "skep docs: there is only 'flags'\n");
                return 1;
        }
        spec_print_table(stdout);
        return 0;
}

static const struct flag *const info_tables[] = { info_flags, NULL };
static const struct flag *const event_tables[] = { event_flags, NULL };
static const struct flag *const login_tables[] = { login_flags, NULL };

/* clang-format off */
/*        noun  verb          usage                  summary                                         aliases       side  least most flags first  flags */
const struct command system_commands[] = {
        { NULL, "completion", "bash|zsh|fish",       "Generate the autocompletion script for a shell", NULL, COMMAND_LOCAL,   1, 1, false, NULL, NULL, run_completion },
        { NULL, "docs",       "flags",               NULL,                                           NULL, COMMAND_LOCAL,   1, 1, false, NULL, NULL, run_docs },
        { NULL, "events",     "[OPTIONS]",           "Get real time events from the cluster",        NULL, COMMAND_CONTROL, 0, 0, false, event_tables, NULL, events_run },
        { NULL, "info",       "[OPTIONS]",           "Display system-wide information",              NULL, COMMAND_NODE,    0, 0, false, info_tables, NULL, info_run },
        { NULL, "login",      "[OPTIONS] [SERVER]",  "Authenticate to a registry",                   NULL, COMMAND_CONTROL, 0, 1, false, login_tables, NULL, login_run },
        { NULL, "logout",     "[SERVER]",            "Log out from a registry",                      NULL, COMMAND_LOCAL,   0, 1, false, NULL, NULL, logout_run },
        { NULL, "version",    "[OPTIONS]",           "Show the Skep version information",            NULL, COMMAND_NODE,    0, 0, false, info_tables, NULL, version_run },
        { 0 },
};
/* clang-format on */
