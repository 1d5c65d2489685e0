/* Streams that go through a daemon. */
#include "lib/rpc/joint.h"

bool rpc_joint_is_open(const struct rpc_joint_end *end)
{
        return end->call || end->stream;
}

void rpc_joint_pause(const struct rpc_joint_end *end)
{
        if (end->call)
                rpc_call_pause_reading(end->call);
        else if (end->stream)
                rpc_stream_pause_reading(end->stream);
}

void rpc_joint_resume(const struct rpc_joint_end *end)
{
        if (end->call)
                rpc_call_resume_reading(end->call);
        else if (end->stream)
                rpc_stream_resume_reading(end->stream);
}

void rpc_joint_pass(const struct rpc_joint_end *from, const struct rpc_joint_end *to,
                    const ProtobufCMessage *message)
{
        bool takes_more = true;

        if (to->call)
                takes_more = rpc_call_write(to->call, message);
        else if (to->stream)
                takes_more = rpc_stream_write(to->stream, message);
        if (!takes_more)
                rpc_joint_pause(from);
}

void rpc_joint_fail(struct rpc_joint_end *end, const struct err *err)
{
        struct rpc_joint_end closing = *end;

        *end = (struct rpc_joint_end){ 0 };
        if (closing.call)
                rpc_fail(closing.call, err);
        else if (closing.stream)
                rpc_stream_cancel(closing.stream);
}

void rpc_joint_finish(struct rpc_joint_end *end)
{
        struct rpc_joint_end closing = *end;

        *end = (struct rpc_joint_end){ 0 };
        if (closing.call)
                rpc_call_finish(closing.call);
        else if (closing.stream)
                rpc_stream_half_close(closing.stream);
}
