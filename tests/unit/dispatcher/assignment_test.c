/* What a node is told. */
#include "dispatcher/assignment.h"

#include "tests/unit/test.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/lib/build_objects.h"

#define ASSIGNED SK__TASK_STATE__TASK_ASSIGNED
#define PENDING SK__TASK_STATE__TASK_PENDING
#define RUNNING SK__TASK_STATE__TASK_RUNNING
#define FAILED SK__TASK_STATE__TASK_FAILED
#define SHUTDOWN SK__TASK_STATE__TASK_SHUTDOWN

enum { PLENTY = 1 << 20 };

struct fixture {
        struct world world;
        struct assignment_index index;
        struct assignment assignment;
        struct arena arena;
};

static int setup(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);

        world_init(&f->world);
        a_node(&f->world, "n1");
        a_node(&f->world, "n2");
        assignment_init(&f->assignment, an_id(&f->world, "n1"), &f->index);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        assignment_done(&f->assignment);
        assignment_index_done(&f->index);
        arena_done(&f->arena);
        world_done(&f->world);
        free(f);
        return 0;
}

static const Sk__Assignments *next(struct fixture *f)
{
        return assignment_next(&f->assignment, f->world.view, PLENTY, &f->arena);
}

/* A service whose spec names a secret. */
static void a_service_with_secret(struct world *world, const char *name, const char *secret)
{
        Sk__ServiceSpec *spec = a_spec(world, name, 2);
        Sk__ContainerSpec *container = spec->task->container;
        Sk__FileReference *reference = arena_alloc(&world->arena, sizeof *reference);

        sk__file_reference__init(reference);
        reference->id = an_id(world, secret);
        container->secrets = arena_alloc(&world->arena, sizeof(void *));
        container->secrets[container->n_secrets++] = reference;
        a_service_of(world, spec);
}

static void a_new_session_is_told_everything(void **state)
{
        struct fixture *f = *state;
        const Sk__Assignments *told;

        a_service(&f->world, "web", 2);
        a_task(&f->world, "web", 1, ASSIGNED, "n1");
        a_task(&f->world, "web", 2, ASSIGNED, "n1");
        told = next(f);
        assert_int_equal(told->type, SK__ASSIGNMENTS__TYPE__COMPLETE);
        assert_true(told->is_last);
        assert_int_equal(told->n_tasks, 2);
        assert_int_equal(told->n_specs, 1);
        assert_null(next(f));
}

static void an_empty_node_is_told_an_empty_set(void **state)
{
        struct fixture *f = *state;
        const Sk__Assignments *told = next(f);

        assert_int_equal(told->type, SK__ASSIGNMENTS__TYPE__COMPLETE);
        assert_int_equal(told->n_tasks, 0);
        assert_true(told->is_last);
        assert_null(next(f));
}

static void tasks_elsewhere_or_not_yet_assigned_are_not_told(void **state)
{
        struct fixture *f = *state;

        a_service(&f->world, "web", 2);
        a_task(&f->world, "web", 1, ASSIGNED, "n2");
        a_task(&f->world, "web", 2, PENDING, NULL);
        assert_int_equal(next(f)->n_tasks, 0);
}

static void a_global_task_is_told_once_the_scheduler_agreed(void **state)
{
        struct fixture *f = *state;

        a_global_service(&f->world, "every");
        a_node_task(&f->world, "every", "n1", PENDING);
        assert_int_equal(next(f)->n_tasks, 0);
}

static void a_task_placed_later_comes_as_an_increment(void **state)
{
        struct fixture *f = *state;
        const Sk__Assignments *told;

        a_service(&f->world, "web", 1);
        next(f);
        assignment_touch(&f->assignment, a_task(&f->world, "web", 1, ASSIGNED, "n1")->id);
        told = next(f);
        assert_int_equal(told->type, SK__ASSIGNMENTS__TYPE__INCREMENTAL);
        assert_int_equal(told->sequence, 2);
        assert_int_equal(told->n_tasks, 1);
        assert_int_equal(told->n_specs, 1);
}

static void a_status_is_no_news_for_its_agent(void **state)
{
        struct fixture *f = *state;
        const Sk__Task *task;

        a_service(&f->world, "web", 1);
        task = a_task(&f->world, "web", 1, ASSIGNED, "n1");
        next(f);
        task = is_now(&f->world, task, RUNNING, "");
        assignment_touch(&f->assignment, task->id);
        assert_null(next(f));
}

static void a_changed_desire_is_told(void **state)
{
        struct fixture *f = *state;
        const Sk__Task *task;
        const Sk__Assignments *told;

        a_service(&f->world, "web", 1);
        task = a_task(&f->world, "web", 1, RUNNING, "n1");
        next(f);
        task = shall_be(&f->world, task, SHUTDOWN);
        assignment_touch(&f->assignment, task->id);
        told = next(f);
        assert_int_equal(told->n_tasks, 1);
        assert_int_equal(told->tasks[0]->definition->desired_state, SHUTDOWN);
        assert_int_equal(told->n_specs, 0);
}

static void a_task_that_is_gone_is_removed_with_its_spec(void **state)
{
        struct fixture *f = *state;
        const Sk__Assignments *told;
        const char *id;

        a_service(&f->world, "web", 1);
        id = arena_strdup(&f->arena, a_task(&f->world, "web", 1, FAILED, "n1")->id);
        next(f);
        no_more(&f->world, SK__KIND__KIND_TASK, id);
        assert_ptr_equal(assignment_holder(&f->index, id), &f->assignment);
        assignment_touch(&f->assignment, id);
        told = next(f);
        assert_int_equal(told->n_removed_tasks, 1);
        assert_int_equal(told->n_removed_specs, 1);
        assert_null(assignment_holder(&f->index, id));
}

static void a_secret_comes_with_the_first_task_that_needs_it(void **state)
{
        struct fixture *f = *state;
        const Sk__Assignments *told;

        a_secret(&f->world, "key");
        a_service_with_secret(&f->world, "web", "key");
        a_task(&f->world, "web", 1, ASSIGNED, "n1");
        told = next(f);
        assert_int_equal(told->n_secrets, 1);
        assignment_touch(&f->assignment, a_task(&f->world, "web", 2, ASSIGNED, "n1")->id);
        assert_int_equal(next(f)->n_secrets, 0);
}

static void a_template_is_sent_as_one(void **state)
{
        struct fixture *f = *state;
        Sk__SecretSpec spec = SK__SECRET_SPEC__INIT;

        spec.template_driver = "golang";
        a_secret(&f->world, "key");
        a_part(&f->world, SK__KIND__KIND_SECRET, an_id(&f->world, "key"), "key", 0, &spec.base);
        a_service_with_secret(&f->world, "web", "key");
        a_task(&f->world, "web", 1, ASSIGNED, "n1");
        assert_string_equal(next(f)->secrets[0]->template_driver, "golang");
}

static void a_secret_goes_when_no_task_that_may_run_needs_it(void **state)
{
        struct fixture *f = *state;
        const Sk__Task *task;
        const Sk__Assignments *told;

        a_secret(&f->world, "key");
        a_service_with_secret(&f->world, "web", "key");
        task = a_task(&f->world, "web", 1, RUNNING, "n1");
        next(f);
        task = is_now(&f->world, task, FAILED, "x");
        assignment_touch(&f->assignment, task->id);
        told = next(f);
        assert_int_equal(told->n_removed_secrets, 1);
        assert_int_equal(told->n_removed_tasks, 0);
}

static void a_task_that_shall_stop_needs_no_secrets(void **state)
{
        struct fixture *f = *state;
        const Sk__Task *task;

        a_secret(&f->world, "key");
        a_service_with_secret(&f->world, "web", "key");
        task = shall_be(&f->world, a_task(&f->world, "web", 1, RUNNING, "n1"), SHUTDOWN);
        assert_int_equal(task->definition->desired_state, SHUTDOWN);
        assert_int_equal(next(f)->n_secrets, 0);
}

static void large_files_come_in_messages_of_their_own(void **state)
{
        struct fixture *f = *state;
        const Sk__Assignments *told;

        a_secret(&f->world, "key");
        a_service_with_secret(&f->world, "web", "key");
        a_task(&f->world, "web", 1, ASSIGNED, "n1");
        told = assignment_next(&f->assignment, f->world.view, 1, &f->arena);
        assert_int_equal(told->n_specs + told->n_secrets + told->n_tasks, 1);
        told = assignment_next(&f->assignment, f->world.view, 1, &f->arena);
        assert_int_equal(told->n_secrets, 1);
        assert_false(told->is_last);
        told = next(f);
        assert_int_equal(told->n_tasks, 1);
        assert_true(told->is_last);
}

static void a_failed_task_never_brings_secrets(void **state)
{
        struct fixture *f = *state;
        const Sk__Assignments *told;

        a_secret(&f->world, "key");
        a_service_with_secret(&f->world, "web", "key");
        a_task(&f->world, "web", 1, FAILED, "n1");
        told = next(f);
        assert_int_equal(told->n_tasks, 1);
        assert_int_equal(told->n_secrets, 0);
}

static void a_secret_comes_back_for_the_next_task(void **state)
{
        struct fixture *f = *state;
        const Sk__Task *task;

        a_secret(&f->world, "key");
        a_service_with_secret(&f->world, "web", "key");
        task = a_task(&f->world, "web", 1, RUNNING, "n1");
        next(f);
        task = is_now(&f->world, task, FAILED, "x");
        assignment_touch(&f->assignment, task->id);
        next(f);
        assignment_touch(&f->assignment, a_task(&f->world, "web", 1, ASSIGNED, "n1")->id);
        assert_int_equal(next(f)->n_secrets, 1);
}

static void what_was_given_to_a_task_is_told_with_it(void **state)
{
        struct fixture *f = *state;
        Sk__GenericResource gpu = SK__GENERIC_RESOURCE__INIT, *given[] = { &gpu };
        Sk__TaskPlacement placement = SK__TASK_PLACEMENT__INIT;
        const Sk__Task *task;
        const Sk__Assignments *told;

        gpu.kind = "gpu";
        gpu.value_case = SK__GENERIC_RESOURCE__VALUE_NAMED;
        gpu.named = "gpu-1";
        placement.node_id = an_id(&f->world, "n1");
        placement.assigned_generic = given;
        placement.n_assigned_generic = 1;
        a_service(&f->world, "web", 1);
        task = a_task(&f->world, "web", 1, ASSIGNED, "n1");
        a_part(&f->world, SK__KIND__KIND_TASK, task->id, NULL, PART_TASK_placement,
               &placement.base);
        told = next(f);
        assert_int_equal(told->tasks[0]->n_assigned_generic, 1);
        assert_string_equal(told->tasks[0]->assigned_generic[0]->named, "gpu-1");
}

static void a_task_that_another_holds_does_not_stop_the_rest(void **state)
{
        struct fixture *f = *state;
        struct assignment other;
        const Sk__Task *held, *own;
        const Sk__Assignments *told;

        next(f);
        a_service(&f->world, "web", 2);
        held = a_task(&f->world, "web", 1, ASSIGNED, "n2");
        own = a_task(&f->world, "web", 2, ASSIGNED, "n1");
        assignment_init(&other, an_id(&f->world, "n2"), &f->index);
        assignment_next(&other, f->world.view, PLENTY, &f->arena);
        assignment_touch(&f->assignment, held->id);
        assignment_touch(&f->assignment, own->id);
        told = next(f);
        assert_true(told->is_last);
        assert_int_equal(told->n_tasks, 1);
        assert_false(assignment_is_touched(&f->assignment));
        assignment_done(&other);
}

static void a_long_set_comes_in_messages_of_bounded_size(void **state)
{
        struct fixture *f = *state;
        const Sk__Assignments *told;
        size_t n_tasks = 0, n_messages = 0;

        a_service(&f->world, "web", 50);
        for (uint64_t slot = 1; slot <= 50; slot++)
                a_task(&f->world, "web", slot, ASSIGNED, "n1");
        while ((told = assignment_next(&f->assignment, f->world.view, 1000, &f->arena))) {
                assert_int_equal(told->type, SK__ASSIGNMENTS__TYPE__COMPLETE);
                assert_int_equal(told->sequence, 1);
                assert_true(protobuf_c_message_get_packed_size(&told->base) < 2000);
                n_tasks += told->n_tasks;
                n_messages++;
                if (told->is_last)
                        break;
        }
        assert_int_equal(n_tasks, 50);
        assert_true(n_messages > 3);
}

static void many_removals_come_in_messages_of_bounded_size(void **state)
{
        struct fixture *f = *state;
        const Sk__Assignments *told;
        size_t n_removed = 0;
        struct view_cursor cursor = { 0 };
        const char *ids[50];

        a_service(&f->world, "web", 50);
        for (uint64_t slot = 1; slot <= 50; slot++)
                a_task(&f->world, "web", slot, FAILED, "n1");
        next(f);
        for (int i = 0; i < 50; i++)
                ids[i] = arena_strdup(&f->arena,
                                      view_each(f->world.view, SK__KIND__KIND_TASK, &cursor)->id);
        for (int i = 0; i < 50; i++)
                no_more(&f->world, SK__KIND__KIND_TASK, ids[i]);
        for (int i = 0; i < 50; i++)
                assignment_touch(&f->assignment, ids[i]);
        do {
                told = assignment_next(&f->assignment, f->world.view, 300, &f->arena);
                assert_true(told->n_removed_tasks < 20);
                n_removed += told->n_removed_tasks;
        } while (!told->is_last);
        assert_int_equal(n_removed, 50);
}

static void what_changes_during_a_long_set_is_in_it(void **state)
{
        struct fixture *f = *state;
        const Sk__Assignments *told;
        size_t n_tasks = 0;

        a_service(&f->world, "web", 50);
        for (uint64_t slot = 1; slot <= 40; slot++)
                a_task(&f->world, "web", slot, ASSIGNED, "n1");
        told = assignment_next(&f->assignment, f->world.view, 1000, &f->arena);
        n_tasks = told->n_tasks;
        assignment_touch(&f->assignment, a_task(&f->world, "web", 41, ASSIGNED, "n1")->id);
        while (!told->is_last) {
                told = assignment_next(&f->assignment, f->world.view, 1000, &f->arena);
                n_tasks += told->n_tasks;
        }
        assert_int_equal(n_tasks, 41);
}

/* What an agent does not take costs a list of ids, however often each of them changes. */
static void a_task_is_remembered_once_however_often_it_changes(void **state)
{
        struct fixture *f = *state;
        const Sk__Task *task;

        a_service(&f->world, "web", 2);
        next(f);
        task = a_task(&f->world, "web", 1, ASSIGNED, "n1");
        for (int i = 0; i < 1000; i++) {
                assignment_touch(&f->assignment, task->id);
                assignment_touch(&f->assignment, an_id(&f->world, "other"));
        }
        assert_int_equal(assignment_count_touched(&f->assignment), 2);
        assert_int_equal(next(f)->n_tasks, 1);
        assert_int_equal(assignment_count_touched(&f->assignment), 0);
}

static void touching_everything_again_tells_nothing_new(void **state)
{
        struct fixture *f = *state;

        a_secret(&f->world, "key");
        a_service_with_secret(&f->world, "web", "key");
        a_task(&f->world, "web", 1, RUNNING, "n1");
        next(f);
        assignment_touch_all(&f->assignment, f->world.view);
        assert_null(next(f));
}

/* The mirror was cut off, and has a new snapshot: nobody tells which networks changed meanwhile. */
static void a_network_that_changed_unseen_is_told_when_everything_is_touched(void **state)
{
        struct fixture *f = *state;
        Sk__ServiceSpec *spec = a_spec(&f->world, "web", 1);
        Sk__NetworkAttachment network = SK__NETWORK_ATTACHMENT__INIT, *networks[] = { &network };

        network.target = a_network(&f->world, "back")->id;
        spec->task->networks = networks;
        spec->task->n_networks = 1;
        a_service_of(&f->world, spec);
        a_task(&f->world, "web", 1, ASSIGNED, "n1");
        assert_int_equal(next(f)->n_networks, 1);
        a_network(&f->world, "back");
        assignment_touch_all(&f->assignment, f->world.view);
        assert_int_equal(next(f)->n_networks, 1);
        assert_null(next(f));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_new_session_is_told_everything),
                TEST(an_empty_node_is_told_an_empty_set),
                TEST(tasks_elsewhere_or_not_yet_assigned_are_not_told),
                TEST(a_global_task_is_told_once_the_scheduler_agreed),
                TEST(a_task_placed_later_comes_as_an_increment),
                TEST(a_status_is_no_news_for_its_agent),
                TEST(a_changed_desire_is_told),
                TEST(a_task_that_is_gone_is_removed_with_its_spec),
                TEST(a_secret_comes_with_the_first_task_that_needs_it),
                TEST(a_template_is_sent_as_one),
                TEST(a_secret_goes_when_no_task_that_may_run_needs_it),
                TEST(a_task_that_shall_stop_needs_no_secrets),
                TEST(large_files_come_in_messages_of_their_own),
                TEST(a_failed_task_never_brings_secrets),
                TEST(a_secret_comes_back_for_the_next_task),
                TEST(what_was_given_to_a_task_is_told_with_it),
                TEST(a_task_that_another_holds_does_not_stop_the_rest),
                TEST(a_long_set_comes_in_messages_of_bounded_size),
                TEST(many_removals_come_in_messages_of_bounded_size),
                TEST(what_changes_during_a_long_set_is_in_it),
                TEST(touching_everything_again_tells_nothing_new),
                TEST(a_task_is_remembered_once_however_often_it_changes),
                TEST(a_network_that_changed_unseen_is_told_when_everything_is_touched),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
