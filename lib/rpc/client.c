/* A client: its channel and its unary calls. */
#include "lib/rpc/client.h"

#include <grpc/grpc_posix.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/rpc/bytes.h"
#include "lib/rpc/channel.h"
#include "lib/rpc/credentials.h"
#include "lib/rpc/environment.h"

enum {
        MESSAGE_SIZE_DEFAULT = 64 << 20,
        BACKOFF_FIRST_MS = 100,
        BACKOFF_MAX_MS = 5 * 1000,
        CONNECT_MS = 3 * 1000, /* an attempt may take that long, however short the back-off is */
        KEEPALIVE_MS = 10 * 1000,
        KEEPALIVE_TIMEOUT_MS = 5 * 1000,
};

/* Takes the credentials over. */
static grpc_channel *make_channel(const struct rpc_client_options *options,
                                  grpc_channel_credentials *credentials)
{
        size_t message_size_max =
                options->message_size_max ? options->message_size_max : MESSAGE_SIZE_DEFAULT;
        int backoff_max_ms = options->backoff_max_ms ? options->backoff_max_ms : BACKOFF_MAX_MS;
        const struct rpc_setting settings[] = {
                { GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)message_size_max },
                { GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                  backoff_max_ms < BACKOFF_FIRST_MS ? backoff_max_ms : BACKOFF_FIRST_MS },
                { GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_MS },
                { GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, backoff_max_ms },
                { GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS },
                { GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS },
                { GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0 },
                { GRPC_ARG_CLIENT_IDLE_TIMEOUT_MS, INT_MAX },
                /* One client, one connection: nobody else's bulk data before our heartbeats. */
                { GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1 },
                /* Whoever calls must know anyway whether it may be repeated, and this costs 5 to 10
                   %. */
                { GRPC_ARG_ENABLE_RETRIES, 0 },
                { GRPC_ARG_ENABLE_HTTP_PROXY, 0 },
                { GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1 },
                { GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0 },
                { GRPC_ARG_ENABLE_CHANNELZ, 0 },
        };
        grpc_arg args[COUNT_OF(settings) + 1];
        grpc_channel_args all = { .num_args = COUNT_OF(settings), .args = args };
        grpc_channel *channel;
        char name[64];

        rpc_arguments(settings, COUNT_OF(settings), args);
        if (options->server_daemon) {
                snprintf(name, sizeof name, "%s.skep", options->server_daemon);
                args[all.num_args++] = (grpc_arg){
                        .type = GRPC_ARG_STRING,
                        .key = (char *)GRPC_SSL_TARGET_NAME_OVERRIDE_ARG,
                        .value.string = name,
                };
        }
        channel = grpc_channel_create(options->address, credentials, &all);
        grpc_channel_credentials_release(credentials);
        return channel;
}

static int check_options(const struct rpc_client_options *options, struct err *err)
{
        bool is_tls = options->identity || options->root_pem || options->is_unverified;

        if (!is_tls && !str_starts_with(options->address, "unix:/"))
                return err_set(err, ERR_INVALID,
                               "'%s' would be reached without TLS; only unix:/path may be",
                               options->address);
        if (is_tls && !options->server_daemon)
                return err_set(err, ERR_INVALID, "which daemon is expected at '%s'?",
                               options->address);
        return 0;
}

static void add_metadata(struct rpc_client *client, const char *key, const char *value)
{
        client->metadata[client->n_metadata++] = (grpc_metadata){
                .key = grpc_slice_from_copied_string(key),
                .value = grpc_slice_from_copied_string(value),
        };
}

static void drop_metadata(struct rpc_client *client)
{
        const grpc_metadata *last = &client->metadata[--client->n_metadata];

        grpc_slice_unref(last->key);
        grpc_slice_unref(last->value);
}

void rpc_client_set_request_id(struct rpc_client *client, const char *id)
{
        if (client->has_request_id)
                drop_metadata(client);
        if (id)
                add_metadata(client, RPC_REQUEST_ID_KEY, id);
        client->has_request_id = id;
}

static void copy_options(struct rpc_client_options *options, const struct rpc_client_options *from)
{
        *options = *from;
        options->address = str_copy(from->address);
        options->server_daemon = from->server_daemon ? str_copy(from->server_daemon) : NULL;
        options->root_pem = from->root_pem ? str_copy(from->root_pem) : NULL;
        options->metadata = NULL;
        options->n_metadata = 0;
}

static void options_done(struct rpc_client_options *options)
{
        free((char *)options->address);
        free((char *)options->server_daemon);
        free((char *)options->root_pem);
}

/* Takes the credentials over. */
static void open_channel(struct rpc_client *client, grpc_channel_credentials *credentials)
{
        struct channel *channel = mem_alloc(sizeof *channel);

        channel->channel = make_channel(&client->options, credentials);
        channel->called = (struct vec)VEC_OF(struct called);
        channel->n_users = 1;
        client->channel = channel;
}

static void channel_unref(struct channel *channel)
{
        if (--channel->n_users)
                return;
        grpc_channel_destroy(channel->channel);
        vec_done(&channel->called);
        free(channel);
}

/* A connection that is up goes on with the identity it began with; what has to connect anew does so
 * with the one of now.  The old channel lives on for the calls that wait for it: gRPC would let
 * them wait in vain on one that is destroyed. */
static void refresh_channel(struct rpc_client *client)
{
        grpc_channel_credentials *credentials;

        if (!client->options.identity ||
            grpc_channel_check_connectivity_state(client->channel->channel, 0) ==
                    GRPC_CHANNEL_READY)
                return;
        credentials = credentials_if_changed(client->options.identity, &client->times);
        if (!credentials)
                return;
        channel_unref(TAKE(client->channel));
        open_channel(client, credentials);
}

int rpc_client_new(struct loop *loop, const struct rpc_client_options *options,
                   struct rpc_client **ret_client, struct err *err)
{
        struct rpc_client *client;
        struct rpc_queue *queue;

        TRY(check_options(options, err));
        TRY(rpc_queue_join(loop, &queue, err));
        client = mem_alloc(sizeof *client);
        client->queue = queue;
        copy_options(&client->options, options);
        open_channel(client, credentials_of_client(&client->options, &client->times));
        CHECK(options->n_metadata <= METADATA_MAX);
        for (size_t i = 0; i < options->n_metadata; i++)
                add_metadata(client, options->metadata[i].key, options->metadata[i].value);
        *ret_client = client;
        return 0;
}

/* Keep-alive and reconnecting are for those who stay. */
static grpc_channel *adopt_channel(int fd, size_t message_size_max)
{
        const struct rpc_setting settings[] = {
                { GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)message_size_max },
                { GRPC_ARG_ENABLE_RETRIES, 0 },
                { GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0 },
                { GRPC_ARG_ENABLE_CHANNELZ, 0 },
        };
        grpc_arg args[COUNT_OF(settings)];
        grpc_channel_args all = { .num_args = COUNT_OF(settings), .args = args };
        grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
        grpc_channel *channel;

        rpc_arguments(settings, COUNT_OF(settings), args);
        channel = grpc_channel_create_from_fd("localhost", fd, credentials, &all);
        grpc_channel_credentials_release(credentials);
        return channel;
}

int rpc_client_adopt(struct loop *loop, int fd, size_t message_size_max,
                     struct rpc_client **ret_client, struct err *err)
{
        struct channel *channel;
        struct rpc_client *client;
        struct rpc_queue *queue;
        int failed = rpc_queue_join(loop, &queue, err);

        if (failed) {
                close(fd);
                return failed;
        }
        channel = mem_alloc(sizeof *channel);
        channel->channel = adopt_channel(fd, message_size_max);
        channel->called = (struct vec)VEC_OF(struct called);
        channel->n_users = 1;
        client = mem_alloc(sizeof *client);
        client->queue = queue;
        client->options.address = str_copy("");
        client->channel = channel;
        *ret_client = client;
        return 0;
}

void client_settle(struct rpc_client *client)
{
        if (!client->is_freed || client->outgoing)
                return;
        requests_free(client);
        while (client->n_metadata)
                drop_metadata(client);
        channel_unref(client->channel);
        options_done(&client->options);
        free(client);
}

void rpc_client_free(struct rpc_client *client)
{
        struct rpc_queue *queue;
        struct outgoing *next;

        if (!client)
                return;
        queue = client->queue;
        for (struct outgoing *outgoing = client->outgoing; outgoing; outgoing = next) {
                next = outgoing->next;
                outgoing->abandon(outgoing);
        }
        client->is_freed = true;
        client_settle(client);
        rpc_queue_leave(queue);
}

/* --- what all calls have in common --- */

static const struct called *find_called(struct channel *channel, const struct rpc_method_id *id)
{
        struct called *called;
        struct str path = { 0 };

        for (size_t i = 0; i < channel->called.n; i++) {
                called = vec_at(&channel->called, i);
                if (called->service == id->service && strcmp(called->method->name, id->method) == 0)
                        return called;
        }
        called = vec_add(&channel->called);
        called->service = id->service;
        called->method = protobuf_c_service_descriptor_get_method_by_name(id->service, id->method);
        CHECK(called->method);
        str_addf(&path, "/%s/%s", id->service->name, id->method);
        called->registered =
                grpc_channel_register_call(channel->channel, str_text(&path), NULL, NULL);
        str_done(&path);
        return called;
}

void outgoing_init(struct outgoing *outgoing, struct rpc_client *client,
                   const struct rpc_method_id *method, int64_t timeout_ns)
{
        gpr_timespec deadline = gpr_inf_future(GPR_CLOCK_MONOTONIC);
        const struct called *called;

        refresh_channel(client);
        called = find_called(client->channel, method);
        if (timeout_ns)
                deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                        gpr_time_from_nanos(timeout_ns, GPR_TIMESPAN));
        outgoing->client = client;
        outgoing->channel = client->channel;
        outgoing->channel->n_users++;
        outgoing->method = called->method;
        outgoing->text = grpc_empty_slice();
        grpc_metadata_array_init(&outgoing->initial_metadata);
        grpc_metadata_array_init(&outgoing->trailing_metadata);
        outgoing->call = grpc_channel_create_registered_call(outgoing->channel->channel, NULL,
                                                             GRPC_PROPAGATE_DEFAULTS,
                                                             rpc_queue_cq(client->queue),
                                                             called->registered, deadline, NULL);
        outgoing->previous = NULL;
        outgoing->next = client->outgoing;
        if (outgoing->next)
                outgoing->next->previous = outgoing;
        client->outgoing = outgoing;
}

void outgoing_done(struct outgoing *outgoing)
{
        struct rpc_client *client = outgoing->client;

        grpc_call_unref(outgoing->call);
        channel_unref(outgoing->channel);
        grpc_metadata_array_destroy(&outgoing->initial_metadata);
        grpc_metadata_array_destroy(&outgoing->trailing_metadata);
        grpc_slice_unref(outgoing->text);
        if (outgoing->next)
                outgoing->next->previous = outgoing->previous;
        if (outgoing->previous)
                outgoing->previous->next = outgoing->next;
        else
                client->outgoing = outgoing->next;
}

grpc_op outgoing_open_op(const struct outgoing *outgoing, uint32_t flags)
{
        grpc_op op = { .op = GRPC_OP_SEND_INITIAL_METADATA, .flags = flags };

        op.data.send_initial_metadata.count = outgoing->client->n_metadata;
        op.data.send_initial_metadata.metadata = outgoing->client->metadata;
        return op;
}

grpc_op outgoing_status_op(struct outgoing *outgoing)
{
        return (grpc_op){
                .op = GRPC_OP_RECV_STATUS_ON_CLIENT,
                .data.recv_status_on_client = {
                        .trailing_metadata = &outgoing->trailing_metadata,
                        .status = &outgoing->status,
                        .status_details = &outgoing->text,
                },
        };
}

int outgoing_status(const struct outgoing *outgoing, struct err *err)
{
        int code = outgoing->status <= 16 ? -(int)outgoing->status : ERR_UNKNOWN;

        if (!code) {
                *err = (struct err){ .code = ERR_OK };
                return 0;
        }
        return err_set(err, code, "%.*s", (int)GRPC_SLICE_LENGTH(outgoing->text),
                       (const char *)GRPC_SLICE_START_PTR(outgoing->text));
}
