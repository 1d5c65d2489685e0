/* How long to wait before trying again: longer each time, and not in step with others. */
#pragma once
#include <stdint.h>

/* A zeroed one is ready for use. */
struct backoff {
        int64_t last_ns;
};

/* 50 ms first, then twice as long each time up to 2 s; each varied by a quarter up or down. */
int64_t backoff_next(struct backoff *backoff);

/* It went well: begin anew. */
void backoff_reset(struct backoff *backoff);
