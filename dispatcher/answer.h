/* Data that skep-api asks nodes for: requests go down the nodes' sessions, answers come by streams
 * that the nodes dial back, and are passed on as one stream.  A node may send as much as the asker
 * takes: credits. */
#pragma once
#include "dispatcher/dispatcher.h"

struct session;

/* The session is over: what its node was asked cannot be asked there any more. */
void answer_session_ended(struct dispatcher *dispatcher, const struct session *session);
