/* Flags as docker's command line takes them. */
#include "cli/flags.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/unit/test.h"

static const struct flag some_flags[] = {
        { "detach", 'd', FLAG_BOOL, NULL, "Detach", NULL },
        { "tty", 't', FLAG_BOOL, NULL, "Terminal", NULL },
        { "env", 'e', FLAG_LIST, NULL, "Environment", NULL },
        { "name", 0, FLAG_STRING, NULL, "Name", NULL },
        { "publish", 'p', FLAG_LIST, "port", "Publish", NULL },
        { "replicas", 0, FLAG_UINT, NULL, "Replicas", NULL },
        { "delay", 0, FLAG_DURATION, NULL, "Delay", NULL },
        { "memory", 0, FLAG_BYTES, NULL, "Memory", NULL },
        { "cpus", 0, FLAG_DECIMAL, NULL, "CPUs", NULL },
        { "filter", 'f', FLAG_FILTER, NULL, "Filter", NULL },
        { "future", 0, FLAG_STRING, NULL, "Later", "it comes with a later release" },
        { 0 },
};

static const struct flag *const tables[] = { some_flags, NULL };

static struct arguments arguments;
static bool wants_help;
static struct err err;

static int parse(bool interspersed, int argc, char **argv)
{
        arguments_done(&arguments);
        wants_help = false;
        return flags_parse(tables, interspersed, argc, argv, &arguments, &wants_help, &err);
}

static void refused(int argc, char **argv, const char *sentence)
{
        assert_true(parse(true, argc, argv) < 0);
        assert_string_equal(err.text, sentence);
}

#define WORDS(...)                                                                                 \
        (int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)), (char **)(const char *[]) \
        {                                                                                          \
                __VA_ARGS__                                                                        \
        }

static void values_come_after_a_space_or_an_equals_sign(void **state)
{
        (void)state;
        assert_int_equal(parse(true, WORDS("--name", "web", "--replicas=3")), 0);
        assert_string_equal(argument(&arguments, "name"), "web");
        assert_string_equal(argument(&arguments, "replicas"), "3");
}

static void the_last_value_counts(void **state)
{
        (void)state;
        assert_int_equal(parse(true, WORDS("--name=a", "--name=b")), 0);
        assert_string_equal(argument(&arguments, "name"), "b");
}

static void lists_keep_all_values_in_order(void **state)
{
        (void)state;
        assert_int_equal(parse(true, WORDS("-e", "A=1", "--env", "B=2", "-eC=3")), 0);
        assert_string_equal(argument_nth(&arguments, "env", 0), "A=1");
        assert_string_equal(argument_nth(&arguments, "env", 1), "B=2");
        assert_string_equal(argument_nth(&arguments, "env", 2), "C=3");
        assert_null(argument_nth(&arguments, "env", 3));
}

static void letters_stand_together(void **state)
{
        (void)state;
        assert_int_equal(parse(true, WORDS("-dtp", "80:80")), 0);
        assert_true(argument_bool(&arguments, "detach"));
        assert_true(argument_bool(&arguments, "tty"));
        assert_string_equal(argument(&arguments, "publish"), "80:80");
}

static void a_boolean_can_be_false(void **state)
{
        (void)state;
        assert_int_equal(parse(true, WORDS("--detach=false", "-t=0")), 0);
        assert_true(argument_is_set(&arguments, "detach"));
        assert_false(argument_bool(&arguments, "detach"));
        assert_false(argument_bool(&arguments, "tty"));
}

static void after_the_image_everything_is_the_command_s(void **state)
{
        (void)state;
        assert_int_equal(parse(false, WORDS("-d", "nginx", "sh", "-e", "--name")), 0);
        assert_int_equal(arguments.positional.n, 4);
        assert_string_equal(positional(&arguments, 2), "-e");
}

static void flags_may_follow_where_they_are_looked_for(void **state)
{
        (void)state;
        assert_int_equal(parse(true, WORDS("web", "-d")), 0);
        assert_int_equal(arguments.positional.n, 1);
        assert_true(argument_bool(&arguments, "detach"));
}

static void two_dashes_end_the_flags(void **state)
{
        (void)state;
        assert_int_equal(parse(true, WORDS("--", "-d", "-")), 0);
        assert_int_equal(arguments.positional.n, 2);
        assert_false(argument_is_set(&arguments, "detach"));
}

static void help_is_asked_by_word_or_letter(void **state)
{
        (void)state;
        assert_int_equal(parse(true, WORDS("--help")), 0);
        assert_true(wants_help);
        assert_int_equal(parse(true, WORDS("-h")), 0);
        assert_true(wants_help);
}

static void a_mistyped_flag_is_guessed(void **state)
{
        (void)state;
        refused(WORDS("--replcas=3"), "unknown flag: --replcas\n\nDid you mean --replicas?");
        refused(WORDS("--publihs", "1"), "unknown flag: --publihs\n\nDid you mean --publish?");
        refused(WORDS("--futur", "1"), "unknown flag: --futur");
        refused(WORDS("--d"), "unknown flag: --d");
}

static void unknown_flags_are_told_as_docker_does(void **state)
{
        (void)state;
        refused(WORDS("--nope"), "unknown flag: --nope");
        refused(WORDS("-dx"), "unknown shorthand flag: 'x' in -dx");
}

static void missing_values_are_told_as_docker_does(void **state)
{
        (void)state;
        refused(WORDS("--name"), "flag needs an argument: --name");
        refused(WORDS("-dp"), "flag needs an argument: 'p' in -dp");
}

static void values_must_fit_their_type(void **state)
{
        (void)state;
        assert_true(parse(true, WORDS("--replicas", "many")) < 0);
        assert_int_equal(strncmp(err.text,
                                 "invalid argument \"many\" for \"--replicas\" flag: ", 46),
                         0);
        assert_true(parse(true, WORDS("--delay", "5")) < 0);
        assert_true(parse(true, WORDS("--memory", "x")) < 0);
        assert_true(parse(true, WORDS("--cpus", "a")) < 0);
        assert_true(parse(true, WORDS("-f", "name")) < 0);
        assert_true(parse(true, WORDS("--detach=maybe")) < 0);
        assert_int_equal(strncmp(err.text,
                                 "invalid argument \"maybe\" for \"-d, --detach\" flag: ", 50),
                         0);
}

static void what_comes_later_is_refused_by_name(void **state)
{
        (void)state;
        refused(WORDS("--future=1"),
                "--future is not supported yet: it comes with a later release");
}

static void help_lists_flags_by_name(void **state)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        (void)state;
        flags_print(out, (const struct flag *const[]){ some_flags + 7, NULL });
        fclose(out);
        assert_string_equal(text, "      --cpus decimal    CPUs\n"
                                  "  -f, --filter filter   Filter\n"
                                  "      --future string   Later (not supported yet)\n"
                                  "      --memory bytes    Memory\n");
        free(text);
}

static int forget(void **state)
{
        (void)state;
        arguments_done(&arguments);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(values_come_after_a_space_or_an_equals_sign),
                cmocka_unit_test(the_last_value_counts),
                cmocka_unit_test(lists_keep_all_values_in_order),
                cmocka_unit_test(letters_stand_together),
                cmocka_unit_test(a_boolean_can_be_false),
                cmocka_unit_test(after_the_image_everything_is_the_command_s),
                cmocka_unit_test(flags_may_follow_where_they_are_looked_for),
                cmocka_unit_test(two_dashes_end_the_flags),
                cmocka_unit_test(help_is_asked_by_word_or_letter),
                cmocka_unit_test(a_mistyped_flag_is_guessed),
                cmocka_unit_test(unknown_flags_are_told_as_docker_does),
                cmocka_unit_test(missing_values_are_told_as_docker_does),
                cmocka_unit_test(values_must_fit_their_type),
                cmocka_unit_test(what_comes_later_is_refused_by_name),
                cmocka_unit_test(help_lists_flags_by_name),
        };

        return cmocka_run_group_tests(tests, NULL, forget);
}
