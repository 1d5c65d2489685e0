/* One agent's session: its stream, what it was told, what it reports. */
#pragma once
#include "dispatcher/assignment.h"
#include "dispatcher/dispatcher.h"
#include "dispatcher/node.h"

enum session_phase {
        SESSION_GREETED, /* waits for the hello */
        SESSION_OPENING, /* waits for a view that is no older than the hello */
        SESSION_OPEN,
        SESSION_OVER, /* failed or replaced; waits for the call to end */
};

struct session {
        struct dispatcher *dispatcher;
        struct rpc_call *call;
        enum session_phase phase;
        char node_id[64], id[ID_SIZE];
        struct assignment assignment;
        struct arena seen_arena;
        struct node_seen seen;
        int64_t period_ns, clock_ahead_ns;
        int64_t described_at_ns; /* when the last description came */
        unsigned n_in_flight;    /* status batches not yet durable */
        size_t bytes_in_flight;  /* that these have */
        unsigned n_acks_waiting; /* written since the agent took what was written before */
        uint64_t info_version;   /* of what the last SessionInfo was made from */
        struct mirror_read read;
        bool is_dirty;
        bool is_heard; /* since the other dispatchers were told */
        struct session *next_dirty;
};

/* The current session of a node; NULL when there is none. */
struct session *session_of_node(const struct dispatcher *dispatcher, const char *node_id);

/* It may have something to tell: it will be looked at when the turn ends. */
void session_touch(struct session *session);

/* Writes what there is to tell, as far as the agent takes it. */
void session_flush(struct session *session);

/* The batch is durable. */
void session_acknowledge(struct session *session, uint64_t sequence, size_t size);

/* The node's or the cluster's record changed: tells the agent, and puts right what the record says
 * of the node. */
void session_refresh(struct session *session);

/* Asks its node for data, under an id of ours; and that it should stop. */
void session_request(struct session *session, const char *request_id,
                     const Sk__NodeRequest *request);
void session_cancel_request(struct session *session, const char *request_id);

/* A line for GET /state. */
void session_dump(const struct session *session, struct str *str);

/* Ends it. */
void session_fail(struct session *session, const struct err *err);
