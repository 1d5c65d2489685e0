/* How long to wait before trying again. */
#include "lib/run/backoff.h"

#include "lib/base/time.h"
#include "lib/os/file.h"

static const int64_t FIRST_NS = 50 * NS_PER_MS, MOST_NS = 2 * NS_PER_S;

int64_t backoff_next(struct backoff *backoff)
{
        uint32_t chance;
        int64_t delay = backoff->last_ns ? backoff->last_ns * 2 : FIRST_NS;

        if (delay > MOST_NS)
                delay = MOST_NS;
        backoff->last_ns = delay;
        os_random(&chance, sizeof chance);
        return delay * 3 / 4 + (int64_t)(chance % 1024) * (delay / 2) / 1024;
}

void backoff_reset(struct backoff *backoff)
{
        backoff->last_ns = 0;
}
