/* Calling the cluster and the node: synchronous calls over the asynchronous client. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
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

static const char *address_of(const struct cli *cli, bool is_node)
{
        return is_node ? cli->node_address : cli->api_address;
}

/* Knocks at "unix:/run/skep/api.sock": 0, or why nobody opens, as errno has it.  gRPC would say the
 * same later, in words of its own. */
static int knock(const char *address)
{
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        int fd, result = 0;

        if (!str_starts_with(address, "unix:") || strlen(address + 5) >= sizeof name.sun_path)
                return 0;
        memcpy(name.sun_path, address + 5, strlen(address + 5));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&name, sizeof name) < 0)
                result = errno;
        if (fd >= 0)
                close(fd);
        return result;
}

/* The API's and the agent's socket of one machine lie in one folder. */
static bool are_neighbours(const char *a, const char *b)
{
        const char *x = strrchr(a, '/'), *y = strrchr(b, '/');

        return x && y && x - a == y - b && memcmp(a, b, (size_t)(x - a)) == 0;
}

int cli_unreachable(struct cli *cli, bool is_node, int error)
{
        const char *address = address_of(cli, is_node);

        if (error == EACCES || error == EPERM)
                return err_set(&cli->err, ERR_UNAVAILABLE,
                               "permission denied while trying to connect to Skep at %s: be root, "
                               "or a member of the group skep",
                               address);
        if (is_node)
                return err_set(&cli->err, ERR_UNAVAILABLE,
                               "Cannot connect to the Skep agent at %s. Is skep-agent running on "
                               "this machine?",
                               address);
        if (error == ENOENT && are_neighbours(address, cli->node_address) &&
            knock(cli->node_address) == 0)
                return err_set(&cli->err, ERR_UNAVAILABLE,
                               "This node is not a swarm manager. Use \"skep swarm init\" or "
                               "\"skep swarm join\" to connect "
                               "this node to swarm and try again.");
        return err_set(&cli->err, ERR_UNAVAILABLE,
                       "Cannot connect to the Skep API at %s. Is Skep running on this machine?",
                       address);
}

/* Over a network only certificates open, and this program has none. */
static int check_is_socket(struct cli *cli, const char *address)
{
        if (str_starts_with(address, "unix:"))
                return 0;
        return err_set(&cli->err, ERR_UNAVAILABLE,
                       "Cannot connect to Skep at %s: over a network it speaks only to who shows a "
                       "client certificate, which skep cannot yet. Use the socket of a manager, "
                       "here by ssh: 'ssh -nNT -L /tmp/skep.sock:/run/skep/api.sock MANAGER' and "
                       "'skep -H unix:/tmp/skep.sock'",
                       address);
}

static void pause_over(void *context)
{
        *(bool *)context = true;
}

/* Lets the loop turn for a moment. */
static int pause_a_moment(struct cli *cli)
{
        bool is_over = false;
        struct loop_timer timer = { .fire = pause_over, .context = &is_over };
        int result = 0;

        loop_timer_set(cli->loop, &timer, NS_PER_S / 20);
        while (!is_over && result == 0)
                result = loop_turn(cli->loop, -1, &cli->err);
        loop_timer_cancel(&timer);
        return result;
}

/* A daemon that is started again binds its socket within a moment. */
int cli_check_there(struct cli *cli, const struct rpc_method_id *method)
{
        int64_t until = loop_now(cli->loop) + cli->patience_ns;
        int error;

        cli->is_node_error = !is_control(method);
        TRY(check_is_socket(cli, address_of(cli, cli->is_node_error)));
        while ((error = knock(address_of(cli, cli->is_node_error)))) {
                if (error != ECONNREFUSED || loop_now(cli->loop) >= until)
                        return cli_unreachable(cli, cli->is_node_error, error);
                TRY(pause_a_moment(cli));
        }
        return 0;
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

static int call_once(struct cli *cli, const struct rpc_method_id *method,
                     const ProtobufCMessage *in, bool wait_for_ready, const void **ret)
{
        struct waiting waiting = { .cli = cli };
        struct rpc_client *client;

        TRY(cli_check_there(cli, method));
        client = cli_client(cli, method);
        if (!client)
                return cli->err.code;
        rpc_client_call(client, method, in, CALL_TIMEOUT_S * NS_PER_S, wait_for_ready, answered,
                        &waiting);
        while (!waiting.is_done)
                TRY(loop_turn(cli->loop, -1, &cli->err));
        if (!waiting.out)
                return cli->err.code;
        *ret = waiting.out;
        return 0;
}

/* What gRPC says of a connection that broke, not the daemon. */
static bool is_broken_connection(const struct err *err)
{
        static const char *const words[] = {
                "Socket closed",    "failed to connect to all addresses",
                "Connection reset", "Broken pipe",
                "GOAWAY",           "Transport closed",
                "Endpoint"
        };

        for (size_t i = 0; err->code == ERR_UNAVAILABLE && i < COUNT_OF(words); i++)
                if (strstr(err->text, words[i]))
                        return true;
        return false;
}

static bool only_reads(const struct rpc_method_id *method)
{
        return str_starts_with(method->method, "Get") || str_starts_with(method->method, "List") ||
               str_starts_with(method->method, "Explain");
}

/* What only reads is asked once more when the connection broke: the daemon may be starting again.
 * What changes something is not: it may have been done. */
int cli_call(struct cli *cli, const struct rpc_method_id *method, const ProtobufCMessage *in,
             const void **ret)
{
        int result = call_once(cli, method, in, false, ret);

        if (result < 0 && only_reads(method) && cli->patience_ns && is_broken_connection(&cli->err))
                result = call_once(cli, method, in, true, ret);
        return result;
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

static bool is_command(const struct cli *cli, const char *verb)
{
        return cli->command && !cli->command->noun && str_equal(cli->command->verb, verb);
}

/* Docker's cp compares both ends here; ours, where the task is. */
static bool is_of_cp(const struct cli *cli)
{
        return is_command(cli, "cp") && (str_equal(cli->err.text, "no such directory") ||
                                         str_equal(cli->err.text, "cannot copy directory") ||
                                         str_starts_with(cli->err.text, "destination \""));
}

/* What the command line finds out by itself, as docker's does: told without more ado. */
static bool is_told_alone(const struct err *err)
{
        return str_starts_with(err->text, "Cannot connect to ") ||
               str_starts_with(err->text, "permission denied while ") ||
               str_starts_with(err->text, "The connection to ") ||
               str_starts_with(err->text, "secret not found: ") ||
               str_starts_with(err->text, "config not found: ");
}

/* Docker shows swarm errors with gRPC's words around them; clients and scripts match on that.  What
 * its own engine says comes bare. */
static bool is_told_bare(const struct cli *cli)
{
        const struct err *err = &cli->err;

        return cli->is_node_error || is_command(cli, "cp") || is_command(cli, "exec") ||
               err->code == ERR_NOT_FOUND || err->code == ERR_UNAVAILABLE ||
               strstr(err->text, " is ambiguous (");
}

int cli_fail(struct cli *cli)
{
        if (is_broken_connection(&cli->err))
                err_set(&cli->err, ERR_UNAVAILABLE,
                        "The connection to %s broke before the answer came: see whether it was "
                        "done, and try again",
                        address_of(cli, cli->is_node_error));
        text_make_printable(cli->err.text, strlen(cli->err.text), "\n\t");
        if (is_told_alone(&cli->err) || is_of_cp(cli))
                fprintf(stderr, "%s\n", cli->err.text);
        else if (is_told_bare(cli))
                fprintf(stderr, "Error response from daemon: %s\n", cli->err.text);
        else
                fprintf(stderr, "Error response from daemon: rpc error: code = %s desc = %s\n",
                        err_code_name(cli->err.code), cli->err.text);
        return 1;
}
