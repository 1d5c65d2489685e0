/* Regular expressions: what they find, what is refused, and that none takes long. */
#include "tests/unit/test.h"

#include <regex.h>
#include <string.h>

#include "lib/base/pattern.h"
#include "lib/base/random.h"

static bool found_as(const char *text, enum pattern_case letters, const char *in)
{
        const struct pattern *pattern;
        struct arena arena = { 0 };
        struct err err;
        bool is_found;

        assert_int_equal(pattern_compile(&arena, text, letters, &pattern, &err), 0);
        is_found = pattern_found(pattern, in);
        arena_done(&arena);
        return is_found;
}

static bool found(const char *text, const char *in)
{
        return found_as(text, PATTERN_ANY_CASE, in);
}

static void each_piece_means_what_it_does_elsewhere(void **state)
{
        (void)state;
        assert_true(found("", "") && found("", "a") && found("a", "cat"));
        assert_true(found("^c.t$", "CAT") && !found("^c.t$", "cart") && !found("a$", "ab"));
        assert_true(found("^(ab|cd)+e?$", "abcdab") && !found("^(ab|cd)+e?$", "abc"));
        assert_true(found("^[a-c]*[^a-c]$", "abcd") && !found("^[^a-c]+$", "xa"));
        assert_true(found("^\\d+\\.\\w$", "12.z") && !found("^\\d+$", "1a"));
        assert_true(found("^[]x-]+$", "]x-") && found("a||b", "") && found("()*", "x"));
        assert_true(found("^(|a)$", "a") && found("\\s", "a b") && !found("\\s", "ab"));
}

static void letters_count_when_asked_for(void **state)
{
        (void)state;
        assert_true(found("[^A]", "b") && !found("[^A]", "a") && found("[A-C]x", "bX"));
        assert_true(found_as("^A\\w[b-d]$", PATTERN_EXACT_CASE, "AZc"));
        assert_false(found_as("A", PATTERN_EXACT_CASE, "a"));
        assert_false(found_as("[b-d]", PATTERN_EXACT_CASE, "C"));
        assert_true(found_as("[^A]", PATTERN_EXACT_CASE, "a"));
}

static void assert_refused(const char *text, const char *why)
{
        const struct pattern *pattern;
        struct arena arena = { 0 };
        struct err err;

        assert_int_equal(pattern_compile(&arena, text, PATTERN_ANY_CASE, &pattern, &err),
                         ERR_INVALID);
        assert_string_equal(err.text, why);
        arena_done(&arena);
}

static void what_is_no_pattern_is_refused(void **state)
{
        char longer[PATTERN_SIZE_MAX + 2], deep[PATTERN_SIZE_MAX + 1];

        (void)state;
        memset(longer, 'a', sizeof longer);
        longer[sizeof longer - 1] = 0;
        memset(deep, '(', sizeof deep);
        deep[sizeof deep - 1] = 0;
        assert_refused(longer, "it is longer than 128 bytes");
        assert_refused(deep, "groups are nested too deep");
        assert_refused("(a", "a ( has no )");
        assert_refused("a)", "a ) has no (");
        assert_refused("[a", "a [ has no ]");
        assert_refused("[z-a]", "a range in [ ] runs backwards");
        assert_refused("*a", "there is nothing to repeat before a *");
        assert_refused("a**", "there is nothing to repeat before a *");
        assert_refused("a{2}", "counts in { } are not known");
        assert_refused("(a)\\1", "a \\ has nothing to stand for");
        assert_refused("a\\", "a \\ has nothing to stand for");
        assert_refused("\\bx", "\\b is not known");
        assert_refused("[\\S]", "\\S is not known");
        assert_refused("[[:alpha:]]", "[: is not known");
}

/* A backtracking matcher would never end. */
static void nested_repetition_ends(void **state)
{
        char text[4096];

        (void)state;
        memset(text, 'a', sizeof text);
        text[sizeof text - 1] = 0;
        assert_false(found("^(((a*)*)*)*b$", text));
        assert_false(found("^(a?a?a?a?a?a?a?a?)*(a|aa|aaa)+$x", text));
}

/* The C library's, on patterns that mean the same to both. */
static void finds_what_the_c_library_finds(void **state)
{
        static const char *const pieces[] = { "a", "b", "(", ")", "|",    "*",   "+",
                                              "?", ".", "^", "$", "[ab]", "[^a]" };
        struct random random;
        size_t n_compared = 0;

        (void)state;
        random_init(&random, 1);
        for (int i = 0; i < 20000; i++) {
                char text[64] = "", in[12] = "";
                const struct pattern *pattern;
                struct arena arena = { 0 };
                regex_t other;

                for (uint64_t n = random_below(&random, 9); n; n--)
                        strcat(text, pieces[random_below(&random, 13)]);
                for (uint64_t n = random_below(&random, 9); n; n--)
                        strcat(in, random_below(&random, 2) ? "a" : "B");
                if (pattern_compile(&arena, text, PATTERN_ANY_CASE, &pattern, NULL) == 0 &&
                    regcomp(&other, text, REG_EXTENDED | REG_ICASE | REG_NOSUB) == 0) {
                        assert_int_equal(pattern_found(pattern, in),
                                         regexec(&other, in, 0, NULL, 0) == 0);
                        regfree(&other);
                        n_compared++;
                }
                arena_done(&arena);
        }
        assert_true(n_compared > 5000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_piece_means_what_it_does_elsewhere),
                cmocka_unit_test(letters_count_when_asked_for),
                cmocka_unit_test(what_is_no_pattern_is_refused),
                cmocka_unit_test(nested_repetition_ends),
                cmocka_unit_test(finds_what_the_c_library_finds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
