/* This node's part in Raft: raft_step() on a thread of its own, so that a heartbeat never waits for
 * bulk data, RocksDB or the store's own work.  Requests go there as posts, news come back as posts;
 * every callback runs on the store's loop. */
#pragma once
#include "lib/os/loop.h"
#include "lib/rpc/tls.h"
#include "manager/store/disk.h"
#include "manager/store/raft/raft.h"

struct replica;

/* The situation, as of the last news. */
struct replica_role {
        bool is_leader;
        bool is_ready; /* leads, and the state holds everything of earlier terms */
        uint64_t term, leader;
        uint64_t commit_index, first_index, last_index;
        struct raft_members members;
};

struct replica_events {
        /* The entry was appended at index and term; or 'err' is not NULL and it was refused. */
        void (*proposed)(void *context, void *ticket, uint64_t index, uint64_t term,
                         const struct err *err);
        /* How replica_install() ended.  Entries after the snapshot follow. */
        void (*installed)(void *context, bool is_ok);
        /* To be applied, in order; borrowed.  Some megabytes at most before replica_applied(). */
        void (*apply)(void *context, const struct raft_entry *entry);
        /* The answer to replica_read(): the state, as it is now, is no older than that call. */
        void (*read)(void *context, uint64_t id, bool is_ok);
        /* The peer is to be sent the state as it is now; replica_snapshot_sent() when it was. */
        void (*send_snapshot)(void *context, uint64_t peer, uint64_t term);
        /* The answer to replica_name_snapshot(); NULL: 'index' is no index that could be asked for.
         */
        void (*snapshot_named)(void *context, void *ticket, const struct raft_snapshot *snapshot);
        void (*role)(void *context, const struct replica_role *role);
        /* After each batch of the above. */
        void (*batch_done)(void *context);
        /* The disk failed: the process has to stop. */
        void (*failed)(void *context, const struct err *err);
};

struct replica_options {
        struct loop *loop;                   /* the store's */
        struct disk *disk;                   /* borrowed */
        const struct rpc_identity *identity; /* borrowed; of connections to other replicas */
        const char *listen;                  /* where they reach this one; "": nowhere */
        uint64_t id, seed;
        int64_t heartbeat; /* ns; what else counts in time follows from it.  0: the default */
        uint64_t applied;  /* what the state has */
        const struct replica_events *events;
        void *context;
};

/* Reads vote, snapshot and log, and starts.  ERR_DATA_LOSS: they make no sense. */
int replica_new(const struct replica_options *options, struct replica **ret_replica,
                struct err *err);
void replica_free(struct replica *replica); /* NULL is fine; no callback runs afterwards */

/* Takes over one reference. */
void replica_propose(struct replica *replica, struct raft_entry *entry, void *ticket);
void replica_read(struct replica *replica, uint64_t id);
void replica_applied(struct replica *replica, uint64_t index);
/* The state up to 'index' is on disk: the log before it may go. */
void replica_compact(struct replica *replica, uint64_t index);

/* Where a member is reached. */
void replica_set_peer(struct replica *replica, uint64_t id, const char *address);
/* May be refused, silently: look at the role's members and try again. */
void replica_change(struct replica *replica, enum raft_change what, uint64_t id);
/* Hands leadership to another voter, when there is one. */
void replica_transfer(struct replica *replica);
/* What a snapshot of the state at 'index', which was applied, is called. */
void replica_name_snapshot(struct replica *replica, uint64_t index, void *ticket);
void replica_snapshot_sent(struct replica *replica, uint64_t peer, uint64_t index, bool is_ok);

/* Puts a received snapshot in the place of state and log.  'fill' adds the whole state to the batch
 * that makes the change; it runs on a worker, so what it reads must not change until 'installed' is
 * called. */
void replica_install(struct replica *replica, uint64_t from, uint64_t term,
                     const struct raft_snapshot *snapshot,
                     void (*fill)(void *context, struct disk_batch *batch), void *context);

const struct replica_role *replica_role(const struct replica *replica);
