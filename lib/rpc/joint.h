/* Streams that go through a daemon: what comes in at one end goes out at the other, as fast as that
 * one takes it. */
#pragma once
#include "lib/rpc/client.h"
#include "lib/rpc/service.h"

/* A stream as its server or as its client; both NULL: not open. */
struct rpc_joint_end {
        struct rpc_call *call;
        struct rpc_stream *stream;
};

bool rpc_joint_is_open(const struct rpc_joint_end *end);

/* Writes the message; 'from' is not read any more when 'to' has enough for now. */
void rpc_joint_pass(const struct rpc_joint_end *from, const struct rpc_joint_end *to,
                    const ProtobufCMessage *message);

void rpc_joint_pause(const struct rpc_joint_end *end);
void rpc_joint_resume(const struct rpc_joint_end *end); /* no-op when it is not open */

/* Ends it with the error; a client's stream is cancelled.  No-op when it is not open. */
void rpc_joint_fail(struct rpc_joint_end *end, const struct err *err);
/* Ends it well; a client's stream is half closed. */
void rpc_joint_finish(struct rpc_joint_end *end);
