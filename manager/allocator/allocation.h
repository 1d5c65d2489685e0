/* Private to the allocator: what its files share. */
#pragma once
#include "lib/state/plan.h"

/* The endpoint that the service's spec asks for, in the plan's arena. */
Sk__ServiceEndpoint *endpoint_of(struct plan *plan, const Sk__ServiceSpec *spec);

/* What one of the service's tasks is given, in the plan's arena; NULL when it has to wait. */
Sk__TaskAllocation *task_allocation_of(struct plan *plan, const Sk__Task *task);
