/* The store's shell: what its files share.  Everything here belongs to the daemon's loop; Raft has
 * a thread of its own (replica.h), and so has writing the state to disk (flush.c).
 *
 *     Commit -> propose.c -> replica -> store.c (apply) -> answer
 *                                          |-> watch.c (feeds)
 *                                          '-> flush.c (the disk, a reader like the others) */
#pragma once
#include "api/store.h"
#include "lib/base/mem.h"
#include "lib/os/loop.h"
#include "lib/os/worker.h"
#include "lib/rpc/service.h"
#include "manager/store/apply.h"
#include "manager/store/disk.h"
#include "manager/store/replica.h"
#include "manager/store/state.h"

STORE_METHODS(RPC_PROTOTYPE)

extern const struct rpc_service store_service; /* its handlers' context is the struct store */

struct store_config {
        const char *folder;
        const char *bootstrap; /* a packed LogEntry that begins a cluster; "": none */
        const char *advertise; /* where other stores reach this one */
        const char *raft_listen, *raft_advertise; /* the same for Raft; "": alone */
        const char *join;       /* addresses of stores, with commas: who to ask to be added */
        bool force_new_cluster; /* the majority is lost: go on alone */
        int64_t heartbeat;      /* ns, between stores */
        int64_t queue_bytes, compact_entries, keep_entries;
};

struct store_options {
        struct loop *loop;
        const char *node_id;
        const struct rpc_identity *identity; /* borrowed */
        const struct store_config *config;
        void (*ready)(void *context); /* once */
        void (*failed)(void *context, const struct err *err);
        void *context;
};

struct store;

/* Reads the disk and joins Raft. */
int store_open(const struct store_options *options, struct store **ret_store, struct err *err);
void store_free(struct store *store); /* NULL is fine; open calls are the server's to end first */

void store_metrics(struct store *store, struct str *str);

/* --- commits (propose.c) --- */

/* A commit on its way.  'done' gets either its result or the error that kept it from having one. */
struct commit {
        struct commit *next;
        void (*done)(struct store *store, void *context, const struct applied *applied,
                     const struct err *err);
        void *context;
        int64_t began_boot_ns;
        size_t size;
        uint8_t packed[]; /* a LogCommit */
};

struct commit_queue {
        struct commit *first, **end;
};

/* An entry that was proposed, and whose commits it holds. */
struct proposal {
        struct proposal *next;
        uint64_t index, term; /* 0: not yet known */
        size_t bytes;
        struct commit_queue commits;
};

/* Checks and queues; 'done' is called later, never inside.  Contents are checked when they come
 * from outside.  ERR_UNAVAILABLE: this store does not lead; ERR_EXHAUSTED: the queue is full. */
int store_propose(struct store *store, const Sk__CommitRequest *request, uint32_t writer,
                  void (*done)(struct store *, void *context, const struct applied *,
                               const struct err *),
                  void *context, struct err *err);

/* One change of one part, by the store itself. */
int store_propose_part(struct store *store, Sk__Change *change, uint32_t part,
                       const ProtobufCMessage *message,
                       void (*done)(struct store *, void *context, const struct applied *,
                                    const struct err *),
                       void *context, struct err *err);

void propose_init(struct store *store);
void propose_done(struct store *store);
void propose_turn(struct store *store); /* makes entries of what was queued */
void propose_accepted(struct store *store, struct proposal *proposal, uint64_t index, uint64_t term,
                      const struct err *err);
/* The entry was applied: answers those who wait for it. */
void propose_applied(struct store *store, const struct raft_entry *entry,
                     const struct applied *results, size_t n);
void propose_role(struct store *store);   /* the role changed */
void propose_forget(struct store *store); /* a snapshot took the place of what was under way */
/* Answers a call with how its commit ended. */
void propose_answer(struct store *store, struct rpc_call *call, const struct applied *applied,
                    const struct err *err);

/* --- linearizable reads (read.c) --- */

struct store_read {
        struct store_read *next;
        void (*done)(struct store *store, struct store_read *read, const struct err *err);
};

/* Calls back once the state is no older than this call. */
void store_read(struct store *store, struct store_read *read);
void read_answered(struct store *store, uint64_t id, bool is_ok);
void read_begin(struct store *store); /* the cluster has been begun */

/* Why what needs a leader cannot be done: a moment without one is ERR_UNAVAILABLE, to be tried
 * again; when it lasts (few managers, or this one is cut off) it is docker's ERR_UNKNOWN, and no
 * use waiting for. */
int store_no_leader(const struct store *store, struct err *err);

/* --- readers (watch.c, flush.c), leases (lease.c) --- */

void watch_turn(struct store *store);
void watch_restart(struct store *store); /* the state is another one */
void lease_role(struct store *store);
int flush_open(struct store *store, struct err *err);
void flush_begin(struct store *store); /* from the state as it is: the disk has it */
void flush_done(struct store *store);
void flush_applied(struct store *store, size_t bytes);
bool flush_is_behind(const struct store *store); /* take no more for now */

/* --- other stores (peers.c), membership (members.c) --- */

/* Passes a commit on to the leader. */
void peers_forward(struct store *store, struct rpc_call *call, const Sk__CommitRequest *request);
/* Looks after the membership from now on: the leader's, or to become a member. */
void members_start(struct store *store);
void members_look(struct store *store); /* something may have changed that decides about it */
void members_done(struct store *store);

/* --- snapshots between stores (snapshot.c) --- */

void snapshot_send(struct store *store, uint64_t peer, uint64_t term);
void snapshot_named(struct store *store, void *ticket, const struct raft_snapshot *snapshot);
void snapshot_installed(struct store *store, bool is_ok);
void snapshot_role(struct store *store);
void snapshot_flushed(struct store *store); /* the way to the disk is free */
void snapshot_done(struct store *store);

/* --- the first entry (bootstrap.c) --- */

/* Proposes the bootstrap file when there is one and the state is empty. */
void bootstrap_role(struct store *store);
/* The cluster has still to be begun here: nothing that could be read is true yet. */
bool bootstrap_is_pending(const struct store *store);
void store_become_ready(struct store *store);

/* Makes this store the only voter, with all that its log holds; before Raft starts (recover.c). */
int recover(struct store *store, struct err *err);

/* --- loading (load.c) --- */

int load_state(struct disk *disk, struct state *state, struct err *err);
/* The keys and records that load_state() reads. */
enum { LOAD_KEY_SIZE = 1 + 25 };
void load_object_key(const struct record *record, uint8_t key[static LOAD_KEY_SIZE]);
void load_put_answer(struct disk_batch *batch, const struct answer *answer);
void load_put_applied(struct disk_batch *batch, uint64_t index, int64_t time_ns, size_t n_objects);
/* Puts this state in the place of whatever is there. */
void load_replace(struct disk_batch *batch, struct state *state);

/* All that decides what is to be done about the membership. */
struct members_seen {
        bool is_ready;
        uint64_t cluster, nodes; /* versions */
        struct raft_members raft;
};

struct watch;
struct lease;
struct peer;
struct sending;
struct receiving;

struct store {
        struct store_options options;
        struct loop *loop;
        uint64_t id; /* as Raft knows this store */
        struct disk *disk;
        struct state *state;
        struct replica *replica;
        struct arena arena; /* of the entry or message at hand */
        bool is_ready, is_bootstrapping;
        uint64_t reported;           /* the applied index that Raft knows */
        int64_t leaderless_since_ns; /* boot time; 0: a leader is known */

        struct commit_queue queue;
        struct proposal *first_proposal, **end_proposal;
        size_t n_proposals, queued_bytes;

        struct store_read *reads_waiting, *reads_asked;
        uint64_t read_id;

        struct watch *watches;
        struct lease *leases;
        size_t n_watches;

        struct peer *peers;
        uint64_t membership_version; /* the peers are as of it */
        bool is_writing_members;
        bool forgets_members;             /* until the membership says that this store is alone */
        struct members_seen members_seen; /* at the last turn */
        struct loop_timer
                members_timer;          /* set: something was refused, or this store is no member */
        struct rpc_client *join_client; /* of the attempt under way */
        size_t n_joins;                 /* addresses tried */

        struct sending *sendings;
        struct receiving *installing; /* NULL: no snapshot is being installed */

        struct flush {
                struct state_mark mark;
                struct worker_pool *pool;
                struct flush_job *job; /* under way, or NULL */
                struct loop_timer timer;
                size_t bytes;       /* applied since the mark moved */
                uint64_t index;     /* what the disk has */
                size_t log_bytes;   /* applied since the log was cut */
                uint64_t n_answers; /* number of the last answer on disk */
        } flush;

        struct store_counters {
                uint64_t commits, groups, groups_refused, entries, entry_bytes, flushes;
                uint64_t commit_ns; /* from arrival to answer, summed */
        } counters;
};
