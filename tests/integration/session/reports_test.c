/* What nodes report at once. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/os/file.h"
#include "lib/state/object.h"
#include "tests/integration/session/hand.h"
#include "tests/unit/test.h"

enum {
        NODES = 12,
        REPORTS = 780,
        TOO_MANY_REPORTS = 5000,
        HEARTBEATS = 1000,
        MANY_REPORTS = 5000,
        RECORDS = 60,
        RECORD_SIZE = 400000
};

struct fixture {
        char folder[64];
        struct loop *loop;
        struct manager manager;
        struct hand nodes[NODES];
};

static void task_id(size_t i, char ret[static 26])
{
        snprintf(ret, 26, "task%021zu", i);
}

/* A task that must run on node i, as of a global service. */
static void commit_task(struct fixture *f, size_t i)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__TaskDefinition definition = SK__TASK_DEFINITION__INIT;
        Sk__Change change = SK__CHANGE__INIT;
        Sk__Part part = SK__PART__INIT, *parts[] = { &part };
        char id[26], node_id[26];

        task_id(i, id);
        manager_node_id(i, node_id);
        definition.node_id = node_id;
        definition.desired_state = SK__TASK_STATE__TASK_RUNNING;
        part.index = PART_TASK_definition;
        message_pack(&arena, &definition.base, &part.data.data, &part.data.len);
        change.op = SK__CHANGE__OP__CREATE;
        change.kind = SK__KIND__KIND_TASK;
        change.id = id;
        change.parts = parts;
        change.n_parts = 1;
        manager_commit(&f->manager, &change);
}

static int setup(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);
        char folder[128];

        snprintf(f->folder, sizeof f->folder, "/tmp/skep-reports-XXXXXX");
        CHECK(mkdtemp(f->folder));
        CHECK(loop_new(&f->loop, NULL) == 0);
        snprintf(folder, sizeof folder, "%s/manager", f->folder);
        manager_init(&f->manager, f->loop, folder, NODES);
        manager_start(&f->manager, "store", "");
        manager_start(&f->manager, "dispatcher", "");
        for (size_t i = 0; i < NODES; i++)
                hand_open(&f->nodes[i], &f->manager, i);
        for (size_t i = 0; i < NODES; i++)
                commit_task(f, i);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        for (size_t i = 0; i < NODES; i++)
                hand_done(&f->nodes[i]);
        manager_done(&f->manager);
        loop_free(f->loop);
        file_remove_tree(f->folder, NULL);
        free(f);
        return 0;
}

/* The same report again and again, as large as a message may be: four mebibytes. */
static void report(struct hand *hand, size_t i, uint64_t sequence)
{
        static char text[4096], message_text[1024];
        Sk__AgentMessage message = SK__AGENT_MESSAGE__INIT;
        Sk__StatusBatch batch = SK__STATUS_BATCH__INIT;
        Sk__TaskReport report = SK__TASK_REPORT__INIT, *reports[REPORTS];
        Sk__TaskStatus status = SK__TASK_STATUS__INIT;
        char id[26];

        memset(text, 'x', sizeof text - 1);
        memset(message_text, 'y', sizeof message_text - 1);
        task_id(i, id);
        status.state = SK__TASK_STATE__TASK_FAILED;
        status.err = text;
        status.message = message_text;
        report.task_id = id;
        report.status = &status;
        for (size_t j = 0; j < REPORTS; j++)
                reports[j] = &report;
        batch.reports = reports;
        batch.n_reports = REPORTS;
        batch.sequence = sequence;
        message.message_case = SK__AGENT_MESSAGE__MESSAGE_STATUSES;
        message.statuses = &batch;
        rpc_stream_write(hand->session, &message.base);
}

static void signal_dispatcher(struct fixture *f, int signal)
{
        for (size_t i = 0; i < f->manager.n_daemons; i++)
                if (str_equal(f->manager.daemons[i].name, "dispatcher"))
                        kill(f->manager.daemons[i].process.pid, signal);
}

static void turn_for(struct fixture *f, int64_t ns)
{
        int64_t start = loop_now_boot(f->loop);

        while (loop_now_boot(f->loop) - start < ns)
                loop_turn(f->loop, 20, NULL);
}

/* All that came while the dispatcher stood still, it sees in one turn. */
static void what_many_nodes_report_at_once_ends_no_session(void **state)
{
        struct fixture *f = *state;
        size_t n = 0;

        turn_for(f, NS_PER_S / 5);
        signal_dispatcher(f, SIGSTOP);
        for (size_t i = 0; i < NODES; i++)
                report(&f->nodes[i], i, 1);
        turn_for(f, NS_PER_S / 2);
        signal_dispatcher(f, SIGCONT);
        for (int64_t start = loop_now_boot(f->loop);
             n < NODES && loop_now_boot(f->loop) - start < 20 * NS_PER_S;) {
                n = 0;
                loop_turn(f->loop, 20, NULL);
                for (size_t i = 0; i < NODES; i++) {
                        assert_true(f->nodes[i].is_open);
                        n += f->nodes[i].acknowledged == 1;
                }
        }
        assert_int_equal(n, NODES);
}

static void send(struct hand *hand, Sk__AgentMessage__MessageCase which, void *content)
{
        Sk__AgentMessage message = SK__AGENT_MESSAGE__INIT;

        message.message_case = which;
        message.hello = content; /* all members of the union are pointers */
        rpc_stream_write(hand->session, &message.base);
}

static bool is_acknowledged(const struct fixture *f)
{
        return f->nodes[0].acknowledged == 1;
}

static bool is_over(const struct fixture *f)
{
        return !f->nodes[0].is_open;
}

static void until(struct fixture *f, bool (*is_true)(const struct fixture *f))
{
        int64_t start = loop_now_boot(f->loop);

        while (!is_true(f)) {
                loop_turn(f->loop, 20, NULL);
                assert_true(loop_now_boot(f->loop) - start < 20 * NS_PER_S);
        }
}

static bool is_other_acknowledged(const struct fixture *f)
{
        return f->nodes[1].acknowledged == 1;
}

static void what_is_too_much_at_once_ends_that_session_only(void **state)
{
        struct fixture *f = *state;
        Sk__StatusBatch batch = SK__STATUS_BATCH__INIT;
        Sk__TaskReport report = SK__TASK_REPORT__INIT;
        _cleanup_(freep) Sk__TaskReport **reports =
                mem_alloc_array(TOO_MANY_REPORTS, sizeof *reports);

        for (size_t i = 0; i < TOO_MANY_REPORTS; i++)
                reports[i] = &report;
        batch.reports = reports;
        batch.n_reports = TOO_MANY_REPORTS;
        batch.sequence = 1;
        send(&f->nodes[0], SK__AGENT_MESSAGE__MESSAGE_STATUSES, &batch);
        until(f, is_over);
        batch.n_reports = 0;
        send(&f->nodes[1], SK__AGENT_MESSAGE__MESSAGE_STATUSES, &batch);
        until(f, is_other_acknowledged);
}

/* Changes the node's record, of which the node is told, over and over. */
static void change_record(struct fixture *f, const char *node_id)
{
        static char text[RECORD_SIZE];
        Sk__NodeSpec spec = SK__NODE_SPEC__INIT;
        Sk__Annotations annotations = SK__ANNOTATIONS__INIT;
        Sk__Label label = SK__LABEL__INIT, *labels[] = { &label };
        Sk__Change change = SK__CHANGE__INIT;
        Sk__Part part = SK__PART__INIT, *parts[] = { &part };

        memset(text, 'x', sizeof text - 1);
        label.key = "long";
        label.value = text;
        annotations.labels = labels;
        annotations.n_labels = 1;
        spec.annotations = &annotations;
        part.index = PART_NODE_spec;
        change.op = SK__CHANGE__OP__UPDATE;
        change.kind = SK__KIND__KIND_NODE;
        change.id = node_id;
        change.parts = parts;
        change.n_parts = 1;
        for (size_t i = 0; i < RECORDS; i++) {
                _cleanup_(arena_done) struct arena arena = { 0 };

                text[0] = (char)('0' + i);
                message_pack(&arena, &spec.base, &part.data.data, &part.data.len);
                manager_commit(&f->manager, &change);
        }
}

/* The node does not read, and is told more than can be on its way to it. */
static void stop_reading(struct fixture *f)
{
        struct rpc_client_options options = { .address = f->manager.store,
                                              .server_daemon = "store" };
        struct rpc_client *others = f->manager.store_client; /* which may not write this */
        struct rpc_identity *identity;
        char folder[256];

        rpc_stream_pause_reading(f->nodes[0].session);
        snprintf(folder, sizeof folder, "%s/identity", f->manager.folder);
        CHECK(rpc_identity_open(folder, "api", &identity, NULL) == 0);
        options.identity = identity;
        CHECK(rpc_client_new(f->loop, &options, &f->manager.store_client, NULL) == 0);
        change_record(f, f->nodes[0].id);
        rpc_client_free(f->manager.store_client);
        f->manager.store_client = others;
        rpc_identity_free(identity);
}

/* What is answered to a node that sends and does not read would wait for it in memory. */
static void heartbeats_of_a_node_that_does_not_read_are_not_echoed(void **state)
{
        struct fixture *f = *state;
        struct hand *hand = &f->nodes[0];
        Sk__AgentHeartbeat heartbeat = SK__AGENT_HEARTBEAT__INIT;
        Sk__StatusBatch batch = SK__STATUS_BATCH__INIT;

        stop_reading(f);
        heartbeat.sent_at_ns = 1;
        batch.sequence = 1;
        for (size_t i = 0; i < HEARTBEATS; i++)
                send(hand, SK__AGENT_MESSAGE__MESSAGE_HEARTBEAT, &heartbeat);
        send(hand, SK__AGENT_MESSAGE__MESSAGE_STATUSES, &batch);
        turn_for(f, NS_PER_S / 2);
        rpc_stream_resume_reading(hand->session);
        until(f, is_acknowledged);
        assert_in_range(hand->n_echoes, 0, HEARTBEATS / 2);
}

static void reports_of_a_node_that_does_not_read_end_its_session(void **state)
{
        struct fixture *f = *state;
        struct hand *hand = &f->nodes[0];
        Sk__StatusBatch batch = SK__STATUS_BATCH__INIT;

        stop_reading(f);
        for (size_t i = 0; i < MANY_REPORTS; i++) {
                batch.sequence = i + 1;
                send(hand, SK__AGENT_MESSAGE__MESSAGE_STATUSES, &batch);
        }
        turn_for(f, NS_PER_S / 2);
        if (hand->session)
                rpc_stream_resume_reading(hand->session);
        until(f, is_over);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_many_nodes_report_at_once_ends_no_session),
                TEST(what_is_too_much_at_once_ends_that_session_only),
                TEST(heartbeats_of_a_node_that_does_not_read_are_not_echoed),
                TEST(reports_of_a_node_that_does_not_read_end_its_session),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
