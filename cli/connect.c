/* Calling the cluster and the node: synchronous calls over the asynchronous client. */
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/message/message.h"

enum { CALL_TIMEOUT_S = 120 };

static bool is_control(const struct rpc_method_id *method)
{
        return method->service == &sk__control__descriptor;
}

struct rpc_client *cli_client(struct cli *cli, const struct rpc_method_id *method)
{
        struct rpc_client **client = is_control(method) ? &cli->control : &cli->node;
        const char *address = is_control(method) ? cli->api_address : cli->node_address;

        if (!*client &&
            rpc_client_new(cli->loop, &(struct rpc_client_options){ .address = address }, client,
                           &cli->err) < 0)
                return NULL;
        return *client;
}

/* "unix:/run/skep/api.sock" is there?  Tells apart "no manager here" and "not answering". */
static bool socket_exists(const char *address)
{
        return !str_starts_with(address, "unix:") || access(address + 5, F_OK) == 0;
}

int cli_check_there(struct cli *cli, const struct rpc_method_id *method)
{
        const char *address = is_control(method) ? cli->api_address : cli->node_address;

        cli->is_node_error = !is_control(method);
        if (socket_exists(address))
                return 0;
        if (is_control(method) && socket_exists(cli->node_address))
                return err_set(&cli->err, ERR_UNAVAILABLE,
                               "This node is not a swarm manager. Use \"skep swarm init\" or "
                               "\"skep swarm join\" to connect "
                               "this node to swarm and try again.");
        return err_set(
                &cli->err, ERR_UNAVAILABLE,
                "Cannot connect to the Skep agent at %s. Is skep-agent running on this machine?",
                cli->node_address);
}

/* --- unary --- */

struct waiting {
        struct cli *cli;
        const void *out;
        bool is_done;
};

static void answered(void *context, const void *out, const struct err *err)
{
        struct waiting *waiting = context;

        if (err)
                waiting->cli->err = *err;
        else
                waiting->out = message_copy(&waiting->cli->arena, out);
        waiting->is_done = true;
}

int cli_call(struct cli *cli, const struct rpc_method_id *method, const ProtobufCMessage *in,
             const void **ret)
{
        struct waiting waiting = { .cli = cli };
        struct rpc_client *client;

        TRY(cli_check_there(cli, method));
        client = cli_client(cli, method);
        if (!client)
                return cli->err.code;
        rpc_client_call(client, method, in, CALL_TIMEOUT_S * NS_PER_S, false, answered, &waiting);
        while (!waiting.is_done)
                TRY(loop_turn(cli->loop, -1, &cli->err));
        if (!waiting.out)
                return cli->err.code;
        *ret = waiting.out;
        return 0;
}

/* --- streams --- */

/* A message that came and waits to be handled: not inside the loop's callback, so that whoever
 * handles it may call again. */
struct waiting_message {
        struct arena arena;
        ProtobufCMessage *message;
};

struct streaming {
        struct cli *cli;
        struct vec messages; /* struct waiting_message */
        bool is_closed;
        int result;
};

static void stream_message(void *context, const void *out)
{
        struct streaming *streaming = context;
        struct waiting_message *waiting = vec_add(&streaming->messages);

        waiting->message = message_copy(&waiting->arena, out);
}

static void stream_closed(void *context, const struct err *err)
{
        struct streaming *streaming = context;

        streaming->is_closed = true;
        if (err->code != ERR_OK) {
                streaming->cli->err = *err;
                streaming->result = err->code;
        }
}

/* Hands over what has come; false when that was enough. */
static bool handle_messages(struct streaming *streaming,
                            bool (*message)(struct cli *cli, void *context, const void *out),
                            void *context)
{
        struct vec messages = streaming->messages;
        bool goes_on = true;

        streaming->messages = VEC_OF(struct waiting_message);
        for (size_t i = 0; i < messages.n; i++) {
                struct waiting_message *waiting = vec_at(&messages, i);

                goes_on = goes_on && message(streaming->cli, context, waiting->message);
                arena_done(&waiting->arena);
        }
        vec_done(&messages);
        return goes_on;
}

static bool message_ignored(struct cli *cli, void *context, const void *out)
{
        (void)cli;
        (void)context;
        (void)out;
        return false;
}

int cli_stream(struct cli *cli, const struct rpc_method_id *method, const ProtobufCMessage *in,
               bool (*message)(struct cli *cli, void *context, const void *out), void *context)
{
        static const struct rpc_stream_events events = { .message = stream_message,
                                                         .closed = stream_closed };
        struct streaming streaming = { .cli = cli, .messages = VEC_OF(struct waiting_message) };
        bool goes_on = true;
        struct rpc_client *client;
        struct rpc_stream *stream;
        int result = 0;

        TRY(cli_check_there(cli, method));
        client = cli_client(cli, method);
        if (!client)
                return cli->err.code;
        stream = rpc_client_stream(client, method, in, &events, &streaming);
        while (goes_on && result == 0 && !cli->stops && !streaming.is_closed) {
                result = loop_turn(cli->loop, -1, &cli->err);
                goes_on = handle_messages(&streaming, message, context);
        }
        /* Calls made while messages were handled may have brought more. */
        while (goes_on && streaming.messages.n)
                goes_on = handle_messages(&streaming, message, context);
        if (!streaming.is_closed)
                rpc_stream_cancel(stream);
        handle_messages(&streaming, message_ignored, NULL);
        return result < 0 ? result : streaming.result;
}

/* --- errors --- */

/* What docker's own command line finds out before it asks for a service: told without more ado. */
static bool is_told_alone(const struct err *err)
{
        return str_starts_with(err->text, "secret not found: ") ||
               str_starts_with(err->text, "config not found: ");
}

/* Docker shows swarm errors with gRPC's words around them; clients and scripts match on that.  What
 * its own engine says comes bare. */
static bool is_told_bare(const struct cli *cli)
{
        const struct err *err = &cli->err;

        return cli->is_node_error || err->code == ERR_NOT_FOUND || err->code == ERR_UNAVAILABLE ||
               strstr(err->text, " is ambiguous (");
}

int cli_fail(struct cli *cli)
{
        text_make_printable(cli->err.text, strlen(cli->err.text), "\n\t");
        if (is_told_alone(&cli->err))
                fprintf(stderr, "%s\n", cli->err.text);
        else if (is_told_bare(cli))
                fprintf(stderr, "Error response from daemon: %s\n", cli->err.text);
        else
                fprintf(stderr, "Error response from daemon: rpc error: code = %s desc = %s\n",
                        err_code_name(cli->err.code), cli->err.text);
        return 1;
}
