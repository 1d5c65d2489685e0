/* Global services: one task on every node that may bear one. */
#include <string.h>

#include "manager/orchestrator/work.h"

static bool takes_new(const Sk__Node *node)
{
        return node->spec && node->spec->availability == SK__NODE_SPEC__AVAILABILITY__ACTIVE;
}

void global_decide(struct work *work)
{
        size_t n_nodes = view_count(work->view, SK__KIND__KIND_NODE), n_slots = 0;
        struct slot *slots = arena_alloc(&work->plan->arena, n_nodes * sizeof *slots);
        struct view_cursor cursor = { 0 };
        const struct object_head *head;

        while ((head = view_each(work->view, SK__KIND__KIND_NODE, &cursor))) {
                const Sk__Node *node = (const Sk__Node *)head;
                struct slot slot = slot_look(work, 0, node->id);

                if (slot.state != SLOT_EMPTY)
                        slots[n_slots++] = slot;
                else if (node_may_bear(work, node) && takes_new(node) && !work_is_full(work))
                        work_create(work, 0, node->id, restart_desired(work, slot.newest, false),
                                    "every node runs one");
        }
        update_decide(work, slots, n_slots);
}

void global_decide_node(struct work *work, const char *node_id)
{
        slot_live(work, 0, node_id);
}
