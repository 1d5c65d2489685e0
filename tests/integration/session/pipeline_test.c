/* A service created at a real manager runs on agents whose tasks are only names. */
#include <stdio.h>
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
#include "tests/lib/manager/manager.h"
#include "tests/unit/test.h"

enum { NODES = 3 };

struct fixture {
        char folder[64];
        struct loop *loop;
        struct manager manager;
        struct executor *executors[NODES];
        struct agent *agents[NODES];
};

static void start_agent(struct fixture *f, size_t i)
{
        struct agent_options options = { .loop = f->loop };
        const char *managers[] = { f->manager.dispatcher };
        char identity[256], state[256], hostname[16];
        struct executor_fake_options fake = { .loop = f->loop, .hostname = hostname, .seed = i };
        struct err err;

        snprintf(hostname, sizeof hostname, "host%zu", i);
        if (!f->executors[i])
                f->executors[i] = executor_fake_new(&fake);
        manager_node_identity(&f->manager, i, identity, sizeof identity);
        snprintf(state, sizeof state, "%s/agent%zu", f->folder, i);
        options.executor = f->executors[i];
        options.state_folder = state;
        if (agent_new(&options, &f->agents[i], &err) < 0 ||
            agent_join_cluster(f->agents[i], identity, managers, 1, &err) < 0)
                fail_msg("%s", err.text);
}

static int setup(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);
        char folder[96];

        log_configure("agents", LOG_ERROR, false);
        snprintf(f->folder, sizeof f->folder, "/tmp/skep-pipeline-XXXXXX");
        CHECK(mkdtemp(f->folder));
        CHECK(loop_new(&f->loop, NULL) == 0);
        snprintf(folder, sizeof folder, "%s/manager", f->folder);
        manager_init(&f->manager, f->loop, folder, NODES);
        manager_start_all(&f->manager, "");
        for (size_t i = 0; i < NODES; i++)
                start_agent(f, i);
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
        manager_done(&f->manager);
        loop_free(f->loop);
        if (!getenv("KEEP"))
                file_remove_tree(f->folder, NULL);
        free(f);
        return 0;
}

static size_t count_tasks(struct fixture *f, Sk__TaskState state)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__ListTasksRequest request = SK__LIST_TASKS_REQUEST__INIT;
        const Sk__ListTasksResponse *response;
        ProtobufCMessage *out;
        struct err err;
        size_t n = 0;

        if (manager_call(&f->manager, f->manager.api_client, RPC_METHOD(control, ListTasks),
                         &request.base, &arena, &out, &err) < 0)
                fail_msg("%s", err.text);
        response = (const Sk__ListTasksResponse *)out;
        for (size_t i = 0; i < response->n_tasks; i++)
                n += task_state(response->tasks[i]->task) == state;
        return n;
}

static void until_there_are(struct fixture *f, size_t n, Sk__TaskState state)
{
        int64_t start = loop_now_boot(f->loop);

        while (count_tasks(f, state) != n) {
                loop_turn(f->loop, 20, NULL);
                if (loop_now_boot(f->loop) - start > 20 * NS_PER_S)
                        fail_msg("%zu tasks are %s instead of %zu", count_tasks(f, state),
                                 task_state_name(state), n);
        }
}

static void create_service(struct fixture *f, const char *name, uint64_t replicas)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__CreateServiceRequest request = SK__CREATE_SERVICE_REQUEST__INIT;
        Sk__ServiceSpec spec = SK__SERVICE_SPEC__INIT;
        Sk__Annotations annotations = SK__ANNOTATIONS__INIT;
        Sk__TaskSpec task = SK__TASK_SPEC__INIT;
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT;
        Sk__ReplicatedService replicated = SK__REPLICATED_SERVICE__INIT;
        struct err err;

        annotations.name = name;
        container.image = "img:1";
        task.container = &container;
        replicated.replicas = replicas;
        spec.annotations = &annotations;
        spec.task = &task;
        spec.mode_case = SK__SERVICE_SPEC__MODE_REPLICATED;
        spec.replicated = &replicated;
        request.spec = &spec;
        if (manager_call(&f->manager, f->manager.api_client, RPC_METHOD(control, CreateService),
                         &request.base, &arena, NULL, &err) < 0)
                fail_msg("%s", err.text);
}

static void a_service_created_runs(void **state)
{
        struct fixture *f = *state;

        create_service(f, "web", 10);
        until_there_are(f, 10, SK__TASK_STATE__TASK_RUNNING);
}

static void tasks_of_a_dead_node_run_elsewhere(void **state)
{
        struct fixture *f = *state;

        create_service(f, "web", 9);
        until_there_are(f, 9, SK__TASK_STATE__TASK_RUNNING);
        agent_free(TAKE(f->agents[0]));
        until_there_are(f, 12, SK__TASK_STATE__TASK_RUNNING); /* three of them are not heard of */
}

static void a_restarted_dispatcher_finds_its_agents_again(void **state)
{
        struct fixture *f = *state;

        create_service(f, "web", 3);
        until_there_are(f, 3, SK__TASK_STATE__TASK_RUNNING);
        manager_kill(&f->manager, "dispatcher");
        create_service(f, "api", 3);
        manager_start(&f->manager, "dispatcher", "");
        until_there_are(f, 6, SK__TASK_STATE__TASK_RUNNING);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_service_created_runs),
                TEST(tasks_of_a_dead_node_run_elsewhere),
                TEST(a_restarted_dispatcher_finds_its_agents_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
