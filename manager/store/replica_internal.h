/* What the two sides of the replica share: replica.c is the store's, replica_raft.c runs on Raft's
 * thread. */
#pragma once
#include <pthread.h>

#include "lib/base/vec.h"
#include "lib/os/worker.h"
#include "manager/store/log_writer.h"
#include "manager/store/replica.h"
#include "manager/store/transport.h"

struct proposed {
        void *ticket;
        uint64_t index, term;
        struct err err;
};

struct named {
        void *ticket;
        bool is_ok;
        struct raft_snapshot snapshot;
};

/* What one turn of Raft has to tell the store. */
struct news {
        struct loop_post post;
        struct replica *replica;
        struct vec proposed;  /* struct proposed */
        struct vec entries;   /* struct raft_entry *, referenced */
        struct vec reads;     /* struct raft_read */
        struct vec snapshots; /* struct raft_snapshot_send */
        struct vec named;     /* struct named */
        struct replica_role role;
        bool has_role, has_failed, has_installed, is_installed;
        struct err failure;
};

enum request_kind {
        REQUEST_PROPOSE,
        REQUEST_READ,
        REQUEST_APPLIED,
        REQUEST_COMPACT,
        REQUEST_SET_PEER,
        REQUEST_CHANGE,
        REQUEST_TRANSFER,
        REQUEST_NAME_SNAPSHOT,
        REQUEST_SNAPSHOT_SENT,
        REQUEST_INSTALL,
        REQUEST_STOP,
};

/* What the store asks of Raft. */
struct request {
        struct loop_post post;
        struct replica *replica;
        enum request_kind what;
        struct raft_entry *entry;
        void *ticket;
        uint64_t id, number, term;
        size_t bytes; /* of the entries that were applied */
        enum raft_change change;
        bool is_ok;
        char *address;                  /* owned */
        struct raft_snapshot *snapshot; /* owned */
        void (*fill)(void *context, struct disk_batch *batch);
        void *context;
};

struct replica {
        struct replica_options options;
        pthread_t thread;
        bool is_started, is_closed;
        uint64_t n_news_seen; /* the store's count */
        size_t told_bytes;    /* of entries that Raft does not know to be applied */
        struct replica_role role;

        /* Raft's thread, from here on. */
        struct loop *loop;
        struct raft *raft;
        struct log_writer *writer;
        struct transport *transport;
        struct worker_pool *readers;
        struct loop_timer deadline;
        uint64_t next_apply;
        size_t gathered_bytes; /* of entries given to the store and not known to be applied */
        uint64_t install_id;   /* of the write that installs a snapshot; 0: none is under way */
        struct news *news;     /* of this turn; NULL: none yet */
        uint64_t n_news;
        bool is_ready, has_failed;
};

/* Reads the disk; before the thread starts. */
int replica_raft_open(struct replica *replica, struct err *err);
/* Raft's thread: the first step, the loop until it is stopped, and taking down what lives there. */
void replica_raft_run(struct replica *replica);
void replica_raft_close(struct replica *replica);

void replica_request_arrived(struct loop_post *post); /* on Raft's thread */
void replica_news_arrived(struct loop_post *post);    /* on the store's */
void replica_news_free(struct news *news);

size_t replica_entry_cost(const struct raft_entry *entry); /* the memory it takes */
