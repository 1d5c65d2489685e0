/* What the door refuses. */
#include "tests/unit/test.h"

#include "tests/unit/manager/store/builders.h"

static int check(struct arena *arena, uint32_t writer, Sk__Change *change)
{
        return check_commit(a_commit(arena, a_group(arena, NULL, change, NULL), NULL), writer,
                            NULL);
}

static void ids_have_25_characters(void **state)
{
        struct arena arena = { 0 };
        Sk__Change *change = a_change(&arena, SK__CHANGE__OP__REMOVE, SK__KIND__KIND_SERVICE, "s1");

        (void)state;
        assert_int_equal(check(&arena, ROLE_API, change), 0);
        change->id = (char *)"../../etc/passwd";
        assert_int_equal(check(&arena, ROLE_API, change), ERR_INVALID);
        arena_done(&arena);
}

static void kinds_ops_and_parts_must_exist(void **state)
{
        struct arena arena = { 0 };
        Sk__Change *change = a_change(&arena, SK__CHANGE__OP__REMOVE, (Sk__Kind)77, "s1");

        (void)state;
        assert_int_equal(check(&arena, ROLE_API, change), ERR_INVALID);
        change = a_change(&arena, SK__CHANGE__OP__NONE, SK__KIND__KIND_SERVICE, "s1");
        assert_int_equal(check(&arena, ROLE_API, change), ERR_INVALID);
        change = a_change(&arena, SK__CHANGE__OP__CREATE, SK__KIND__KIND_SERVICE, "s1");
        assert_int_equal(check(&arena, ROLE_API, with_text(&arena, change, 3, "")), ERR_INVALID);
        change = a_change(&arena, SK__CHANGE__OP__CREATE, SK__KIND__KIND_SERVICE, "s1");
        with_text(&arena, change, 0, "");
        assert_int_equal(check(&arena, ROLE_API, with_text(&arena, change, 0, "")), ERR_INVALID);
        arena_done(&arena);
}

static void a_part_is_bounded(void **state)
{
        struct arena arena = { 0 };
        Sk__Change *change = a_change(&arena, SK__CHANGE__OP__CREATE, SK__KIND__KIND_CONFIG, "c1");
        void *much = mem_alloc(CHECK_PART_MAX + 1);

        (void)state;
        with_part(&arena, change, 1, much, CHECK_PART_MAX + 1);
        assert_int_equal(check(&arena, ROLE_API, change), ERR_INVALID);
        free(much);
        arena_done(&arena);
}

static void a_commit_has_at_most_so_many_changes(void **state)
{
        struct arena arena = { 0 };
        Sk__Change **all = arena_alloc(&arena, (CHECK_CHANGES_MAX + 1) * sizeof *all);
        Sk__Group group = SK__GROUP__INIT, *groups[] = { &group };
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;

        (void)state;
        all[0] = a_change(&arena, SK__CHANGE__OP__REMOVE, SK__KIND__KIND_SERVICE, "s1");
        for (size_t i = 1; i <= CHECK_CHANGES_MAX; i++)
                all[i] = all[0];
        group.changes = all;
        group.n_changes = CHECK_CHANGES_MAX;
        request.groups = groups;
        request.n_groups = 1;
        assert_int_equal(check_commit(&request, ROLE_API, NULL), 0);
        group.n_changes++;
        assert_int_equal(check_commit(&request, ROLE_API, NULL), ERR_EXHAUSTED);
        arena_done(&arena);
}

static void a_commit_has_at_most_so_many_preconditions(void **state)
{
        struct arena arena = { 0 };
        Sk__Precondition exists = SK__PRECONDITION__INIT, **all;
        Sk__Group group = SK__GROUP__INIT, *groups[] = { &group };
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;

        (void)state;
        exists.test_case = SK__PRECONDITION__TEST_EXISTS;
        exists.kind = SK__KIND__KIND_SERVICE;
        exists.id = an_id(&arena, "s1");
        all = arena_alloc(&arena, (CHECK_PRECONDITIONS_MAX + 1) * sizeof *all);
        for (size_t i = 0; i <= CHECK_PRECONDITIONS_MAX; i++)
                all[i] = &exists;
        group.preconditions = all;
        group.n_preconditions = CHECK_PRECONDITIONS_MAX;
        request.groups = groups;
        request.n_groups = 1;
        assert_int_equal(check_commit(&request, ROLE_API, NULL), 0);
        group.n_preconditions++;
        assert_int_equal(check_commit(&request, ROLE_API, NULL), ERR_EXHAUSTED);
        arena_done(&arena);
}

static void only_a_tasks_status_can_be_merged(void **state)
{
        struct arena arena = { 0 };
        Sk__Change *change = a_change(&arena, SK__CHANGE__OP__MERGE, SK__KIND__KIND_TASK, "t1");

        (void)state;
        with_text(&arena, change, PART_TASK_placement, "");
        assert_int_equal(check(&arena, ROLE_SCHEDULER, change), ERR_INVALID);
        arena_done(&arena);
}

static void creators_may_create_but_not_update(void **state)
{
        struct arena arena = { 0 };
        Sk__Change *create = a_change(&arena, SK__CHANGE__OP__CREATE, SK__KIND__KIND_NODE, "n1");
        Sk__Change *update = a_change(&arena, SK__CHANGE__OP__UPDATE, SK__KIND__KIND_NODE, "n1");

        (void)state;
        assert_int_equal(check(&arena, ROLE_CA, with_text(&arena, create, PART_NODE_spec, "")), 0);
        assert_int_equal(check(&arena, ROLE_CA, with_text(&arena, update, PART_NODE_spec, "")),
                         ERR_DENIED);
        arena_done(&arena);
}

static void names_and_references_belong_to_the_owner(void **state)
{
        struct arena arena = { 0 };
        Sk__Change *update = a_change(&arena, SK__CHANGE__OP__UPDATE, SK__KIND__KIND_SERVICE, "s1");

        (void)state;
        with_text(&arena, update, PART_SERVICE_endpoint, "");
        assert_int_equal(check(&arena, ROLE_ALLOCATOR, update), 0);
        assert_int_equal(check(&arena, ROLE_ALLOCATOR, with_name(&arena, update, "x")), ERR_DENIED);
        arena_done(&arena);
}

static void contents_must_be_messages(void **state)
{
        struct arena arena = { 0 };
        Sk__Change *change = a_change(&arena, SK__CHANGE__OP__CREATE, SK__KIND__KIND_SERVICE, "s1");
        Sk__CommitRequest *request = a_commit(&arena, a_group(&arena, NULL, change, NULL), NULL);

        (void)state;
        with_text(&arena, change, 0, "\x0a\x02hi");
        assert_int_equal(check_contents(request, NULL), 0);
        change->n_parts = 0;
        with_text(&arena, change, 0, "\x0a\x02\xff\xff");
        assert_int_equal(check_contents(request, NULL), ERR_INVALID);
        arena_done(&arena);
}

static void an_update_gives_something(void **state)
{
        struct arena arena = { 0 };
        Sk__Change *change = a_change(&arena, SK__CHANGE__OP__UPDATE, SK__KIND__KIND_LEASE, "l1");
        Sk__CommitRequest *request = a_commit(&arena, a_group(&arena, NULL, change, NULL), NULL);

        (void)state;
        assert_int_equal(check_contents(request, NULL), ERR_INVALID);
        with_text(&arena, change, 0, "");
        assert_int_equal(check_contents(request, NULL), 0);
        arena_done(&arena);
}

static int check_updates(struct arena *arena, Sk__Change__Op op, size_t n_changes, size_t n_groups)
{
        Sk__Change *changes[100], *change = a_change(arena, op, SK__KIND__KIND_TASK, "t1");
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;
        Sk__Group group = SK__GROUP__INIT, *groups[100];

        with_text(arena, change, 3, "");
        for (size_t i = 0; i < n_changes; i++)
                changes[i] = change;
        for (size_t i = 0; i < n_groups; i++)
                groups[i] = &group;
        group.changes = changes;
        group.n_changes = n_changes;
        request.groups = groups;
        request.n_groups = n_groups;
        return check_contents(&request, NULL);
}

/* 50,000 small changes of one large object would be as many copies of it. */
static void a_group_changes_an_object_only_so_often(void **state)
{
        const Sk__Change__Op update = SK__CHANGE__OP__UPDATE, merge = SK__CHANGE__OP__MERGE;
        struct arena arena = { 0 };

        (void)state;
        assert_int_equal(check_updates(&arena, update, CHECK_REPEATED_MAX, 1), 0);
        assert_int_equal(check_updates(&arena, update, CHECK_REPEATED_MAX + 1, 1), ERR_EXHAUSTED);
        assert_int_equal(check_updates(&arena, update, CHECK_REPEATED_MAX, 100), 0);
        assert_int_equal(check_updates(&arena, merge, 100, 1), 0);
        arena_done(&arena);
}

/* The id is the object's key on disk; another store could send any. */
static void a_stored_object_without_a_whole_id_is_refused(void **state)
{
        struct arena arena = { 0 };
        Sk__StoredObject stored = SK__STORED_OBJECT__INIT;
        Sk__Event event = SK__EVENT__INIT;
        Sk__Meta meta = SK__META__INIT;
        struct record *record;

        (void)state;
        stored.object = &event;
        event.kind = SK__KIND__KIND_SERVICE;
        event.meta = &meta;
        event.id = (char *)"short";
        assert_int_equal(record_from_stored(&stored, &arena, &record, NULL), ERR_DATA_LOSS);
        event.id = an_id(&arena, "web");
        assert_int_equal(record_from_stored(&stored, &arena, &record, NULL), 0);
        free(record);
        arena_done(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ids_have_25_characters),
                cmocka_unit_test(kinds_ops_and_parts_must_exist),
                cmocka_unit_test(a_part_is_bounded),
                cmocka_unit_test(a_commit_has_at_most_so_many_changes),
                cmocka_unit_test(a_commit_has_at_most_so_many_preconditions),
                cmocka_unit_test(only_a_tasks_status_can_be_merged),
                cmocka_unit_test(creators_may_create_but_not_update),
                cmocka_unit_test(names_and_references_belong_to_the_owner),
                cmocka_unit_test(contents_must_be_messages),
                cmocka_unit_test(an_update_gives_something),
                cmocka_unit_test(a_group_changes_an_object_only_so_often),
                cmocka_unit_test(a_stored_object_without_a_whole_id_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
