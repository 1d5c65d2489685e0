/* What a node dials back for: going inside, measuring. */
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/answer.h"
#include "agent/enter.h"
#include "agent/logs/files.h"
#include "agent/logs/record.h"
#include "agent/measure.h"
#include "api/dispatcher.h"
#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "lib/rpc/server.h"
#include "tests/unit/test.h"

/* A dispatcher that hears what is said, and gives credit for it. */
struct scene {
        char folder[32];
        struct loop *loop;
        struct rpc_server *server;
        struct rpc_client *client;
        struct executor executor;
        struct str told;
        size_t n_streams, n_exits, n_batches, n_lines, n_done;
        int64_t credit; /* given at each message; 0: much */
        struct rpc_call *call;
        /* the entry */
        const struct executor_entry_events *events;
        void *entrance;
        int output;
};

static void heard_answer(void *context, struct rpc_call *call, const void *in)
{
        struct scene *scene = context;
        const Sk__AnswerMessage *message = in;
        Sk__AnswerCredit credit = SK__ANSWER_CREDIT__INIT;

        scene->n_streams += message->request_id[0] != '\0';
        str_add(&scene->told, message->err);
        scene->call = call;
        scene->n_batches += message->n_lines > 0;
        scene->n_lines += message->n_lines;
        scene->n_done += message->is_done;
        credit.bytes = scene->credit ? scene->credit : 1 << 20;
        if (!message->is_done && (scene->credit == 0 || message->request_id[0]))
                rpc_call_write(call, &credit.base);
}

static void heard_output(void *context, struct rpc_call *call, const void *in)
{
        struct scene *scene = context;
        const Sk__EnterOutput *message = in;

        (void)call;
        scene->n_exits += message->what_case == SK__ENTER_OUTPUT__WHAT_EXIT;
}

static void answer_opened(void *context, struct rpc_call *call, const void *in)
{
        static const struct rpc_call_events events = { .message = heard_answer };

        (void)in;
        rpc_call_on(call, &events, context);
}

static void entered_opened(void *context, struct rpc_call *call, const void *in)
{
        static const struct rpc_call_events events = { .message = heard_output };

        (void)in;
        rpc_call_on(call, &events, context);
}

static void nothing_opened(void *context, struct rpc_call *call, const void *in)
{
        (void)context;
        (void)call;
        (void)in;
        fail_msg("nobody calls this");
}

#define session_shim nothing_opened
#define answer_shim answer_opened
#define ask_shim nothing_opened
#define enter_shim nothing_opened
#define entered_shim entered_opened
#define share_alive_shim nothing_opened
#define LOCAL_ROW(Method, function, Request, Response, SHAPE, roles) \
        RPC_ROW(Method, function, Request, Response, SHAPE, ROLE_ADMIN)
static const struct rpc_method methods[] = { DISPATCHER_METHODS(LOCAL_ROW) };
static const struct rpc_service service = { &sk__dispatcher__descriptor, methods,
                                            COUNT_OF(methods) };

static int setup(void **state)
{
        struct scene *scene = mem_alloc(sizeof *scene);
        char address[64];

        strcpy(scene->folder, "/tmp/skep-dialback-XXXXXX");
        CHECK(mkdtemp(scene->folder));
        snprintf(address, sizeof address, "unix:%s/s", scene->folder);
        CHECK(loop_new(&scene->loop, NULL) == 0);
        CHECK(rpc_server_new(scene->loop, &(struct rpc_server_options){ 0 }, &scene->server,
                             NULL) == 0);
        CHECK(rpc_server_add(scene->server, &service, scene, NULL) == 0);
        CHECK(rpc_server_listen(scene->server, address, RPC_LOCAL_ADMIN, 0600, NULL) == 0);
        CHECK(rpc_server_start(scene->server, NULL) == 0);
        CHECK(rpc_client_new(scene->loop, &(struct rpc_client_options){ .address = address },
                             &scene->client, NULL) == 0);
        scene->output = -1;
        *state = scene;
        return 0;
}

static int teardown(void **state)
{
        struct scene *scene = *state;

        rpc_client_free(scene->client);
        rpc_server_free(scene->server, 0);
        loop_free(scene->loop);
        file_remove_tree(scene->folder, NULL);
        str_done(&scene->told);
        closep(&scene->output);
        free(scene);
        return 0;
}

static void turn_until(struct scene *scene, const size_t *n, size_t wanted)
{
        while (*n < wanted)
                CHECK(loop_turn(scene->loop, 10000, NULL) >= 0);
}

/* --- going inside --- */

static struct scene *scene_of(struct executor *executor)
{
        return container_of(executor, struct scene, executor);
}

static struct executor_entry *enter(struct executor *executor, const Sk__EnterStart *start,
                                    const struct executor_entry_events *events, void *context)
{
        struct scene *scene = scene_of(executor);

        (void)start;
        scene->events = events;
        scene->entrance = context;
        return (struct executor_entry *)scene;
}

static void finish(struct executor_entry *entry)
{
        struct scene *scene = (struct scene *)entry;

        scene->events->ended(scene->entrance, 0, NULL);
}

/* A program left in the background holds the output it was given. */
static void what_is_written_after_the_end_hurts_nobody(void **state)
{
        static const struct executor_ops ops = { .enter = enter, .entry_finish = finish };
        struct scene *scene = *state;
        Sk__EnterStart start = SK__ENTER_START__INIT;
        struct entrances *entrances;
        int fds[2];

        signal(SIGPIPE, SIG_IGN);
        CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
        scene->output = fds[1];
        scene->executor.ops = &ops;
        entrances = entrances_new(scene->loop, &scene->executor);
        entrances_begin(entrances, scene->client, "request", &start);
        scene->events->started(scene->entrance, -1, fds[0], -1);
        scene->events->exited(scene->entrance);
        assert_int_equal(write(scene->output, "late", 4), -1);
        turn_until(scene, &scene->n_exits, 1);
        entrances_free(entrances);
}

/* --- measuring --- */

static bool place(struct executor *executor, const char *task_id, struct executor_place *ret)
{
        (void)executor;
        (void)task_id;
        *ret = (struct executor_place){ .cgroup_root = "/nowhere", .cgroup = "x" };
        return true;
}

static const struct executor_ops measured_ops = { .place = place };

struct gate {
        struct work work;
        sem_t opened;
};

static void wait_at_gate(struct work *work)
{
        sem_wait(&container_of(work, struct gate, work)->opened);
}

static void passed(struct work *work)
{
        (void)work;
}

static void measuring_outlives_who_asked_for_it(void **state)
{
        struct scene *scene = *state;
        struct gate gate = { .work = { .work = wait_at_gate, .done = passed } };
        const char *ids[] = { "0123456789abcdefghijklmno" };
        Sk__UsageRequest request = SK__USAGE_REQUEST__INIT;
        struct worker_pool *pool;
        struct measures *measures;

        sem_init(&gate.opened, 0, 0);
        CHECK(worker_pool_new(scene->loop, 1, &pool, NULL) == 0);
        worker_submit(pool, &gate.work);
        scene->executor.ops = &measured_ops;
        measures = measures_new(&(struct measures_options){ .loop = scene->loop,
                                                            .workers = pool,
                                                            .executor = &scene->executor,
                                                            .node_id = "node" });
        request.task_ids = ids;
        request.n_task_ids = 1;
        measures_begin(measures, scene->client, "request", &request);
        turn_until(scene, &scene->n_streams, 1);
        for (int i = 0; i < 20; i++) /* the credit comes back, and work is begun */
                CHECK(loop_turn(scene->loop, 10, NULL) >= 0);
        measures_free(measures);
        sem_post(&gate.opened);
        worker_pool_free(pool);
        sem_destroy(&gate.opened);
}

static void who_cannot_be_answered_is_told_so(void **state)
{
        struct scene *scene = *state;
        Sk__UsageRequest request = SK__USAGE_REQUEST__INIT;
        struct measures *measures;

        scene->executor.ops = &measured_ops;
        measures = measures_new(&(struct measures_options){
                .loop = scene->loop, .executor = &scene->executor, .node_id = "node" });
        measures_begin(measures, scene->client, "request", &request);
        turn_until(scene, &scene->n_streams, 1);
        assert_string_equal(str_text(&scene->told), "this node measures nothing");
        measures_free(measures);
}

/* --- logs --- */

enum { LOGS = 8, LINES = 3000 };

static void log_folder(void *context, const char *task_id, char *ret, size_t size)
{
        const struct scene *scene = context;

        snprintf(ret, size, "%s/%s", scene->folder, task_id);
}

static void write_log(const struct scene *scene, const char *task_id)
{
        struct log_files files = { .n_max = 1, .fd = -1 };
        _cleanup_(str_done) struct str records = { 0 };

        log_folder((void *)scene, task_id, files.folder, sizeof files.folder);
        for (int i = 0; i < LINES; i++)
                log_record_add(&records,
                               &(struct log_line){ .at_ns = 1, .data = "0123456789", .size = 10 });
        assert_int_equal(log_files_append(&files, records.text, records.length, NULL), 0);
        log_files_close(&files);
}

static void turn_a_while(struct scene *scene)
{
        for (int i = 0; i < 20; i++)
                CHECK(loop_turn(scene->loop, 10, NULL) >= 0);
}

/* However many logs are read side by side. */
static void one_batch_at_most_is_sent_on_credit(void **state)
{
        struct scene *scene = *state;
        Sk__NodeRequest__LogRequest logs = SK__NODE_REQUEST__LOG_REQUEST__INIT;
        Sk__LogOptions options = SK__LOG_OPTIONS__INIT;
        Sk__NodeRequest request = SK__NODE_REQUEST__INIT;
        Sk__AnswerCredit credit = SK__ANSWER_CREDIT__INIT;
        char ids[LOGS][ID_SIZE];
        const char *list[LOGS];
        struct worker_pool *pool;
        struct answers *answers;

        CHECK(worker_pool_new(scene->loop, 2, &pool, NULL) == 0);
        for (int i = 0; i < LOGS; i++) {
                snprintf(ids[i], ID_SIZE, "%025d", i);
                list[i] = ids[i];
                write_log(scene, ids[i]);
        }
        answers = answers_new(&(struct answers_options){ .loop = scene->loop,
                                                         .workers = pool,
                                                         .log_folder = log_folder,
                                                         .context = scene,
                                                         .node_id = "node" });
        options.tail = -1;
        logs.options = &options;
        logs.task_ids = list;
        logs.n_task_ids = LOGS;
        request.request_id = "request";
        request.what_case = SK__NODE_REQUEST__WHAT_LOGS;
        request.logs = &logs;
        scene->credit = 1;
        answers_begin(answers, scene->client, &request);
        turn_until(scene, &scene->n_batches, 1);
        turn_a_while(scene);
        assert_int_equal(scene->n_batches, 1);
        scene->credit = 0;
        credit.bytes = 1 << 20;
        rpc_call_write(scene->call, &credit.base);
        turn_until(scene, &scene->n_done, 1);
        assert_int_equal(scene->n_lines, LOGS * LINES);
        answers_free(answers);
        worker_pool_free(pool);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_is_written_after_the_end_hurts_nobody, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(measuring_outlives_who_asked_for_it, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(one_batch_at_most_is_sent_on_credit, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(who_cannot_be_answered_is_told_so, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
