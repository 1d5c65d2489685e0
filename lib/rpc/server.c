/* A server: its listeners, its services, and its end. */
#include "lib/rpc/server.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/rpc/builtin.h"
#include "lib/rpc/call.h"
#include "lib/rpc/credentials.h"
#include "lib/rpc/environment.h"

enum {
        MESSAGE_SIZE_DEFAULT = 4 << 20,
        STREAMS_DEFAULT = 1000,
        MEMORY_DEFAULT = 256 << 20,
        HANDSHAKE_MS = 10 * 1000,
        KEEPALIVE_MS = 10 * 1000,
        KEEPALIVE_TIMEOUT_MS = 5 * 1000,
        PING_INTERVAL_MIN_MS = 5 * 1000, /* more pings than this and the connection is closed */
        METADATA_SIZE_MAX = 16 * 1024,
};

static grpc_server *make_server(const struct rpc_server_options *options)
{
        const struct rpc_setting settings[] = {
                { GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)options->message_size_max },
                { GRPC_ARG_MAX_METADATA_SIZE, METADATA_SIZE_MAX },
                { GRPC_ARG_MAX_CONCURRENT_STREAMS, (int)options->streams_max },
                { GRPC_ARG_MAX_CONNECTION_IDLE_MS, (int)options->idle_ms },
                { GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, HANDSHAKE_MS },
                { GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS },
                { GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS },
                { GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1 },
                { GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0 },
                { GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, PING_INTERVAL_MIN_MS },
                /* Two servers on one port would each get half of the connections. */
                { GRPC_ARG_ALLOW_REUSEPORT, 0 },
                /* Four megabytes can unfold to four gigabytes. */
                { GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE },
                { GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0 },
                { GRPC_ARG_ENABLE_CHANNELZ, 0 },
        };
        grpc_arg args[COUNT_OF(settings) + 1];
        grpc_channel_args all = { .num_args = COUNT_OF(args), .args = args };
        grpc_resource_quota *quota = grpc_resource_quota_create("rpc_server");
        grpc_server *server;

        grpc_resource_quota_resize(quota, options->memory_max);
        args[0].type = GRPC_ARG_POINTER;
        args[0].key = (char *)GRPC_ARG_RESOURCE_QUOTA;
        args[0].value.pointer.p = quota;
        args[0].value.pointer.vtable = grpc_resource_quota_arg_vtable();
        rpc_arguments(settings, COUNT_OF(settings), args + 1);
        server = grpc_server_create(&all, NULL);
        grpc_resource_quota_unref(quota);
        return server;
}

static void happened_stopped(struct rpc_event *event, bool is_ok)
{
        struct rpc_server *server = container_of(event, struct rpc_server, stopped);

        (void)is_ok;
        server->is_stopped = true;
        grpc_server_destroy(TAKE(server->server));
        for (size_t i = 0; i < server->reloaders.n; i++)
                reloader_free(VEC_AT(&server->reloaders, struct reloader *, i));
        server_settle(server);
}

int rpc_server_new(struct loop *loop, const struct rpc_server_options *options,
                   struct rpc_server **ret_server, struct err *err)
{
        struct rpc_queue *queue;
        struct rpc_server *server;

        TRY(rpc_queue_join(loop, &queue, err));
        server = mem_alloc(sizeof *server);
        server->queue = queue;
        server->options = *options;
        if (!server->options.message_size_max)
                server->options.message_size_max = MESSAGE_SIZE_DEFAULT;
        if (!server->options.streams_max)
                server->options.streams_max = STREAMS_DEFAULT;
        if (!server->options.idle_ms)
                server->options.idle_ms = INT_MAX;
        if (!server->options.memory_max)
                server->options.memory_max = MEMORY_DEFAULT;
        server->services = VEC_OF(const struct rpc_service *);
        server->served = VEC_OF(struct served *);
        server->reloaders = VEC_OF(struct reloader *);
        if (options->identity)
                server->peers.cluster_id = rpc_identity_cluster_id(options->identity);
        server->stopped.happened = happened_stopped;
        server->server = make_server(&server->options);
        grpc_server_register_completion_queue(server->server, rpc_queue_cq(queue), NULL);
        *ret_server = server;
        return 0;
}

/* --- services --- */

static void add_method(struct rpc_server *server, const struct rpc_service *service,
                       const struct rpc_method *method, void *context)
{
        bool is_read_first = method->shape == RPC_UNARY || method->shape == RPC_SERVER_STREAM;
        struct served *served = mem_alloc(sizeof *served);
        struct str path = { 0 };

        served->server = server;
        served->method = method;
        served->context = context;
        served->descriptor =
                protobuf_c_service_descriptor_get_method_by_name(service->descriptor, method->name);
        served->metrics.service = service->descriptor->name;
        served->metrics.method = method->name;
        str_addf(&path, "/%s/%s", service->descriptor->name, method->name);
        served->registered =
                grpc_server_register_method(server->server, str_text(&path), NULL,
                                            is_read_first
                                                    ? GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER
                                                    : GRPC_SRM_PAYLOAD_NONE,
                                            0);
        CHECK(served->registered);
        str_done(&path);
        vec_push(&server->served, &served);
}

int rpc_server_add(struct rpc_server *server, const struct rpc_service *service, void *context,
                   struct err *err)
{
        CHECK(!server->is_started);
        TRY(rpc_service_check(service, err));
        for (size_t i = 0; i < server->services.n; i++)
                if (VEC_AT(&server->services, const struct rpc_service *, i)->descriptor ==
                    service->descriptor)
                        return err_set(err, ERR_INTERNAL, "%s is added twice",
                                       service->descriptor->name);
        for (size_t i = 0; i < service->n_methods; i++)
                add_method(server, service, &service->methods[i], context);
        vec_push(&server->services, &service);
        return 0;
}

/* --- listeners --- */

/* What a dead server left behind is replaced; a socket that somebody answers on is not. */
static int clear_socket(const char *path, struct err *err)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd, error;

        if (strlen(path) >= sizeof address.sun_path)
                return err_set(err, ERR_INVALID, "the path '%s' is too long for a socket", path);
        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return err_set(err, ERR_UNAVAILABLE, "make a socket: %s", strerror(errno));
        error = connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ? errno : 0;
        close(fd);
        if (!error || error == EAGAIN)
                return err_set(err, ERR_EXISTS, "somebody listens on '%s' already", path);
        if (error == ECONNREFUSED && unlink(path) < 0)
                return err_set(err, ERR_UNAVAILABLE, "remove the stale '%s': %s", path,
                               strerror(errno));
        return 0;
}

static int bind_address(struct rpc_server *server, const char *address, enum rpc_trust trust,
                        struct err *err)
{
        struct reloader *reloader;
        grpc_server_credentials *credentials =
                credentials_of_listener(server->options.identity, trust, &reloader);
        int port = grpc_server_add_http2_port(server->server, address, credentials);

        grpc_server_credentials_release(credentials);
        vec_push(&server->reloaders, &reloader);
        if (port <= 0)
                return err_set(err, ERR_UNAVAILABLE, "cannot listen on '%s': %s", address,
                               str_starts_with(address, "unix:")
                                       ? "does its folder exist, and may we write there?"
                                       : "is it an address of this machine, and its port free?");
        return port;
}

int rpc_server_listen(struct rpc_server *server, const char *address, enum rpc_trust trust,
                      unsigned socket_mode, struct err *err)
{
        bool is_unix = str_starts_with(address, "unix:/");
        const char *path = address + sizeof "unix:" - 1;
        mode_t mask;
        int port;

        CHECK(!server->is_started);
        if (trust == RPC_LOCAL_ADMIN && !is_unix)
                return err_set(err, ERR_INVALID,
                               "'%s' would be open to the network without TLS; only unix:/path may",
                               address);
        if (trust != RPC_LOCAL_ADMIN && !server->options.identity)
                return err_set(err, ERR_INVALID, "TLS on '%s' needs an identity", address);
        if (!is_unix) {
                port = bind_address(server, address, trust, err);
                if (port > 0)
                        server->port = port;
                return port < 0 ? port : 0;
        }
        TRY(clear_socket(path, err));
        mask = umask(0177); /* nobody gets in before the mode is set */
        port = bind_address(server, address, trust, err);
        umask(mask);
        if (port > 0 && chmod(path, socket_mode) < 0)
                return err_set(err, ERR_UNAVAILABLE, "chmod '%s': %s", path, strerror(errno));
        return port < 0 ? port : 0;
}

int rpc_server_port(const struct rpc_server *server)
{
        return server->port;
}

int rpc_server_start(struct rpc_server *server, struct err *err)
{
        TRY(rpc_server_add(server, &health_service, server, err));
        TRY(rpc_server_add(server, &reflection_service, server, err));
        server->is_started = true;
        grpc_server_start(server->server);
        for (size_t i = 0; i < server->served.n; i++)
                call_arm(server, VEC_AT(&server->served, struct served *, i));
        call_arm(server, NULL);
        return 0;
}

void rpc_server_set_serving(struct rpc_server *server, bool serving)
{
        if (server->is_serving == serving)
                return;
        server->is_serving = serving;
        health_changed(server);
}

void rpc_server_metrics(const struct rpc_server *server, struct str *str)
{
        size_t n = server->served.n;
        _cleanup_(freep) struct method_metrics **metrics = mem_alloc_array(n, sizeof *metrics);

        for (size_t i = 0; i < n; i++)
                metrics[i] = &VEC_AT(&server->served, struct served *, i)->metrics;
        metrics_add_text(str, metrics, n);
}

/* --- the end --- */

void server_settle(struct rpc_server *server)
{
        struct rpc_call *next;

        if (!server->is_freed || !server->is_stopped || server->n_structs)
                return;
        for (; server->pooled; server->pooled = next) {
                next = server->pooled->next;
                call_free(server->pooled);
        }
        for (size_t i = 0; i < server->served.n; i++)
                free(VEC_AT(&server->served, struct served *, i));
        vec_done(&server->served);
        vec_done(&server->services);
        vec_done(&server->reloaders);
        peers_done(&server->peers);
        free(server);
}

static void give_grace(struct rpc_server *server, int grace_ms)
{
        struct loop *loop = rpc_queue_loop(server->queue);
        int64_t until = loop_now_boot(loop) + grace_ms * NS_PER_MS;

        while (server->calls && loop_now_boot(loop) < until)
                if (loop_turn(loop, 10, NULL) < 0)
                        return;
}

void rpc_server_free(struct rpc_server *server, int grace_ms)
{
        struct rpc_queue *queue;
        struct rpc_call *call;

        if (!server)
                return;
        queue = server->queue;
        server->is_stopping = true;
        health_stop(server);
        rpc_queue_hand_over(queue);
        grpc_server_shutdown_and_notify(server->server, rpc_queue_cq(queue), &server->stopped);
        rpc_queue_collect(queue);
        if (!loop_is_in_turn(rpc_queue_loop(queue)))
                give_grace(server, grace_ms);
        if (server->server)
                grpc_server_cancel_all_calls(server->server);
        /* The end of one may be the answer of others. */
        server->next = server->calls;
        while ((call = server->next)) {
                server->next = call->next;
                call_abandon(call);
        }
        server->is_freed = true;
        server_settle(server);
        rpc_queue_leave(queue);
}
