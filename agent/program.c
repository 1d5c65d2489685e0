/* The parts of skep-agent, and who borrows what from whom. */
#include "agent/program.h"

#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/assets.h"
#include "agent/executor_containerd.h"
#include "agent/executor_fake.h"
#include "agent/network/network.h"
#include "agent/node/node.h"

enum { VOLUME_WORKERS = 4 };

/* node_holder first: the handlers of agent/node look for it there. */
struct program {
        struct node_holder holder;
        const struct program_config *config;
        struct network *network; /* NULL: containers share the node's */
        struct executor *executor;
        struct images *images; /* NULL: nothing that keeps images runs here */
        struct agent *agent;
        char *agent_folder;
        struct assets assets;
        struct worker_pool *volume_workers;
};

const struct rpc_service *const program_services[] = { &node_agent_service, NULL };

static int start_containerd(struct program *program, struct daemon *daemon, struct err *err)
{
        const struct program_config *config = program->config;
        _cleanup_(str_done) struct str mesh = { 0 };
        struct executor_containerd_options options = {
                .loop = daemon->loop,
                .pool = daemon->workers,
                .volume_pool = program->volume_workers,
                .state_folder = config->state_folder,
                .run_folder = config->run_folder,
                .containerd_address = config->containerd,
                .containerd_program = config->containerd_program,
                .registries_folder = config->registries,
                .cgroup_parent = config->cgroup_parent,
                .log_size_max = config->log_size,
                .log_files_max = config->log_files,
                .pull_silence_ns = config->pull_silence_ns,
                .disk_high_percent = config->disk_high,
                .disk_low_percent = config->disk_low,
                .cdi_folders = config->cdi_folders,
                .n_starts_most = config->starts_most,
                .n_pulls_most = config->pulls_most,
                .has_keeper = true,
        };

        str_addf(&mesh, "unix:%s/mesh.sock", config->run_folder);
        if (!config->host_network)
                TRY(network_new(daemon->loop, mesh.text, &program->network, err));
        options.network = program->network;
        TRY(executor_containerd_new(&options, &program->executor, err));
        program->images = executor_containerd_images(program->executor);
        return 0;
}

static int start_executor(struct program *program, struct daemon *daemon, struct err *err)
{
        const struct executor_fake_options fake = { .loop = daemon->loop,
                                                    .hostname = program->config->hostname };

        if (str_equal(program->config->executor, "containerd"))
                return start_containerd(program, daemon, err);
        if (!str_equal(program->config->executor, "fake"))
                return err_set(err, ERR_INVALID,
                               "no executor '%s'; there are 'containerd' and 'fake'",
                               program->config->executor);
        program->executor = executor_fake_new(&fake);
        return 0;
}

/* --- the agent's events, passed on to the node, which is made after it --- */

static void on_connected(void *context, bool is_connected, const char *message)
{
        struct program *program = context;

        node_on_connected(program->holder.node, is_connected, message);
}

static void on_node_changed(void *context, const Sk__Node *record)
{
        struct program *program = context;

        node_on_node_changed(program->holder.node, record);
}

static void on_managers_told(void *context, const char *const *addresses, size_t n)
{
        struct program *program = context;

        node_on_managers_told(program->holder.node, addresses, n);
}

static void on_root_changed(void *context, const char *root_certificate_pem)
{
        struct program *program = context;

        node_on_root_changed(program->holder.node, root_certificate_pem);
}

static void on_refused(void *context, const struct err *err)
{
        struct program *program = context;

        node_on_refused(program->holder.node, err);
}

static void log_folder(void *context, const char *task_id, char *ret, size_t size)
{
        const struct program *program = context;

        executor_containerd_log_folder(program->config->state_folder, task_id, ret, size);
}

static bool log_is_elsewhere(void *context, const char *task_id, struct str *ret)
{
        const struct program *program = context;

        return program->images &&
               executor_containerd_log_is_elsewhere(program->executor, task_id, ret);
}

static void add_metrics(void *context, struct str *str)
{
        const struct program *program = context;

        executor_containerd_metrics(program->executor, str);
}

/* --- life --- */

static int start_agent(struct program *program, struct daemon *daemon, struct err *err)
{
        struct agent_options options = {
                .loop = daemon->loop,
                .executor = program->executor,
                .address = "",
                .assets = &program->assets,
                .workers = daemon->workers,
                .log_folder = log_folder,
                .log_is_elsewhere = log_is_elsewhere,
                .events = { .connected = on_connected,
                            .node_changed = on_node_changed,
                            .managers_told = on_managers_told,
                            .root_changed = on_root_changed,
                            .refused = on_refused },
                .context = program,
        };

        if (asprintf(&program->agent_folder, "%s/agent", program->config->state_folder) < 0)
                abort();
        options.state_folder = program->agent_folder;
        if (!str_is_empty(program->config->hostname))
                options.hostname = program->config->hostname;
        return agent_new(&options, &program->agent, err);
}

static int start_node(struct program *program, struct daemon *daemon, struct err *err)
{
        const struct program_config *config = program->config;
        const struct node_options options = {
                .loop = daemon->loop,
                .workers = daemon->workers,
                .volume_workers = program->volume_workers,
                .agent = program->agent,
                .executor = program->executor,
                .images = program->images,
                .state_folder = config->state_folder,
                .run_folder = config->run_folder,
                .program_folder = config->program_folder,
                .backend = config->backend,
                .daemon_options = config->daemon_options,
        };

        TRY(node_new(&options, &program->holder.node, err));
        return node_start(program->holder.node, err);
}

int program_start(struct daemon *daemon, struct err *err)
{
        struct program *program = mem_alloc(sizeof *program);

        program->config = daemon->spec->config;
        daemon->state = program;
        TRY(assets_parse(&program->assets, program->config->generic_resources,
                         program->config->labels, err));
        TRY(worker_pool_new(daemon->loop, VOLUME_WORKERS, &program->volume_workers, err));
        TRY(start_executor(program, daemon, err));
        if (program->images)
                daemon_add_metrics(daemon, add_metrics, program);
        TRY(start_agent(program, daemon, err));
        TRY(start_node(program, daemon, err));
        daemon_ready(daemon);
        return 0;
}

void program_stop(struct daemon *daemon)
{
        struct program *program = daemon->state;

        /* As the daemon's own: nothing runs on a pool while the rest is freed. */
        worker_pool_free(program->volume_workers);
        node_free(program->holder.node);
        agent_free(program->agent);
        program->executor->ops->free(program->executor);
        network_free(program->network);
        free(program->agent_folder);
        assets_done(&program->assets);
        free(program);
}

void program_dump(struct daemon *daemon, struct str *str)
{
        const struct program *program = daemon->state;
        struct agent_info info;

        agent_get_info(program->agent, &info);
        str_addf(str,
                 "node: %s\nmanager: %s\nconnected: %s\nlast error: %s\ntasks: %zu\nrunning: %zu\n",
                 info.node_id, info.manager, info.is_connected ? "yes" : "no", info.last_error,
                 info.n_tasks, info.n_running);
}
