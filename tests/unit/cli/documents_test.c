/* docs/flags.md is what the rows say: 'skep docs flags > docs/flags.md' writes it. */
#include <stdlib.h>
#include <string.h>

#include "cli/spec.h"
#include "lib/os/file.h"
#include "tests/unit/test.h"

static void the_table_of_flags_is_current(void **state)
{
        struct str committed = { 0 };
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        struct err err;

        (void)state;
        spec_print_table(out);
        fclose(out);
        assert_int_equal(file_read("docs/flags.md", 1 << 20, &committed, &err), 0);
        if (strcmp(str_text(&committed), text) != 0)
                fail_msg("docs/flags.md is old: run 'skep docs flags > docs/flags.md'");
        str_done(&committed);
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(the_table_of_flags_is_current) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
