/* The agent's side of skep-mesh. */
#include "agent/network/network.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/base/vec.h"

static const int64_t retry_ns = 200 * NS_PER_MS, patience_ns = 20 * NS_PER_S;

typedef void network_told(void *context, const Sk__MeshReport__Attachment *attachment,
                          const struct err *err);

struct network_request {
        struct network_request *next;
        struct network *network;
        network_told *told;
        void *context;
        bool is_detach;
        char id[64];
        struct loop_timer patience;
};

/* What the mesh shall have. */
struct wanted {
        char id[64];
        struct arena arena;
        Sk__MeshAttachment message;
        bool is_kept; /* only if it is there: nobody asked for it in this run */
};

struct network {
        struct loop *loop;
        struct rpc_client *client;
        struct rpc_stream *stream;
        struct loop_timer retry;
        struct map wanted; /* struct wanted, by id */
        struct network_request *requests;
        bool is_complete; /* what shall stay has been named */
};

static void open_stream(void *context);

static void request_end(struct network_request *request,
                        const Sk__MeshReport__Attachment *attachment, const struct err *err)
{
        struct network_request **place = &request->network->requests;
        network_told *told = request->told;
        void *context = request->context;

        while (*place != request)
                place = &(*place)->next;
        *place = request->next;
        loop_timer_cancel(&request->patience);
        free(request);
        if (told)
                told(context, attachment, err);
}

static void report_one(struct network *network, const Sk__MeshReport__Attachment *attachment)
{
        struct network_request *request = network->requests, *next;
        struct err err;

        for (; request; request = next) {
                next = request->next;
                if (strcmp(request->id, attachment->id) != 0)
                        continue;
                if (request->is_detach && attachment->is_removed) {
                        request_end(request, attachment, NULL);
                } else if (!request->is_detach && attachment->is_ready) {
                        request_end(request, attachment, NULL);
                } else if (!request->is_detach && !str_is_empty(attachment->err)) {
                        err_set(&err, ERR_UNAVAILABLE, "%s", attachment->err);
                        request_end(request, NULL, &err);
                } else {
                        continue;
                }
                /* The callback may have changed the list. */
                next = network->requests;
        }
}

static void report_came(void *context, const void *out)
{
        struct network *network = context;
        const Sk__MeshReport *report = out;

        for (size_t i = 0; i < report->n_attachments; i++)
                report_one(network, report->attachments[i]);
}

static void stream_closed(void *context, const struct err *err)
{
        struct network *network = context;

        (void)err;
        network->stream = NULL;
        loop_timer_set(network->loop, &network->retry, retry_ns);
}

/* Everything wanted, and what is still to go; a complete list also ends what it does not name. */
static void say_everything(struct network *network)
{
        _cleanup_(vec_done) struct vec attachments = VEC_OF(Sk__MeshAttachment *);
        _cleanup_(vec_done) struct vec removed = VEC_OF(const char *), kept = VEC_OF(const char *);
        Sk__MeshWanted message = SK__MESH_WANTED__INIT;
        struct wanted *wanted;
        size_t at = 0;

        while ((wanted = map_next(&network->wanted, &at))) {
                if (wanted->is_kept)
                        vec_push(&kept, &(const char *){ wanted->id });
                else
                        vec_push(&attachments, &(Sk__MeshAttachment *){ &wanted->message });
        }
        for (struct network_request *request = network->requests; request; request = request->next)
                if (request->is_detach)
                        vec_push(&removed, &(const char *){ request->id });
        message.is_complete = network->is_complete;
        message.attachments = attachments.data;
        message.n_attachments = attachments.n;
        message.removed = removed.data;
        message.n_removed = removed.n;
        message.kept = kept.data;
        message.n_kept = kept.n;
        rpc_stream_write(network->stream, &message.base);
}

static void open_stream(void *context)
{
        static const struct rpc_stream_events events = { .message = report_came,
                                                         .closed = stream_closed };
        struct network *network = context;

        network->stream =
                rpc_client_stream(network->client, RPC_METHOD(mesh, Sync), NULL, &events, network);
        say_everything(network);
}

void network_complete(struct network *network)
{
        network->is_complete = true;
        if (network->stream)
                say_everything(network);
}

static struct wanted *want(struct network *network, const char *id)
{
        struct wanted *wanted = map_find(&network->wanted, id);

        if (wanted)
                return wanted;
        wanted = mem_alloc(sizeof *wanted);
        snprintf(wanted->id, sizeof wanted->id, "%s", id);
        wanted->message = (Sk__MeshAttachment)SK__MESH_ATTACHMENT__INIT;
        wanted->message.id = wanted->id;
        map_put(&network->wanted, wanted->id, wanted);
        return wanted;
}

static void out_of_patience(void *context)
{
        struct network_request *request = context;
        struct err err;

        err_set(&err, ERR_UNAVAILABLE, "skep-mesh did not %s within 20 s: is it running?",
                request->is_detach ? "take the network away" : "provide a network");
        request_end(request, NULL, &err);
}

static struct network_request *request_new(struct network *network, const char *id, bool is_detach,
                                           network_told *told, void *context)
{
        struct network_request *request = mem_alloc(sizeof *request);

        request->network = network;
        request->told = told;
        request->context = context;
        request->is_detach = is_detach;
        snprintf(request->id, sizeof request->id, "%s", id);
        request->patience = (struct loop_timer){ .fire = out_of_patience, .context = request };
        loop_timer_set(network->loop, &request->patience, patience_ns);
        request->next = network->requests;
        network->requests = request;
        return request;
}

struct network_request *network_attach(struct network *network, const char *id,
                                       Sk__PortConfig *const *host_ports, size_t n_host_ports,
                                       network_told *attached, void *context)
{
        struct wanted *wanted = want(network, id);
        Sk__MeshAttachment *list[] = { &wanted->message };
        Sk__MeshWanted message = SK__MESH_WANTED__INIT;

        wanted->is_kept = false;
        arena_clear(&wanted->arena);
        wanted->message.host_ports =
                arena_alloc(&wanted->arena,
                            (n_host_ports + 1) * sizeof *wanted->message.host_ports);
        wanted->message.n_host_ports = n_host_ports;
        for (size_t i = 0; i < n_host_ports; i++) {
                Sk__PortConfig *port = arena_copy(&wanted->arena, host_ports[i], sizeof *port);

                port->name = "";
                wanted->message.host_ports[i] = port;
        }
        message.attachments = list;
        message.n_attachments = 1;
        if (network->stream)
                rpc_stream_write(network->stream, &message.base);
        return request_new(network, id, false, attached, context);
}

struct network_request *network_detach(struct network *network, const char *id,
                                       network_told *detached, void *context)
{
        struct wanted *wanted = map_remove(&network->wanted, id);
        Sk__MeshWanted message = SK__MESH_WANTED__INIT;
        const char *list[] = { id };

        if (wanted) {
                arena_done(&wanted->arena);
                free(wanted);
        }
        message.removed = list;
        message.n_removed = 1;
        if (network->stream)
                rpc_stream_write(network->stream, &message.base);
        return request_new(network, id, true, detached, context);
}

void network_keep(struct network *network, const char *id)
{
        if (!map_find(&network->wanted, id))
                want(network, id)->is_kept = true;
}

void network_forget(struct network_request *request)
{
        request->told = NULL;
}

int network_new(struct loop *loop, const char *mesh_address, struct network **ret_network,
                struct err *err)
{
        struct network *network = mem_alloc(sizeof *network);

        network->loop = loop;
        network->retry = (struct loop_timer){ .fire = open_stream, .context = network };
        if (rpc_client_new(loop, &(struct rpc_client_options){ .address = mesh_address },
                           &network->client, err) < 0) {
                free(network);
                return err->code;
        }
        /* Not at once: the tasks found at start are named first (network_keep), or the mesh would
         * drop them. */
        loop_timer_set(loop, &network->retry, 0);
        *ret_network = network;
        return 0;
}

void network_free(struct network *network)
{
        struct network_request *request;
        struct wanted *wanted;
        size_t at = 0;

        if (!network)
                return;
        while ((request = network->requests)) {
                network->requests = request->next;
                loop_timer_cancel(&request->patience);
                free(request);
        }
        while ((wanted = map_next(&network->wanted, &at))) {
                arena_done(&wanted->arena);
                free(wanted);
        }
        map_done(&network->wanted);
        loop_timer_cancel(&network->retry);
        if (network->stream)
                rpc_stream_cancel(network->stream);
        rpc_client_free(network->client);
        free(network);
}
