/* Figures: GetStoreStatus and metrics. */
#include "lib/base/str.h"
#include "manager/store/peers.h"

void get_store_status(void *context, struct rpc_call *call, const Sk__GetStoreStatusRequest *in)
{
        struct store *store = context;
        const struct replica_role *role = replica_role(store->replica);
        const struct peer *leader = peers_member(store, role->leader);
        Sk__GetStoreStatusResponse out = SK__GET_STORE_STATUS_RESPONSE__INIT;

        (void)in;
        out.term = role->term;
        out.applied_index = state_version(store->state);
        out.commit_index = role->commit_index;
        out.first_index = role->first_index;
        out.snapshot_index = role->first_index - 1;
        out.is_leader = role->is_leader;
        out.leader_id = (char *)(role->is_leader ? store->options.node_id
                                 : leader        ? leader->node_id
                                                 : "");
        out.n_objects = state_count_all(store->state);
        out.n_bytes = state_bytes(store->state);
        out.n_fsyncs = disk_count_syncs(store->disk);
        out.n_entries = store->counters.entries;
        out.n_watchers = store->n_watches;
        rpc_reply(call, &out.base);
}

static void metric(struct str *str, const char *name, const char *type, const char *help,
                   uint64_t value)
{
        str_addf(str, "# HELP skep_store_%s %s\n# TYPE skep_store_%s %s\nskep_store_%s %llu\n",
                 name, help, name, type, name, (unsigned long long)value);
}

void store_metrics(struct store *store, struct str *str)
{
        const struct replica_role *role = replica_role(store->replica);
        const struct store_counters *counters = &store->counters;

        metric(str, "commits_total", "counter", "Commits answered.", counters->commits);
        metric(str, "groups_total", "counter", "Groups asked for.", counters->groups);
        metric(str, "commits_with_conflicts_total", "counter", "Commits of which a group failed.",
               counters->groups_refused);
        metric(str, "commit_microseconds_total", "counter", "Time from arrival to answer, summed.",
               counters->commit_ns / 1000);
        metric(str, "entries_total", "counter", "Log entries applied.", counters->entries);
        metric(str, "entry_bytes_total", "counter", "Bytes of them.", counters->entry_bytes);
        metric(str, "fsyncs_total", "counter", "Synced writes.", disk_count_syncs(store->disk));
        metric(str, "state_writes_total", "counter", "Writes of the state to disk.",
               counters->flushes);
        metric(str, "queue_bytes", "gauge", "Commits that wait for an answer.",
               store->queued_bytes);
        metric(str, "watchers", "gauge", "Open watches.", store->n_watches);
        metric(str, "objects", "gauge", "Objects kept.", state_count_all(store->state));
        metric(str, "object_bytes", "gauge", "Memory of them.", state_bytes(store->state));
        metric(str, "applied_index", "gauge", "The version that is shown.",
               state_version(store->state));
        metric(str, "commit_index", "gauge", "The version that is safe.", role->commit_index);
        metric(str, "first_index", "gauge", "The first entry of the log.", role->first_index);
        metric(str, "term", "gauge", "Raft's term.", role->term);
        metric(str, "leads", "gauge", "1 on the leader.", role->is_leader);
}
