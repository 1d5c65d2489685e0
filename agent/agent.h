/* A node's task side: holds the session with a manager, keeps what the manager wants on disk, and
 * runs it through an executor.
 *
 * It exists before the node belongs to any swarm and does nothing then; the node side (agent/node)
 * calls agent_join_cluster() once there is an identity, and agent_leave() before that identity is
 * taken away.  Everything runs on the loop; callbacks never run inside the function that is called.
 */
#pragma once
#include "agent/executor.h"
#include "lib/base/str.h"
#include "lib/os/loop.h"
#include "lib/os/worker.h"

struct agent;

/* What the node side is told.  Members may be NULL; what is pointed to is borrowed for the call. */
struct agent_events {
        /* First contact, contact lost (message says why), contact again.  Tasks run on meanwhile.
         */
        void (*connected)(void *context, bool is_connected, const char *message);
        /* The node's record as the managers keep it, at each session and whenever it changed: role,
         * availability, labels. */
        void (*node_changed)(void *context, const Sk__Node *node);
        /* Where the managers' dispatchers are, "host:port", at each session and on each change. */
        void (*managers_told)(void *context, const char *const *addresses, size_t n);
        /* The root certificate that managers trust now; told at each session and on rotation. */
        void (*root_changed)(void *context, const char *root_certificate_pem);
        /* The managers know of no such node (it was removed): ERR_NOT_FOUND.  Told once per try;
         * the agent goes on trying with long pauses. */
        void (*refused)(void *context, const struct err *err);
};

struct agent_options {
        struct loop *loop;
        struct executor *executor; /* borrowed; outlives the agent */
        /* Where assignments, statuses and the list of managers are kept; made when missing.  NULL:
         * nothing is kept (simulated agents). */
        const char *state_folder;
        const char *address;         /* what the node tells others to reach it by; "" unknown */
        const char *hostname;        /* NULL: what the executor describes */
        const struct assets *assets; /* what the node has besides; NULL: nothing; borrowed */
        struct worker_pool *workers; /* for reading logs; NULL: none can be read */
        /* Where a task's log lies (agent/logs/read.h); NULL: nowhere. */
        void (*log_folder)(void *context, const char *task_id, char *ret, size_t size);
        bool (*log_is_elsewhere)(void *context, const char *task_id, struct str *ret); /* or NULL */
        struct agent_events events;
        void *context;
};

int agent_new(const struct agent_options *options, struct agent **ret_agent, struct err *err);

/* Closes the session and forgets the tasks' handles; containers run on. */
void agent_free(struct agent *agent);
DEFINE_CLEANUP(struct agent, agent_free)

/* Starts to work for the swarm whose identity lies in 'identity_folder' (agent.key, agent.crt,
 * root.crt; re-read when they change).  'managers' are dispatcher addresses "host:port" to try
 * besides those remembered on disk; may be empty after a restart.  Tasks remembered from earlier
 * are resumed at once, before any manager answers.  ERR_EXISTS when it already works for a swarm.
 */
int agent_join_cluster(struct agent *agent, const char *identity_folder,
                       const char *const *managers, size_t n_managers, struct err *err);

/* Ends the session, shuts down and removes every task and whatever else the executor still holds,
 * forgets what is on disk, then calls 'left' (always on the loop, later).  A no-op that still calls
 * back when it works for no swarm. */
void agent_leave(struct agent *agent, void (*left)(void *context), void *context);

/* The address by which others reach this node, from the next session on. */
void agent_set_address(struct agent *agent, const char *address);

/* What there is to say about it now; strings are borrowed until the next turn. */
struct agent_info {
        bool is_in_cluster;
        bool is_connected;
        const char *node_id;    /* "" when in no cluster */
        const char *manager;    /* address of the dispatcher it talks to or last tried; "" */
        const char *last_error; /* why it is not connected; "" */
        size_t n_tasks, n_running;
        size_t n_unreported; /* statuses that no manager has acknowledged yet */
};
void agent_get_info(const struct agent *agent, struct agent_info *ret);

/* What the node is and has, as told to the managers; in 'arena'. */
void agent_describe(struct agent *agent, struct arena *arena, Sk__NodeDescription *ret);
