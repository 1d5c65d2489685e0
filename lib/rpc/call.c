/* A served call's life: armed, begun, handled, finished, over.
 *
 *   armed ──requested──► begun ──handle──► answered ──finish──► finished ──closed──► over
 *                          │                                                  ▲
 *                          └── the peer cancels, or is gone ── closed ────────┘
 *
 * gRPC owns a call as long as an operation is under way; call_settle() moves it on when none is. */
#include "lib/rpc/call.h"

#include <grpc/support/alloc.h>
#include <time.h>

#include "api/roles.h"
#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/rpc/bytes.h"

static int64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* --- structs --- */

static void happened_requested(struct rpc_event *event, bool is_ok);
static void happened_closed(struct rpc_event *event, bool is_ok);
static void happened_finished(struct rpc_event *event, bool is_ok);

static struct rpc_call *call_take(struct rpc_server *server, struct served *served)
{
        struct rpc_call *call = server->pooled;
        struct arena arena = { 0 };

        if (call) {
                server->pooled = call->next;
                server->n_pooled--;
                arena = call->arena;
        } else {
                call = mem_alloc(sizeof *call);
        }
        *call = (struct rpc_call){
                .server = server,
                .served = served,
                .arena = arena,
                .text = grpc_empty_slice(),
                .requested.happened = happened_requested,
                .closed.happened = happened_closed,
                .finished.happened = happened_finished,
        };
        grpc_metadata_array_init(&call->metadata);
        grpc_call_details_init(&call->details);
        server->n_structs++;
        return call;
}

void call_free(struct rpc_call *call)
{
        arena_done(&call->arena);
        free(call);
}

static void release_grpc(struct rpc_call *call)
{
        if (call->call)
                grpc_call_unref(TAKE(call->call));
        writer_done(&call->writer);
}

static void call_recycle(struct rpc_call *call)
{
        struct rpc_server *server = call->server;

        release_grpc(call);
        grpc_metadata_array_destroy(&call->metadata);
        grpc_call_details_destroy(&call->details);
        grpc_byte_buffer_destroy(call->request);
        grpc_byte_buffer_destroy(call->response);
        grpc_slice_unref(call->text);
        known_peer_unref(call->peer);
        server->n_structs--;
        if (server->is_stopping || server->n_pooled == POOLED_MAX ||
            call->arena.used_bytes > ARENA_KEPT) {
                call_free(call);
        } else {
                arena_clear(&call->arena);
                call->next = server->pooled;
                server->pooled = call;
                server->n_pooled++;
        }
        server_settle(server);
}

/* --- armed --- */

static void arm_one(struct rpc_server *server, struct served *served)
{
        struct rpc_call *call = call_take(server, served);
        grpc_completion_queue *cq = rpc_queue_cq(server->queue);
        grpc_call_error error;
        bool is_read_first;

        rpc_queue_hand_over(server->queue);
        if (served) {
                is_read_first = served->method->shape == RPC_UNARY ||
                                served->method->shape == RPC_SERVER_STREAM;
                error = grpc_server_request_registered_call(server->server, served->registered,
                                                            &call->call, &call->deadline,
                                                            &call->metadata,
                                                            is_read_first ? &call->request : NULL,
                                                            cq, cq, &call->requested);
                served->n_armed++;
        } else {
                error = grpc_server_request_call(server->server, &call->call, &call->details,
                                                 &call->metadata, cq, cq, &call->requested);
        }
        CHECK(error == GRPC_CALL_OK);
        rpc_queue_collect(server->queue);
}

void call_arm(struct rpc_server *server, struct served *served)
{
        if (server->is_stopping)
                return;
        if (!served) {
                arm_one(server, NULL);
                return;
        }
        if (!served->n_armed && served->n_armed_wanted < ARMED_MAX)
                served->n_armed_wanted = served->n_armed_wanted ? 2 * served->n_armed_wanted : 1;
        while (served->n_armed < served->n_armed_wanted)
                arm_one(server, served);
}

/* --- begun --- */

static int authorise(const struct rpc_call *call, struct err *err)
{
        const struct rpc_method *method = call->served->method;
        const struct rpc_peer *peer = &call->peer->peer;

        if (call->peer->err.code)
                return err_set(err, call->peer->err.code, "%s", call->peer->err.text);
        if (method->roles == ROLE_ANYONE || (method->roles & peer->roles))
                return 0;
        if (peer->daemon[0])
                return err_set(err, ERR_DENIED, "'%s' may not call %s", peer->daemon, method->name);
        return err_set(err, ERR_DENIED, "%s is not for callers without a daemon's certificate",
                       method->name);
}

static int unpack_request(struct rpc_call *call, ProtobufCMessage **ret, struct err *err)
{
        if (!call->request)
                return err_set(err, ERR_INVALID, "the call came without a request");
        call->served->metrics.bytes_received += bytes_size(call->request);
        TRY(bytes_unpack(&call->arena, call->served->descriptor->input, call->request, ret, err));
        grpc_byte_buffer_destroy(TAKE(call->request));
        return 0;
}

static int open_call(struct rpc_call *call, struct err *err)
{
        const struct rpc_method *method = call->served->method;
        ProtobufCMessage *in = NULL;

        TRY(authorise(call, err));
        if (method->shape == RPC_UNARY || method->shape == RPC_SERVER_STREAM)
                TRY(unpack_request(call, &in, err));
        method->handle(call->served->context, call, in);
        if (!in && !call->is_answered)
                reader_next(&call->reader);
        return 0;
}

static int refuse_unknown(const struct rpc_call *call, struct err *err)
{
        char *path = grpc_slice_to_c_string(call->details.method);
        struct str quoted = { 0 };

        str_add_quoted(&quoted, path, 100);
        gpr_free(path);
        err_set(err, ERR_UNIMPLEMENTED, "there is no method %s here", str_text(&quoted));
        str_done(&quoted);
        return ERR_UNIMPLEMENTED;
}

/* Tells of cancellation; for a unary call that is answered at once it goes along with the answer.
 */
static void await_close(struct rpc_call *call)
{
        grpc_op op = {
                .op = GRPC_OP_RECV_CLOSE_ON_SERVER,
                .data.recv_close_on_server.cancelled = &call->was_cancelled,
        };

        if (call->is_close_awaited)
                return;
        call->is_close_awaited = true;
        call->n_pending++;
        rpc_queue_start(call->server->queue, call->call, &op, 1, &call->closed);
}

static void progressed_writing(struct writer *writer);
static void got_message(struct reader *reader, grpc_byte_buffer *bytes);

static void begin(struct rpc_call *call)
{
        struct rpc_server *server = call->server;
        struct err err;

        call->started_ns = now_ns();
        call->next = server->calls;
        if (call->next)
                call->next->previous = call;
        server->calls = call;
        if (call->served)
                call->served->metrics.n_under_way++;
        call->peer = peers_find(&server->peers, call->call);
        writer_init(&call->writer, server->queue, call->call, progressed_writing);
        reader_init(&call->reader, server->queue, call->call, got_message);

        call->is_in_handler = true;
        if ((call->served ? open_call(call, &err) : refuse_unknown(call, &err)) < 0)
                rpc_fail(call, &err);
        if (!call->is_answered)
                await_close(call);
        call->is_in_handler = false;
        call_settle(call);
}

static void happened_requested(struct rpc_event *event, bool is_ok)
{
        struct rpc_call *call = container_of(event, struct rpc_call, requested);

        if (call->served)
                call->served->n_armed--;
        if (!is_ok || call->server->is_freed) {
                call_recycle(call);
                return;
        }
        call_arm(call->server, call->served);
        begin(call);
}

/* --- streams --- */

static void tell_closed(struct rpc_call *call);

/* Nobody else may answer or write any more: whoever holds the call lets go of it first. */
static void refuse_garbage(struct rpc_call *call, const struct err *err)
{
        tell_closed(call);
        call->is_in_handler = true;
        rpc_fail(call, err);
}

static void deliver(struct rpc_call *call, grpc_byte_buffer *bytes)
{
        struct rpc_queue *queue = call->server->queue;
        ProtobufCMessage *in;
        struct err err;

        call->served->metrics.bytes_received += bytes_size(bytes);
        if (bytes_unpack(rpc_queue_scratch(queue), call->served->descriptor->input, bytes, &in,
                         &err) < 0)
                refuse_garbage(call, &err);
        else if (call->events && call->events->message)
                call->events->message(call->context, call, in);
        rpc_queue_clear_scratch(queue);
}

static void tell_half_closed(struct rpc_call *call)
{
        if (call->events && call->events->half_closed)
                call->events->half_closed(call->context, call);
}

static void got_message(struct reader *reader, grpc_byte_buffer *bytes)
{
        struct rpc_call *call = container_of(reader, struct rpc_call, reader);

        call->is_in_handler = true;
        if (bytes && !call->is_answered)
                deliver(call, bytes);
        else if (!bytes && !call->is_answered && !reader->is_cut_off)
                tell_half_closed(call);
        if (!call->is_answered)
                reader_next(&call->reader);
        call->is_in_handler = false;
        call_settle(call);
}

static void progressed_writing(struct writer *writer)
{
        struct rpc_call *call = container_of(writer, struct rpc_call, writer);

        call->is_in_handler = true;
        if (!call->is_answered && call->events && call->events->writable &&
            writer_take_awaited(writer))
                call->events->writable(call->context, call);
        call->is_in_handler = false;
        call_settle(call);
}

/* --- finished, closed, over --- */

static void finish(struct rpc_call *call)
{
        grpc_op ops[4] = { 0 };
        size_t n = 0;

        call->is_finished = true;
        if (!call->call || call->is_closed)
                return;
        if (!call->writer.is_opened)
                ops[n++].op = GRPC_OP_SEND_INITIAL_METADATA;
        if (call->response) {
                ops[n].op = GRPC_OP_SEND_MESSAGE;
                ops[n++].data.send_message.send_message = call->response;
        }
        ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
        ops[n].data.send_status_from_server.status = (grpc_status_code)-call->code;
        ops[n++].data.send_status_from_server.status_details = &call->text;
        if (!call->is_close_awaited) {
                ops[n].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
                ops[n++].data.recv_close_on_server.cancelled = &call->was_cancelled;
        }
        call->n_pending++;
        rpc_queue_start(call->server->queue, call->call, ops, n, &call->finished);
}

static void happened_finished(struct rpc_event *event, bool is_ok)
{
        struct rpc_call *call = container_of(event, struct rpc_call, finished);

        (void)is_ok;
        call->n_pending--;
        call_settle(call);
}

static void happened_closed(struct rpc_event *event, bool is_ok)
{
        struct rpc_call *call = container_of(event, struct rpc_call, closed);

        (void)is_ok;
        call->n_pending--;
        call->is_closed = true;
        if (call->was_cancelled)
                writer_break(&call->writer);
        call_settle(call);
}

static void tell_closed(struct rpc_call *call)
{
        const struct rpc_call_events *events = TAKE(call->events);

        call->is_in_handler = true;
        if (events && events->closed)
                events->closed(call->context, call);
        call->is_in_handler = false;
}

static void end(struct rpc_call *call)
{
        struct rpc_server *server = call->server;
        int code = call->is_answered ? call->code : ERR_CANCELLED;

        tell_closed(call);
        if (call->served) {
                call->served->metrics.n_under_way--;
                metrics_count(&call->served->metrics, code, now_ns() - call->started_ns);
        }
        if (server->next == call)
                server->next = call->next;
        if (call->next)
                call->next->previous = call->previous;
        if (call->previous)
                call->previous->next = call->next;
        else
                server->calls = call->next;
        call_recycle(call);
}

void call_settle(struct rpc_call *call)
{
        if (call->is_in_handler)
                return;
        if (call->is_answered && !call->is_finished && !call->writer.is_busy && !call->writer.n)
                finish(call);
        if (call->n_pending || call->writer.is_busy || call->reader.is_busy)
                return;
        if (call->is_answered || (call->is_closed && call->events))
                end(call);
        else if (call->is_closed)
                release_grpc(call); /* a unary handler that will still answer, for nobody */
}

void call_abandon(struct rpc_call *call)
{
        bool was_in_handler = call->is_in_handler;

        writer_break(&call->writer);
        call->reader.is_ended = true;
        if (call->call)
                grpc_call_cancel(call->call, NULL);
        if (call->events) {
                tell_closed(call);
                call->code = ERR_CANCELLED;
                call->is_answered = call->is_finished = true;
        }
        call->is_in_handler = was_in_handler;
        call_settle(call);
}
