/* What handlers say to a call, and what they may know of it. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/rpc/bytes.h"
#include "lib/rpc/call.h"

/* --- answering --- */

static void answer(struct rpc_call *call, int code)
{
        CHECK(!call->is_answered);
        call->is_answered = true;
        call->code = code;
        call_settle(call);
}

void rpc_reply(struct rpc_call *call, const ProtobufCMessage *out)
{
        CHECK(out->descriptor == call->served->descriptor->output);
        call->response = bytes_pack(out);
        call->served->metrics.bytes_sent += bytes_size(call->response);
        answer(call, ERR_OK);
}

/* Behind a full window the status would not get through; cancelling puts it before what waits. */
void rpc_fail(struct rpc_call *call, const struct err *err)
{
        CHECK(err->code < 0);
        call->text = grpc_slice_from_copied_string(err->text);
        writer_break(&call->writer);
        if (call->writer.is_busy)
                grpc_call_cancel_with_status(call->call, (grpc_status_code)-err->code, err->text,
                                             NULL);
        answer(call, err->code);
}

void rpc_call_finish(struct rpc_call *call)
{
        answer(call, ERR_OK);
}

bool rpc_call_write(struct rpc_call *call, const ProtobufCMessage *message)
{
        grpc_byte_buffer *bytes;

        CHECK(!call->is_answered);
        CHECK(message->descriptor == call->served->descriptor->output);
        bytes = bytes_pack(message);
        call->served->metrics.bytes_sent += bytes_size(bytes);
        return writer_add(&call->writer, bytes);
}

bool rpc_call_is_writable(const struct rpc_call *call)
{
        return writer_is_writable(&call->writer);
}

/* --- listening --- */

void rpc_call_on(struct rpc_call *call, const struct rpc_call_events *events, void *context)
{
        call->events = events;
        call->context = context;
}

void rpc_call_pause_reading(struct rpc_call *call)
{
        call->reader.is_paused = true;
}

void rpc_call_resume_reading(struct rpc_call *call)
{
        call->reader.is_paused = false;
        if (!call->is_answered && !call->is_closed)
                reader_next(&call->reader);
}

/* --- knowing --- */

const struct rpc_peer *rpc_call_peer(const struct rpc_call *call)
{
        return &call->peer->peer;
}

struct arena *rpc_call_arena(struct rpc_call *call)
{
        return &call->arena;
}

int64_t rpc_call_deadline(const struct rpc_call *call)
{
        gpr_timespec deadline = gpr_convert_clock_type(call->deadline, GPR_CLOCK_REALTIME);

        if (deadline.tv_sec >= TIME_NEVER / NS_PER_S)
                return TIME_NEVER;
        return deadline.tv_sec * NS_PER_S + deadline.tv_nsec;
}

/* Letters, digits and the like, since it goes into logs. */
static bool is_fit_for_id(grpc_slice value)
{
        size_t n = GRPC_SLICE_LENGTH(value);

        for (size_t i = 0; i < n; i++)
                if (GRPC_SLICE_START_PTR(value)[i] <= ' ' || GRPC_SLICE_START_PTR(value)[i] > '~')
                        return false;
        return n > 0 && n < REQUEST_ID_SIZE;
}

const char *rpc_call_id(const struct rpc_call *const_call)
{
        /* Worked out when first asked for; to the caller it has always been there. */
        struct rpc_call *call = (struct rpc_call *)const_call;

        if (call->id[0])
                return call->id;
        for (size_t i = 0; i < call->metadata.count; i++) {
                const grpc_metadata *entry = &call->metadata.metadata[i];

                if (grpc_slice_str_cmp(entry->key, RPC_REQUEST_ID_KEY) != 0 ||
                    !is_fit_for_id(entry->value))
                        continue;
                memcpy(call->id, GRPC_SLICE_START_PTR(entry->value),
                       GRPC_SLICE_LENGTH(entry->value));
                return call->id;
        }
        os_random_id(call->id);
        return call->id;
}
