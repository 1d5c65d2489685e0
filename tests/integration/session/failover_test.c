/* Three managers, agents spread over them; a manager dies. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/executor_fake.h"
#include "api/control.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "lib/state/task_life.h"
#include "tests/integration/session/ask.h"
#include "tests/lib/manager/manager.h"
#include "tests/unit/test.h"

#define TASK "task000000000000000000001"

enum { MANAGERS = 3, NODES = 6, REPLICAS = 12 };

struct fixture {
        char folder[64];
        struct loop *loop;
        struct worker_pool *workers;
        struct manager managers[MANAGERS];
        struct executor *executors[NODES];
        struct agent *agents[NODES];
};

static void log_folder(void *context, const char *task_id, char *ret, size_t size)
{
        const struct fixture *f = context;

        snprintf(ret, size, "%s/logs/%s", f->folder, task_id);
}

static void start_agent(struct fixture *f, size_t i)
{
        struct agent_options options = {
                .loop = f->loop, .workers = f->workers, .log_folder = log_folder, .context = f
        };
        const char *managers[MANAGERS];
        char identity[256], hostname[16];
        struct executor_fake_options fake = { .loop = f->loop, .hostname = hostname, .seed = i };
        struct err err;

        snprintf(hostname, sizeof hostname, "host%zu", i);
        f->executors[i] = executor_fake_new(&fake);
        for (size_t k = 0; k < MANAGERS; k++)
                managers[k] = f->managers[k].agents_address;
        manager_node_identity(&f->managers[0], i, identity, sizeof identity);
        options.executor = f->executors[i];
        if (agent_new(&options, &f->agents[i], &err) < 0 ||
            agent_join_cluster(f->agents[i], identity, managers, MANAGERS, &err) < 0)
                fail_msg("%s", err.text);
}

static int setup(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);
        char folder[96];

        log_configure("agents", LOG_ERROR, false);
        snprintf(f->folder, sizeof f->folder, "/tmp/skep-failover-XXXXXX");
        CHECK(mkdtemp(f->folder));
        CHECK(loop_new(&f->loop, NULL) == 0);
        CHECK(worker_pool_new(f->loop, 2, &f->workers, NULL) == 0);
        for (unsigned i = 0; i < MANAGERS; i++) {
                snprintf(folder, sizeof folder, "%s/manager%u", f->folder, i + 1);
                if (i == 0)
                        manager_init(&f->managers[0], f->loop, folder, NODES);
                else
                        manager_init_another(&f->managers[i], &f->managers[0], i + 1, folder);
                manager_start_all(&f->managers[i], "");
        }
        for (size_t i = 0; i < NODES; i++)
                start_agent(f, i);
        ask_until_ready(&f->managers[0], NODES);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        for (size_t i = 0; i < NODES; i++) {
                agent_free(f->agents[i]);
                if (f->executors[i])
                        f->executors[i]->ops->free(f->executors[i]);
        }
        for (size_t i = 0; i < MANAGERS; i++)
                manager_done(&f->managers[i]);
        worker_pool_free(f->workers);
        loop_free(f->loop);
        if (!getenv("KEEP"))
                file_remove_tree(f->folder, NULL);
        free(f);
        return 0;
}

static void until_running(struct fixture *f, size_t k, size_t n)
{
        int64_t start = loop_now_boot(f->loop);

        while (ask_count_tasks(&f->managers[k], SK__TASK_STATE__TASK_RUNNING) != n) {
                loop_turn(f->loop, 20, NULL);
                if (loop_now_boot(f->loop) - start > 30 * NS_PER_S)
                        fail_msg("%zu tasks are running instead of %zu",
                                 ask_count_tasks(&f->managers[k], SK__TASK_STATE__TASK_RUNNING), n);
        }
}

static void for_some_time(struct fixture *f, int64_t ns)
{
        int64_t start = loop_now_boot(f->loop);

        while (loop_now_boot(f->loop) - start < ns)
                loop_turn(f->loop, 50, NULL);
}

static bool find_leader(struct fixture *f, size_t *ret)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__GetStoreStatusRequest request = SK__GET_STORE_STATUS_REQUEST__INIT;
        ProtobufCMessage *out;

        for (*ret = 0; *ret < MANAGERS; ++*ret)
                if (manager_call(&f->managers[*ret], f->managers[*ret].store_client,
                                 RPC_METHOD(store, GetStoreStatus), &request.base, &arena, &out,
                                 NULL) == 0 &&
                    ((const Sk__GetStoreStatusResponse *)out)->is_leader)
                        return true;
        return false;
}

/* On a busy machine there may be an election just now. */
static size_t leader(struct fixture *f)
{
        int64_t start = loop_now_boot(f->loop);
        size_t found;

        while (!find_leader(f, &found)) {
                loop_turn(f->loop, 20, NULL);
                if (loop_now_boot(f->loop) - start > 30 * NS_PER_S)
                        fail_msg("nobody leads");
        }
        return found;
}

static void agents_of_followers_are_not_judged_down(void **state)
{
        struct fixture *f = *state;
        struct agent_info info;
        size_t n_elsewhere = 0, k;

        ask_create_service(&f->managers[0], "web", REPLICAS);
        until_running(f, 0, REPLICAS);
        for_some_time(f, 8 * NS_PER_S);
        k = leader(f);
        for (size_t i = 0; i < NODES; i++) {
                agent_get_info(f->agents[i], &info);
                assert_true(info.is_connected);
                n_elsewhere += strcmp(info.manager, f->managers[k].agents_address) != 0;
        }
        print_message("%zu of %d agents are with followers\n", n_elsewhere, NODES);
        assert_int_equal(ask_count_ready(&f->managers[k]), NODES);
        assert_int_equal(ask_count_tasks(&f->managers[k], 0), REPLICAS);
}

static void the_death_of_the_leading_manager_replaces_no_task(void **state)
{
        struct fixture *f = *state;
        size_t k, other;

        ask_create_service(&f->managers[0], "web", REPLICAS);
        until_running(f, 0, REPLICAS);
        for_some_time(f, 2 * NS_PER_S);
        k = leader(f);
        other = (k + 1) % MANAGERS;
        for (size_t i = 0; i < f->managers[k].n_daemons; i++)
                manager_kill(&f->managers[k], f->managers[k].daemons[i].name);
        ask_create_service(&f->managers[other], "api", REPLICAS);
        until_running(f, other, 2 * REPLICAS);
        for_some_time(f, 9 * NS_PER_S);
        assert_int_equal(ask_count_ready(&f->managers[other]), NODES);
        assert_int_equal(ask_count_tasks(&f->managers[other], 0), 2 * REPLICAS);
}

/* As when its machine loses power: nothing is closed, nothing answers. */
static void a_follower_that_falls_silent_makes_no_node_late(void **state)
{
        struct fixture *f = *state;
        size_t k;

        ask_create_service(&f->managers[0], "web", REPLICAS);
        until_running(f, 0, REPLICAS);
        for_some_time(f, 2 * NS_PER_S);
        k = leader(f);
        manager_signal_all(&f->managers[(k + 1) % MANAGERS], SIGSTOP);
        for_some_time(f, 12 * NS_PER_S);
        assert_int_equal(ask_count_ready(&f->managers[k]), NODES);
        assert_int_equal(ask_count_tasks(&f->managers[k], 0), REPLICAS);
}

/* Sessions move when a manager was slow; a person would ask again, too. */
static bool is_to_be_asked_again(struct fixture *f, const struct str *told, int *tries)
{
        if (!strstr(str_text(told), "the node is not connected") || ++*tries > 50)
                return false;
        for_some_time(f, NS_PER_S / 5);
        return true;
}

static void ask_until_connected(struct fixture *f, size_t manager, size_t node, struct str *ret)
{
        int tries = 0;

        do {
                str_clear(ret);
                ask_log(&f->managers[manager], node, TASK, ret);
        } while (is_to_be_asked_again(f, ret, &tries));
}

static void go_inside_until_connected(struct fixture *f, size_t manager, size_t size,
                                      struct str *ret)
{
        int tries = 0;

        do {
                str_clear(ret);
                ask_inside(&f->managers[manager], 0, size, ret);
        } while (is_to_be_asked_again(f, ret, &tries));
}

static void a_log_can_be_asked_for_at_any_manager(void **state)
{
        struct fixture *f = *state;
        char folder[128], path[140];
        static const char log[] = "2026-11-20T05:31:53.519172983Z stdout F hello\n";

        ask_create_service(&f->managers[0], "web", REPLICAS);
        until_running(f, 0, REPLICAS);
        for_some_time(f, 2 * NS_PER_S);
        log_folder(f, TASK, folder, sizeof folder);
        snprintf(path, sizeof path, "%s/log", folder);
        assert_int_equal(file_make_folders(folder, 0700, NULL), 0);
        assert_int_equal(file_write_atomic(path, log, sizeof log - 1, 0600, NULL), 0);
        for (size_t i = 0; i < NODES * MANAGERS; i++) {
                struct str told = { 0 };

                ask_until_connected(f, i % MANAGERS, i / MANAGERS, &told);
                assert_string_equal(str_text(&told), "hello;");
                str_done(&told);
        }
}

static void any_manager_lets_people_inside_tasks_of_any_node(void **state)
{
        struct fixture *f = *state;
        enum { SIZE = 3000000 };

        for_some_time(f, 2 * NS_PER_S);
        for (size_t i = 0; i < MANAGERS; i++) {
                _cleanup_(str_done) struct str told = { 0 };

                go_inside_until_connected(f, i, SIZE, &told);
                if (told.length != SIZE + strlen("exit 0"))
                        fail_msg("%zu bytes, that begin with '%.80s'", told.length, told.text);
                assert_string_equal(told.text + SIZE, "exit 0");
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(agents_of_followers_are_not_judged_down),
                TEST(any_manager_lets_people_inside_tasks_of_any_node),
                TEST(a_follower_that_falls_silent_makes_no_node_late),
                TEST(a_log_can_be_asked_for_at_any_manager),
                TEST(the_death_of_the_leading_manager_replaces_no_task),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
