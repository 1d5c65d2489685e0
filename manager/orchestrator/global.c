/* Global services: one task on every node that may bear one. */
#include <string.h>

#include "manager/orchestrator/work.h"

bool global_takes_new(const struct work *work, const Sk__Node *node, const Sk__Task *like)
{
        return node_may_bear(work, node, like) && node->spec &&
               node->spec->availability == SK__NODE_SPEC__AVAILABILITY__ACTIVE;
}

/* What only serves until its replacement runs tells nothing: it is going. */
static const Sk__Task *other_than_canary(const struct work *work)
{
        struct view_cursor cursor = { 0 };
        const Sk__Task *task = NULL;

        while (work_canaries(work) &&
               (task = view_each_service_task(work->view, work->service->id, &cursor)))
                if (task_is_wanted(task) && work_is_dirty(work, task) &&
                    task == view_node_slot_newest(work->view, work->service->id,
                                                  task->definition->node_id))
                        return task;
        return NULL;
}

static void fill_node(struct work *work, const struct filling *filling, const struct slot *slot)
{
        const Sk__Task *like = fill_like(work, filling, slot->newest);
        const Sk__Node *node = view_node(work->view, slot->node_id);

        if (global_takes_new(work, node, like)) {
                if (!work_is_full(work))
                        fill(work, 0, slot->node_id, slot->newest, like, "every node runs one");
        } else if (like &&
                   placement_constraints_met(work_spec_of(work, like)->task->placement, node)) {
                /* Its node is away; when it is back it is no canary. */
                work->n_like_older++;
        }
}

/* What the slot has stays for now: nothing of the present spec may begin on its node. */
static bool stays_as_it_is(const struct work *work, const struct slot *slot)
{
        return slot->state != SLOT_BROKEN && work_is_dirty(work, slot->newest) &&
               !global_takes_new(work, view_node(work->view, slot->node_id), NULL);
}

void global_decide(struct work *work)
{
        size_t n_nodes = view_count(work->view, SK__KIND__KIND_NODE), n_slots = 0, n_empty = 0;
        struct slot *slots = arena_alloc(&work->plan->arena, n_nodes * sizeof *slots);
        struct slot *empty = arena_alloc(&work->plan->arena, n_nodes * sizeof *empty);
        struct view_cursor cursor = { 0 };
        const struct object_head *head;
        struct filling filling;

        while ((head = view_each(work->view, SK__KIND__KIND_NODE, &cursor))) {
                struct slot slot = slot_look(work, 0, head->id);

                if (slot.state == SLOT_EMPTY)
                        empty[n_empty++] = slot;
                else if (!stays_as_it_is(work, &slot))
                        slots[n_slots++] = slot;
                else if (work_canaries(work))
                        work->n_like_older++; /* so that the canaries beside it wait */
        }
        /* While canaries are tried, what else comes is like what else is there. */
        filling = fill_begin(work, slots, n_slots, other_than_canary(work));
        for (size_t i = 0; i < n_empty; i++)
                fill_node(work, &filling, &empty[i]);
        update_decide(work, slots, n_slots);
}

void global_decide_node(struct work *work, const char *node_id)
{
        struct slot slot = slot_look(work, 0, node_id);

        slot_live(work, &slot);
}
