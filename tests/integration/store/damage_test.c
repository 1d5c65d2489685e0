/* A disk that lies: what was changed behind the store's back is noticed at the start, said, and
 * never served. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "tests/integration/store/fixture.h"

enum { TASKS = 200 };

/* Tasks under ids 0..TASKS-1, one commit each, so that there are many records. */
static void create_tasks(struct fixture *f)
{
        struct arena arena = { 0 };
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;
        Sk__Group group = SK__GROUP__INIT, *groups[] = { &group };
        Sk__Change change = SK__CHANGE__INIT, *changes[] = { &change };
        Sk__Part part = SK__PART__INIT, *parts[] = { &part };
        char id[ID_SIZE];

        part.data.data = (uint8_t *)"";
        change.op = SK__CHANGE__OP__CREATE;
        change.kind = SK__KIND__KIND_TASK;
        change.id = id;
        change.parts = parts;
        change.n_parts = 1;
        group.changes = changes;
        group.n_changes = 1;
        request.groups = groups;
        request.n_groups = 1;
        for (uint64_t i = 0; i < TASKS; i++) {
                id_from_bits((const uint64_t[]){ 9, i }, id);
                assert_int_equal(fixture_call(f, RPC_METHOD(store, Commit), &request.base, &arena,
                                              NULL),
                                 0);
        }
        arena_done(&arena);
}

static void says(struct fixture *f, const char *words)
{
        _cleanup_(str_done) struct str log = { 0 };
        char path[128];

        snprintf(path, sizeof path, "%s/log", f->folder);
        assert_int_equal(file_read(path, 1 << 20, &log, NULL), 0);
        if (!strstr(log.text, words))
                fail_msg("'%s' is not in: %s", words, log.text);
}

static void refuses_to_start(struct fixture *f)
{
        int status;

        fixture_start(f, NULL);
        status = fixture_wait_exit(f);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
        says(f, "is damaged and will not be served");
}

static void a_flipped_bit_in_the_write_ahead_log_is_refused(void **state)
{
        struct fixture *f = *state;

        fixture_start(f, NULL);
        create_tasks(f);
        fixture_kill(f);
        assert_true(fixture_flip(f, ".log", 5000));
        refuses_to_start(f);
}

static void a_flipped_bit_in_the_last_record_is_refused(void **state)
{
        struct fixture *f = *state;

        fixture_start(f, NULL);
        create_tasks(f);
        fixture_kill(f);
        assert_true(fixture_flip(f, ".log", -30));
        refuses_to_start(f);
}

static void a_flipped_bit_in_a_table_is_refused(void **state)
{
        struct fixture *f = *state;

        fixture_start(f, NULL);
        create_tasks(f);
        fixture_kill(f);
        /* Opening it again writes what was in the log into tables. */
        fixture_start(f, NULL);
        create_tasks(f);
        fixture_kill(f);
        assert_true(fixture_flip(f, ".sst", 600));
        refuses_to_start(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_flipped_bit_in_the_write_ahead_log_is_refused),
                TEST(a_flipped_bit_in_the_last_record_is_refused),
                TEST(a_flipped_bit_in_a_table_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
