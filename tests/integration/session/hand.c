/* A session by hand. */
#include "tests/integration/session/hand.h"

#include <stdio.h>

#include "api/dispatcher.h"
#include "lib/base/check.h"
#include "lib/base/time.h"

static void session_said(void *context, const void *out)
{
        const Sk__DispatcherMessage *message = out;
        struct hand *hand = context;

        if (message->message_case == SK__DISPATCHER_MESSAGE__MESSAGE_SESSION)
                hand->is_open = true;
        if (message->message_case == SK__DISPATCHER_MESSAGE__MESSAGE_STATUS_ACK)
                hand->acknowledged = message->status_ack->sequence;
        hand->n_echoes += message->message_case == SK__DISPATCHER_MESSAGE__MESSAGE_HEARTBEAT;
        if (message->message_case != SK__DISPATCHER_MESSAGE__MESSAGE_REQUEST)
                return;
        snprintf(hand->request_id, sizeof hand->request_id, "%s", message->request->request_id);
        hand->is_asked = true;
}

static void beat(void *context)
{
        struct hand *hand = context;
        Sk__AgentMessage message = SK__AGENT_MESSAGE__INIT;
        Sk__AgentHeartbeat heartbeat = SK__AGENT_HEARTBEAT__INIT;

        message.message_case = SK__AGENT_MESSAGE__MESSAGE_HEARTBEAT;
        message.heartbeat = &heartbeat;
        rpc_stream_write(hand->session, &message.base);
        loop_timer_set(hand->loop, &hand->heartbeat, NS_PER_S / 2);
}

static void session_closed(void *context, const struct err *err)
{
        struct hand *hand = context;

        (void)err;
        loop_timer_cancel(&hand->heartbeat);
        hand->session = NULL;
        hand->is_open = false;
}

void hand_open(struct hand *hand, struct manager *manager, size_t i)
{
        static const struct rpc_stream_events events = { .message = session_said,
                                                         .closed = session_closed };
        struct rpc_client_options options = { .address = manager->dispatcher,
                                              .server_daemon = "dispatcher" };
        Sk__AgentMessage message = SK__AGENT_MESSAGE__INIT;
        Sk__AgentHello hello = SK__AGENT_HELLO__INIT;
        Sk__NodeDescription description = SK__NODE_DESCRIPTION__INIT;
        char folder[256];

        manager_node_id(i, hand->id);
        manager_node_identity(manager, i, folder, sizeof folder);
        CHECK(rpc_identity_open(folder, "agent", &hand->identity, NULL) == 0);
        options.identity = hand->identity;
        CHECK(rpc_client_new(manager->loop, &options, &hand->client, NULL) == 0);
        description.hostname = hand->id;
        hello.description = &description;
        message.message_case = SK__AGENT_MESSAGE__MESSAGE_HELLO;
        message.hello = &hello;
        while (!hand->is_open) {
                if (!hand->session) { /* the dispatcher may not listen yet */
                        hand->session =
                                rpc_client_stream(hand->client, RPC_METHOD(dispatcher, Session),
                                                  NULL, &events, hand);
                        rpc_stream_write(hand->session, &message.base);
                }
                loop_turn(manager->loop, 20, NULL);
        }
        hand->loop = manager->loop;
        hand->heartbeat = (struct loop_timer){ .fire = beat, .context = hand };
        loop_timer_set(hand->loop, &hand->heartbeat, NS_PER_S / 2);
}

void hand_done(struct hand *hand)
{
        loop_timer_cancel(&hand->heartbeat);
        if (hand->session)
                rpc_stream_cancel(hand->session);
        rpc_client_free(hand->client);
        rpc_identity_free(hand->identity);
}
