/* An automatic rollback names what the previous spec uses, and no more what the failed one did: the
 * store removes neither secrets nor configs that somebody names. */
#include <string.h>

#include "lib/base/time.h"
#include "manager/orchestrator/orchestrator.h"
#include "tests/lib/build_objects.h"
#include "tests/unit/test.h"

static Sk__FileReference **a_reference(struct world *world, const char *id)
{
        Sk__FileReference **list = arena_alloc(&world->arena, sizeof *list);

        list[0] = arena_alloc(&world->arena, sizeof *list[0]);
        sk__file_reference__init(list[0]);
        list[0]->id = id;
        return list;
}

/* Uses a secret and a config of that name; an update that fails is rolled back. */
static void a_revision(struct world *world, const char *image, const char *secret,
                       const char *config)
{
        Sk__ServiceSpec *spec = a_spec(world, "web", 1);
        Sk__ContainerSpec *container = spec->task->container;

        spec->update = arena_alloc(&world->arena, sizeof *spec->update);
        sk__update_config__init(spec->update);
        spec->update->failure_action = SK__UPDATE_CONFIG__FAILURE_ACTION__ROLLBACK;
        container->image = image;
        container->secrets = a_reference(world, a_secret(world, secret)->id);
        container->configs = a_reference(world, a_config(world, config)->id);
        container->n_secrets = container->n_configs = 1;
        a_service_of(world, spec);
}

/* The update to the second revision is under way, and its first task has just failed. */
static void a_failing_update(struct world *world)
{
        Sk__ServiceProgress *progress = arena_alloc(&world->arena, sizeof *progress);
        Sk__UpdateStatus *status = arena_alloc(&world->arena, sizeof *status);
        const Sk__Task *task;

        a_cluster(world);
        a_node(world, "n1");
        a_revision(world, "img:1", "old-secret", "old-config");
        a_task(world, "web", 1, SK__TASK_STATE__TASK_SHUTDOWN, "n1");
        a_revision(world, "img:2", "new-secret", "new-config");
        sk__service_progress__init(progress);
        sk__update_status__init(status);
        status->state = SK__UPDATE_STATUS__STATE__UPDATING;
        status->started_at_ns = world->now;
        status->spec_id = an_id(world, "webspec2");
        progress->update = status;
        progress->generation = 1;
        a_part(world, SK__KIND__KIND_SERVICE, an_id(world, "web"), NULL, PART_SERVICE_progress,
               &progress->base);
        task = a_task(world, "web", 1, SK__TASK_STATE__TASK_RUNNING, "n1");
        world_wait(world, NS_PER_S);
        is_now(world, task, SK__TASK_STATE__TASK_FAILED, "task: non-zero exit (1)");
}

static bool refers_to(struct world *world, const char *name)
{
        const Sk__Service *service = view_service(world->view, an_id(world, "web"));

        for (size_t i = 0; i < service->meta->n_references; i++)
                if (!strcmp(service->meta->references[i], an_id(world, name)))
                        return true;
        return false;
}

static void a_rollback_names_what_the_previous_spec_uses(void **state)
{
        struct world world;
        struct plan plan;

        (void)state;
        world_init(&world);
        plan_init(&plan);
        a_failing_update(&world);
        orchestrator.decide(world.view,
                            arena_printf(&world.arena, "service/%s", an_id(&world, "web")), NULL,
                            100, &plan);
        assert_true(world_apply(&world, &plan).n_accepted > 0);
        assert_string_equal(view_service(world.view, an_id(&world, "web"))->spec->spec_id,
                            an_id(&world, "webspec1"));
        assert_true(refers_to(&world, "webspec1"));
        assert_true(refers_to(&world, "webspec2"));
        assert_true(refers_to(&world, "old-secret"));
        assert_true(refers_to(&world, "old-config"));
        assert_false(refers_to(&world, "new-secret"));
        assert_false(refers_to(&world, "new-config"));
        plan_done(&plan);
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_rollback_names_what_the_previous_spec_uses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
