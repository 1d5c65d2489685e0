/* The transport: client streams out, client streams in. */
#include "manager/store/transport.h"

#include <stdio.h>
#include <string.h>

#include "api/raft.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/rpc/client.h"
#include "lib/rpc/server.h"
#include "manager/store/wire.h"

enum {
        ADDRESS_SIZE = 280,
        RETRY_MS = 50,            /* between attempts to open a stream */
        MESSAGE_BYTES = 16 << 20, /* the largest entry, and what is around it */
};

struct peer {
        struct peer *next;
        struct transport *transport;
        uint64_t id;
        char address[ADDRESS_SIZE];
        struct rpc_client *client;
        struct rpc_stream *stream; /* NULL: none, or broken */
        int64_t tried_at;
};

struct transport {
        struct transport_options options;
        struct rpc_server *server;
        struct peer *peers;
        /* Of the message that came, and of those that are sent meanwhile. */
        struct arena incoming_arena, outgoing_arena;
};

DEFINE_CLEANUP(struct transport, transport_free)
RAFT_METHODS(RPC_PROTOTYPE)
RAFT_METHODS(RPC_SHIM)

static const struct rpc_method methods[] = { RAFT_METHODS(RPC_ROW) };
static const struct rpc_service raft_service = { &sk__raft__descriptor, methods,
                                                 COUNT_OF(methods) };

uint64_t transport_member_id(const char *node_id)
{
        uint64_t id = hash_bytes(node_id, strlen(node_id));

        return id ? id : 1;
}

/* --- in --- */

static void message_came(void *context, struct rpc_call *call, const void *in)
{
        struct transport *transport = context;
        const Sk__RaftMessage *wire = in;
        struct raft_message message;
        struct err err;
        int r = 0;

        if (transport_member_id(rpc_call_peer(call)->node_id) != wire->from)
                r = err_set(&err, ERR_DENIED, "a message in another's name");
        if (r == 0)
                r = wire_unpack(wire, &transport->incoming_arena, &message, &err);
        if (r < 0) {
                rpc_fail(call, &err);
                return;
        }
        transport->options.received(transport->options.context, &message);
        wire_done(&message);
        arena_clear(&transport->incoming_arena);
}

static void peer_done(void *context, struct rpc_call *call)
{
        Sk__SendMessagesResponse response = SK__SEND_MESSAGES_RESPONSE__INIT;

        (void)context;
        rpc_reply(call, &response.base);
}

static const struct rpc_call_events incoming = { .message = message_came,
                                                 .half_closed = peer_done };

void send_messages(void *context, struct rpc_call *call, const Sk__RaftMessage *in)
{
        (void)in;
        rpc_call_on(call, &incoming, context);
}

/* --- out --- */

static void stream_closed(void *context, const struct err *err)
{
        struct peer *peer = context;

        (void)err;
        peer->stream = NULL;
}

static void stream_answered(void *context, const void *out)
{
        (void)context;
        (void)out;
}

static const struct rpc_stream_events outgoing = { .message = stream_answered,
                                                   .closed = stream_closed };

static bool peer_open(struct peer *peer)
{
        struct loop *loop = peer->transport->options.loop;

        if (peer->stream)
                return true;
        if (!peer->client || loop_now_boot(loop) - peer->tried_at < RETRY_MS * NS_PER_MS)
                return false;
        peer->tried_at = loop_now_boot(loop);
        peer->stream = rpc_client_stream(peer->client, RPC_METHOD(raft, SendMessages), NULL,
                                         &outgoing, peer);
        return true;
}

static struct peer *find(struct transport *transport, uint64_t id)
{
        struct peer *peer = transport->peers;

        while (peer && peer->id != id)
                peer = peer->next;
        return peer;
}

/* What waits in a stream is bounded by what Raft lets be under way to one peer. */
void transport_send(struct transport *transport, const struct raft_message *message)
{
        struct peer *peer = find(transport, message->to);

        if (!peer || !peer_open(peer))
                return;
        rpc_stream_write(peer->stream, &wire_pack(message, &transport->outgoing_arena)->base);
        arena_clear(&transport->outgoing_arena);
}

/* --- peers --- */

static void peer_disconnect(struct peer *peer)
{
        if (peer->stream)
                rpc_stream_cancel(TAKE(peer->stream));
        rpc_client_free(TAKE(peer->client));
}

static void peer_connect(struct peer *peer)
{
        struct rpc_client_options options = { .address = peer->address,
                                              .identity = peer->transport->options.identity,
                                              .server_daemon = "store",
                                              .backoff_max_ms = RETRY_MS };

        if (rpc_client_new(peer->transport->options.loop, &options, &peer->client, NULL) < 0)
                peer->client = NULL;
}

void transport_set_peer(struct transport *transport, uint64_t id, const char *address)
{
        struct peer *peer = find(transport, id);

        if (peer && strcmp(peer->address, address) == 0)
                return;
        if (!peer) {
                peer = mem_alloc(sizeof *peer);
                peer->transport = transport;
                peer->id = id;
                peer->next = transport->peers;
                transport->peers = peer;
        }
        peer_disconnect(peer);
        snprintf(peer->address, sizeof peer->address, "%s", address);
        peer_connect(peer);
}

/* --- life --- */

static int serve(struct transport *transport, struct err *err)
{
        struct rpc_server_options options = { .message_size_max = MESSAGE_BYTES,
                                              .identity = transport->options.identity };

        if (!*transport->options.listen)
                return 0;
        TRY(rpc_server_new(transport->options.loop, &options, &transport->server, err));
        TRY(rpc_server_add(transport->server, &raft_service, transport, err));
        TRY(rpc_server_listen(transport->server, transport->options.listen, RPC_MUTUAL_TLS, 0600,
                              err));
        return rpc_server_start(transport->server, err);
}

int transport_new(const struct transport_options *options, struct transport **ret_transport,
                  struct err *err)
{
        _cleanup_(transport_freep) struct transport *transport = mem_alloc(sizeof *transport);

        transport->options = *options;
        TRY(serve(transport, err));
        *ret_transport = TAKE(transport);
        return 0;
}

void transport_free(struct transport *transport)
{
        if (!transport)
                return;
        while (transport->peers) {
                struct peer *peer = transport->peers;

                transport->peers = peer->next;
                peer_disconnect(peer);
                free(peer);
        }
        rpc_server_free(transport->server, 0);
        arena_done(&transport->incoming_arena);
        arena_done(&transport->outgoing_arena);
        free(transport);
}
