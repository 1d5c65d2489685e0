/* Answers to what managers ask for: logs.  The node dials back a stream of its own per request and
 * sends as credits allow, so nobody ever dials a node. */
#pragma once
#include "api/dispatcher.pb-c.h"
#include "lib/base/str.h"
#include "lib/os/loop.h"
#include "lib/os/worker.h"
#include "lib/rpc/client.h"

struct answers;

struct answers_options {
        struct loop *loop;
        struct worker_pool *workers; /* NULL: no logs can be read */
        /* Where the task's log lies (agent/logs/read.h); NULL: nowhere. */
        void (*log_folder)(void *context, const char *task_id, char *ret, size_t size);
        /* Adds a sentence when the task's log is not there; NULL: it always is. */
        bool (*log_is_elsewhere)(void *context, const char *task_id, struct str *ret);
        void *context;
        const char *node_id; /* borrowed */
};

struct answers *answers_new(const struct answers_options *options);
void answers_free(struct answers *answers); /* accepts NULL */

/* Begins to answer over 'client'; a request of an id that is being answered already is ignored. */
void answers_begin(struct answers *answers, struct rpc_client *client,
                   const Sk__NodeRequest *request);
/* A stream that says why not, and no more: whoever asks waits until it is answered. */
void answer_refuse(struct rpc_client *client, const char *request_id, const char *text);
#define ANSWER_TOO_MUCH "this node is being asked for too much at once"

void answers_cancel(struct answers *answers, const char *request_id);
