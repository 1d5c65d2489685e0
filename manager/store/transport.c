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
        QUEUE_CALLS = 2,
};

/* A stream to a peer. */
struct line {
        struct peer *peer;
        struct rpc_stream *stream; /* NULL: none, or broken */
        int64_t tried_at;
        bool is_full;
};

struct peer {
        struct peer *next;
        struct transport *transport;
        uint64_t id;
        char address[ADDRESS_SIZE];
        struct rpc_client *client;
        struct line lines[QUEUE_CALLS]; /* for entries, for the rest */
};

struct transport {
        struct transport_options options;
        struct rpc_server *server;
        struct peer *peers;
        struct arena arena;
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
                r = wire_unpack(wire, &transport->arena, &message, &err);
        if (r < 0) {
                rpc_fail(call, &err);
                return;
        }
        transport->options.received(transport->options.context, &message);
        wire_done(&message);
        arena_clear(&transport->arena);
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

static void line_closed(void *context, const struct err *err)
{
        struct line *line = context;

        (void)err;
        line->stream = NULL;
}

static void line_writable(void *context)
{
        struct line *line = context;

        line->is_full = false;
}

static void line_answered(void *context, const void *out)
{
        (void)context;
        (void)out;
}

static const struct rpc_stream_events outgoing = { .message = line_answered,
                                                   .writable = line_writable,
                                                   .closed = line_closed };

static bool line_open(struct line *line)
{
        struct loop *loop = line->peer->transport->options.loop;

        if (line->stream)
                return true;
        if (!line->peer->client || loop_now_boot(loop) - line->tried_at < RETRY_MS * NS_PER_MS)
                return false;
        line->tried_at = loop_now_boot(loop);
        line->is_full = false;
        line->stream = rpc_client_stream(line->peer->client, RPC_METHOD(raft, SendMessages), NULL,
                                         &outgoing, line);
        return true;
}

static struct peer *find(struct transport *transport, uint64_t id)
{
        struct peer *peer = transport->peers;

        while (peer && peer->id != id)
                peer = peer->next;
        return peer;
}

void transport_send(struct transport *transport, const struct raft_message *message)
{
        struct peer *peer = find(transport, message->to);
        struct line *line = peer ? &peer->lines[message->n_entries != 0] : NULL;

        if (!line || !line_open(line) || line->is_full)
                return;
        line->is_full =
                !rpc_stream_write(line->stream, &wire_pack(message, &transport->arena)->base);
        /* Entries may fill the line up to what Raft lets be under way, and then it waits for
         * answers; only the rest has to be kept short. */
        if (message->n_entries)
                line->is_full = false;
        arena_clear(&transport->arena);
}

/* --- peers --- */

static void peer_disconnect(struct peer *peer)
{
        for (size_t i = 0; i < QUEUE_CALLS; i++)
                if (peer->lines[i].stream)
                        rpc_stream_cancel(TAKE(peer->lines[i].stream));
        rpc_client_free(TAKE(peer->client));
}

static void peer_connect(struct peer *peer)
{
        struct rpc_client_options options = { .address = peer->address,
                                              .identity = peer->transport->options.identity,
                                              .server_daemon = "store" };

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
                for (size_t i = 0; i < QUEUE_CALLS; i++)
                        peer->lines[i].peer = peer;
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
        TRY(rpc_server_listen(transport->server, transport->options.listen, RPC_MUTUAL_TLS, 0,
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
        arena_done(&transport->arena);
        free(transport);
}
