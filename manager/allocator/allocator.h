/* Which addresses, virtual IPs and ports?
 *
 * Keys: "service/<id>" asks for the service's endpoint; "tasks/<service id>" for what its new tasks
 * need before they may be placed.  A task of a service without networks needs nothing: it is let
 * through. */
#pragma once
#include "lib/state/reconciler.h"

extern const struct reconciler allocator;
