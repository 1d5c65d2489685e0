/* Which tasks should exist?
 *
 * Keys: "service/<id>" asks how many slots there are and which of them must change (scale, update);
 * "service/<id>/<n>" asks after the life of the tasks in the n-th thousand slots,
 * "service/<id>/<node id>" of those of a global service on one node (restart, shut down, forget);
 * "node/<id>" asks whether a node still bears what is on it; "specs" which spec revisions nobody
 * needs any more. */
#pragma once
#include "lib/state/reconciler.h"

extern const struct reconciler orchestrator;
