/* Starting them, asking them. */
#include "tests/integration/session/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/control.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "lib/state/task_life.h"

void pipeline_log_folder(const struct pipeline *f, const char *task_id, char *ret, size_t size)
{
        snprintf(ret, size, "%s/logs/%s", f->folder, task_id);
}

static void log_folder(void *context, const char *task_id, char *ret, size_t size)
{
        pipeline_log_folder(context, task_id, ret, size);
}

void pipeline_start_agent(struct pipeline *f, size_t i)
{
        struct agent_options options = {
                .loop = f->loop, .workers = f->workers, .log_folder = log_folder, .context = f
        };
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

int pipeline_setup(void **state)
{
        struct pipeline *f = mem_alloc(sizeof *f);
        char folder[96];

        log_configure("agents", LOG_ERROR, false);
        snprintf(f->folder, sizeof f->folder, "/tmp/skep-pipeline-XXXXXX");
        CHECK(mkdtemp(f->folder));
        CHECK(loop_new(&f->loop, NULL) == 0);
        CHECK(worker_pool_new(f->loop, 2, &f->workers, NULL) == 0);
        snprintf(folder, sizeof folder, "%s/manager", f->folder);
        manager_init(&f->manager, f->loop, folder, PIPELINE_NODES);
        manager_start_all(&f->manager, "");
        for (size_t i = 0; i < PIPELINE_NODES; i++)
                pipeline_start_agent(f, i);
        *state = f;
        return 0;
}

int pipeline_teardown(void **state)
{
        struct pipeline *f = *state;

        for (size_t i = 0; i < PIPELINE_NODES; i++) {
                agent_free(f->agents[i]);
                if (f->executors[i])
                        f->executors[i]->ops->free(f->executors[i]);
        }
        manager_done(&f->manager);
        worker_pool_free(f->workers);
        loop_free(f->loop);
        if (!getenv("KEEP"))
                file_remove_tree(f->folder, NULL);
        free(f);
        return 0;
}

static size_t count_tasks(struct pipeline *f, Sk__TaskState state)
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

void pipeline_until_there_are(struct pipeline *f, size_t n, Sk__TaskState state)
{
        int64_t start = loop_now_boot(f->loop);

        while (count_tasks(f, state) != n) {
                loop_turn(f->loop, 20, NULL);
                if (loop_now_boot(f->loop) - start > 20 * NS_PER_S)
                        fail_msg("%zu tasks are %s instead of %zu", count_tasks(f, state),
                                 task_state_name(state), n);
        }
}

void pipeline_create_service(struct pipeline *f, const char *name, uint64_t replicas)
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
