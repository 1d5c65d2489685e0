/* Finding and running commands, and the help that teaches them. */
#include "cli/command.h"

#include <stdlib.h>
#include <string.h>

#include "cli/suggest.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/version.h"

/*  noun, about it */
static const struct {
        const char *noun, *summary;
} nouns[] = {
        { "swarm", "Manage Swarm" },
        { "service", "Manage Swarm services" },
        { "node", "Manage Swarm nodes" },
        { "task", "Manage Swarm tasks" },
        { "secret", "Manage Swarm secrets" },
        { "config", "Manage Swarm configs" },
        { "image", "Manage this node's images" },
        { "volume", "Manage this node's volumes" },
};

const char *command_noun_summary(const char *noun)
{
        for (size_t i = 0; i < COUNT_OF(nouns); i++)
                if (strcmp(nouns[i].noun, noun) == 0)
                        return nouns[i].summary;
        return "";
}

const char *command_noun(size_t i)
{
        return i < COUNT_OF(nouns) ? nouns[i].noun : NULL;
}

const struct flag *const *command_flags(const struct command *command)
{
        static const struct flag *const none[] = { NULL };

        if (command->make_flags)
                return command->make_flags();
        return command->flags ? command->flags : none;
}

/* Is it one of these, which stand apart by spaces? */
static bool is_among(const char *words, const char *word)
{
        size_t length = strlen(word);

        for (const char *at = words; *at; at += strcspn(at, " "), at += *at == ' ')
                if (strcspn(at, " ") == length && memcmp(at, word, length) == 0)
                        return true;
        return false;
}

static bool is_alias(const struct command *command, const char *verb)
{
        return is_among(str_or(command->aliases, ""), verb);
}

static const struct command *find(const char *noun, const char *verb)
{
        for (const struct command *const *table = command_tables; *table; table++)
                for (const struct command *command = *table; command->verb; command++)
                        if (str_equal(command->noun, noun) &&
                            (strcmp(command->verb, verb) == 0 || is_alias(command, verb)))
                                return command;
        return NULL;
}

static void print_rows(const char *noun, bool only_without_noun)
{
        for (const struct command *const *table = command_tables; *table; table++)
                for (const struct command *command = *table; command->verb; command++)
                        if (command->summary &&
                            (only_without_noun ? !command->noun : str_equal(command->noun, noun)))
                                printf("  %-11s %.*s\n", command->verb,
                                       (int)strcspn(command->summary, "\n"), command->summary);
}

static void print_overview(void)
{
        printf("Usage:  skep [OPTIONS] COMMAND\n\nA swarm of machines that keeps your services "
               "running\n\nSwarm Commands:\n");
        for (size_t i = 0; i < COUNT_OF(nouns); i++)
                printf("  %-11s %s\n", nouns[i].noun, nouns[i].summary);
        printf("\nCommands:\n");
        print_rows(NULL, true);
        printf("\nGlobal Options:\n"
               "  -H, --host string     Control API to talk to: unix:/path\n"
               "      --config string   Folder of docker's config.json\n"
               "      --node string     This node's agent: unix:/path\n"
               "  -v, --version         Print version information and quit\n"
               "\nRun 'skep COMMAND --help' for more information on a command.\n");
}

static void print_noun(FILE *out, const char *noun)
{
        fprintf(out, "Usage:  skep %s COMMAND\n\n%s\n\nCommands:\n", noun,
                command_noun_summary(noun));
        print_rows(noun, false);
        fprintf(out, "\nRun 'skep %s COMMAND --help' for more information on a command.\n", noun);
}

static void command_words(const struct command *command, char *ret, size_t size)
{
        snprintf(ret, size, "skep %s%s%s", str_or(command->noun, ""), command->noun ? " " : "",
                 command->verb);
}

void command_print_help(const struct command *command)
{
        char words[64];

        command_words(command, words, sizeof words);
        printf("Usage:  %s %s\n\n%s\n", words, command->usage, str_or(command->summary, ""));
        if (command->aliases)
                printf("\nAliases:\n  %s, %s\n", command->verb, command->aliases);
        if (*command_flags(command)) {
                printf("\nOptions:\n");
                flags_print(stdout, command_flags(command));
        }
}

int command_usage_error(const struct command *command, const char *sentence)
{
        char words[64];

        command_words(command, words, sizeof words);
        fprintf(stderr, "%s\n\nUsage:  %s %s\n\nRun '%s --help' for more information\n", sentence,
                words, command->usage, words);
        return EXIT_USAGE;
}

/* What docker knows and Skep does not: which words, and what to do instead. */
static const struct {
        const char *noun, *verbs, *why;
} refused[] = {
        /* clang-format off */
        { NULL,    "run create", "is not supported: what runs belongs to a service, see 'skep service create'" },
        { NULL,    "container start stop restart kill pause unpause rm rename update wait attach commit diff export port",
          "is not supported: containers belong to services, see 'skep service --help' and 'skep task --help'" },
        { NULL,    "ps",         "lists the tasks of services: 'skep ps SERVICE', or 'skep node ps' for those of this node" },
        { NULL,    "logs",       "is not supported: use 'skep service logs SERVICE|TASK'" },
        { NULL,    "inspect",    "is not supported: use 'skep service inspect', 'skep task inspect', 'skep node inspect', ..." },
        { NULL,    "network",    "is not supported yet: overlay networks come with a later release" },
        { NULL,    "stack compose", "is not supported yet: stacks come with a later release" },
        { NULL,    "plugin",     "is not supported: drivers of volumes are programs on the nodes, which no command installs" },
        { NULL,    "system",     "is not supported: use 'skep info' and 'skep events'" },
        { NULL,    "context checkpoint trust", "is not supported" },
        { NULL,    "build bake builder buildx manifest push save import tag search history",
          "is not supported: images are built and pushed by other tools, 'skep pull' and 'skep load' bring them" },
        { "image", "build push save import tag history",
          "is not supported: images are built and pushed by other tools, 'skep pull' and 'skep load' bring them" },
        { "image", "inspect prune", "is not supported yet: see 'skep image --help'" },
        /* clang-format on */
};

static bool refuse(const char *noun, const char *verb)
{
        for (size_t i = 0; i < COUNT_OF(refused); i++)
                if (str_equal(refused[i].noun, noun) && is_among(refused[i].verbs, verb)) {
                        fprintf(stderr, "skep %s%s%s %s\n", str_or(noun, ""), noun ? " " : "", verb,
                                refused[i].why);
                        return true;
                }
        return false;
}

/* docker's sentences for a wrong number of arguments. */
static int count_error(const struct command *command, int n_given)
{
        bool is_exact = command->most == command->least, too_few = n_given < command->least;
        int n = too_few ? command->least : command->most;
        char words[64];

        command_words(command, words, sizeof words);
        if (command->most == 0)
                fprintf(stderr, "skep: '%s' accepts no arguments\n", words);
        else
                fprintf(stderr, "skep: '%s' requires %s%d argument%s\n", words,
                        is_exact  ? ""
                        : too_few ? "at least "
                                  : "at most ",
                        n, n == 1 ? "" : "s");
        fprintf(stderr, "\nUsage:  %s %s\n\n%s '%s --help' for more information\n", words,
                command->usage, is_exact ? "Run" : "See", words);
        return 1;
}

static int run(struct cli *cli, const struct command *command, int argc, char **argv)
{
        _cleanup_(arguments_done) struct arguments arguments = { 0 };
        bool wants_help = false;
        struct err err;
        int n;

        cli->command = command;
        if (flags_parse(command_flags(command), !command->flags_first, argc, argv, &arguments,
                        &wants_help, &err) < 0)
                return command_usage_error(command, err.text);
        if (wants_help) {
                command_print_help(command);
                return 0;
        }
        n = (int)arguments.positional.n;
        if (n == 0 && command->least && refuse(command->noun, command->verb))
                return 1;
        if (n < command->least || (command->most >= 0 && n > command->most))
                return count_error(command, n);
        return command->run(cli, &arguments);
}

static bool is_noun(const char *word)
{
        for (size_t i = 0; i < COUNT_OF(nouns); i++)
                if (strcmp(nouns[i].noun, word) == 0)
                        return true;
        return false;
}

static bool is_long(const char *word, size_t length, const char *name)
{
        return strlen(name) == length && memcmp(word, name, length) == 0;
}

/* Options that stand before the command; returns how many words they are, -1 when the program is
 * done. */
static int take_globals(struct cli *cli, int argc, char **argv)
{
        int at = 0;

        while (at < argc && argv[at][0] == '-') {
                const char *word = argv[at++], *equals = strchr(word, '=');
                size_t length = equals ? (size_t)(equals - word) : strlen(word);
                const char **place = NULL, *folder = NULL;

                if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
                        print_overview();
                        return -1;
                }
                if (strcmp(word, "--version") == 0 || strcmp(word, "-v") == 0) {
                        printf("Skep version %s\n", SKEP_VERSION);
                        return -1;
                }
                if (is_long(word, length, "--host") || strcmp(word, "-H") == 0)
                        place = &cli->api_address;
                else if (is_long(word, length, "--node"))
                        place = &cli->node_address;
                else if (is_long(word, length, "--config"))
                        place = &folder;
                if (!place || (!equals && at == argc)) {
                        fprintf(stderr,
                                place ? "flag needs an argument: %s\n" : "unknown flag: %s\n",
                                word);
                        return -2;
                }
                *place = equals ? equals + 1 : argv[at++];
                if (folder)
                        setenv("DOCKER_CONFIG", folder, 1);
        }
        return at;
}

/* The noun or verb that was meant; NULL: who knows. */
static const char *meant(const char *noun, const char *typed)
{
        struct suggestion suggestion = { .typed = typed, .length = strlen(typed) };

        for (size_t i = 0; !noun && i < COUNT_OF(nouns); i++)
                suggest_consider(&suggestion, nouns[i].noun);
        for (const struct command *const *table = command_tables; *table; table++)
                for (const struct command *command = *table; command->verb; command++)
                        if (command->summary && str_equal(command->noun, noun))
                                suggest_consider(&suggestion, command->verb);
        return suggestion.word;
}

static int unknown_command(const char *noun, char **argv)
{
        const char *typed = argv[noun ? 1 : 0], *space = noun ? " " : "", *word;

        if (refuse(noun, typed))
                return 1;
        noun = str_or(noun, "");
        fprintf(stderr, "skep: unknown command: skep %s%s%s\n\n", noun, space, typed);
        word = meant(noun[0] ? noun : NULL, typed);
        if (word)
                fprintf(stderr, "Did you mean 'skep %s%s%s'?\n\n", noun, space, word);
        fprintf(stderr, "Run 'skep %s%s--help' for more information\n", noun, space);
        return 1;
}

int command_run(struct cli *cli, int argc, char **argv)
{
        const char *noun = NULL;
        const struct command *command;
        int at = take_globals(cli, argc, argv);
        bool is_help;

        if (at < 0)
                return at == -1 ? 0 : EXIT_USAGE;
        argc -= at;
        argv += at;
        is_help = argc && strcmp(argv[0], "help") == 0;
        argc -= is_help;
        argv += is_help;
        if (!argc) {
                print_overview();
                return 0;
        }
        if (is_noun(argv[0])) {
                noun = argv[0];
                /* "skep service help create" is "skep help service create". */
                if (argc > 2 && strcmp(argv[1], "help") == 0) {
                        is_help = true;
                        argv[1] = argv[0];
                        argv++;
                        argc--;
                }
                if (argc == 1 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
                    strcmp(argv[1], "help") == 0) {
                        print_noun(stdout, noun);
                        return 0;
                }
        }
        command = find(noun, argv[noun ? 1 : 0]);
        if (!command)
                return unknown_command(noun, argv);
        if (is_help) {
                command_print_help(command);
                return 0;
        }
        return run(cli, command, argc - (noun ? 2 : 1), argv + (noun ? 2 : 1));
}
