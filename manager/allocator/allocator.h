/* Which addresses, virtual IPs and ports?
 *
 * Keys: "service/<id>" asks for the service's endpoint; "tasks/<service id>/<n>" for what
 * the new tasks in the n-th thousand slots need before they may be placed, and
 * "tasks/<service id>/<node id>" for those of a global service.  A task without networks needs
 * nothing: it is let through. */
#pragma once
#include "lib/state/reconciler.h"

extern const struct reconciler allocator;
