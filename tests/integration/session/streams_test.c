/* Streams of skep-api that end for one reason while there is another: it answers once, and lives.
 */
#include "tests/integration/session/ask.h"
#include "tests/integration/session/pipeline.h"

#include <stdio.h>
#include <string.h>

#include "api/control.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

enum { LABEL_SIZE = 20 * 1024, UPDATES = 3, WATCHERS = 24, GENERATIONS = 9 };

struct stream {
        struct rpc_client *client; /* NULL: the manager's */
        struct rpc_stream *stream;
        bool is_first, is_closed, pauses;
        struct err err;
};

static void said(void *context, const void *out)
{
        struct stream *stream = context;

        (void)out;
        stream->is_first = true;
        if (stream->pauses)
                rpc_stream_pause_reading(stream->stream);
}

static void closed(void *context, const struct err *err)
{
        struct stream *stream = context;

        stream->stream = NULL;
        stream->is_closed = true;
        stream->err = *err;
}

static void open_stream(struct pipeline *f, const struct rpc_method_id *method,
                        const ProtobufCMessage *in, struct stream *ret)
{
        static const struct rpc_stream_events events = { .message = said, .closed = closed };

        ret->stream = rpc_client_stream(ret->client ? ret->client : f->manager.api_client, method,
                                        in, &events, ret);
}

static void wait_for(struct pipeline *f, const bool *done)
{
        int64_t start = loop_now_boot(f->loop);

        while (!*done && loop_now_boot(f->loop) - start < 10 * NS_PER_S)
                loop_turn(f->loop, 20, NULL);
        if (!*done)
                fail_msg("waited in vain");
}

static void turn_for(struct pipeline *f, int ms)
{
        int64_t start = loop_now_boot(f->loop);

        while (loop_now_boot(f->loop) - start < ms * NS_PER_MS)
                loop_turn(f->loop, 20, NULL);
}

static void call(struct pipeline *f, const struct rpc_method_id *method, const ProtobufCMessage *in)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        ProtobufCMessage *out;
        struct err err;

        if (manager_call(&f->manager, f->manager.api_client, method, in, &arena, &out, &err) < 0)
                fail_msg("%s: %s", method->method, err.text);
}

static void assert_api_lives(struct pipeline *f)
{
        Sk__GetInfoRequest request = SK__GET_INFO_REQUEST__INIT;

        for (size_t i = 0; i < f->manager.n_daemons; i++)
                if (str_equal(f->manager.daemons[i].name, "api"))
                        assert_true(f->manager.daemons[i].is_running);
        call(f, RPC_METHOD(control, GetInfo), &request.base);
}

/* --- services --- */

struct spec {
        Sk__ServiceSpec spec;
        Sk__Annotations annotations;
        Sk__TaskSpec task;
        Sk__ContainerSpec container;
        Sk__ReplicatedService replicated;
};

static void spec_init(struct spec *spec, const char *name, uint64_t replicas)
{
        sk__service_spec__init(&spec->spec);
        sk__annotations__init(&spec->annotations);
        sk__task_spec__init(&spec->task);
        sk__container_spec__init(&spec->container);
        sk__replicated_service__init(&spec->replicated);
        spec->annotations.name = name;
        spec->container.image = "img:1";
        spec->task.container = &spec->container;
        spec->replicated.replicas = replicas;
        spec->spec.annotations = &spec->annotations;
        spec->spec.task = &spec->task;
        spec->spec.mode_case = SK__SERVICE_SPEC__MODE_REPLICATED;
        spec->spec.replicated = &spec->replicated;
}

static void update(struct pipeline *f, const char *name, struct spec *spec)
{
        Sk__UpdateServiceRequest request = SK__UPDATE_SERVICE_REQUEST__INIT;

        request.id = name;
        request.spec = &spec->spec;
        call(f, RPC_METHOD(control, UpdateService), &request.base);
}

static void remove_service(struct pipeline *f, const char *name)
{
        Sk__RemoveServiceRequest request = SK__REMOVE_SERVICE_REQUEST__INIT;

        request.id = name;
        call(f, RPC_METHOD(control, RemoveService), &request.base);
}

/* By a connection of its own, which is not read after the first message. */
static void watch(struct pipeline *f, struct stream *ret)
{
        const struct rpc_client_options options = { .address = f->manager.api };
        Sk__WatchServiceRequest request = SK__WATCH_SERVICE_REQUEST__INIT;

        assert_int_equal(rpc_client_new(f->loop, &options, &ret->client, NULL), 0);
        ret->pauses = true;
        request.id = "web";
        open_stream(f, RPC_METHOD(control, WatchService), &request.base, ret);
        wait_for(f, &ret->is_first);
}

/* How much a stream takes before its writer must wait is the transport's secret: of many that began
 * at different times, one has what is about to be told still waiting, and may yet be told more. */
static void a_watched_service_that_is_gone_is_told_of_no_more(void **state)
{
        static char value[LABEL_SIZE];
        Sk__CreateServiceRequest create = SK__CREATE_SERVICE_REQUEST__INIT;
        Sk__Label label = SK__LABEL__INIT, *labels[] = { &label };
        struct stream streams[WATCHERS] = {};
        struct pipeline *f = *state;
        struct spec spec;

        spec_init(&spec, "web", 1);
        create.spec = &spec.spec;
        call(f, RPC_METHOD(control, CreateService), &create.base);
        pipeline_until_there_are(f, 1, SK__TASK_STATE__TASK_RUNNING);
        label.key = "note";
        label.value = value;
        spec.annotations.labels = labels;
        spec.annotations.n_labels = 1;
        for (int i = 0; i < WATCHERS * UPDATES; i++) {
                if (i % UPDATES == 0)
                        watch(f, &streams[i / UPDATES]);
                memset(value, 'a' + i % 2, sizeof value - 1);
                update(f, "web", &spec);
        }
        remove_service(f, "web");
        pipeline_until_there_are(f, 0, SK__TASK_STATE__TASK_RUNNING);
        turn_for(f, 200);
        assert_api_lives(f);
        for (int i = 0; i < WATCHERS; i++) {
                streams[i].pauses = false;
                if (streams[i].stream)
                        rpc_stream_resume_reading(streams[i].stream);
                wait_for(f, &streams[i].is_closed);
                assert_int_equal(streams[i].err.code, ERR_OK);
                rpc_client_free(streams[i].client);
        }
}

static void two_lost_questions_for_logs_are_one_error(void **state)
{
        Sk__StreamLogsRequest request = SK__STREAM_LOGS_REQUEST__INIT;
        Sk__LogOptions options = SK__LOG_OPTIONS__INIT;
        struct stream stream = { 0 };
        struct pipeline *f = *state;
        struct spec spec;

        ask_create_service(&f->manager, "web", 1);
        pipeline_until_there_are(f, 1, SK__TASK_STATE__TASK_RUNNING);
        options.follow = true;
        options.stdout = true;
        request.id = "web";
        request.options = &options;
        open_stream(f, RPC_METHOD(control, StreamLogs), &request.base, &stream);
        turn_for(f, 200);
        spec_init(&spec, "web", 3);
        update(f, "web", &spec);
        pipeline_until_there_are(f, 3, SK__TASK_STATE__TASK_RUNNING);
        turn_for(f, 200);
        manager_kill(&f->manager, "dispatcher");
        wait_for(f, &stream.is_closed);
        assert_int_equal(stream.err.code, ERR_UNAVAILABLE);
        turn_for(f, 200);
        assert_api_lives(f);
}

/* Each generation is asked for by itself; the oldest are forgotten meanwhile, with their tasks. */
static void a_service_is_followed_through_many_generations(void **state)
{
        Sk__StreamLogsRequest request = SK__STREAM_LOGS_REQUEST__INIT;
        Sk__LogOptions options = SK__LOG_OPTIONS__INIT;
        static const char *const images[] = { "img:2", "img:3" };
        struct stream stream = { 0 };
        struct pipeline *f = *state;
        struct spec spec;

        ask_create_service(&f->manager, "web", 1);
        pipeline_until_there_are(f, 1, SK__TASK_STATE__TASK_RUNNING);
        options.follow = true;
        options.stdout = true;
        request.id = "web";
        request.options = &options;
        open_stream(f, RPC_METHOD(control, StreamLogs), &request.base, &stream);
        spec_init(&spec, "web", 1);
        for (int i = 0; i < GENERATIONS; i++) {
                spec.container.image = images[i % 2];
                update(f, "web", &spec);
                turn_for(f, 400);
                pipeline_until_there_are(f, 1, SK__TASK_STATE__TASK_RUNNING);
        }
        assert_in_range(ask_count_tasks(&f->manager, 0), 2, GENERATIONS - 1);
        assert_false(stream.is_closed);
        assert_api_lives(f);
        rpc_stream_cancel(stream.stream);
        turn_for(f, 200);
        assert_api_lives(f);
}

/* --- events --- */

struct told {
        size_t n_services, n_others;
        int64_t last_at_ns;
        bool is_closed;
        struct err err;
};

static void events_said(void *context, const void *out)
{
        const Sk__StreamEventsResponse *response = out;
        struct told *told = context;

        for (size_t i = 0; i < response->n_events; i++) {
                const Sk__ClusterEvent *event = response->events[i];

                if (str_equal(event->type, "service") && str_equal(event->action, "create"))
                        told->n_services++;
                else
                        told->n_others++;
                assert_true(event->at_ns >= told->last_at_ns);
                told->last_at_ns = event->at_ns;
        }
}

static void events_closed(void *context, const struct err *err)
{
        struct told *told = context;

        told->is_closed = true;
        told->err = *err;
}

static struct told events_between(struct pipeline *f, int64_t since_ns, int64_t until_ns)
{
        static const struct rpc_stream_events events = { .message = events_said,
                                                         .closed = events_closed };
        Sk__StreamEventsRequest request = SK__STREAM_EVENTS_REQUEST__INIT;
        struct told told = { 0 };

        request.since_ns = since_ns;
        request.until_ns = until_ns;
        rpc_client_stream(f->manager.api_client, RPC_METHOD(control, StreamEvents), &request.base,
                          &events, &told);
        wait_for(f, &told.is_closed);
        assert_int_equal(told.err.code, ERR_OK);
        return told;
}

static void events_of_the_past_are_told_and_end(void **state)
{
        struct pipeline *f = *state;
        int64_t begin = loop_now(f->loop), between;
        struct told told;

        ask_create_service(&f->manager, "web", 0);
        ask_create_service(&f->manager, "api", 0);
        turn_for(f, 50);
        between = loop_now(f->loop);
        turn_for(f, 50);
        ask_create_service(&f->manager, "late", 0);
        told = events_between(f, begin, between);
        assert_int_equal(told.n_services, 2);
        told = events_between(f, between, loop_now(f->loop));
        assert_int_equal(told.n_services, 1);
        told = events_between(f, 0, between);
        assert_int_equal(told.n_services + told.n_others, 0);
}

static void the_newest_thousand_is_told(void **state)
{
        struct pipeline *f = *state;
        int64_t begin = loop_now(f->loop);
        struct told told;
        char name[32];

        for (int i = 0; i < 1100; i++) {
                snprintf(name, sizeof name, "web%d", i);
                ask_create_service(&f->manager, name, 0);
        }
        turn_for(f, 50);
        told = events_between(f, begin, loop_now(f->loop));
        assert_int_equal(told.n_services + told.n_others, 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pipeline_setup, pipeline_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_watched_service_that_is_gone_is_told_of_no_more),
                TEST(two_lost_questions_for_logs_are_one_error),
                TEST(a_service_is_followed_through_many_generations),
                TEST(events_of_the_past_are_told_and_end),
                TEST(the_newest_thousand_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
