/* swarm join: the root is fetched and proved by the token's digest, then certificates are asked for
 * with the token's secret; what comes back makes this node a worker.  With a manager's token the
 * store says that it shall be a manager: it renews its certificates as one before it begins. */
#include <string.h>
#include <unistd.h>

#include "agent/node/address.h"
#include "agent/node/keys.h"
#include "agent/node/material.h"
#include "agent/node/node_private.h"
#include "agent/node/renewal.h"
#include "api/ca.h"
#include "api/node.h"
#include "api/ports.h"
#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/os/log.h"
#include "lib/run/daemon.h"
#include "lib/state/cluster.h"
#include "lib/trust/trust.h"

NODE_AGENT_METHODS(RPC_PROTOTYPE)

enum { REMOTES_MAX = 16, ADDRESS_SIZE = 160 };

#define ROOT_TIMEOUT_NS (10 * NS_PER_S)
#define JOIN_TIMEOUT_NS (25 * NS_PER_S)
#define READY_TIMEOUT_NS (20 * NS_PER_S)

struct node_join {
        struct node *node;
        struct rpc_call *rpc; /* NULL: the caller went away; joining goes on */
        struct arena arena;
        const Sk__JoinSwarmRequest *in; /* a copy */
        struct node_record record;
        char hostname[256];
        char remotes[REMOTES_MAX][ADDRESS_SIZE]; /* "host:port" */
        size_t n_remotes, at;
        struct str folder; /* of the keys, until the node has joined */
        struct work work;
        struct rpc_client *client;
        struct renewal *renewal;
        const char *root_pem;
        Sk__DaemonCsr **csrs;
        size_t n_csrs;
        const Sk__JoinClusterResponse *granted;
        struct loop_timer patience;
        int result;
        struct err err;
};

/* --- its end --- */

static void release(struct node_join *join)
{
        join->node->join = NULL;
        loop_timer_cancel(&join->patience);
        rpc_client_free(TAKE(join->client));
        str_done(&join->folder);
        arena_done(&join->arena);
        free(join);
}

static void let_go(struct node_join *join)
{
        static const struct rpc_call_events nobody = { 0 };

        if (join->rpc)
                rpc_call_on(join->rpc, &nobody, NULL);
}

static void fail(struct node_join *join)
{
        LOG(ERROR, "swarm join failed", STR("why", join->err.text));
        let_go(join);
        if (join->rpc)
                rpc_fail(join->rpc, &join->err);
        release(join);
}

static void give_up(struct node_join *join)
{
        material_clean(join->node->options.state_folder);
        join->node->state = NODE_INACTIVE;
        fail(join);
}

static void ready(struct node_join *join)
{
        Sk__JoinSwarmResponse out = SK__JOIN_SWARM_RESPONSE__INIT;

        LOG(INFO, "swarm joined", STR("cluster", join->record.cluster_id),
            STR("node", join->record.node_id), STR("role", join->record.role));
        let_go(join);
        out.node_id = join->record.node_id;
        out.role = join->granted->role;
        if (join->rpc)
                rpc_reply(join->rpc, &out.base);
        release(join);
}

static void patience_is_over(void *context)
{
        struct node_join *join = context;

        err_set(&join->err, ERR_DEADLINE,
                "Timeout was reached before node joined. The attempt to join the swarm will "
                "continue in the background. Use the \"skep info\" command to see the current "
                "swarm status of your node.");
        fail(join);
}

void node_join_connected(struct node_join *join)
{
        if (join && join->node->state == NODE_ACTIVE)
                ready(join);
}

void node_join_cancel(struct node_join *join)
{
        if (!join)
                return;
        if (join->renewal)
                renewal_cancel(TAKE(join->renewal));
        join->rpc = NULL;
        rpc_client_free(TAKE(join->client));
}

/* --- what is there at the end --- */

static void begin_life(struct node_join *join)
{
        struct node *node = join->node;

        node->record = join->record;
        join->result = node_start_daemons(node, &join->err);
        if (join->result < 0) {
                /* It is a member: what did not start is tried again by the next agent. */
                fail(join);
                return;
        }
        join->patience = (struct loop_timer){ .fire = patience_is_over, .context = join };
        loop_timer_set(node->options.loop, &join->patience, READY_TIMEOUT_NS);
}

static void commit_on_pool(struct work *work)
{
        struct node_join *join = container_of(work, struct node_join, work);

        join->result = material_commit(join->node->options.state_folder, &join->record, &join->err);
}

static void committed(struct work *work)
{
        struct node_join *join = container_of(work, struct node_join, work);

        if (work->was_run && join->result == 0)
                begin_life(join);
        else
                give_up(join);
}

static void submit(struct node_join *join, void (*run)(struct work *work),
                   void (*done)(struct work *work))
{
        join->work = (struct work){ .work = run, .done = done };
        worker_submit(join->node->options.workers, &join->work);
}

/* The hosts of all managers, and before them the one that was typed: it may be a name that outlives
 * every address. */
static void note_managers(struct node_join *join)
{
        struct node_record *record = &join->record;

        node_record_add_manager(record, join->remotes[join->at]);
        for (size_t i = 0; i < join->granted->n_managers; i++)
                node_record_add_manager(record, join->granted->managers[i]->address);
}

static void renewed(void *context, const struct err *err)
{
        struct node_join *join = context;

        join->renewal = NULL;
        if (err) {
                join->err = *err;
                give_up(join);
                return;
        }
        submit(join, commit_on_pool, committed);
}

static void become_manager(struct node_join *join)
{
        char addresses[RECORD_MANAGERS_MAX][RECORD_ADDRESS_SIZE];
        const char *list[RECORD_MANAGERS_MAX];
        size_t n = node_record_managers(&join->record, PORT_CA, addresses);

        for (size_t i = 0; i < n; i++)
                list[i] = addresses[i];
        join->renewal = renewal_begin(&(struct renewal_options){
                .loop = join->node->options.loop,
                .workers = join->node->options.workers,
                .folder = str_text(&join->folder),
                .role = SK__NODE_ROLE__NODE_ROLE_MANAGER,
                .addresses = list,
                .n_addresses = n,
                .ended = renewed,
                .context = join,
        });
}

/* --- certificates --- */

static void store_on_pool(struct work *work)
{
        struct node_join *join = container_of(work, struct node_join, work);

        join->result = keys_store(str_text(&join->folder), SK__NODE_ROLE__NODE_ROLE_WORKER,
                                  join->granted->certificates, join->granted->n_certificates,
                                  join->root_pem, &join->err);
}

static void stored(struct work *work)
{
        struct node_join *join = container_of(work, struct node_join, work);

        if (!work->was_run || join->result < 0)
                give_up(join);
        else if (join->granted->role == SK__NODE_ROLE__NODE_ROLE_MANAGER)
                become_manager(join);
        else
                submit(join, commit_on_pool, committed);
}

static int take_ids(struct node_join *join)
{
        const Sk__JoinClusterResponse *granted = join->granted;
        struct node_record *record = &join->record;

        if (strlen(granted->node_id) >= sizeof record->node_id ||
            strlen(granted->cluster_id) >= sizeof record->cluster_id || !*granted->node_id)
                return err_set(&join->err, ERR_INVALID, "the manager's answer makes no sense");
        snprintf(record->node_id, sizeof record->node_id, "%s", granted->node_id);
        snprintf(record->cluster_id, sizeof record->cluster_id, "%s", granted->cluster_id);
        snprintf(record->role, sizeof record->role, "%s",
                 granted->role == SK__NODE_ROLE__NODE_ROLE_MANAGER ? "manager" : "worker");
        note_managers(join);
        return 0;
}

static void granted(void *context, const void *out, const struct err *err)
{
        struct node_join *join = context;

        if (!join->client)
                return;
        if (err) {
                join->err = *err;
                give_up(join);
                return;
        }
        join->granted = (const void *)message_copy(&join->arena, out);
        if (take_ids(join) < 0)
                give_up(join);
        else
                submit(join, store_on_pool, stored);
}

static void request_certificates(struct node_join *join)
{
        Sk__JoinClusterRequest request = SK__JOIN_CLUSTER_REQUEST__INIT;
        struct rpc_client_options options = {
                .address = join->remotes[join->at],
                .root_pem = join->root_pem,
                .server_daemon = "join",
        };

        rpc_client_free(TAKE(join->client));
        if (rpc_client_new(join->node->options.loop, &options, &join->client, &join->err) < 0) {
                give_up(join);
                return;
        }
        request.token = join->in->token;
        request.csrs = join->csrs;
        request.n_csrs = join->n_csrs;
        request.hostname = join->hostname;
        request.address = join->record.advertise_address;
        request.availability = join->in->availability;
        rpc_client_call(join->client, RPC_METHOD(join, JoinCluster), &request.base, JOIN_TIMEOUT_NS,
                        false, granted, join);
}

/* --- keys --- */

static void make_keys_on_pool(struct work *work)
{
        struct node_join *join = container_of(work, struct node_join, work);

        material_clean(join->node->options.state_folder);
        join->result = keys_request(str_text(&join->folder), SK__NODE_ROLE__NODE_ROLE_WORKER,
                                    &join->arena, &join->csrs, &join->n_csrs, &join->err);
}

static void keys_made(struct work *work)
{
        struct node_join *join = container_of(work, struct node_join, work);

        if (work->was_run && join->result == 0)
                request_certificates(join);
        else
                give_up(join);
}

/* --- the root --- */

static void ask_for_root(struct node_join *join);

static void root_came(void *context, const void *out, const struct err *err)
{
        const Sk__GetRootCertificateResponse *response = out;
        struct node_join *join = context;
        const char *why;

        if (!join->client)
                return;
        if (err) {
                /* gRPC tells the same three times; what the kernel said comes last. */
                why = strrchr(err->text, ':');
                err_set(&join->err, ERR_PRECONDITION, "no manager answers at %s: %s",
                        join->remotes[join->at], why && why[1] == ' ' ? why + 2 : err->text);
                join->at++;
                ask_for_root(join);
                return;
        }
        if (trust_check_token(join->in->token, response->root_certificate_pem, &join->err) < 0) {
                give_up(join);
                return;
        }
        join->root_pem = arena_strdup(&join->arena, response->root_certificate_pem);
        submit(join, make_keys_on_pool, keys_made);
}

static void ask_for_root(struct node_join *join)
{
        Sk__GetRootCertificateRequest request = SK__GET_ROOT_CERTIFICATE_REQUEST__INIT;
        struct rpc_client_options options = { .is_unverified = true, .server_daemon = "join" };

        rpc_client_free(TAKE(join->client));
        if (join->at < join->n_remotes)
                options.address = join->remotes[join->at];
        if (!options.address ||
            rpc_client_new(join->node->options.loop, &options, &join->client, &join->err) < 0) {
                give_up(join);
                return;
        }
        rpc_client_call(join->client, RPC_METHOD(join, GetRootCertificate), &request.base,
                        ROOT_TIMEOUT_NS, false, root_came, join);
}

/* --- the method --- */

static int take_remotes(struct node_join *join, const Sk__JoinSwarmRequest *in, struct err *err)
{
        char host[128], port[8];

        if (!in->n_remote_addresses || in->n_remote_addresses > REMOTES_MAX)
                return err_set(err, ERR_INVALID, "between 1 and %d addresses of managers are taken",
                               REMOTES_MAX);
        for (size_t i = 0; i < in->n_remote_addresses; i++) {
                TRY(address_split(in->remote_addresses[i], "2377", host, sizeof host, port,
                                  sizeof port, err));
                snprintf(join->remotes[i], sizeof join->remotes[i], "%s:%s", host, port);
        }
        join->n_remotes = in->n_remote_addresses;
        return 0;
}

static int check(struct node_join *join, const Sk__JoinSwarmRequest *in, struct err *err)
{
        struct node_record *record = &join->record;

        TRY(take_remotes(join, in, err));
        TRY(trust_check_token_form(in->token, err));
        TRY(address_split(str_or(in->listen_address, "0.0.0.0:2377"), "2377", record->listen_host,
                          sizeof record->listen_host, record->listen_port,
                          sizeof record->listen_port, err));
        TRY(address_choose(in->advertise_address, record->listen_port, record->advertise_address,
                           sizeof record->advertise_address, record->advertise_port,
                           sizeof record->advertise_port, err));
        return cluster_check_availability(in->availability, err);
}

static void caller_gone(void *context, struct rpc_call *rpc)
{
        struct node_join *join = context;

        (void)rpc;
        join->rpc = NULL;
}

void join_swarm(void *context, struct rpc_call *rpc, const Sk__JoinSwarmRequest *in)
{
        static const struct rpc_call_events events = { .closed = caller_gone };
        struct node *node = node_of(context);
        struct node_join *join = mem_alloc(sizeof *join);
        struct err err;
        int result = 0;

        if (node->state != NODE_INACTIVE)
                result = err_set(&err, ERR_UNAVAILABLE, NODE_ALREADY_IN_SWARM);
        if (result == 0)
                result = check(join, in, &err);
        if (result < 0) {
                rpc_fail(rpc, &err);
                free(join);
                return;
        }
        join->node = node;
        join->rpc = rpc;
        join->in = (const void *)message_copy(&join->arena, &in->base);
        gethostname(join->hostname, sizeof join->hostname - 1);
        node_state_path(node, "identity.new", &join->folder);
        node->state = NODE_PENDING;
        node->join = join;
        rpc_call_on(rpc, &events, join);
        ask_for_root(join);
}
