/* The view: what is found, in which order. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/state/task_life.h"
#include "lib/state/view_check.h"
#include "tests/lib/build_objects.h"

#define RUNNING SK__TASK_STATE__TASK_RUNNING
#define PENDING SK__TASK_STATE__TASK_PENDING

static int set_up(void **state)
{
        struct world *world = malloc(sizeof *world);

        world_init(world);
        *state = world;
        return 0;
}

/* Whatever a test did, the indexes must agree with a scan. */
static int tear_down(void **state)
{
        struct world *world = *state;
        struct err err = { 0 };
        int result = view_check(world->view, &err);

        if (result < 0)
                print_error("%s\n", err.text);
        world_done(world);
        free(world);
        return result;
}

static void an_empty_view_finds_nothing(void **state)
{
        struct world *world = *state;
        struct view_cursor cursor = { 0 }, unassigned = { 0 };

        assert_null(view_cluster(world->view));
        assert_null(view_task(world->view, "x"));
        assert_null(view_task(world->view, NULL));
        assert_null(view_each(world->view, SK__KIND__KIND_TASK, &cursor));
        assert_null(view_each_unassigned(world->view, &unassigned));
        assert_null(view_slot_newest(world->view, "web", 1));
        assert_int_equal(view_slots_max(world->view, "web"), 0);
}

static void objects_are_found_by_id_and_name(void **state)
{
        struct world *world = *state;
        const Sk__Service *service = a_service(world, "web", 3);

        assert_ptr_equal(view_service(world->view, service->id), service);
        assert_ptr_equal(view_find_name(world->view, SK__KIND__KIND_SERVICE, "web"), service);
        assert_null(view_find_name(world->view, SK__KIND__KIND_NETWORK, "web"));
        assert_non_null(view_service_spec(world->view, service->spec->spec_id));
}

static void objects_of_a_kind_come_by_id(void **state)
{
        struct world *world = *state;
        struct view_cursor cursor = { 0 };

        a_node(world, "c");
        a_node(world, "a");
        a_node(world, "b");
        assert_string_equal(view_each(world->view, SK__KIND__KIND_NODE, &cursor)->name, "a");
        assert_string_equal(view_each(world->view, SK__KIND__KIND_NODE, &cursor)->name, "b");
        assert_string_equal(view_each(world->view, SK__KIND__KIND_NODE, &cursor)->name, "c");
        assert_null(view_each(world->view, SK__KIND__KIND_NODE, &cursor));
}

static void news_of_one_part_keeps_the_others(void **state)
{
        struct world *world = *state;
        const Sk__Task *task;

        a_service(world, "web", 1);
        task = a_task(world, "web", 1, RUNNING, "n1");
        task = is_now(world, task, SK__TASK_STATE__TASK_FAILED, "exit 1");
        assert_non_null(task->placement);
        assert_int_equal(task->definition->slot, 1);
        assert_string_equal(task->status->err, "exit 1");
        assert_int_equal(task_state(task), SK__TASK_STATE__TASK_FAILED);
}

static void a_removed_object_is_gone(void **state)
{
        struct world *world = *state;
        const Sk__Service *service = a_service(world, "web", 1);
        const char *id = an_id(world, "web");

        assert_non_null(service);
        no_more(world, SK__KIND__KIND_SERVICE, id);
        assert_null(view_service(world->view, id));
        assert_null(view_find_name(world->view, SK__KIND__KIND_SERVICE, "web"));
        view_remove(world->view, SK__KIND__KIND_SERVICE, id);
}

static void a_new_name_replaces_the_old_one(void **state)
{
        struct world *world = *state;
        Sk__NetworkSpec spec = SK__NETWORK_SPEC__INIT;

        a_network(world, "old");
        a_part(world, SK__KIND__KIND_NETWORK, an_id(world, "old"), "new", PART_NETWORK_spec,
               &spec.base);
        assert_null(view_find_name(world->view, SK__KIND__KIND_NETWORK, "old"));
        assert_non_null(view_find_name(world->view, SK__KIND__KIND_NETWORK, "new"));
}

/* After a resumed watch the new holder of a name may be told before the old one's removal. */
static void a_name_belongs_to_the_latest_news_of_it(void **state)
{
        struct world *world = *state;
        Sk__Event event = SK__EVENT__INIT;
        struct err err;

        a_network(world, "net");
        event.kind = SK__KIND__KIND_NETWORK;
        event.id = an_id(world, "other");
        event.name = "net";
        assert_int_equal(view_put(world->view, &event, &err), 0);
        no_more(world, SK__KIND__KIND_NETWORK, an_id(world, "net"));
        assert_string_equal(view_find_name(world->view, SK__KIND__KIND_NETWORK, "net")->id,
                            event.id);
}

static void bad_news_is_refused_and_changes_nothing(void **state)
{
        struct world *world = *state;
        uint8_t garbage[] = { 0xff, 0xff };
        Sk__Part part = SK__PART__INIT, *parts[] = { &part };
        Sk__Event event = SK__EVENT__INIT;
        struct err err;

        part.data = (ProtobufCBinaryData){ sizeof garbage, garbage };
        event.id = "a";
        event.parts = parts;
        event.n_parts = 1;
        assert_int_equal(view_put(world->view, &event, &err), ERR_INVALID);
        event.kind = SK__KIND__KIND_TASK;
        assert_int_equal(view_put(world->view, &event, &err), ERR_INVALID);
        part.index = 4;
        part.data.len = 0;
        assert_int_equal(view_put(world->view, &event, &err), ERR_INVALID);
        event.id = "";
        assert_int_equal(view_put(world->view, &event, &err), ERR_INVALID);
        assert_int_equal(view_count(world->view, SK__KIND__KIND_TASK), 0);
}

static void of_a_part_that_is_told_twice_the_last_counts(void **state)
{
        struct world *world = *state;
        struct arena arena = { 0 };
        Sk__Part twice[] = { SK__PART__INIT, SK__PART__INIT }, *parts[] = { &twice[0], &twice[1] };
        Sk__Event event = SK__EVENT__INIT;
        struct err err;

        for (size_t i = 0; i < 2; i++) {
                Sk__TaskPlacement placement = SK__TASK_PLACEMENT__INIT;
                ProtobufCBinaryData *data = &twice[i].data;

                placement.node_id = an_id(world, i ? "last" : "first");
                twice[i].index = PART_TASK_placement;
                data->data = arena_alloc(&arena, 100);
                data->len = protobuf_c_message_pack(&placement.base, data->data);
        }
        event.kind = SK__KIND__KIND_TASK;
        event.id = an_id(world, "t");
        event.parts = parts;
        event.n_parts = 2;
        assert_int_equal(view_put(world->view, &event, &err), 0);
        assert_string_equal(task_node(view_task(world->view, event.id)), an_id(world, "last"));
        arena_done(&arena);
}

static void references_are_part_of_an_object(void **state)
{
        struct world *world = *state;
        Sk__Meta meta = SK__META__INIT;
        Sk__Event event = SK__EVENT__INIT;
        const struct object_head *object;
        struct err err;

        event.kind = SK__KIND__KIND_SERVICE_SPEC;
        event.id = "a";
        event.meta = &meta;
        meta.references = a_list(world, &meta.n_references, "s1", "s2", NULL);
        assert_int_equal(view_put(world->view, &event, &err), 0);
        object = view_find(world->view, event.kind, "a");
        assert_int_equal(object->meta->n_references, 2);
        assert_string_equal(object->meta->references[1], "s2");
        meta.n_references = 0;
        assert_int_equal(view_put(world->view, &event, &err), 0);
        assert_int_equal(object->meta->n_references, 0);
}

/* --- what a person typed --- */

static void a_person_names_by_id_name_or_the_beginning_of_an_id(void **state)
{
        struct world *world = *state;
        const struct object_head *found;
        struct err err;

        a_service(world, "web", 1);
        a_service(world, "worker", 1);
        assert_int_equal(view_resolve(world->view, SK__KIND__KIND_SERVICE, an_id(world, "web"),
                                      &found, &err),
                         0);
        assert_int_equal(view_resolve(world->view, SK__KIND__KIND_SERVICE, "web", &found, &err), 0);
        assert_string_equal(found->name, "web");
        assert_int_equal(view_resolve(world->view, SK__KIND__KIND_SERVICE, "wo", &found, &err), 0);
        assert_string_equal(found->name, "worker");
}

static void what_nobody_has_is_not_found_in_docker_s_words(void **state)
{
        struct world *world = *state;
        const struct object_head *found;
        struct err err;

        assert_int_equal(view_resolve(world->view, SK__KIND__KIND_SERVICE, "web", &found, &err),
                         ERR_NOT_FOUND);
        assert_string_equal(err.text, "service web not found");
        assert_int_equal(view_resolve(world->view, SK__KIND__KIND_SERVICE, "", &found, &err),
                         ERR_NOT_FOUND);
}

static void a_prefix_of_several_is_ambiguous_in_docker_s_words(void **state)
{
        struct world *world = *state;
        const struct object_head *found;
        struct err err;

        a_service(world, "xx1", 1);
        a_service(world, "xx2", 1);
        assert_int_equal(view_resolve(world->view, SK__KIND__KIND_SERVICE, "xx", &found, &err),
                         ERR_INVALID);
        assert_string_equal(err.text, "service xx is ambiguous (2 matches found)");
}

static void two_nodes_may_have_a_name_and_then_it_is_ambiguous(void **state)
{
        struct world *world = *state;
        const struct object_head *found;
        struct err err;

        a_node(world, "n1");
        a_part(world, SK__KIND__KIND_NODE, an_id(world, "n2"), "n1", PART_NODE_spec,
               &a_node_spec(world, "n1")->base);
        assert_int_equal(view_resolve(world->view, SK__KIND__KIND_NODE, "n1", &found, &err),
                         ERR_INVALID);
        assert_string_equal(err.text, "node n1 is ambiguous (2 matches found)");
}

/* --- tasks --- */

static void a_slot_shows_its_newest_task_and_then_older_ones(void **state)
{
        struct world *world = *state;
        const Sk__Task *old, *new, *other;
        const char *web = an_id(world, "web");

        a_service(world, "web", 2);
        old = a_task(world, "web", 1, SK__TASK_STATE__TASK_FAILED, "n1");
        other = a_task(world, "web", 2, RUNNING, "n1");
        new = a_task(world, "web", 1, RUNNING, "n2");
        assert_ptr_equal(view_slot_newest(world->view, web, 1), new);
        assert_ptr_equal(view_slot_older(world->view, new), old);
        assert_null(view_slot_older(world->view, old));
        assert_ptr_equal(view_slot_newest(world->view, web, 2), other);
        assert_null(view_slot_newest(world->view, web, 3));
        assert_null(view_slot_newest(world->view, web, 0));
        assert_int_equal(view_slots_max(world->view, web), 2);
        assert_int_equal(view_count_service_tasks(world->view, web), 3);
}

static void a_global_service_has_a_slot_per_node(void **state)
{
        struct world *world = *state;
        const Sk__Task *old, *new, *other;
        const char *log = an_id(world, "log");

        a_global_service(world, "log");
        old = a_node_task(world, "log", "n1", SK__TASK_STATE__TASK_FAILED);
        other = a_node_task(world, "log", "n2", RUNNING);
        new = a_node_task(world, "log", "n1", RUNNING);
        assert_ptr_equal(view_node_slot_newest(world->view, log, an_id(world, "n1")), new);
        assert_ptr_equal(view_slot_older(world->view, new), old);
        assert_null(view_slot_older(world->view, old));
        assert_ptr_equal(view_node_slot_newest(world->view, log, an_id(world, "n2")), other);
        assert_null(view_node_slot_newest(world->view, log, an_id(world, "n0")));
        assert_null(view_node_slot_newest(world->view, log, an_id(world, "n3")));
        assert_int_equal(view_slots_max(world->view, log), 0);
}

static void a_task_whose_own_node_changes_is_found_in_its_new_slot(void **state)
{
        struct world *world = *state;
        const char *log = an_id(world, "log");
        const Sk__Task *task;
        Sk__TaskDefinition *definition;

        a_global_service(world, "log");
        a_node_task(world, "log", "n2", RUNNING);
        a_node_task(world, "log", "n3", RUNNING);
        task = a_node_task(world, "log", "n1", RUNNING);
        definition = (Sk__TaskDefinition *)message_copy(&world->arena, &task->definition->base);
        definition->node_id = an_id(world, "n4");
        a_part(world, SK__KIND__KIND_TASK, task->id, NULL, PART_TASK_definition, &definition->base);
        assert_null(view_node_slot_newest(world->view, log, an_id(world, "n1")));
        assert_ptr_equal(view_node_slot_newest(world->view, log, an_id(world, "n4")), task);
}

static void a_service_s_tasks_come_by_slot_and_from_the_newest(void **state)
{
        struct world *world = *state;
        struct view_cursor cursor = { 0 };
        const char *web = an_id(world, "web");
        const Sk__Task *tasks[3];

        a_service(world, "web", 2);
        tasks[2] = a_task(world, "web", 2, RUNNING, "n1");
        tasks[1] = a_task(world, "web", 1, SK__TASK_STATE__TASK_FAILED, "n1");
        tasks[0] = a_task(world, "web", 1, RUNNING, "n1");
        for (size_t i = 0; i < 3; i++)
                assert_ptr_equal(view_each_service_task(world->view, web, &cursor), tasks[i]);
        assert_null(view_each_service_task(world->view, web, &cursor));
}

static void a_node_has_the_tasks_placed_on_it_and_preassigned_to_it(void **state)
{
        struct world *world = *state;
        struct view_cursor cursor = { 0 };
        const char *n1 = an_id(world, "n1");
        const Sk__Task *global, *placed;

        a_service(world, "web", 2);
        a_global_service(world, "log");
        placed = a_task(world, "web", 1, RUNNING, "n1");
        a_task(world, "web", 2, RUNNING, "n2");
        global = a_node_task(world, "log", "n1", PENDING);
        assert_int_equal(view_count_node_tasks(world->view, n1), 2);
        assert_ptr_equal(view_each_node_task(world->view, n1, &cursor), global);
        assert_ptr_equal(view_each_node_task(world->view, n1, &cursor), placed);
        assert_null(view_each_node_task(world->view, n1, &cursor));
}

static void tasks_that_wait_for_a_node_come_by_service_and_slot(void **state)
{
        struct world *world = *state;
        struct view_cursor cursor = { 0 };
        const Sk__Task *web1, *web2, *db1;

        a_service(world, "web", 2);
        a_service(world, "db", 1);
        web2 = a_task(world, "web", 2, PENDING, NULL);
        web1 = a_task(world, "web", 1, PENDING, NULL);
        a_task(world, "web", 3, SK__TASK_STATE__TASK_NEW, NULL);
        a_task(world, "web", 4, RUNNING, "n1");
        db1 = a_task(world, "db", 1, PENDING, NULL);
        assert_int_equal(view_count_unassigned(world->view), 3);
        assert_ptr_equal(view_each_unassigned(world->view, &cursor), db1);
        assert_ptr_equal(view_each_unassigned(world->view, &cursor), web1);
        assert_ptr_equal(view_each_unassigned(world->view, &cursor), web2);
        assert_null(view_each_unassigned(world->view, &cursor));
        assert_null(view_each_unassigned(world->view, &cursor));
}

static void a_task_waits_no_more_when_it_is_placed_or_not_wanted(void **state)
{
        struct world *world = *state;
        const Sk__Task *placed, *unwanted;
        Sk__TaskPlacement placement = SK__TASK_PLACEMENT__INIT;

        a_service(world, "web", 2);
        placed = a_task(world, "web", 1, PENDING, NULL);
        unwanted = a_task(world, "web", 2, PENDING, NULL);
        placement.node_id = an_id(world, "n1");
        a_part(world, SK__KIND__KIND_TASK, placed->id, NULL, PART_TASK_placement, &placement.base);
        assert_int_equal(view_count_unassigned(world->view), 1);
        shall_be(world, unwanted, SK__TASK_STATE__TASK_SHUTDOWN);
        assert_int_equal(view_count_unassigned(world->view), 0);
}

static void tasks_of_a_removed_service_are_orphaned(void **state)
{
        struct world *world = *state;
        struct view_cursor cursor = { 0 }, again = { 0 }, after = { 0 };
        const char *web = an_id(world, "web"), *task_id;

        a_service(world, "db", 1);
        a_task(world, "db", 1, RUNNING, "n1");
        a_service(world, "web", 1);
        task_id = arena_strdup(&world->arena, a_task(world, "web", 1, RUNNING, "n1")->id);
        assert_null(view_each_orphaned_service(world->view, &cursor));
        no_more(world, SK__KIND__KIND_SERVICE, web);
        assert_string_equal(view_each_orphaned_service(world->view, &again), web);
        assert_null(view_each_orphaned_service(world->view, &again));
        no_more(world, SK__KIND__KIND_TASK, task_id);
        assert_null(view_each_orphaned_service(world->view, &after));
}

static void a_spec_knows_how_many_tasks_were_made_from_it(void **state)
{
        struct world *world = *state;
        const Sk__Task *task;
        const char *first;

        first = arena_strdup(&world->arena, a_service(world, "web", 2)->spec->spec_id);
        a_task(world, "web", 1, RUNNING, "n1");
        a_task(world, "web", 2, RUNNING, "n1");
        a_service(world, "web", 3);
        task = a_task(world, "web", 3, RUNNING, "n1");
        assert_int_equal(view_count_spec_tasks(world->view, first), 2);
        assert_int_equal(view_count_spec_tasks(world->view, task->definition->spec_id), 1);
        assert_int_equal(view_task_spec(world->view, task)->revision, 2);
        assert_int_equal(view_count_spec_tasks(world->view, "none"), 0);
}

static void a_cleared_view_is_empty(void **state)
{
        struct world *world = *state;

        a_node(world, "n1");
        a_service(world, "web", 1);
        a_task(world, "web", 1, PENDING, NULL);
        view_clear(world->view);
        for (int i = 0; i < OBJECT_KINDS; i++)
                assert_int_equal(view_count(world->view, (Sk__Kind)i), 0);
        assert_int_equal(view_count_unassigned(world->view), 0);
        assert_int_equal(view_version(world->view), 0);
}

static void time_never_goes_back(void **state)
{
        struct world *world = *state;

        view_set_version(world->view, 5, world->now + 10);
        view_set_version(world->view, 6, world->now + 3);
        assert_int_equal(view_now(world->view), world->now + 10);
        assert_int_equal(view_version(world->view), 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(an_empty_view_finds_nothing),
                TEST(objects_are_found_by_id_and_name),
                TEST(objects_of_a_kind_come_by_id),
                TEST(news_of_one_part_keeps_the_others),
                TEST(a_removed_object_is_gone),
                TEST(a_new_name_replaces_the_old_one),
                TEST(a_name_belongs_to_the_latest_news_of_it),
                TEST(bad_news_is_refused_and_changes_nothing),
                TEST(of_a_part_that_is_told_twice_the_last_counts),
                TEST(references_are_part_of_an_object),
                TEST(a_person_names_by_id_name_or_the_beginning_of_an_id),
                TEST(what_nobody_has_is_not_found_in_docker_s_words),
                TEST(a_prefix_of_several_is_ambiguous_in_docker_s_words),
                TEST(two_nodes_may_have_a_name_and_then_it_is_ambiguous),
                TEST(a_slot_shows_its_newest_task_and_then_older_ones),
                TEST(a_global_service_has_a_slot_per_node),
                TEST(a_task_whose_own_node_changes_is_found_in_its_new_slot),
                TEST(a_service_s_tasks_come_by_slot_and_from_the_newest),
                TEST(a_node_has_the_tasks_placed_on_it_and_preassigned_to_it),
                TEST(tasks_that_wait_for_a_node_come_by_service_and_slot),
                TEST(a_task_waits_no_more_when_it_is_placed_or_not_wanted),
                TEST(tasks_of_a_removed_service_are_orphaned),
                TEST(a_spec_knows_how_many_tasks_were_made_from_it),
                TEST(a_cleared_view_is_empty),
                TEST(time_never_goes_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
