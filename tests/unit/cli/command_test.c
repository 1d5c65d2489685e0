/* The rows of all commands keep to the rules, and completion knows them. */
#include "cli/command.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/completion.h"
#include "lib/base/str.h"
#include "tests/unit/test.h"

static void each(void (*check)(const struct command *command))
{
        for (const struct command *const *table = command_tables; *table; table++)
                for (const struct command *command = *table; command->verb; command++)
                        check(command);
}

static void check_row(const struct command *command)
{
        assert_non_null(command->run);
        assert_non_null(command->usage);
        assert_true(command->most < 0 || command->most >= command->least);
        if (command->noun)
                assert_string_not_equal(command_noun_summary(command->noun), "");
}

static void every_row_is_whole(void **state)
{
        (void)state;
        each(check_row);
}

static void check_flags(const struct command *command)
{
        char letters[128] = { 0 };

        for (const struct flag *const *table = command_flags(command); *table; table++)
                for (const struct flag *flag = *table; flag->name; flag++) {
                        if (flag->letter && letters[(int)flag->letter])
                                fail_msg("%s %s: -%c twice", str_or(command->noun, ""),
                                         command->verb, flag->letter);
                        letters[(int)flag->letter] = 1;
                        assert_non_null(flag->help);
                }
}

static void no_command_has_a_letter_twice(void **state)
{
        (void)state;
        each(check_flags);
}

static size_t same_name(const struct command *a)
{
        size_t n = 0;

        for (const struct command *const *table = command_tables; *table; table++)
                for (const struct command *b = *table; b->verb; b++)
                        n += str_equal(a->noun, b->noun) && strcmp(a->verb, b->verb) == 0;
        return n;
}

static void check_name(const struct command *command)
{
        assert_int_equal(same_name(command), 1);
}

static void no_two_commands_have_one_name(void **state)
{
        (void)state;
        each(check_name);
}

static char *completion_of(const char *shell)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        struct err err;

        assert_int_equal(completion_print(out, shell, &err), 0);
        fclose(out);
        return text;
}

static void completion_offers_commands_and_flags(void **state)
{
        static const char *const shells[] = { "bash", "zsh", "fish" };

        (void)state;
        for (int i = 0; i < 3; i++) {
                char *text = completion_of(shells[i]);

                assert_non_null(strstr(text, "service"));
                assert_non_null(strstr(text, "rollback"));
                assert_non_null(strstr(text, "restart-condition"));
                assert_null(strstr(text, "credential-spec"));
                free(text);
        }
}

/* Completes "skep node inspect WORD" in a cluster whose nodes have these names. */
static void completes(const char *word, const char *names, const char *expected)
{
        char *text = completion_of("bash");
        FILE *shell = popen("bash", "w");

        fprintf(shell,
                "%s\nskep() { printf '%%s\\n' %s; }\nCOMP_WORDS=(skep node inspect '%s')\n"
                "COMP_CWORD=3\n_skep\n[ \"${COMPREPLY[*]}\" = '%s' ]\n",
                text, names, word, expected);
        assert_int_equal(pclose(shell), 0);
        free(text);
}

static void completion_offers_names_that_fit(void **state)
{
        (void)state;
        completes("", "n1 n2 m1", "n1 n2 m1");
        completes("n", "n1 n2 m1", "n1 n2");
        completes("x", "n1", "");
}

/* A worker says what its name is; nobody else's shell may run it. */
static void names_are_never_run_by_the_shell(void **state)
{
        (void)state;
        completes("", "'$(kill -9 $$)' '`kill -9 $$`' n1 '${x:=$(kill -9 $$)}' '*' '--force'",
                  "n1");
}

static void other_shells_are_refused(void **state)
{
        struct err err;

        (void)state;
        assert_int_equal(completion_print(stdout, "tcsh", &err), ERR_INVALID);
}

/* Runs "skep WORDS" as typed; what it says on stderr and stdout. */
static char *said(int expected_status, int argc, char **argv)
{
        static char text[4096];
        struct cli cli = { .api_address = "unix:/nowhere/api.sock",
                           .node_address = "unix:/nowhere/node.sock" };
        FILE *file = tmpfile();
        int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);

        fflush(stdout);
        dup2(fileno(file), STDOUT_FILENO);
        dup2(fileno(file), STDERR_FILENO);
        assert_int_equal(loop_new(&cli.loop, &cli.err), 0);
        argc = command_run(&cli, argc, argv);
        fflush(stdout);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        close(out);
        close(err);
        rewind(file);
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
        loop_free(cli.loop);
        arena_done(&cli.arena);
        assert_int_equal(argc, expected_status);
        return text;
}

#define SAID(status, ...)                                                             \
        said(status, (int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)), \
             (char **)(const char *[]){ __VA_ARGS__ })

static void too_few_and_too_many_arguments_are_told_apart(void **state)
{
        (void)state;
        assert_non_null(strstr(SAID(1, "secret", "create"),
                               "skep: 'skep secret create' requires at least 1 argument\n"));
        assert_non_null(strstr(SAID(1, "secret", "create", "a", "b", "c"),
                               "skep: 'skep secret create' requires at most 2 arguments\n"));
        assert_non_null(strstr(SAID(1, "service", "diff"),
                               "skep: 'skep service diff' requires at least 1 argument\n"));
        assert_non_null(strstr(SAID(1, "why"), "skep: 'skep why' requires at least 1 argument\n"));
        assert_non_null(strstr(SAID(1, "service", "rollback"),
                               "skep: 'skep service rollback' requires 1 argument\n"));
        assert_non_null(
                strstr(SAID(1, "node", "ls", "x"), "skep: 'skep node ls' accepts no arguments\n"));
}

static void help_may_come_after_the_noun(void **state)
{
        (void)state;
        assert_non_null(strstr(SAID(0, "service", "help"), "Usage:  skep service COMMAND\n"));
        assert_non_null(strstr(SAID(0, "service", "help", "rollback"),
                               "Usage:  skep service rollback [OPTIONS] SERVICE\n"));
}

static void a_mistyped_command_is_guessed(void **state)
{
        (void)state;
        assert_string_equal(SAID(1, "servcie", "create"),
                            "skep: unknown command: skep servcie\n\nDid you mean 'skep "
                            "service'?\n\nRun 'skep --help' for more information\n");
        assert_string_equal(SAID(1, "service", "updat"),
                            "skep: unknown command: skep service updat\n\nDid you mean 'skep "
                            "service update'?\n\nRun 'skep service --help' for more "
                            "information\n");
        assert_string_equal(SAID(1, "nonsense"), "skep: unknown command: skep nonsense\n\nRun "
                                                 "'skep --help' for more information\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_row_is_whole),
                cmocka_unit_test(no_command_has_a_letter_twice),
                cmocka_unit_test(no_two_commands_have_one_name),
                cmocka_unit_test(completion_offers_commands_and_flags),
                cmocka_unit_test(completion_offers_names_that_fit),
                cmocka_unit_test(names_are_never_run_by_the_shell),
                cmocka_unit_test(other_shells_are_refused),
                cmocka_unit_test(help_may_come_after_the_noun),
                cmocka_unit_test(a_mistyped_command_is_guessed),
                cmocka_unit_test(too_few_and_too_many_arguments_are_told_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
