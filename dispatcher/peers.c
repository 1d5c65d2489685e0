/* Streams to the other dispatchers. */
#include "dispatcher/peers.h"

#include <stdio.h>
#include <string.h>

#include "api/dispatcher.h"
#include "dispatcher/session.h"
#include "lib/base/str.h"
#include "lib/os/log.h"

#define SHARE_EVERY_NS (NS_PER_S / 2)

/* A node's deadline elsewhere is its deadline here, and what the way there may take. */
#define WAY_NS NS_PER_S

/* A dispatcher that said nothing for so long is lost, and with it its sessions. */
#define LOST_AFTER_NS (3 * SHARE_EVERY_NS)

enum { ADDRESS_SIZE = 280, TICKS_REACHED = 10 };

DISPATCHER_METHODS(RPC_PROTOTYPE)

struct peer {
        struct peers *peers;
        char node_id[64], address[ADDRESS_SIZE];
        struct rpc_client *client;
        struct rpc_stream *stream; /* NULL: dialled again at the next tick */
        bool is_member;
        bool is_silent;   /* said that it cannot be reached; not again until it was */
        unsigned n_ticks; /* that the stream has lasted */
};

/* A node that another dispatcher hears. */
struct elsewhere {
        char node_id[64], manager_id[64];
};

/* Another dispatcher, as one that tells us of its nodes. */
struct sharer {
        char manager_id[64];
        int64_t heard_at_ns;
};

struct peers {
        struct dispatcher *dispatcher;
        struct map sharers;   /* manager's node id -> struct sharer, those that are not lost */
        struct map peers;     /* manager's node id -> struct peer */
        struct map elsewhere; /* node id -> struct elsewhere */
        struct loop_timer tick;
};

/* --- telling --- */

static void stream_closed(void *context, const struct err *err)
{
        struct peer *peer = context;

        peer->stream = NULL;
        peer->n_ticks = 0;
        if (!peer->is_silent)
                LOG(WARN, "another dispatcher cannot be reached", STR("manager", peer->node_id),
                    STR("address", peer->address), STR("why", err->text));
        peer->is_silent = true;
}

static void share(struct peer *peer, const Sk__AliveNodes *alive)
{
        static const struct rpc_stream_events events = { .closed = stream_closed };

        if (!peer->stream)
                peer->stream = rpc_client_stream(peer->client, RPC_METHOD(dispatcher, ShareAlive),
                                                 NULL, &events, peer);
        rpc_stream_write(peer->stream, &alive->base);
        if (++peer->n_ticks == TICKS_REACHED)
                peer->is_silent = false;
}

/* The nodes that were with a dispatcher that is lost are on their way to another, and get time for
 * it: not its own machine's, which may well have died with it. */
static void sharer_lost(struct peers *peers, struct sharer *sharer)
{
        struct elsewhere *elsewhere;
        size_t n = 0;

        for (size_t at = 0; (elsewhere = map_next(&peers->elsewhere, &at));)
                n += str_equal(elsewhere->manager_id, sharer->manager_id);
        LOG(WARN, "another dispatcher fell silent", STR("manager", sharer->manager_id),
            INT("nodes", (int64_t)n));
        for (size_t at = 0; (elsewhere = map_next(&peers->elsewhere, &at));)
                if (str_equal(elsewhere->manager_id, sharer->manager_id) &&
                    !str_equal(elsewhere->node_id, sharer->manager_id) &&
                    heartbeats_has(&peers->dispatcher->heartbeats, elsewhere->node_id))
                        dispatcher_heard(peers->dispatcher, elsewhere->node_id,
                                         heartbeat_moving(n));
}

static void look_for_lost(struct peers *peers)
{
        int64_t now = loop_now_boot(peers->dispatcher->loop);
        struct sharer *sharer;

        for (size_t at = 0; (sharer = map_next(&peers->sharers, &at));)
                if (now - sharer->heard_at_ns > LOST_AFTER_NS) {
                        sharer_lost(peers, sharer);
                        free(map_remove(&peers->sharers, sharer->manager_id));
                }
}

static void tick(void *context)
{
        struct peers *peers = context;
        struct dispatcher *dispatcher = peers->dispatcher;
        _cleanup_(arena_done) struct arena arena = {};
        struct session *session;
        struct peer *peer;
        Sk__AliveNodes alive;

        sk__alive_nodes__init(&alive);
        alive.node_ids = arena_alloc(&arena, (dispatcher->sessions.n + 1) * sizeof(char *));
        alive.allowance_ns = WAY_NS;
        for (size_t at = 0; (session = map_next(&dispatcher->sessions, &at));) {
                if (!session->is_heard)
                        continue;
                session->is_heard = false;
                alive.node_ids[alive.n_node_ids++] = session->node_id;
                if (alive.allowance_ns < HEARTBEAT_GRACE * session->period_ns + WAY_NS)
                        alive.allowance_ns = HEARTBEAT_GRACE * session->period_ns + WAY_NS;
        }
        for (size_t at = 0; (peer = map_next(&peers->peers, &at));)
                share(peer, &alive);
        look_for_lost(peers);
        loop_timer_set(dispatcher->loop, &peers->tick, SHARE_EVERY_NS);
}

/* --- hearing --- */

static void node_is_elsewhere(struct peers *peers, const char *node_id, const char *manager_id)
{
        struct elsewhere *elsewhere = map_find(&peers->elsewhere, node_id);

        if (!elsewhere) {
                elsewhere = mem_alloc(sizeof *elsewhere);
                snprintf(elsewhere->node_id, sizeof elsewhere->node_id, "%s", node_id);
                map_put(&peers->elsewhere, elsewhere->node_id, elsewhere);
        }
        snprintf(elsewhere->manager_id, sizeof elsewhere->manager_id, "%s", manager_id);
}

static void hear_sharer(struct peers *peers, const char *manager_id)
{
        struct sharer *sharer = map_find(&peers->sharers, manager_id);

        if (!sharer) {
                sharer = mem_alloc(sizeof *sharer);
                snprintf(sharer->manager_id, sizeof sharer->manager_id, "%s", manager_id);
                map_put(&peers->sharers, sharer->manager_id, sharer);
        }
        sharer->heard_at_ns = loop_now_boot(peers->dispatcher->loop);
}

static void alive_came(void *context, struct rpc_call *call, const void *in)
{
        struct dispatcher *dispatcher = context;
        const Sk__AliveNodes *alive = in;

        if (alive->allowance_ns <= 0 || alive->allowance_ns > NS_PER_HOUR)
                return;
        hear_sharer(dispatcher->peers, rpc_call_peer(call)->node_id);
        for (size_t i = 0; i < alive->n_node_ids; i++) {
                const char *node_id = alive->node_ids[i];

                if (!view_node(dispatcher_view(dispatcher), node_id))
                        continue;
                dispatcher_heard(dispatcher, node_id, alive->allowance_ns);
                node_is_elsewhere(dispatcher->peers, node_id, rpc_call_peer(call)->node_id);
        }
}

void peers_metrics(const struct peers *peers, struct str *str)
{
        str_addf(str, "skep_dispatcher_nodes_elsewhere %zu\n", peers->elsewhere.n);
        str_addf(str, "skep_dispatcher_others_heard %zu\n", peers->sharers.n);
}

static void call_half_closed(void *context, struct rpc_call *call)
{
        Sk__ShareAliveResponse response;

        (void)context;
        sk__share_alive_response__init(&response);
        rpc_reply(call, &response.base);
}

void share_alive(void *context, struct rpc_call *call, const Sk__AliveNodes *in)
{
        static const struct rpc_call_events events = { .message = alive_came,
                                                       .half_closed = call_half_closed };
        const struct daemon *daemon = context;

        (void)in;
        rpc_call_on(call, &events, daemon->state);
}

void peers_forget_node(struct peers *peers, const char *node_id)
{
        free(map_remove(&peers->elsewhere, node_id));
}

/* Nodes that were removed while there was no news. */
static void forget_removed_nodes(struct peers *peers)
{
        const struct view *view = dispatcher_view(peers->dispatcher);
        struct elsewhere *elsewhere;

        for (size_t at = 0; (elsewhere = map_next(&peers->elsewhere, &at));)
                if (!view_node(view, elsewhere->node_id))
                        peers_forget_node(peers, elsewhere->node_id);
}

struct rpc_client *peers_client_of(const struct peers *peers, const char *node_id)
{
        const struct elsewhere *elsewhere = map_find(&peers->elsewhere, node_id);
        const struct peer *peer = elsewhere ? map_find(&peers->peers, elsewhere->manager_id) : NULL;

        return peer && peer->stream ? peer->client : NULL;
}

/* --- who they are --- */

static void peer_free(struct peer *peer)
{
        map_remove(&peer->peers->peers, peer->node_id);
        if (peer->stream)
                rpc_stream_cancel(peer->stream);
        rpc_client_free(peer->client);
        free(peer);
}

static void add_peer(struct peers *peers, const char *node_id, const char *address)
{
        const struct rpc_client_options options = {
                .address = address,
                .identity = peers->dispatcher->daemon->identity,
                .server_daemon = "dispatcher",
        };
        struct peer *peer = mem_alloc(sizeof *peer);
        struct err err;

        peer->peers = peers;
        snprintf(peer->node_id, sizeof peer->node_id, "%s", node_id);
        snprintf(peer->address, sizeof peer->address, "%s", address);
        peer->is_member = true;
        if (rpc_client_new(peers->dispatcher->loop, &options, &peer->client, &err) < 0) {
                LOG(WARN, "another dispatcher cannot be reached", STR("manager", node_id),
                    STR("address", address), STR("why", err.text));
                free(peer);
                return;
        }
        map_put(&peers->peers, peer->node_id, peer);
}

static void see_member(struct peers *peers, const Sk__ClusterMembership__Member *member)
{
        struct peer *peer = map_find(&peers->peers, member->node_id);
        char address[ADDRESS_SIZE];

        if (str_equal(member->node_id, peers->dispatcher->config->node_id) ||
            !dispatcher_address(peers->dispatcher, member, address, sizeof address))
                return;
        if (peer && str_equal(peer->address, address)) {
                peer->is_member = true;
                return;
        }
        if (peer)
                peer_free(peer);
        add_peer(peers, member->node_id, address);
}

void peers_refresh(struct peers *peers)
{
        const Sk__Cluster *cluster = view_cluster(dispatcher_view(peers->dispatcher));
        const Sk__ClusterMembership *membership = cluster ? cluster->membership : NULL;
        struct peer *peer;

        for (size_t at = 0; (peer = map_next(&peers->peers, &at));)
                peer->is_member = false;
        for (size_t i = 0; membership && i < membership->n_members; i++)
                see_member(peers, membership->members[i]);
        for (size_t at = 0; (peer = map_next(&peers->peers, &at));)
                if (!peer->is_member)
                        peer_free(peer);
        forget_removed_nodes(peers);
}

struct peers *peers_new(struct dispatcher *dispatcher)
{
        struct peers *peers = mem_alloc(sizeof *peers);

        peers->dispatcher = dispatcher;
        peers->tick = (struct loop_timer){ .fire = tick, .context = peers };
        loop_timer_set(dispatcher->loop, &peers->tick, SHARE_EVERY_NS);
        return peers;
}

void peers_free(struct peers *peers)
{
        struct elsewhere *elsewhere;
        struct sharer *sharer;
        struct peer *peer;

        if (!peers)
                return;
        loop_timer_cancel(&peers->tick);
        for (size_t at = 0; (peer = map_next(&peers->peers, &at));)
                peer_free(peer);
        for (size_t at = 0; (elsewhere = map_next(&peers->elsewhere, &at));)
                free(elsewhere);
        for (size_t at = 0; (sharer = map_next(&peers->sharers, &at));)
                free(sharer);
        map_done(&peers->sharers);
        map_done(&peers->peers);
        map_done(&peers->elsewhere);
        free(peers);
}
