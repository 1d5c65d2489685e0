/* The store: disk, state and replica brought together; entries applied. */
#include "manager/store/store.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "manager/store/log.h"
#include "manager/store/peers.h"

DEFINE_CLEANUP(struct store, store_free)

/* Longer than an election takes, and short enough that agents find another manager before they
 * count as lost (three heartbeats). */
static const int64_t leaderless_most_ns = 3 * NS_PER_S / 2;

/* --- what the replica tells --- */

static void replica_proposed(void *context, void *ticket, uint64_t index, uint64_t term,
                             const struct err *err)
{
        propose_accepted(context, ticket, index, term, err);
}

static void replica_apply(void *context, const struct raft_entry *entry)
{
        struct store *store = context;
        struct applied *results = NULL;
        size_t n = 0;

        if (entry->kind == RAFT_COMMAND)
                apply_entry(store->state, entry->index, entry->data, entry->size, &store->arena,
                            &results, &n);
        else
                state_advance(store->state, entry->index, state_time(store->state));
        store->counters.entries++;
        store->counters.entry_bytes += entry->size;
        propose_applied(store, entry, results, n);
        arena_clear(&store->arena);
        flush_applied(store, entry->size);
}

static void replica_read_done(void *context, uint64_t id, bool is_ok)
{
        read_answered(context, id, is_ok);
}

static void replica_role_changed(void *context, const struct replica_role *role)
{
        struct store *store = context;

        LOG(INFO, role->is_leader ? "leads" : "follows", INT("term", (int64_t)role->term),
            INT("ready", role->is_ready), INT("leader_known", role->leader != 0));
        if (role->is_leader || role->leader)
                store->leaderless_since_ns = 0;
        else if (!store->leaderless_since_ns)
                store->leaderless_since_ns = loop_now_boot(store->loop);
        propose_role(store);
        snapshot_role(store);
        bootstrap_role(store);
        lease_role(store);
}

static void replica_installed(void *context, bool is_ok)
{
        snapshot_installed(context, is_ok);
}

static void replica_send_snapshot(void *context, uint64_t peer, uint64_t term)
{
        snapshot_send(context, peer, term);
}

static void replica_snapshot_named(void *context, void *ticket,
                                   const struct raft_snapshot *snapshot)
{
        snapshot_named(context, ticket, snapshot);
}

/* A follower serves when it has what its leader had committed. */
static void follower_may_be_ready(struct store *store)
{
        const struct replica_role *role = replica_role(store->replica);

        if (!role->is_leader && role->leader && state_version(store->state) &&
            state_version(store->state) >= role->commit_index)
                store_become_ready(store);
}

static void replica_batch_done(void *context)
{
        struct store *store = context;
        uint64_t version = state_version(store->state);

        follower_may_be_ready(store);
        if (version != store->reported) {
                peers_refresh(store);
                store->reported = version;
                replica_applied(store->replica, version);
        }
        members_look(store);
}

static void replica_failed(void *context, const struct err *err)
{
        struct store *store = context;

        store->options.failed(store->options.context, err);
}

static const struct replica_events replica_events = {
        .proposed = replica_proposed,
        .installed = replica_installed,
        .send_snapshot = replica_send_snapshot,
        .snapshot_named = replica_snapshot_named,
        .apply = replica_apply,
        .read = replica_read_done,
        .role = replica_role_changed,
        .batch_done = replica_batch_done,
        .failed = replica_failed,
};

/* --- life --- */

/* An empty disk with a bootstrap file begins a cluster; without one it waits to be added. */
static int begin(struct store *store, struct err *err)
{
        const char *bootstrap = store->options.config->bootstrap;
        struct disk_batch *batch;
        int r;

        if (!bootstrap || !*bootstrap || !file_exists(bootstrap)) {
                LOG(INFO, "the disk is empty; waiting for a leader to add this store");
                return 0;
        }
        batch = disk_batch_new(store->disk);
        log_begin(batch, store->id);
        r = disk_batch_write(batch, true, err);
        disk_batch_free(batch);
        return r;
}

static int open_disk(struct store *store, struct err *err)
{
        struct raft_restore restore;
        bool is_new;

        TRY(disk_open(store->options.config->folder, &store->disk, &is_new, err));
        TRY(log_restore(store->disk, &restore, err));
        if (!restore.snapshot.members.n && !restore.term)
                TRY(begin(store, err));
        TRY(load_state(store->disk, store->state, err));
        store->forgets_members = store->options.config->force_new_cluster;
        return store->forgets_members ? recover(store, err) : 0;
}

static int open_replica(struct store *store, struct err *err)
{
        struct replica_options options = { .loop = store->loop,
                                           .disk = store->disk,
                                           .identity = store->options.identity,
                                           .listen = store->options.config->raft_listen,
                                           .id = store->id,
                                           .heartbeat = store->options.config->heartbeat,
                                           .applied = state_version(store->state),
                                           .events = &replica_events,
                                           .context = store };

        os_random(&options.seed, sizeof options.seed);
        store->reported = options.applied;
        return replica_new(&options, &store->replica, err);
}

static int open_all(struct store *store, struct err *err)
{
        TRY(open_disk(store, err));
        TRY(flush_open(store, err));
        TRY(open_replica(store, err));
        peers_refresh(store);
        members_start(store);
        return 0;
}

static void turn_done(void *context)
{
        struct store *store = context;

        propose_turn(store);
        watch_turn(store);
}

int store_open(const struct store_options *options, struct store **ret_store, struct err *err)
{
        _cleanup_(store_freep) struct store *store = mem_alloc(sizeof *store);
        int r;

        store->options = *options;
        store->loop = options->loop;
        store->id = transport_member_id(options->node_id);
        store->state = state_new();
        store->leaderless_since_ns = loop_now_boot(store->loop);
        propose_init(store);
        r = open_all(store, err);
        if (r == ERR_DATA_LOSS)
                err_prefix(err, "the data in '%s' is damaged and will not be served",
                           options->config->folder);
        TRY(r);
        loop_after_turn(store->loop, turn_done, store);
        LOG(INFO, "state loaded", INT("objects", (int64_t)state_count_all(store->state)),
            INT("version", (int64_t)state_version(store->state)));
        *ret_store = TAKE(store);
        return 0;
}

void store_free(struct store *store)
{
        if (!store)
                return;
        loop_after_turn_cancel(store->loop, turn_done, store);
        propose_done(store);
        members_done(store);
        flush_done(store);
        replica_free(store->replica);
        snapshot_done(store);
        peers_close(store);
        state_free(store->state);
        disk_free(store->disk);
        arena_done(&store->arena);
        free(store);
}

int store_no_leader(const struct store *store, struct err *err)
{
        if (!store->leaderless_since_ns ||
            loop_now_boot(store->loop) - store->leaderless_since_ns < leaderless_most_ns)
                return err_set(err, ERR_UNAVAILABLE, "no leader answers at this moment; try again");
        return err_set(err, ERR_UNKNOWN,
                       "The swarm does not have a leader. It's possible that too few managers are "
                       "online. Make sure more than half of the managers are online.");
}

void store_become_ready(struct store *store)
{
        if (store->is_ready)
                return;
        store->is_ready = true;
        read_begin(store);
        store->options.ready(store->options.context);
}
