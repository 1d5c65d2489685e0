/* The revisions of a service: what is kept, gone back to, resumed, promoted. */
#include <string.h>

#include "manager/api_server/call.h"
#include "tests/lib/build_objects.h"
#include "tests/unit/test.h"

struct scene {
        struct world world;
        struct plan plan;
        struct call call;
        struct err err;
        int n_specs;
};

static int setup(void **state)
{
        struct scene *scene = mem_alloc(sizeof *scene);

        world_init(&scene->world);
        a_cluster(&scene->world);
        plan_init(&scene->plan);
        scene->call = (struct call){
                .view = scene->world.view,
                .plan = &scene->plan,
                .arena = &scene->world.arena,
                .err = &scene->err,
                .now_ns = scene->world.now,
        };
        a_service(&scene->world, "web", 1);
        *state = scene;
        return 0;
}

static int teardown(void **state)
{
        struct scene *scene = *state;

        plan_done(&scene->plan);
        world_done(&scene->world);
        free(scene);
        return 0;
}

static const Sk__Service *web(struct scene *scene)
{
        return (const Sk__Service *)view_find_name(scene->world.view, SK__KIND__KIND_SERVICE,
                                                   "web");
}

static int ask(struct scene *scene, Sk__UpdateServiceRequest in)
{
        Sk__UpdateServiceResponse out = SK__UPDATE_SERVICE_RESPONSE__INIT;
        struct applied applied;

        in.id = "web";
        scene->call.fresh_ids[0] = an_id(&scene->world, arena_printf(&scene->world.arena, "fresh%d",
                                                                     scene->n_specs++));
        plan_clear(&scene->plan);
        TRY(handle_update_service(&scene->call, &in, &out));
        applied = world_apply(&scene->world, &scene->plan);
        return applied.n_accepted == 1 ? 0 : ERR_CONFLICT;
}

#define ASK(scene, ...)                                                                        \
        ask((scene), (Sk__UpdateServiceRequest){                                               \
                             PROTOBUF_C_MESSAGE_INIT(&sk__update_service_request__descriptor), \
                             __VA_ARGS__ })

/* Every revision has so many replicas as its number, and 'canary' canaries of "img:<number>". */
static void change(struct scene *scene, uint64_t canary, const char *image)
{
        Sk__ServiceSpec *spec = a_spec(&scene->world, "web", web(scene)->spec->revision + 1);

        spec->update = arena_alloc(&scene->world.arena, sizeof *spec->update);
        sk__update_config__init(spec->update);
        spec->update->canary = canary;
        spec->task->container->image = image;
        assert_int_equal(ASK(scene, .spec = spec), 0);
}

static void set_status(struct scene *scene, Sk__UpdateStatus__State is)
{
        Sk__ServiceProgress *progress = arena_alloc(&scene->world.arena, sizeof *progress);
        Sk__UpdateStatus *update = arena_alloc(&scene->world.arena, sizeof *update);

        sk__service_progress__init(progress);
        sk__update_status__init(update);
        update->state = is;
        update->spec_id = web(scene)->spec->spec_id;
        update->message = "told";
        progress->update = update;
        a_part(&scene->world, SK__KIND__KIND_SERVICE, web(scene)->id, NULL, PART_SERVICE_progress,
               &progress->base);
}

static const Sk__ListServiceRevisionsResponse *list(struct scene *scene)
{
        Sk__ListServiceRevisionsRequest in = SK__LIST_SERVICE_REVISIONS_REQUEST__INIT;
        Sk__ListServiceRevisionsResponse *out = arena_alloc(&scene->world.arena, sizeof *out);

        sk__list_service_revisions_response__init(out);
        in.id = "web";
        assert_int_equal(handle_list_service_revisions(&scene->call, &in, out), 0);
        return out;
}

/* What was asked for last of the service, not of one of its revisions. */
static void an_update_forgets_no_rebalance(void **state)
{
        struct scene *scene = *state;
        Sk__ServiceRevision *part =
                (Sk__ServiceRevision *)message_copy(&scene->world.arena, &web(scene)->spec->base);
        Sk__Rebalance asked = SK__REBALANCE__INIT;

        asked.at_ns = 7;
        asked.budget = 3;
        part->rebalance = &asked;
        a_part(&scene->world, SK__KIND__KIND_SERVICE, web(scene)->id, NULL, PART_SERVICE_spec,
               &part->base);
        change(scene, 0, "img:1");
        assert_non_null(web(scene)->spec->rebalance);
        assert_int_equal(web(scene)->spec->rebalance->at_ns, 7);
        assert_int_equal(web(scene)->spec->rebalance->budget, 3);
}

static void ten_older_revisions_are_kept(void **state)
{
        const Sk__ListServiceRevisionsResponse *all;
        struct scene *scene = *state;

        for (int i = 0; i < 14; i++)
                change(scene, 0, "img:1");
        all = list(scene);
        assert_int_equal(all->n_revisions, 11);
        for (size_t i = 0; i < 11; i++) {
                assert_int_equal(all->revisions[i]->revision, 15 - i);
                assert_int_equal(all->revisions[i]->spec->replicated->replicas, 15 - i);
                assert_int_equal(all->revisions[i]->is_current, i == 0);
                assert_int_equal(all->revisions[i]->is_previous, i == 1);
        }
}

static void any_kept_revision_is_gone_back_to(void **state)
{
        struct scene *scene = *state;

        for (int i = 0; i < 4; i++)
                change(scene, 0, "img:1");
        assert_int_equal(ASK(scene, .rollback = true, .rollback_to = 2), 0);
        assert_int_equal(web(scene)->spec->revision, 6);
        assert_true(web(scene)->spec->is_rollback);
        assert_int_equal(list(scene)->revisions[0]->spec->replicated->replicas, 2);
}

static void a_revision_that_is_not_kept_is_named(void **state)
{
        struct scene *scene = *state;

        change(scene, 0, "img:1");
        assert_int_equal(ASK(scene, .rollback = true, .rollback_to = 7), ERR_NOT_FOUND);
        assert_string_equal(scene->err.text,
                            "service web has no revision 7: see 'skep service history web'");
}

static void only_a_paused_update_is_resumed(void **state)
{
        struct scene *scene = *state;

        change(scene, 0, "img:2");
        assert_int_equal(ASK(scene, .resume = true), ERR_PRECONDITION);
        set_status(scene, SK__UPDATE_STATUS__STATE__UPDATING);
        assert_int_equal(ASK(scene, .resume = true), ERR_PRECONDITION);
        set_status(scene, SK__UPDATE_STATUS__STATE__PAUSED);
        assert_int_equal(ASK(scene, .resume = true), 0);
        assert_int_equal(web(scene)->spec->resumed_at_ns, scene->call.now_ns);
        assert_int_equal(web(scene)->spec->revision, 2);
}

static void resuming_twice_at_one_time_is_two_times(void **state)
{
        struct scene *scene = *state;

        change(scene, 0, "img:2");
        set_status(scene, SK__UPDATE_STATUS__STATE__ROLLBACK_PAUSED);
        assert_int_equal(ASK(scene, .resume = true), 0);
        assert_int_equal(ASK(scene, .resume = true), 0);
        assert_int_equal(web(scene)->spec->resumed_at_ns, scene->call.now_ns + 1);
}

static void what_changes_no_spec_is_asked_for_without_one(void **state)
{
        struct scene *scene = *state;

        change(scene, 0, "img:2");
        set_status(scene, SK__UPDATE_STATUS__STATE__PAUSED);
        assert_int_equal(ASK(scene, .resume = true, .spec = a_spec(&scene->world, "web", 9)),
                         ERR_INVALID);
        assert_string_equal(scene->err.text,
                            "'resume' changes no spec of a service: it cannot be asked for "
                            "together with 'spec'");
        assert_int_equal(ASK(scene, .resume = true, .rollback = true), ERR_INVALID);
        assert_int_equal(ASK(scene, .promote = true, .rollback = true), ERR_INVALID);
        assert_int_equal(ASK(scene, .run = true, .rollback = true), ERR_INVALID);
        assert_string_equal(scene->err.text,
                            "'run' changes no spec of a service: it cannot be asked for together "
                            "with 'rollback'");
}

static void canaries_are_promoted_once(void **state)
{
        struct scene *scene = *state;

        change(scene, 1, "img:2");
        set_status(scene, SK__UPDATE_STATUS__STATE__UPDATING);
        assert_int_equal(ASK(scene, .promote = true), 0);
        assert_true(web(scene)->spec->is_promoted);
        assert_int_equal(ASK(scene, .promote = true), ERR_PRECONDITION);
        assert_string_equal(scene->err.text, "service web has no canaries to promote");
}

static void canaries_that_failed_are_not_promoted(void **state)
{
        struct scene *scene = *state;

        change(scene, 1, "img:2");
        set_status(scene, SK__UPDATE_STATUS__STATE__PAUSED);
        assert_int_equal(ASK(scene, .promote = true), ERR_PRECONDITION);
        assert_string_equal(scene->err.text, "the canaries of service web failed: told");
}

static void what_changes_no_task_keeps_canaries_promoted(void **state)
{
        struct scene *scene = *state;

        change(scene, 1, "img:2");
        set_status(scene, SK__UPDATE_STATUS__STATE__UPDATING);
        assert_int_equal(ASK(scene, .promote = true), 0);
        change(scene, 1, "img:2");
        assert_true(web(scene)->spec->is_promoted);
        change(scene, 1, "img:3");
        assert_false(web(scene)->spec->is_promoted);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(an_update_forgets_no_rebalance, setup, teardown),
                cmocka_unit_test_setup_teardown(ten_older_revisions_are_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(any_kept_revision_is_gone_back_to, setup, teardown),
                cmocka_unit_test_setup_teardown(a_revision_that_is_not_kept_is_named, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(only_a_paused_update_is_resumed, setup, teardown),
                cmocka_unit_test_setup_teardown(resuming_twice_at_one_time_is_two_times, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(what_changes_no_spec_is_asked_for_without_one,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(canaries_are_promoted_once, setup, teardown),
                cmocka_unit_test_setup_teardown(canaries_that_failed_are_not_promoted, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(what_changes_no_task_keeps_canaries_promoted, setup,
                                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
