/* pipeline_agents FOLDER ADDRESS FIRST COUNT: that many agents with the real session and task code,
 * whose tasks are only names.  Writes a line "CONNECTED RUNNING NANOSECONDS" whenever these change:
 * agents with a session; tasks that run and whose status the managers acknowledged;
 * CLOCK_MONOTONIC. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "agent/agent.h"
#include "agent/executor_fake.h"
#include "lib/base/time.h"
#include "lib/os/log.h"

#define LOOK_EVERY_NS (10 * NS_PER_MS)
#define START_EVERY_NS (20 * NS_PER_MS)

enum { STARTED_PER_TURN = 4 };

struct agents {
        struct loop *loop;
        struct agent **agents;
        const char *folder, *address;
        size_t first, n, n_started, n_connected, n_running;
        struct loop_timer look, start;
};

static void die(const struct err *err)
{
        fprintf(stderr, "pipeline_agents: %s\n", err->text);
        exit(1);
}

static void look(void *context)
{
        struct agents *agents = context;
        size_t n_connected = 0, n_running = 0;
        struct agent_info info;
        struct timespec now;

        for (size_t i = 0; i < agents->n_started; i++) {
                agent_get_info(agents->agents[i], &info);
                n_connected += info.is_connected;
                n_running +=
                        info.n_running > info.n_unreported ? info.n_running - info.n_unreported : 0;
        }
        if (n_connected != agents->n_connected || n_running != agents->n_running) {
                clock_gettime(CLOCK_MONOTONIC, &now);
                printf("%zu %zu %lld\n", n_connected, n_running,
                       (long long)now.tv_sec * NS_PER_S + now.tv_nsec);
                fflush(stdout);
        }
        agents->n_connected = n_connected;
        agents->n_running = n_running;
        loop_timer_set(agents->loop, &agents->look, LOOK_EVERY_NS);
}

static struct agent *start_agent(struct loop *loop, const char *folder, const char *address,
                                 size_t i)
{
        char hostname[32], identity[512];
        struct executor_fake_options fake = { .loop = loop, .hostname = hostname, .seed = i };
        struct agent_options options = { .loop = loop };
        const char *managers[] = { address };
        struct agent *agent;
        struct err err;

        snprintf(hostname, sizeof hostname, "host%zu", i);
        snprintf(identity, sizeof identity, "%s/identity/nodes/node%021zu", folder, i);
        fake.nano_cpus = INT64_C(1000000) * NS_PER_S;
        options.executor = executor_fake_new(&fake);
        if (agent_new(&options, &agent, &err) < 0 ||
            agent_join_cluster(agent, identity, managers, 1, &err) < 0)
                die(&err);
        return agent;
}

/* A few per turn, so that those that run already are not kept waiting. */
static void start_some(void *context)
{
        struct agents *agents = context;

        for (int i = 0; i < STARTED_PER_TURN && agents->n_started < agents->n; i++) {
                agents->agents[agents->n_started] =
                        start_agent(agents->loop, agents->folder, agents->address,
                                    agents->first + agents->n_started);
                agents->n_started++;
        }
        if (agents->n_started < agents->n)
                loop_timer_set(agents->loop, &agents->start, START_EVERY_NS);
}

int main(int argc, char **argv)
{
        struct agents agents = { 0 };
        struct rlimit files = { 65536, 65536 };
        struct err err;

        if (argc != 5) {
                fprintf(stderr, "usage: pipeline_agents FOLDER ADDRESS FIRST COUNT\n");
                return 2;
        }
        log_configure("agents", LOG_ERROR, false);
        setrlimit(RLIMIT_NOFILE, &files);
        agents.folder = argv[1];
        agents.address = argv[2];
        agents.first = strtoul(argv[3], NULL, 10);
        agents.n = strtoul(argv[4], NULL, 10);
        agents.agents = mem_alloc_array(agents.n, sizeof *agents.agents);
        if (loop_new(&agents.loop, &err) < 0)
                die(&err);
        agents.look = (struct loop_timer){ .fire = look, .context = &agents };
        agents.start = (struct loop_timer){ .fire = start_some, .context = &agents };
        look(&agents);
        start_some(&agents);
        if (loop_run(agents.loop, &err) < 0)
                die(&err);
        return 0;
}
