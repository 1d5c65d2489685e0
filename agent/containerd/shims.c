#include "agent/containerd/shims.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

struct shim_group {
        char id[SHIM_GROUP_ID_SIZE];
        int n_taken;               /* ever */
        int n_places;              /* now; the group is freed with the last one */
        int n_starting, n_started; /* of them */
        int n_leaving;             /* of those started */
        bool was_started;          /* somebody in it, at some time */
        struct chain_queue waiting;
};

static bool is_stale(const struct shim_group *group)
{
        return group->was_started && group->n_started == 0 && group->n_starting == 0;
}

static bool is_ending(const struct shim_group *group)
{
        return group->was_started && group->n_started == group->n_leaving && group->n_starting == 0;
}

void shims_take_place(struct shims *shims, const char *new_id, struct shim_place *ret_place)
{
        struct shim_group *group = shims->open;

        if (!group || group->n_taken == SHIM_TASKS_MOST || is_ending(group)) {
                group = mem_alloc(sizeof *group);
                snprintf(group->id, sizeof group->id, "%s", new_id);
                shims->open = group;
        }
        group->n_taken++;
        group->n_places++;
        *ret_place = (struct shim_place){ .group = group };
}

bool shims_leave(struct shims *shims, struct shim_place *place)
{
        struct shim_group *group = TAKE(place->group);

        if (!group)
                return true;
        group->n_starting -= place->is_starting;
        group->n_started -= place->is_started;
        group->n_leaving -= place->is_leaving;
        place->is_starting = place->is_started = place->is_leaving = false;
        if (--group->n_places > 0) {
                chain_queue_wake(&group->waiting, SIZE_MAX);
                return false;
        }
        CHECK(!group->waiting.first);
        if (shims->open == group)
                shims->open = NULL;
        free(group);
        return true;
}

const char *shim_place_group(const struct shim_place *place)
{
        return place->group ? place->group->id : "";
}

bool shim_place_is_stale(const struct shim_place *place)
{
        return !place->group || is_stale(place->group);
}

bool shim_place_may_start(const struct shim_place *place)
{
        return !place->group || place->group->n_started > 0 ||
               place->group->n_starting == place->is_starting;
}

void shim_place_begin_start(struct shim_place *place)
{
        if (!place->group || place->is_starting || place->is_started)
                return;
        place->is_starting = true;
        place->group->n_starting++;
}

void shim_place_end_start(struct shim_place *place)
{
        if (!place->is_starting)
                return;
        place->is_starting = false;
        place->is_started = true;
        place->group->n_starting--;
        place->group->n_started++;
        place->group->was_started = true;
        chain_queue_wake(&place->group->waiting, SIZE_MAX);
}

bool shim_place_may_leave(const struct shim_place *place)
{
        return !place->group || place->group->n_starting == place->is_starting;
}

struct chain_queue *shim_place_queue(const struct shim_place *place)
{
        return &place->group->waiting;
}

void shim_place_will_leave(struct shim_place *place)
{
        if (!place->is_started || place->is_leaving)
                return;
        place->is_leaving = true;
        place->group->n_leaving++;
}
