/* A service that is watched, as the API server would tell of it. */
#pragma once
#include "cli/progress_core.h"
#include "tests/unit/cli/objects.h"

struct watched {
        struct arena arena;
        struct progress progress;
        Sk__WatchServiceResponse *news;
        struct str out;
        int64_t now_ns;
};

void watched_start(struct watched *watched, bool is_terminal, uint64_t wanted);
void watched_finish(struct watched *watched);
Sk__WatchServiceResponse__Slot *watched_add_slot(struct watched *watched, uint64_t slot,
                                                 Sk__TaskState state, const char *error);
enum progress_verdict watched_take(struct watched *watched);
enum progress_verdict watched_pass(struct watched *watched, int64_t seconds);
void watched_forget(struct watched *watched);
