/* Who belongs: the membership is an object, so that everyone knows the addresses, and the leader
 * moves Raft's configuration towards it, one step at a time; learner first, voter when it has
 * caught up. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/os/log.h"
#include "lib/rpc/client.h"
#include "lib/state/object.h"
#include "manager/store/check.h"
#include "manager/store/peers.h"

enum {
        LEVEL = 1,      /* the rules this build knows; see docs/store.md */
        RETRY_MS = 300, /* after what was refused, and between attempts to join */
        JOIN_TIMEOUT_MS = 3000,
};

/* --- the object --- */

static void retry(struct store *store)
{
        loop_timer_set(store->loop, &store->members_timer, RETRY_MS * NS_PER_MS);
}

static void written(struct store *store, void *context, const struct applied *applied,
                    const struct err *err)
{
        (void)context;
        store->is_writing_members = false;
        if (!err && !applied->code && !applied->response->n_results) {
                store->forgets_members = false;
                return;
        }
        LOG(WARN, "the membership could not be written",
            STR("error", err ? err->text : str_or(applied->why, "it was changed")));
        retry(store);
}

static const char *cluster_id(const struct store *store)
{
        size_t at = 0;
        const struct record *cluster = state_each(store->state, SK__KIND__KIND_CLUSTER, &at);

        return cluster ? record_id(cluster) : NULL;
}

static int write_members(struct store *store, const Sk__ClusterMembership *membership,
                         void (*done)(struct store *, void *context, const struct applied *,
                                      const struct err *),
                         void *context, struct err *err)
{
        Sk__Change change = SK__CHANGE__INIT;

        change.op = SK__CHANGE__OP__UPDATE;
        change.kind = SK__KIND__KIND_CLUSTER;
        change.id = (char *)cluster_id(store);
        TRY(store_propose_part(store, &change, PART_CLUSTER_membership, &membership->base, done,
                               context, err));
        store->is_writing_members = true;
        return 0;
}

/* The membership to be written: a copy of the present one that may be changed, with room for one.
 */
static Sk__ClusterMembership *draft(const struct store *store, struct arena *arena)
{
        const Sk__ClusterMembership *now = peers_membership(store, arena);
        Sk__ClusterMembership *draft = arena_alloc(arena, sizeof *draft);

        sk__cluster_membership__init(draft);
        draft->level = LEVEL;
        draft->members = arena_alloc(arena, (RAFT_MEMBERS_MAX + 1) * sizeof *draft->members);
        for (size_t i = 0; now && i < now->n_members && i < RAFT_MEMBERS_MAX; i++)
                draft->members[draft->n_members++] = now->members[i];
        return draft;
}

static Sk__ClusterMembership__Member *find(const Sk__ClusterMembership *membership, uint64_t id)
{
        for (size_t i = 0; membership && i < membership->n_members; i++)
                if (transport_member_id(membership->members[i]->node_id) == id)
                        return membership->members[i];
        return NULL;
}

static bool put(Sk__ClusterMembership *draft, struct arena *arena, const char *node_id,
                const char *address, const char *raft_address, bool learner)
{
        Sk__ClusterMembership__Member *member = find(draft, transport_member_id(node_id));

        if (member && strcmp(member->address, address) == 0 &&
            strcmp(member->raft_address, raft_address) == 0)
                return false;
        if (!member) {
                member = draft->members[draft->n_members++] = arena_alloc(arena, sizeof *member);
                sk__cluster_membership__member__init(member);
                member->learner = learner;
        }
        member->node_id = arena_strdup(arena, node_id);
        member->address = arena_strdup(arena, address);
        member->raft_address = arena_strdup(arena, raft_address);
        return true;
}

/* --- the leader's turn --- */

static bool was_demoted(const struct store *store, const char *node_id)
{
        const struct record *node = state_find(store->state, SK__KIND__KIND_NODE, node_id);
        struct record_content content;
        struct arena arena = { 0 };
        ProtobufCMessage *spec;
        bool result = false;

        if (!node)
                return false;
        record_content(node, &content);
        if (message_unpack(&arena, &sk__node_spec__descriptor, content.parts[PART_NODE_spec].data,
                           content.parts[PART_NODE_spec].size, &spec, NULL) == 0)
                result = ((const Sk__NodeSpec *)spec)->desired_role ==
                         SK__NODE_ROLE__NODE_ROLE_WORKER;
        arena_done(&arena);
        return result;
}

/* Brings the object up to date with Raft and with the nodes; true when it has to be written. */
static bool mend(const struct store *store, Sk__ClusterMembership *draft, struct arena *arena)
{
        const struct raft_members *raft = &replica_role(store->replica)->members;
        const struct store_config *config = store->options.config;
        bool changed = put(draft, arena, store->options.node_id, config->advertise,
                           config->raft_advertise, false);

        for (size_t i = 0; i < draft->n_members;) {
                Sk__ClusterMembership__Member *member = draft->members[i];
                const struct raft_member *now =
                        raft_members_find(raft, transport_member_id(member->node_id));

                if (was_demoted(store, member->node_id) &&
                    strcmp(member->node_id, store->options.node_id) != 0) {
                        draft->members[i] = draft->members[--draft->n_members];
                        changed = true;
                        continue;
                }
                if (now && now->is_learner != member->learner) {
                        member->learner = now->is_learner;
                        changed = true;
                }
                i++;
        }
        return changed;
}

/* One step of Raft's configuration towards the object: all that are missing are asked for, and Raft
 * takes the first that it can.  (Some it cannot: a newcomer that died never catches up, and must
 * not hold up the others.)  False when it is not there yet: what is refused now is tried again. */
static bool move(struct store *store, const Sk__ClusterMembership *membership)
{
        const struct raft_members *raft = &replica_role(store->replica)->members;
        bool is_there = true;

        for (size_t i = 0; i < membership->n_members; i++) {
                uint64_t id = transport_member_id(membership->members[i]->node_id);
                const struct raft_member *now = raft_members_find(raft, id);

                if (now && !now->is_learner)
                        continue;
                replica_change(store->replica, now ? RAFT_PROMOTE : RAFT_ADD_LEARNER, id);
                is_there = false;
        }
        for (size_t i = 0; i < raft->n; i++) {
                if (find(membership, raft->member[i].id) || raft->member[i].id == store->id)
                        continue;
                replica_change(store->replica, RAFT_REMOVE, raft->member[i].id);
                is_there = false;
        }
        return is_there;
}

/* False when it is to be tried again. */
static bool lead(struct store *store)
{
        struct arena arena = { 0 };
        Sk__ClusterMembership *membership = draft(store, &arena);
        bool is_settled = true;
        struct err err;

        if (store->forgets_members)
                membership->n_members = 0;
        if (mend(store, membership, &arena)) {
                is_settled = write_members(store, membership, written, NULL, &err) == 0;
                if (!is_settled)
                        LOG(WARN, "the membership could not be written", STR("error", err.text));
        } else {
                is_settled = move(store, membership);
        }
        if (membership->n_members > 1 && was_demoted(store, store->options.node_id)) {
                replica_transfer(store->replica);
                is_settled = false;
        }
        arena_done(&arena);
        return is_settled;
}

/* --- a newcomer's turn --- */

static void joined(void *context, const void *out, const struct err *err)
{
        const Sk__AddMemberResponse *response = out;
        struct store *store = context;

        rpc_client_free(TAKE(store->join_client));
        if (err)
                LOG(INFO, "not added to the cluster yet", STR("why", err->text));
        else
                peers_learn(store, response->membership);
}

/* Asks the next of the addresses it was given. */
static void join(struct store *store)
{
        Sk__AddMemberRequest request = SK__ADD_MEMBER_REQUEST__INIT;
        const char *list = store->options.config->join, *at = list;
        char address[280];
        size_t length;

        if (store->join_client)
                return;
        for (size_t i = 0; i < store->n_joins && *at; i++)
                at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',');
        if (!*at) {
                store->n_joins = 0;
                at = list;
        }
        store->n_joins++;
        length = strcspn(at, ",");
        if (!length || length >= sizeof address)
                return;
        memcpy(address, at, length);
        address[length] = '\0';
        store->join_client = peers_connect(store, address);
        request.address = (char *)store->options.config->advertise;
        request.raft_address = (char *)store->options.config->raft_advertise;
        if (store->join_client)
                rpc_client_call(store->join_client, RPC_METHOD(store_peer, AddMember),
                                &request.base, JOIN_TIMEOUT_MS * NS_PER_MS, true, joined, store);
}

/* --- turns --- */

/* Not a member; or one by its log, but killed before the state that has the addresses of the others
 * was on disk: then it hears them and cannot answer. */
static bool must_join(const struct store *store)
{
        const struct raft_members *members = &replica_role(store->replica)->members;

        return !raft_members_find(members, store->id) || (members->n > 1 && !store->peers);
}

static uint64_t spec_version(const struct store *store, const char *node_id)
{
        const struct record *node = state_find(store->state, SK__KIND__KIND_NODE, node_id);

        return node ? node->part_versions[PART_NODE_spec] : 0;
}

static struct members_seen see(const struct store *store)
{
        const struct replica_role *role = replica_role(store->replica);
        struct members_seen seen = { .is_ready = role->is_ready, .raft = role->members };
        size_t at = 0;
        const struct record *cluster = state_each(store->state, SK__KIND__KIND_CLUSTER, &at);

        seen.cluster = cluster ? cluster->version : 0;
        seen.nodes = spec_version(store, store->options.node_id);
        for (const struct peer *peer = store->peers; peer; peer = peer->next)
                seen.nodes = seen.nodes * 31 + spec_version(store, peer->node_id);
        return seen;
}

static bool is_same(const struct members_seen *a, const struct members_seen *b)
{
        if (a->is_ready != b->is_ready || a->cluster != b->cluster || a->nodes != b->nodes ||
            a->raft.n != b->raft.n)
                return false;
        for (size_t i = 0; i < a->raft.n; i++)
                if (a->raft.member[i].id != b->raft.member[i].id ||
                    a->raft.member[i].is_learner != b->raft.member[i].is_learner)
                        return false;
        return true;
}

static void turn(void *context)
{
        struct store *store = context;
        bool is_settled = true;

        if (store->is_writing_members) {
                retry(store);
                return;
        }
        store->members_seen = see(store);
        loop_timer_cancel(&store->members_timer);
        if (replica_role(store->replica)->is_ready && cluster_id(store)) {
                is_settled = lead(store);
        } else if (must_join(store) && *store->options.config->join) {
                join(store);
                is_settled = false;
        }
        if (!is_settled)
                retry(store);
}

/* What is being written changes what there is to see, or is tried again. */
void members_look(struct store *store)
{
        struct members_seen seen = see(store);

        if (!store->is_writing_members && !is_same(&seen, &store->members_seen))
                turn(store);
}

void members_start(struct store *store)
{
        store->members_timer.fire = turn;
        store->members_timer.context = store;
        loop_timer_set(store->loop, &store->members_timer, 0);
}

void members_done(struct store *store)
{
        loop_timer_cancel(&store->members_timer);
        rpc_client_free(TAKE(store->join_client));
}

/* --- the method --- */

static void member_written(struct store *store, void *context, const struct applied *applied,
                           const struct err *err)
{
        Sk__AddMemberResponse response = SK__ADD_MEMBER_RESPONSE__INIT;
        struct rpc_call *call = context;
        struct err refused;

        store->is_writing_members = false;
        if (!err && (applied->code || applied->response->n_results)) {
                err_set(&refused, ERR_CONFLICT, "the membership changed meanwhile; try again");
                err = &refused;
        }
        if (err) {
                rpc_fail(call, err);
                return;
        }
        response.membership =
                (Sk__ClusterMembership *)peers_membership(store, rpc_call_arena(call));
        rpc_reply(call, &response.base);
}

static int check_newcomer(struct store *store, const Sk__AddMemberRequest *in, const char *node_id,
                          struct err *err)
{
        const struct replica_role *role = replica_role(store->replica);

        if (!role->is_ready || !cluster_id(store) || store->is_writing_members ||
            store->forgets_members)
                return err_set(err, ERR_UNAVAILABLE, "ask the leader's store, or try again");
        if (!*in->address || !*in->raft_address || strlen(in->address) > CHECK_NAME_MAX ||
            strlen(in->raft_address) > CHECK_NAME_MAX)
                return err_set(err, ERR_INVALID, "both addresses of the store are needed");
        if (was_demoted(store, node_id))
                return err_set(err, ERR_PRECONDITION, "node %s is no manager", node_id);
        if (role->members.n >= RAFT_MEMBERS_MAX &&
            !raft_members_find(&role->members, transport_member_id(node_id)))
                return err_set(err, ERR_EXHAUSTED, "a cluster has at most %d managers",
                               RAFT_MEMBERS_MAX);
        return 0;
}

void add_member(void *context, struct rpc_call *call, const Sk__AddMemberRequest *in)
{
        const char *node_id = rpc_call_peer(call)->node_id;
        Sk__AddMemberResponse response = SK__ADD_MEMBER_RESPONSE__INIT;
        struct store *store = context;
        struct arena *arena = rpc_call_arena(call);
        Sk__ClusterMembership *membership;
        struct err err;
        int r = check_newcomer(store, in, node_id, &err);

        if (r == 0) {
                membership = draft(store, arena);
                if (put(membership, arena, node_id, in->address, in->raft_address, true)) {
                        r = write_members(store, membership, member_written, call, &err);
                } else {
                        response.membership = membership;
                        rpc_reply(call, &response.base);
                        return;
                }
        }
        if (r < 0)
                rpc_fail(call, &err);
}
