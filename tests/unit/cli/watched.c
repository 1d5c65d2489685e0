#include "tests/unit/cli/watched.h"

void watched_start(struct watched *watched, bool is_terminal, uint64_t wanted)
{
        *watched = (struct watched){ .now_ns = NOW_NS };
        progress_init(&watched->progress, "web", is_terminal, 80, NOW_NS);
        watched->news =
                MAKE(&watched->arena, Sk__WatchServiceResponse, SK__WATCH_SERVICE_RESPONSE__INIT);
        watched->news->service = a_web_service(&watched->arena);
        watched->news->wanted = wanted;
        watched->news->slots = arena_alloc(&watched->arena, 64 * sizeof(void *));
}

void watched_finish(struct watched *watched)
{
        progress_done(&watched->progress);
        str_done(&watched->out);
        arena_done(&watched->arena);
}

Sk__WatchServiceResponse__Slot *watched_add_slot(struct watched *watched, uint64_t slot,
                                                 Sk__TaskState state, const char *error)
{
        Sk__WatchServiceResponse__Slot *added =
                MAKE(&watched->arena, Sk__WatchServiceResponse__Slot,
                     SK__WATCH_SERVICE_RESPONSE__SLOT__INIT);

        added->slot = slot;
        added->node_id = "oyz0areg5bvzfvhymjjthws5x";
        added->state = state;
        added->is_current = true;
        added->err = error;
        watched->news->slots[watched->news->n_slots++] = added;
        watched->news->running += state == SK__TASK_STATE__TASK_RUNNING;
        return added;
}

enum progress_verdict watched_take(struct watched *watched)
{
        return progress_take(&watched->progress, watched->news, watched->now_ns, &watched->out);
}

enum progress_verdict watched_pass(struct watched *watched, int64_t seconds)
{
        watched->now_ns += SECONDS(seconds);
        return progress_tick(&watched->progress, watched->now_ns, &watched->out);
}

void watched_forget(struct watched *watched)
{
        watched->news->n_slots = 0;
        watched->news->running = 0;
        str_clear(&watched->out);
}
