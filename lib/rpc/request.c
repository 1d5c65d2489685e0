/* Unary calls. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/rpc/bytes.h"
#include "lib/rpc/channel.h"

enum { POOLED_MAX = 64 };

struct rpc_request {
        struct outgoing outgoing;
        struct rpc_event finished;
        grpc_byte_buffer *response;
        rpc_answered *answered; /* NULL: nobody waits any more */
        void *context;
        struct rpc_request *next_pooled;
};

static void recycle(struct rpc_request *request)
{
        struct rpc_client *client = request->outgoing.client;

        grpc_byte_buffer_destroy(TAKE(request->response));
        outgoing_done(&request->outgoing);
        if (client->n_pooled < POOLED_MAX) {
                request->next_pooled = client->pooled;
                client->pooled = request;
                client->n_pooled++;
        } else {
                free(request);
        }
        client_settle(client);
}

void requests_free(struct rpc_client *client)
{
        struct rpc_request *next;

        for (; client->pooled; client->pooled = next) {
                next = client->pooled->next_pooled;
                free(client->pooled);
        }
}

static int read_response(struct rpc_request *request, ProtobufCMessage **ret, struct err *err)
{
        TRY(outgoing_status(&request->outgoing, err));
        if (!request->response)
                return err_set(err, ERR_INTERNAL, "the server answered nothing");
        return bytes_unpack(rpc_queue_scratch(request->outgoing.client->queue),
                            request->outgoing.method->output, request->response, ret, err);
}

static void happened_finished(struct rpc_event *event, bool is_ok)
{
        struct rpc_request *request = container_of(event, struct rpc_request, finished);
        rpc_answered *answered = TAKE(request->answered);
        ProtobufCMessage *out = NULL;
        struct err err = { 0 };

        (void)is_ok;
        if (answered) {
                bool is_failed = read_response(request, &out, &err) < 0;

                answered(request->context, out, is_failed ? &err : NULL);
                rpc_queue_clear_scratch(request->outgoing.client->queue);
        }
        recycle(request);
}

static void abandon(struct outgoing *outgoing)
{
        struct rpc_request *request = container_of(outgoing, struct rpc_request, outgoing);
        rpc_answered *answered = TAKE(request->answered);
        struct err err;

        grpc_call_cancel(outgoing->call, NULL);
        if (!answered)
                return;
        err_set(&err, ERR_CANCELLED, "the connection was given up");
        answered(request->context, NULL, &err);
}

void rpc_request_cancel(struct rpc_request *request)
{
        request->answered = NULL;
        grpc_call_cancel(request->outgoing.call, NULL);
}

static struct rpc_request *take_request(struct rpc_client *client)
{
        struct rpc_request *request = client->pooled;

        if (!request)
                return mem_alloc(sizeof *request);
        client->pooled = request->next_pooled;
        client->n_pooled--;
        return request;
}

struct rpc_request *rpc_client_call(struct rpc_client *client, const struct rpc_method_id *method,
                                    const ProtobufCMessage *in, int64_t timeout_ns,
                                    bool wait_for_ready, rpc_answered *answered, void *context)
{
        struct rpc_request *request = take_request(client);
        grpc_byte_buffer *bytes = bytes_pack(in);
        grpc_op ops[6] = { 0 };

        *request = (struct rpc_request){
                .outgoing.abandon = abandon,
                .finished.happened = happened_finished,
                .answered = answered,
                .context = context,
        };
        outgoing_init(&request->outgoing, client, method, timeout_ns);
        CHECK(in->descriptor == request->outgoing.method->input);
        ops[0] = outgoing_open_op(&request->outgoing,
                                  wait_for_ready ? GRPC_INITIAL_METADATA_WAIT_FOR_READY : 0);
        ops[1].op = GRPC_OP_SEND_MESSAGE;
        ops[1].data.send_message.send_message = bytes;
        ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
        ops[3].op = GRPC_OP_RECV_INITIAL_METADATA;
        ops[3].data.recv_initial_metadata.recv_initial_metadata =
                &request->outgoing.initial_metadata;
        ops[4].op = GRPC_OP_RECV_MESSAGE;
        ops[4].data.recv_message.recv_message = &request->response;
        ops[5] = outgoing_status_op(&request->outgoing);
        rpc_queue_start(client->queue, request->outgoing.call, ops, COUNT_OF(ops),
                        &request->finished);
        grpc_byte_buffer_destroy(bytes);
        return request;
}
