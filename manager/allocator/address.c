/* The addresses of tasks. */
#include "manager/allocator/allocation.h"

/* On the node network the node itself gives addresses, so there is nothing to decide. */
Sk__TaskAllocation *task_allocation_of(struct plan *plan, const Sk__Task *task)
{
        Sk__TaskAllocation *allocation = arena_alloc(&plan->arena, sizeof *allocation);

        (void)task;
        sk__task_allocation__init(allocation);
        return allocation;
}
