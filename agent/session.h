/* The agent's one stream to a manager: opened, kept alive by heartbeats, and opened anew, here or
 * elsewhere, whenever it is lost. */
#pragma once
#include "agent/managers.h"
#include "api/dispatcher.pb-c.h"
#include "lib/os/loop.h"
#include "lib/rpc/client.h"

struct session;

struct session_events {
        /* Fills in the hello; strings in 'arena'. */
        void (*greet)(void *context, struct arena *arena, Sk__AgentHello *ret);
        void (*opened)(void *context);
        void (*lost)(void *context, const struct err *err);
        void (*info)(void *context, const Sk__SessionInfo *info);
        /* A negative result ends the session; a new one begins with a COMPLETE set. */
        int (*assignments)(void *context, const Sk__Assignments *assignments, struct err *err);
        void (*acknowledged)(void *context, uint64_t sequence);
        void (*request)(void *context, const Sk__NodeRequest *request);
        void (*cancel)(void *context, const char *request_id);
        void (*refused)(void *context, const struct err *err);
};

struct session_options {
        struct loop *loop;
        const struct rpc_identity *identity;
        struct managers *managers; /* borrowed; next() is called on failure */
        const struct session_events *events;
        void *context;
};

struct session *session_new(const struct session_options *options);
void session_free(struct session *session);

bool session_is_open(const struct session *session);

/* Dropped when there is no session: what matters is told again by the next one. */
void session_send(struct session *session, Sk__AgentMessage__MessageCase which, void *content);

/* The connection to the current manager, for answering requests; NULL without a session. */
struct rpc_client *session_client(const struct session *session);

const char *session_manager(const struct session *session);    /* "" */
const char *session_last_error(const struct session *session); /* "" */
