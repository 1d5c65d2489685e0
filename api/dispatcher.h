/* The dispatcher's methods: one row each, read by the server and its clients. */
#pragma once
#include "api/dispatcher.pb-c.h"
#include "api/roles.h"

/*  method, function, request, response, shape (lib/rpc/service.h), who may call */
/* clang-format off */
#define DISPATCHER_METHODS(X)                                                                      \
        X(Session, session, AgentMessage, DispatcherMessage, BIDI_STREAM, ROLE_AGENT)              \
        X(Answer, answer, AnswerMessage, AnswerCredit, BIDI_STREAM, ROLE_AGENT)                    \
        X(Ask, ask, AskRequest, AskResponse, SERVER_STREAM, ROLE_API | ROLE_DISPATCHER)            \
        X(Enter, enter, EnterInput, EnterOutput, BIDI_STREAM, ROLE_API | ROLE_DISPATCHER)          \
        X(Entered, entered, EnterOutput, EnterInput, BIDI_STREAM, ROLE_AGENT)                      \
        X(ShareAlive, share_alive, AliveNodes, ShareAliveResponse, CLIENT_STREAM, ROLE_DISPATCHER)
/* clang-format on */
