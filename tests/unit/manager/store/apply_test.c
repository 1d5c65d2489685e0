/* What applying a commit does, case by case. */
#include "tests/unit/test.h"

#include "lib/base/str.h"
#include "tests/unit/manager/store/builders.h"

#define SERVICE SK__KIND__KIND_SERVICE
#define TASK SK__KIND__KIND_TASK
#define CREATE SK__CHANGE__OP__CREATE
#define UPDATE SK__CHANGE__OP__UPDATE
#define REMOVE SK__CHANGE__OP__REMOVE
#define MERGE SK__CHANGE__OP__MERGE

struct fixture {
        struct state *state;
        struct arena arena;
};

static int setup(void **data)
{
        struct fixture *fixture = mem_alloc(sizeof *fixture);

        fixture->state = state_new();
        *data = fixture;
        return 0;
}

static int teardown(void **data)
{
        struct fixture *fixture = *data;

        state_free(fixture->state);
        arena_done(&fixture->arena);
        free(fixture);
        return 0;
}

static Sk__Change *change(struct fixture *f, Sk__Change__Op op, Sk__Kind kind, const char *word)
{
        return a_change(&f->arena, op, kind, word);
}

/* Applies one change; 0 or the code it was refused with. */
static int apply(struct fixture *f, uint32_t writer, Sk__Change *change)
{
        struct applied result = apply_change(f->state, &f->arena, writer, change);

        if (result.code)
                return result.code;
        return result.response->n_results ? -result.response->results[0]->code : 0;
}

/* As 'apply', behind a precondition. */
static int apply_if(struct fixture *f, Sk__Precondition *precondition, Sk__Change *change)
{
        Sk__Group *group = a_group(&f->arena, precondition, change, NULL);
        struct applied result =
                apply_commit(f->state, &f->arena, ROLE_API, a_commit(&f->arena, group, NULL), 1000);

        return result.response->n_results ? -result.response->results[0]->code : 0;
}

static int create_service(struct fixture *f, const char *word, const char *name)
{
        Sk__Change *create = with_name(&f->arena, change(f, CREATE, SERVICE, word), name);

        return apply(f, ROLE_API, with_text(&f->arena, create, 0, ""));
}

static void create_task(struct fixture *f, const char *word)
{
        Sk__Change *create = change(f, CREATE, TASK, word);

        assert_int_equal(apply(f, ROLE_ORCHESTRATOR, with_text(&f->arena, create, 0, "")), 0);
}

static const struct record *find(struct fixture *f, Sk__Kind kind, const char *word)
{
        return state_find(f->state, kind, an_id(&f->arena, word));
}

static const Sk__TaskStatus *status(struct fixture *f, const char *word)
{
        const struct record *record = find(f, TASK, word);
        struct record_content content;
        ProtobufCMessage *message;

        record_content(record, &content);
        assert_int_equal(message_unpack(&f->arena, &sk__task_status__descriptor,
                                        content.parts[PART_TASK_status].data,
                                        content.parts[PART_TASK_status].size, &message, NULL),
                         0);
        return (Sk__TaskStatus *)message;
}

static void merge(struct fixture *f, const char *word, Sk__TaskState state, int64_t at_ns)
{
        Sk__Change *merge = change(f, MERGE, TASK, word);

        assert_int_equal(apply(f, ROLE_DISPATCHER, with_status(&f->arena, merge, state, at_ns)), 0);
}

/* --- create, update, remove --- */

static void a_created_object_is_found_by_id_and_name(void **data)
{
        struct fixture *f = *data;

        assert_int_equal(create_service(f, "s1", "web"), 0);
        assert_ptr_equal(find(f, SERVICE, "s1"), state_find_name(f->state, SERVICE, "web"));
}

static void creating_the_same_again_changes_nothing(void **data)
{
        struct fixture *f = *data;
        const struct record *before;

        create_service(f, "s1", "web");
        before = find(f, SERVICE, "s1");
        assert_int_equal(create_service(f, "s1", "web"), 0);
        assert_ptr_equal(find(f, SERVICE, "s1"), before);
}

static void creating_another_of_the_same_id_is_refused(void **data)
{
        struct fixture *f = *data;

        create_service(f, "s1", "web");
        assert_int_equal(create_service(f, "s1", "other"), ERR_EXISTS);
}

static void a_name_is_given_once_per_kind(void **data)
{
        struct fixture *f = *data;

        create_service(f, "s1", "web");
        assert_int_equal(create_service(f, "s2", "web"), ERR_EXISTS);
}

static void a_renamed_object_frees_its_old_name(void **data)
{
        struct fixture *f = *data;

        create_service(f, "s1", "web");
        apply(f, ROLE_API, with_name(&f->arena, change(f, UPDATE, SERVICE, "s1"), "site"));
        assert_int_equal(create_service(f, "s2", "web"), 0);
        assert_string_equal(record_name(find(f, SERVICE, "s1")), "site");
}

static void an_update_keeps_the_other_parts(void **data)
{
        struct fixture *f = *data;
        struct record_content content;

        create_service(f, "s1", "web");
        apply(f, ROLE_ORCHESTRATOR,
              with_text(&f->arena, change(f, UPDATE, SERVICE, "s1"), 1, "\x08\x07"));
        record_content(find(f, SERVICE, "s1"), &content);
        assert_int_equal(content.parts[0].version, 1);
        assert_int_equal(content.parts[1].version, 2);
        assert_memory_equal(content.parts[1].data, "\x08\x07", 2);
}

static void updating_what_is_gone_is_a_conflict(void **data)
{
        struct fixture *f = *data;

        assert_int_equal(apply(f, ROLE_API,
                               with_text(&f->arena, change(f, UPDATE, SERVICE, "s1"), 0, "")),
                         ERR_CONFLICT);
}

static void removing_what_is_gone_is_fine(void **data)
{
        struct fixture *f = *data;

        assert_int_equal(apply(f, ROLE_API, change(f, REMOVE, SERVICE, "s1")), 0);
}

static void a_removed_object_frees_its_name_and_references(void **data)
{
        struct fixture *f = *data;
        Sk__Change *create = with_name(&f->arena, change(f, CREATE, SERVICE, "s1"), "web");

        apply(f, ROLE_API, with_reference(&f->arena, create, "spec"));
        assert_int_equal(state_count_referrers(f->state, an_id(&f->arena, "spec")), 1);
        apply(f, ROLE_API, change(f, REMOVE, SERVICE, "s1"));
        assert_int_equal(state_count_referrers(f->state, an_id(&f->arena, "spec")), 0);
        assert_null(state_find_name(f->state, SERVICE, "web"));
        assert_null(find(f, SERVICE, "s1"));
}

/* --- groups and preconditions --- */

static void a_group_that_fails_leaves_nothing_behind(void **data)
{
        struct fixture *f = *data;
        Sk__Change *first = with_name(&f->arena, change(f, CREATE, SERVICE, "s1"), "one");
        Sk__Change *second = with_name(&f->arena, change(f, CREATE, SERVICE, "s2"), "web");
        struct applied result;

        create_service(f, "s0", "web");
        result = apply_commit(f->state, &f->arena, ROLE_API,
                              a_commit(&f->arena, a_group(&f->arena, NULL, first, second), NULL),
                              1000);
        assert_int_equal(result.response->results[0]->code, -ERR_EXISTS);
        assert_null(find(f, SERVICE, "s1"));
        assert_null(state_find_name(f->state, SERVICE, "one"));
        assert_int_equal(state_count_all(f->state), 1);
}

static void a_failed_group_does_not_hold_up_the_next(void **data)
{
        struct fixture *f = *data;
        Sk__Change *bad = with_name(&f->arena, change(f, CREATE, SERVICE, "s1"), "web");
        Sk__Change *good = with_name(&f->arena, change(f, CREATE, SERVICE, "s2"), "two");
        struct applied result;

        create_service(f, "s0", "web");
        result = apply_commit(f->state, &f->arena, ROLE_API,
                              a_commit(&f->arena, a_group(&f->arena, NULL, bad, NULL),
                                       a_group(&f->arena, NULL, good, NULL)),
                              1000);
        assert_int_equal(result.response->n_results, 2);
        assert_int_equal(result.response->results[0]->code, -ERR_EXISTS);
        assert_int_equal(result.response->results[1]->code, 0);
        assert_non_null(find(f, SERVICE, "s2"));
}

static void a_group_sees_its_own_changes(void **data)
{
        struct fixture *f = *data;
        Sk__Change *first = change(f, REMOVE, SERVICE, "s1");
        Sk__Change *second = with_name(&f->arena, change(f, CREATE, SERVICE, "s2"), "web");
        struct applied result;

        create_service(f, "s1", "web");
        result = apply_commit(f->state, &f->arena, ROLE_API,
                              a_commit(&f->arena, a_group(&f->arena, NULL, first, second), NULL),
                              1000);
        assert_int_equal(result.response->n_results, 0);
        assert_ptr_equal(state_find_name(f->state, SERVICE, "web"), find(f, SERVICE, "s2"));
}

static void a_stale_version_is_a_conflict_that_names_the_newer(void **data)
{
        struct fixture *f = *data;
        Sk__Change *update = with_text(&f->arena, change(f, UPDATE, SERVICE, "s1"), 0, "");
        struct applied result;

        create_service(f, "s1", "web");
        apply(f, ROLE_API, with_text(&f->arena, change(f, UPDATE, SERVICE, "s1"), 0, ""));
        result =
                apply_commit(f->state, &f->arena, ROLE_API,
                             a_commit(&f->arena,
                                      a_group(&f->arena, at_version(&f->arena, SERVICE, "s1", 0, 1),
                                              update, NULL),
                                      NULL),
                             1000);
        assert_int_equal(result.response->results[0]->code, -ERR_CONFLICT);
        assert_int_equal(result.response->results[0]->wait_version, 2);
        assert_int_equal(result.response->results[0]->precondition, 1);
}

static void another_parts_change_is_no_conflict(void **data)
{
        struct fixture *f = *data;

        create_service(f, "s1", "web");
        apply(f, ROLE_ORCHESTRATOR, with_text(&f->arena, change(f, UPDATE, SERVICE, "s1"), 1, ""));
        assert_int_equal(apply_if(f, at_version(&f->arena, SERVICE, "s1", 0, 1),
                                  with_text(&f->arena, change(f, UPDATE, SERVICE, "s1"), 0, "")),
                         0);
}

static void what_is_referred_to_can_be_kept_from_removal(void **data)
{
        struct fixture *f = *data;
        Sk__Change *create = with_name(&f->arena, change(f, CREATE, SERVICE, "s1"), "web");
        Sk__Change *remove = change(f, REMOVE, SK__KIND__KIND_SECRET, "secret");

        apply(f, ROLE_API, with_reference(&f->arena, create, "secret"));
        assert_int_equal(apply_if(f,
                                  a_precondition(&f->arena, SK__KIND__KIND_SECRET, "secret",
                                                 SK__PRECONDITION__TEST_NO_REFERRER),
                                  remove),
                         ERR_CONFLICT);
        apply(f, ROLE_API, change(f, REMOVE, SERVICE, "s1"));
        assert_int_equal(apply_if(f,
                                  a_precondition(&f->arena, SK__KIND__KIND_SECRET, "secret",
                                                 SK__PRECONDITION__TEST_NO_REFERRER),
                                  remove),
                         0);
}

static void absent_exists_and_name_free_are_tested(void **data)
{
        struct fixture *f = *data;
        Sk__Precondition *name =
                a_precondition(&f->arena, SERVICE, "s1", SK__PRECONDITION__TEST_NAME_FREE);

        name->name_free = arena_strdup(&f->arena, "web");
        create_service(f, "s1", "web");
        assert_int_equal(apply_if(f, name, NULL), ERR_CONFLICT);
        assert_int_equal(
                apply_if(f, a_precondition(&f->arena, SERVICE, "s1", SK__PRECONDITION__TEST_ABSENT),
                         NULL),
                ERR_CONFLICT);
        assert_int_equal(
                apply_if(f, a_precondition(&f->arena, SERVICE, "s2", SK__PRECONDITION__TEST_EXISTS),
                         NULL),
                ERR_CONFLICT);
        assert_int_equal(
                apply_if(f, a_precondition(&f->arena, SERVICE, "s1", SK__PRECONDITION__TEST_EXISTS),
                         NULL),
                0);
}

/* --- roles, epochs, repeats, time --- */

static void a_part_has_only_its_own_writers(void **data)
{
        struct fixture *f = *data;

        create_task(f, "t1");
        assert_int_equal(apply(f, ROLE_SCHEDULER,
                               with_text(&f->arena, change(f, UPDATE, TASK, "t1"), 0, "")),
                         ERR_DENIED);
        assert_int_equal(apply(f, ROLE_SCHEDULER,
                               with_text(&f->arena, change(f, UPDATE, TASK, "t1"), 2, "")),
                         0);
}

static uint64_t grant(struct fixture *f, const char *loop, Sk__Change__Op op)
{
        Sk__Change *change = arena_alloc(&f->arena, sizeof *change);
        Sk__LeaseGrant lease = SK__LEASE_GRANT__INIT;
        char id[26];
        uint8_t *bytes;
        size_t size;

        lease.loop = (char *)loop;
        message_pack(&f->arena, &lease.base, &bytes, &size);
        sk__change__init(change);
        apply_lease_id(loop, id);
        change->op = op;
        change->kind = SK__KIND__KIND_LEASE;
        change->id = arena_strdup(&f->arena, id);
        change->name = (char *)loop;
        assert_int_equal(apply(f, ROLE_STORE, with_part(&f->arena, change, 0, bytes, size)), 0);
        return state_version(f->state);
}

static int commit_as(struct fixture *f, const char *loop, uint64_t epoch)
{
        Sk__CommitRequest *request = a_commit(&f->arena, NULL, NULL);

        request->loop = (char *)loop;
        request->epoch = epoch;
        return apply_commit(f->state, &f->arena, ROLE_SCHEDULER, request, 1000).code;
}

static void a_deposed_loop_is_refused(void **data)
{
        struct fixture *f = *data;
        uint64_t first = grant(f, "scheduler", CREATE), second;

        assert_int_equal(commit_as(f, "scheduler", first), 0);
        second = grant(f, "scheduler", UPDATE);
        assert_int_equal(commit_as(f, "scheduler", first), ERR_PRECONDITION);
        assert_int_equal(commit_as(f, "scheduler", second), 0);
        assert_int_equal(commit_as(f, "allocator", second), ERR_PRECONDITION);
}

static void a_grant_tells_its_epoch(void **data)
{
        struct fixture *f = *data;
        uint64_t epoch = grant(f, "scheduler", CREATE);
        const struct record *lease = state_find_name(f->state, SK__KIND__KIND_LEASE, "scheduler");
        struct record_content content;
        ProtobufCMessage *message;

        record_content(lease, &content);
        assert_int_equal(message_unpack(&f->arena, &sk__lease_grant__descriptor,
                                        content.parts[0].data, content.parts[0].size, &message,
                                        NULL),
                         0);
        assert_int_equal(((Sk__LeaseGrant *)message)->epoch, epoch);
}

static void a_repeated_request_answers_what_the_first_did(void **data)
{
        struct fixture *f = *data;
        Sk__Change *remove = change(f, REMOVE, SERVICE, "s1");
        Sk__CommitRequest *request =
                a_commit(&f->arena, a_group(&f->arena, NULL, remove, NULL), NULL);
        struct applied first, again;

        request->request_id = arena_strdup(&f->arena, "request");
        first = apply_commit(f->state, &f->arena, ROLE_API, request, 1000);
        create_service(f, "s1", "web");
        again = apply_commit(f->state, &f->arena, ROLE_API, request, 1000);
        assert_int_equal(again.response->version, first.response->version);
        assert_non_null(find(f, SERVICE, "s1"));
}

static void time_never_goes_back(void **data)
{
        struct fixture *f = *data;

        apply_commit(f->state, &f->arena, ROLE_API, a_commit(&f->arena, NULL, NULL), 2000);
        create_service(f, "s1", "web");
        assert_int_equal(state_time(f->state), 2000);
        assert_int_equal(find(f, SERVICE, "s1")->created_at, 2000);
}

static void bytes_that_are_no_entry_only_count(void **data)
{
        struct fixture *f = *data;
        struct applied *results;
        size_t n;

        apply_entry(f->state, 1, (const uint8_t *)"\xff\xff", 2, &f->arena, &results, &n);
        assert_int_equal(n, 0);
        assert_int_equal(state_version(f->state), 1);
}

/* --- merge --- */

static void a_status_moves_forward_only(void **data)
{
        struct fixture *f = *data;

        create_task(f, "t1");
        merge(f, "t1", SK__TASK_STATE__TASK_RUNNING, 5);
        merge(f, "t1", SK__TASK_STATE__TASK_STARTING, 6);
        assert_int_equal(status(f, "t1")->state, SK__TASK_STATE__TASK_RUNNING);
        merge(f, "t1", SK__TASK_STATE__TASK_FAILED, 7);
        assert_int_equal(status(f, "t1")->state, SK__TASK_STATE__TASK_FAILED);
}

static void a_status_for_a_task_that_is_gone_is_dropped(void **data)
{
        struct fixture *f = *data;

        merge(f, "t1", SK__TASK_STATE__TASK_RUNNING, 5);
        assert_null(find(f, TASK, "t1"));
}

static void a_status_without_a_time_gets_the_leaders(void **data)
{
        struct fixture *f = *data;

        create_task(f, "t1");
        merge(f, "t1", SK__TASK_STATE__TASK_RUNNING, 0);
        assert_int_equal(status(f, "t1")->at_ns, 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_created_object_is_found_by_id_and_name),
                TEST(creating_the_same_again_changes_nothing),
                TEST(creating_another_of_the_same_id_is_refused),
                TEST(a_name_is_given_once_per_kind),
                TEST(a_renamed_object_frees_its_old_name),
                TEST(an_update_keeps_the_other_parts),
                TEST(updating_what_is_gone_is_a_conflict),
                TEST(removing_what_is_gone_is_fine),
                TEST(a_removed_object_frees_its_name_and_references),
                TEST(a_group_that_fails_leaves_nothing_behind),
                TEST(a_failed_group_does_not_hold_up_the_next),
                TEST(a_group_sees_its_own_changes),
                TEST(a_stale_version_is_a_conflict_that_names_the_newer),
                TEST(another_parts_change_is_no_conflict),
                TEST(what_is_referred_to_can_be_kept_from_removal),
                TEST(absent_exists_and_name_free_are_tested),
                TEST(a_part_has_only_its_own_writers),
                TEST(a_deposed_loop_is_refused),
                TEST(a_grant_tells_its_epoch),
                TEST(a_repeated_request_answers_what_the_first_did),
                TEST(time_never_goes_back),
                TEST(bytes_that_are_no_entry_only_count),
                TEST(a_status_moves_forward_only),
                TEST(a_status_for_a_task_that_is_gone_is_dropped),
                TEST(a_status_without_a_time_gets_the_leaders),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
