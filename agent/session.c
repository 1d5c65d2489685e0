/* The stream to a manager. */
#include "agent/session.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/random.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/os/log.h"

#define BACKOFF_LEAST_NS (100 * NS_PER_MS)
#define BACKOFF_MOST_NS (8 * NS_PER_S)
#define REFUSED_PAUSE_NS (30 * NS_PER_S)
/* From dialling to the manager's first word: a name, a handshake, a read index. */
#define OPENING_TIMEOUT_NS (10 * NS_PER_S)

enum { SILENT_PERIODS = 3 };

struct session {
        struct session_options options;
        struct random random;
        struct rpc_client *client;
        struct rpc_stream *stream; /* NULL: between tries */
        bool is_open;
        char id[64], manager[256];
        struct err last_error;
        int64_t period_ns, backoff_ns;
        struct loop_timer dial, beat, silence;
};

static void dial(void *context);

/* Between half and all of it. */
static int64_t jittered(struct session *session, int64_t ns)
{
        return random_between(&session->random, ns / 2, ns);
}

/* --- losing it --- */

static void hang_up(struct session *session)
{
        struct rpc_stream *stream = TAKE(session->stream);

        loop_timer_cancel(&session->beat);
        loop_timer_cancel(&session->silence);
        if (stream)
                rpc_stream_cancel(stream);
}

static void lose(struct session *session, const struct err *err)
{
        bool was_open = session->is_open, is_refused = err->code == ERR_NOT_FOUND && !was_open;
        /* Another machine with our identity took the session over: do not fight for it. */
        bool is_replaced = err->code == ERR_CANCELLED && was_open;
        int64_t pause = is_refused || is_replaced ? REFUSED_PAUSE_NS : session->backoff_ns;

        hang_up(session);
        session->is_open = false;
        session->last_error = *err;
        managers_next(session->options.managers);
        session->backoff_ns *= 2;
        if (session->backoff_ns > BACKOFF_MOST_NS)
                session->backoff_ns = BACKOFF_MOST_NS;
        loop_timer_set(session->options.loop, &session->dial, jittered(session, pause));
        if (was_open || pause == BACKOFF_MOST_NS)
                LOG(WARN, was_open ? "session with manager lost" : "no manager answers",
                    STR("manager", session->manager), STR("why", err->text));
        if (is_refused)
                session->options.events->refused(session->options.context, err);
        else
                session->options.events->lost(session->options.context, err);
}

static void lose_because(struct session *session, enum err_code code, const char *text)
{
        struct err err;

        err_set(&err, code, "%s", text);
        lose(session, &err);
}

static void silence_lasted(void *context)
{
        lose_because(context, ERR_DEADLINE, "the manager did not answer in time");
}

static void expect_answer(struct session *session, int64_t timeout_ns)
{
        loop_timer_set(session->options.loop, &session->silence, timeout_ns);
}

/* --- talking --- */

bool session_is_open(const struct session *session)
{
        return session->is_open;
}

static void send(struct session *session, Sk__AgentMessage__MessageCase which, void *content)
{
        Sk__AgentMessage message;

        sk__agent_message__init(&message);
        message.message_case = which;
        message.hello = content; /* all members of the union are pointers */
        rpc_stream_write(session->stream, &message.base);
}

void session_send(struct session *session, Sk__AgentMessage__MessageCase which, void *content)
{
        if (session->is_open)
                send(session, which, content);
}

static void beat(void *context)
{
        struct session *session = context;
        Sk__AgentHeartbeat heartbeat;

        sk__agent_heartbeat__init(&heartbeat);
        heartbeat.sent_at_ns = loop_now(session->options.loop);
        session_send(session, SK__AGENT_MESSAGE__MESSAGE_HEARTBEAT, &heartbeat);
        /* A little early rather than late, and not all agents at once. */
        loop_timer_set(session->options.loop, &session->beat,
                       random_between(&session->random, session->period_ns * 8 / 10,
                                      session->period_ns));
}

static void on_info(struct session *session, const Sk__SessionInfo *info)
{
        bool is_first = !session->is_open;

        if (info->heartbeat_ns >= 10 * NS_PER_MS && info->heartbeat_ns <= NS_PER_HOUR)
                session->period_ns = info->heartbeat_ns;
        if (strlen(info->session_id) < sizeof session->id)
                strcpy(session->id, info->session_id);
        session->is_open = true;
        session->backoff_ns = BACKOFF_LEAST_NS;
        session->last_error = (struct err){};
        if (is_first) {
                LOG(INFO, "session with manager opened", STR("manager", session->manager),
                    STR("session", session->id));
                beat(session);
                session->options.events->opened(session->options.context);
        }
        session->options.events->info(session->options.context, info);
}

static void on_message(void *context, const void *out)
{
        struct session *session = context;
        const struct session_events *events = session->options.events;
        const Sk__DispatcherMessage *message = out;
        struct err err;

        if (message->message_case == SK__DISPATCHER_MESSAGE__MESSAGE_SESSION)
                on_info(session, message->session);
        if (!session->is_open)
                return;
        expect_answer(session, SILENT_PERIODS * session->period_ns);
        switch (message->message_case) {
        case SK__DISPATCHER_MESSAGE__MESSAGE_ASSIGNMENTS:
                if (events->assignments(session->options.context, message->assignments, &err) < 0)
                        lose(session, &err);
                break;
        case SK__DISPATCHER_MESSAGE__MESSAGE_STATUS_ACK:
                events->acknowledged(session->options.context, message->status_ack->sequence);
                break;
        case SK__DISPATCHER_MESSAGE__MESSAGE_REQUEST:
                events->request(session->options.context, message->request);
                break;
        case SK__DISPATCHER_MESSAGE__MESSAGE_CANCEL:
                events->cancel(session->options.context, message->cancel->request_id);
                break;
        default:
                break; /* a heartbeat's echo, or news from a manager that is newer than we are */
        }
}

static void on_closed(void *context, const struct err *err)
{
        struct session *session = context;
        struct err ended;

        session->stream = NULL;
        if (err->code == ERR_OK) {
                err_set(&ended, ERR_UNAVAILABLE, "the manager ended the session");
                err = &ended;
        }
        lose(session, err);
}

static void greet(struct session *session)
{
        _cleanup_(arena_done) struct arena arena = {};
        Sk__AgentHello hello;

        sk__agent_hello__init(&hello);
        hello.session_id = session->id;
        session->options.events->greet(session->options.context, &arena, &hello);
        send(session, SK__AGENT_MESSAGE__MESSAGE_HELLO, &hello);
}

static int connect_to(struct session *session, const char *address, struct err *err)
{
        const struct rpc_client_options options = { .address = address,
                                                    .identity = session->options.identity,
                                                    .server_daemon = "dispatcher" };

        if (session->client && str_equal(address, session->manager))
                return 0;
        rpc_client_free(TAKE(session->client));
        if (strlen(address) >= sizeof session->manager)
                return err_set(err, ERR_INVALID, "the manager's address is too long");
        strcpy(session->manager, address);
        return rpc_client_new(session->options.loop, &options, &session->client, err);
}

static void dial(void *context)
{
        static const struct rpc_stream_events events = { .message = on_message,
                                                         .closed = on_closed };
        struct session *session = context;
        const char *address = managers_current(session->options.managers);
        struct err err;

        if (!address) {
                lose_because(session, ERR_UNAVAILABLE, "no manager's address is known");
                return;
        }
        if (connect_to(session, address, &err) < 0) {
                lose(session, &err);
                return;
        }
        session->stream = rpc_client_stream(session->client, RPC_METHOD(dispatcher, Session), NULL,
                                            &events, session);
        expect_answer(session, OPENING_TIMEOUT_NS);
        greet(session);
}

/* --- life --- */

struct rpc_client *session_client(const struct session *session)
{
        return session->is_open ? session->client : NULL;
}

const char *session_manager(const struct session *session)
{
        return session->manager;
}

const char *session_last_error(const struct session *session)
{
        return session->last_error.text;
}

struct session *session_new(const struct session_options *options)
{
        struct session *session = mem_alloc(sizeof *session);
        uint64_t seed;

        session->options = *options;
        session->period_ns = NS_PER_S;
        session->backoff_ns = BACKOFF_LEAST_NS;
        session->dial = (struct loop_timer){ .fire = dial, .context = session };
        session->beat = (struct loop_timer){ .fire = beat, .context = session };
        session->silence = (struct loop_timer){ .fire = silence_lasted, .context = session };
        os_random(&seed, sizeof seed);
        random_init(&session->random, seed);
        managers_choose(options->managers, (size_t)random_next(&session->random));
        loop_timer_set(options->loop, &session->dial, 0);
        return session;
}

void session_free(struct session *session)
{
        if (!session)
                return;
        hang_up(session);
        loop_timer_cancel(&session->dial);
        rpc_client_free(session->client);
        free(session);
}
