/* swarm init and swarm leave. */
#include <string.h>

#include "agent/node/address.h"
#include "agent/node/material.h"
#include "agent/node/node_private.h"
#include "api/control.h"
#include "api/node.h"
#include "lib/run/daemon.h"
#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "lib/state/cluster.h"

enum { READY_TIMEOUT_S = 60 };

NODE_AGENT_METHODS(RPC_PROTOTYPE)

/* --- init --- */

/* One init on its way: make (worker), commit, start, wait until the API answers. */
struct initialising {
        struct work work;
        struct node *node;
        struct rpc_call *rpc; /* NULL: the caller went away; init goes on */
        const Sk__InitSwarmRequest *in;
        Sk__InitSwarmRequest copy; /* what outlives the call: numbers and availability */
        char availability[16], hostname[256], token[96];
        struct node_record record;
        int result;
        struct err err;
        struct rpc_client *api;
};

static void init_end(struct initialising *init)
{
        static const struct rpc_call_events nobody = { 0 };
        Sk__InitSwarmResponse out = SK__INIT_SWARM_RESPONSE__INIT;
        char address[160];

        if (init->rpc)
                rpc_call_on(init->rpc, &nobody, NULL);
        if (init->result < 0) {
                LOG(ERROR, "swarm init failed", STR("why", init->err.text));
                if (init->rpc)
                        rpc_fail(init->rpc, &init->err);
        } else if (init->rpc) {
                snprintf(address, sizeof address, "%s:%s", init->record.advertise_address,
                         init->record.advertise_port);
                out.node_id = init->record.node_id;
                out.worker_token = init->token;
                out.address = address;
                rpc_reply(init->rpc, &out.base);
        }
        if (init->api)
                rpc_client_free(init->api);
        explicit_bzero(init->token, sizeof init->token);
        free(init);
}

static void api_answered(void *context, const void *out, const struct err *err)
{
        struct initialising *init = context;

        (void)out;
        if (err) {
                init->err = *err;
                init->result = err_prefix(&init->err,
                                          "the swarm was made, but its API does not answer yet "
                                          "(see the logs in %s/log)",
                                          init->node->options.state_folder);
        }
        init_end(init);
}

static void wait_for_api(struct initialising *init)
{
        Sk__GetInfoRequest request = SK__GET_INFO_REQUEST__INIT;
        _cleanup_(str_done) struct str address = { 0 };

        str_add(&address, "unix:");
        node_run_path(init->node, "api.sock", &address);
        init->result = rpc_client_new(init->node->options.loop,
                                      &(struct rpc_client_options){ .address = str_text(&address) },
                                      &init->api, &init->err);
        if (init->result < 0)
                init_end(init);
        else
                rpc_client_call(init->api, RPC_METHOD(control, GetInfo), &request.base,
                                READY_TIMEOUT_S * NS_PER_S, true, api_answered, init);
}

static void make_work(struct work *work)
{
        struct initialising *init = container_of(work, struct initialising, work);

        init->result = material_make(init->node->options.state_folder, &init->copy, init->hostname,
                                     &init->record, init->token, &init->err);
        if (init->result == 0)
                init->result = material_commit(init->node->options.state_folder, &init->record,
                                               &init->err);
}

static void undone(void *context)
{
        struct initialising *init = context;

        node_forget_swarm(init->node);
        init_end(init);
}

/* The swarm exists, but not what runs it: nobody has seen it, so it is forgotten again. */
static void undo(struct initialising *init)
{
        node_stop_daemons(init->node, false, undone, init);
}

static void make_done(struct work *work)
{
        struct initialising *init = container_of(work, struct initialising, work);
        struct node *node = init->node;

        if (!work->was_run)
                init->result = err_set(&init->err, ERR_CANCELLED, "the agent is stopping");
        if (init->result < 0) {
                node->state = NODE_INACTIVE;
                init_end(init);
                return;
        }
        node->record = init->record;
        init->result = node_start_daemons(node, &init->err);
        if (init->result < 0) {
                undo(init);
                return;
        }
        LOG(INFO, "swarm initialised", STR("cluster", node->record.cluster_id),
            STR("node", node->record.node_id), STR("address", node->record.advertise_address));
        wait_for_api(init);
}

static void init_caller_gone(void *context, struct rpc_call *rpc)
{
        struct initialising *init = context;

        (void)rpc;
        init->rpc = NULL;
        init->in = NULL;
}

static int check_init(const Sk__InitSwarmRequest *in, struct node_record *record, struct err *err)
{
        TRY(address_split(str_or(in->listen_address, "0.0.0.0:2377"), "2377", record->listen_host,
                          sizeof record->listen_host, record->listen_port,
                          sizeof record->listen_port, err));
        TRY(address_choose(in->advertise_address, record->listen_port, record->advertise_address,
                           sizeof record->advertise_address, record->advertise_port,
                           sizeof record->advertise_port, err));
        TRY(cluster_check_availability(in->availability, err));
        if (in->auto_lock)
                return err_set(err, ERR_UNIMPLEMENTED, "--autolock is not supported yet");
        if (in->force_new_cluster)
                return err_set(err, ERR_UNIMPLEMENTED, "--force-new-cluster is not supported yet");
        if (in->n_default_address_pools || in->subnet_size)
                return err_set(err, ERR_UNIMPLEMENTED,
                               "--default-addr-pool is not supported yet: there are no overlay "
                               "networks yet");
        if (in->data_path_port && (in->data_path_port < 1024 || in->data_path_port > 49151))
                return err_set(err, ERR_INVALID,
                               "invalid data path port %u: must be between 1024 and 49151",
                               in->data_path_port);
        return cluster_check_times(in->certificate_expiry_ns, in->dispatcher_heartbeat_ns, err);
}

void init_swarm(void *context, struct rpc_call *rpc, const Sk__InitSwarmRequest *in)
{
        static const struct rpc_call_events events = { .closed = init_caller_gone };
        struct node *node = ((struct node_holder *)((struct daemon *)context)->state)->node;
        struct initialising *init;
        struct node_record record = { 0 };
        struct err err;

        if (node->state != NODE_INACTIVE)
                err_set(&err, ERR_UNAVAILABLE, NODE_ALREADY_IN_SWARM);
        if (node->state != NODE_INACTIVE || check_init(in, &record, &err) < 0) {
                rpc_fail(rpc, &err);
                return;
        }
        init = mem_alloc(sizeof *init);
        init->work = (struct work){ .work = make_work, .done = make_done };
        init->node = node;
        init->rpc = rpc;
        init->record = record;
        init->copy = *in;
        snprintf(init->availability, sizeof init->availability, "%s",
                 str_or(in->availability, "active"));
        init->copy.availability = init->availability;
        init->copy.advertise_address = init->copy.listen_address = init->copy.data_path_address =
                "";
        gethostname(init->hostname, sizeof init->hostname - 1);
        node->state = NODE_PENDING;
        rpc_call_on(rpc, &events, init);
        worker_submit(node->options.workers, &init->work);
}

/* --- leave --- */

struct leaving {
        struct node *node;
        struct rpc_call *rpc; /* NULL: the caller went away; leaving goes on */
};

static void daemons_stopped(void *context)
{
        static const struct rpc_call_events nobody = { 0 };
        Sk__LeaveSwarmResponse out = SK__LEAVE_SWARM_RESPONSE__INIT;
        struct leaving *leaving = context;

        node_forget_swarm(leaving->node);
        LOG(INFO, "swarm left");
        if (leaving->rpc) {
                rpc_call_on(leaving->rpc, &nobody, NULL);
                rpc_reply(leaving->rpc, &out.base);
        }
        free(leaving);
}

static void tasks_gone(void *context)
{
        struct leaving *leaving = context;

        node_stop_daemons(leaving->node, false, daemons_stopped, leaving);
}

static void leave_caller_gone(void *context, struct rpc_call *rpc)
{
        struct leaving *leaving = context;

        (void)rpc;
        leaving->rpc = NULL;
}

void leave_swarm(void *context, struct rpc_call *rpc, const Sk__LeaveSwarmRequest *in)
{
        static const struct rpc_call_events events = { .closed = leave_caller_gone };
        struct node *node = ((struct node_holder *)((struct daemon *)context)->state)->node;
        struct leaving *leaving;
        struct err err = { 0 };

        if (node->state == NODE_INACTIVE)
                err_set(&err, ERR_UNAVAILABLE, "This node is not part of a swarm");
        else if (node->state != NODE_ACTIVE || node_role_is_stopping(node) || node->join)
                err_set(&err, ERR_UNAVAILABLE,
                        "this node is just joining or leaving a swarm, try again in a moment");
        else if (node_is_manager(node) && !in->force)
                err_set(&err, ERR_UNAVAILABLE,
                        "You are attempting to leave the swarm on a node that is participating as "
                        "a manager. Removing the last "
                        "manager erases all current state of the swarm. Use `--force` to ignore "
                        "this message.");
        if (err.code) {
                rpc_fail(rpc, &err);
                return;
        }
        leaving = mem_alloc(sizeof *leaving);
        leaving->node = node;
        leaving->rpc = rpc;
        node_role_cancel(node);
        node->state = NODE_LEAVING;
        rpc_call_on(rpc, &events, leaving);
        agent_leave(node->options.agent, tasks_gone, leaving);
}
