/* Finding the file that describes a name. */
#include "tests/unit/test.h"

#include "lib/base/check.h"
#include "lib/rpc/descriptors.h"

static void files_are_found_by_name(void **state)
{
        struct descriptor_file file;

        (void)state;
        assert_true(descriptor_file_by_name("api/store.proto", &file));
        assert_true(descriptor_file_by_name("api/grpc/health.proto", &file));
        assert_false(descriptor_file_by_name("api/store", &file));
        assert_false(descriptor_file_by_name("", &file));
}

static void symbols_of_all_sorts_are_found(void **state)
{
        static const char *const symbols[] = {
                "skep.v1.Store",        /* a service */
                "skep.v1.Store.Commit", /* a method of it */
                "skep.v1.TaskSpec",     /* a message */
                "skep.v1.Kind",         /* an enum */
                "skep.v1.Event.Op",     /* an enum in a message */
                "grpc.health.v1.Health",
        };
        struct descriptor_file file;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(symbols); i++)
                assert_true(descriptor_file_by_symbol(symbols[i], &file));
}

static void symbols_that_are_none_are_not_found(void **state)
{
        static const char *const symbols[] = {
                "", ".", "skep", "skep.v1", "skep.v1.", "skep.v1.Stor", "skep.v1.Stores", "Store",
        };
        struct descriptor_file file;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(symbols); i++)
                assert_false(descriptor_file_by_symbol(symbols[i], &file));
}

static void what_streams_is_known(void **state)
{
        static const struct {
                const char *service, *method;
                bool in, out;
        } rows[] = {
                { "skep.v1.Store", "Commit", false, false },
                { "skep.v1.Store", "Watch", false, true },
                { "skep.v1.NodeAgent", "LoadImage", true, false },
                { "skep.v1.Mesh", "Sync", true, true },
        };
        bool in, out;

        (void)state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                assert_true(descriptor_method_streams(rows[i].service, rows[i].method, &in, &out));
                assert_int_equal(in, rows[i].in);
                assert_int_equal(out, rows[i].out);
        }
        assert_false(descriptor_method_streams("skep.v1.Store", "Nothing", &in, &out));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(files_are_found_by_name),
                cmocka_unit_test(symbols_of_all_sorts_are_found),
                cmocka_unit_test(what_streams_is_known),
                cmocka_unit_test(symbols_that_are_none_are_not_found),
        };

        return cmocka_run_group_tests_name("descriptors", tests, NULL, NULL);
}
