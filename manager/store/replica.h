/* This node's part in Raft: raft_step() on a thread of its own, so that a heartbeat never waits for
 * bulk data, RocksDB or the store's own work.  Requests go there as posts, news come back as posts;
 * every callback runs on the store's loop. */
#pragma once
#include "lib/os/loop.h"
#include "manager/store/disk.h"
#include "manager/store/raft/raft.h"

struct replica;

/* The situation, as of the last news. */
struct replica_role {
        bool is_leader;
        bool is_ready; /* leads, and the state holds everything of earlier terms */
        uint64_t term, leader;
        uint64_t commit_index, first_index, last_index, snapshot_index;
};

struct replica_events {
        /* The entry was appended at index and term; or 'err' is not NULL and it was refused. */
        void (*proposed)(void *context, void *ticket, uint64_t index, uint64_t term,
                         const struct err *err);
        /* To be applied, in order; borrowed. */
        void (*apply)(void *context, const struct raft_entry *entry);
        /* The answer to replica_read(): the state, as it is now, is no older than that call. */
        void (*read)(void *context, uint64_t id, bool is_ok);
        void (*role)(void *context, const struct replica_role *role);
        /* After each batch of the above. */
        void (*batch_done)(void *context);
        /* The disk failed: the process has to stop. */
        void (*failed)(void *context, const struct err *err);
};

struct replica_options {
        struct loop *loop; /* the store's */
        struct disk *disk; /* borrowed */
        uint64_t id, seed;
        uint64_t applied; /* what the state has */
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

const struct replica_role *replica_role(const struct replica *replica);
