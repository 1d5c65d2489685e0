/* Starting them, asking them. */
#include "tests/integration/session/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "lib/state/task_life.h"
#include "tests/integration/session/ask.h"

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
        ask_until_ready(&f->manager, PIPELINE_NODES);
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

void pipeline_until_there_are(struct pipeline *f, size_t n, Sk__TaskState state)
{
        int64_t start = loop_now_boot(f->loop);

        while (ask_count_tasks(&f->manager, state) != n) {
                loop_turn(f->loop, 20, NULL);
                if (loop_now_boot(f->loop) - start > 20 * NS_PER_S)
                        fail_msg("%zu tasks are %s instead of %zu",
                                 ask_count_tasks(&f->manager, state), task_state_name(state), n);
        }
}
