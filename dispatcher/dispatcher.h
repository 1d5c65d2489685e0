/* skep-dispatcher, put together: news of the store touch sessions, sessions tell agents, what
 * agents report is committed. */
#pragma once
#include "dispatcher/assignment.h"
#include "dispatcher/heartbeat.h"
#include "lib/run/committer.h"
#include "lib/run/daemon.h"
#include "lib/run/mirror.h"

struct dispatcher_config {
        const char *store;
        int64_t join_port;      /* where nodes join, on every manager */
        int64_t advertise_port; /* where dispatchers of other managers listen */
        const char *node_id;    /* of this manager; set at start */
};

struct session;
struct peers;
struct verdicts;

struct dispatcher {
        const struct dispatcher_config *config;
        struct daemon *daemon;
        struct loop *loop;
        struct rpc_client *store;
        struct mirror *mirror;
        struct committer *committer;
        struct map sessions;   /* node id -> struct session, the newest of each node */
        struct session *dirty; /* list of sessions that have something to tell */
        struct map requests;   /* request id -> struct asked (answer.c) */
        struct map entries;    /* request id -> struct entry (enter.c) */
        struct assignment_index index;
        struct heartbeats heartbeats; /* of all nodes that any dispatcher hears */
        struct peers *peers;
        struct verdicts *verdicts;
        struct loop_timer late, pulse, confirm;
        struct mirror_read confirmation; /* that a leader is there: asked for again and again */
        int64_t pulse_at_ns;             /* when this loop was last seen turning */
};

int dispatcher_start(struct daemon *daemon, struct err *err);
void dispatcher_stop(struct daemon *daemon);
void dispatcher_metrics(struct daemon *daemon, struct str *str);
void dispatcher_dump(struct daemon *daemon, struct str *str);

const struct view *dispatcher_view(const struct dispatcher *dispatcher);

/* Commits the plan.  The committer sends what all sessions have in one call; a plan of its own for
 * each of them, so that none can make another's too large, or refused. */
void dispatcher_commit(struct dispatcher *dispatcher, const struct plan *plan);

/* As that, for a batch of reports of 'size' bytes: once it is durable, it is acknowledged to the
 * session. */
void dispatcher_commit_batch(struct dispatcher *dispatcher, const struct plan *plan,
                             const struct session *session, uint64_t sequence, size_t size);

/* Where the dispatcher of that manager listens; false when its address says nothing. */
bool dispatcher_address(const struct dispatcher *dispatcher,
                        const Sk__ClusterMembership__Member *member, char *ret, size_t size);

/* False once this manager's store was taken out of the membership: its replica, and so what
 * sessions here are told, does not change any more. */
bool dispatcher_is_member(const struct dispatcher *dispatcher);

/* The node lives; it will be late if not heard for 'allowance_ns'. */
void dispatcher_heard(struct dispatcher *dispatcher, const char *node_id, int64_t allowance_ns);

/* It should be alive, and gets time to show it. */
void dispatcher_expect(struct dispatcher *dispatcher, const char *node_id, int64_t allowance_ns);

extern const struct rpc_service dispatcher_service;
