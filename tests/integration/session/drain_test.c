/* A node is drained by way of real daemons: its tasks go as their service is updated. */
#include "tests/integration/session/pipeline.h"

#include <string.h>

#include "api/control.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

static void create(struct pipeline *f, Sk__UpdateConfig *update)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__CreateServiceRequest request = SK__CREATE_SERVICE_REQUEST__INIT;
        Sk__ServiceSpec spec = SK__SERVICE_SPEC__INIT;
        Sk__Annotations annotations = SK__ANNOTATIONS__INIT;
        Sk__TaskSpec task = SK__TASK_SPEC__INIT;
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT;
        Sk__ReplicatedService replicated = SK__REPLICATED_SERVICE__INIT;
        struct err err;

        annotations.name = "web";
        container.image = "img:1";
        task.container = &container;
        replicated.replicas = 9;
        spec.annotations = &annotations;
        spec.task = &task;
        spec.mode_case = SK__SERVICE_SPEC__MODE_REPLICATED;
        spec.replicated = &replicated;
        spec.update = update;
        request.spec = &spec;
        if (manager_call(&f->manager, f->manager.api_client, RPC_METHOD(control, CreateService),
                         &request.base, &arena, NULL, &err) < 0)
                fail_msg("%s", err.text);
        pipeline_until_there_are(f, 9, SK__TASK_STATE__TASK_RUNNING);
}

/* The first node; its id in 'arena'. */
static const char *set_availability(struct pipeline *f, Sk__NodeSpec__Availability availability,
                                    struct arena *arena)
{
        Sk__ListNodesRequest list = SK__LIST_NODES_REQUEST__INIT;
        Sk__UpdateNodeRequest request = SK__UPDATE_NODE_REQUEST__INIT;
        const Sk__Node *node;
        ProtobufCMessage *out;
        struct err err;

        assert_int_equal(manager_call(&f->manager, f->manager.api_client,
                                      RPC_METHOD(control, ListNodes), &list.base, arena, &out,
                                      &err),
                         0);
        node = ((const Sk__ListNodesResponse *)out)->nodes[0];
        request.id = node->id;
        request.spec = node->spec;
        request.spec->availability = availability;
        if (manager_call(&f->manager, f->manager.api_client, RPC_METHOD(control, UpdateNode),
                         &request.base, arena, NULL, &err) < 0)
                fail_msg("%s", err.text);
        return node->id;
}

static const char *drain(struct pipeline *f, struct arena *arena)
{
        return set_availability(f, SK__NODE_SPEC__AVAILABILITY__DRAIN, arena);
}

struct watch {
        uint64_t left, most_at_once;
        bool has_begun, is_over, is_drained;
};

static void news(void *context, const void *out)
{
        const Sk__WatchNodeResponse *response = out;
        struct watch *watch = context;

        if (watch->has_begun && response->tasks < watch->left &&
            watch->left - response->tasks > watch->most_at_once)
                watch->most_at_once = watch->left - response->tasks;
        watch->has_begun = true;
        watch->left = response->tasks;
        watch->is_over = !response->tasks;
        watch->is_drained =
                response->node->spec->availability == SK__NODE_SPEC__AVAILABILITY__DRAIN;
}

static void closed(void *context, const struct err *err)
{
        (void)context;
        if (err->code && err->code != ERR_CANCELLED)
                fail_msg("%s", err->text);
}

static struct rpc_stream *follow(struct pipeline *f, const char *node_id, struct watch *watch)
{
        static const struct rpc_stream_events events = { .message = news, .closed = closed };
        Sk__WatchNodeRequest request = SK__WATCH_NODE_REQUEST__INIT;

        request.id = node_id;
        return rpc_client_stream(f->manager.api_client, RPC_METHOD(control, WatchNode),
                                 &request.base, &events, watch);
}

/* How many went at once, at most, until the node was empty. */
static uint64_t until_empty(struct pipeline *f, const char *node_id)
{
        int64_t start = loop_now_boot(f->loop);
        struct watch watch = { 0 };
        struct rpc_stream *stream = follow(f, node_id, &watch);

        while (!watch.is_over) {
                loop_turn(f->loop, 20, NULL);
                if (loop_now_boot(f->loop) - start > 60 * NS_PER_S)
                        fail_msg("%llu tasks are left", (unsigned long long)watch.left);
        }
        rpc_stream_cancel(stream);
        return watch.most_at_once;
}

static void tasks_leave_a_drained_node_one_after_another(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__UpdateConfig update = SK__UPDATE_CONFIG__INIT;
        struct pipeline *f = *state;

        update.parallelism = 1;
        /* Each rests, so that each is seen to go. */
        update.delay_ns = 200 * NS_PER_MS;
        create(f, &update);
        assert_int_equal(until_empty(f, drain(f, &arena)), 1);
        pipeline_until_there_are(f, 9, SK__TASK_STATE__TASK_RUNNING);
}

static void what_starts_first_moves_and_the_node_gets_empty(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__UpdateConfig update = SK__UPDATE_CONFIG__INIT;
        struct pipeline *f = *state;

        update.parallelism = 2;
        update.order = SK__UPDATE_CONFIG__ORDER__START_FIRST;
        create(f, &update);
        assert_true(until_empty(f, drain(f, &arena)) <= 3);
        pipeline_until_there_are(f, 9, SK__TASK_STATE__TASK_RUNNING);
}

static void a_drain_goes_on_when_the_orchestrator_was_killed(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__UpdateConfig update = SK__UPDATE_CONFIG__INIT;
        struct pipeline *f = *state;
        const char *node_id;

        update.parallelism = 1;
        update.delay_ns = NS_PER_S;
        create(f, &update);
        node_id = drain(f, &arena);
        manager_kill(&f->manager, "orchestrator");
        manager_start(&f->manager, "orchestrator", "");
        assert_int_equal(until_empty(f, node_id), 1);
        pipeline_until_there_are(f, 9, SK__TASK_STATE__TASK_RUNNING);
}

static void a_drain_that_is_taken_back_is_told(void **state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__UpdateConfig update = SK__UPDATE_CONFIG__INIT;
        struct pipeline *f = *state;
        int64_t start = loop_now_boot(f->loop);
        struct watch watch = { 0 };
        struct rpc_stream *stream;

        /* Nothing leaves for now: no number of tasks brings the news. */
        update.parallelism = 1;
        update.delay_ns = 600 * NS_PER_S;
        create(f, &update);
        stream = follow(f, drain(f, &arena), &watch);
        while (!watch.is_drained && loop_now_boot(f->loop) - start < 30 * NS_PER_S)
                loop_turn(f->loop, 20, NULL);
        assert_true(watch.is_drained);
        set_availability(f, SK__NODE_SPEC__AVAILABILITY__ACTIVE, &arena);
        while (watch.is_drained) {
                loop_turn(f->loop, 20, NULL);
                if (loop_now_boot(f->loop) - start > 30 * NS_PER_S)
                        fail_msg("nobody told that the node is active again");
        }
        assert_true(watch.left);
        rpc_stream_cancel(stream);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pipeline_setup, pipeline_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(tasks_leave_a_drained_node_one_after_another),
                TEST(what_starts_first_moves_and_the_node_gets_empty),
                TEST(a_drain_goes_on_when_the_orchestrator_was_killed),
                TEST(a_drain_that_is_taken_back_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
