/* Going inside a task: skep-api's stream and the one that the task's node dials back, or the stream
 * to the dispatcher that has the node's session, are joined to one. */
#pragma once
#include "dispatcher/dispatcher.h"

struct session;

/* The session is over: what its node did not dial back for it never will. */
void enter_session_ended(struct dispatcher *dispatcher, const struct session *session);
