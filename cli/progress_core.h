/* What to show of a service on its way to what was asked for: what a watch tells and the passing
 * of time go in, text and a verdict come out. */
#pragma once
#include "api/control.pb-c.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"

enum progress_verdict {
        PROGRESS_GOES_ON,
        PROGRESS_CONVERGED,
        PROGRESS_FAILED, /* paused, removed: 'failure' says it */
};

struct progress {
        const char *name; /* what the person called the service */
        bool is_terminal; /* lines are drawn over; otherwise only what changed is printed */
        size_t width;     /* of the terminal */
        struct vec lines; /* char *: what stands there now, from the top */
        size_t n_drawn;
        int64_t started_at_ns, stable_since_ns; /* 0: not stable */
        int64_t monitor_ns;
        bool has_failed_once; /* a task failed while it was watched */
        bool is_known;        /* the watch has told something */
        bool is_stable;
        bool awaits_run; /* of a job with a schedule: one was asked for */
        bool waits;      /* for a person, who is to say whether the canaries are good */
        struct str failure;
};

void progress_init(struct progress *progress, const char *name, bool is_terminal, size_t width,
                   int64_t now_ns);
void progress_done(struct progress *progress);

/* The watch told something: adds what is to be written to 'out'. */
enum progress_verdict progress_take(struct progress *progress, const Sk__WatchServiceResponse *news,
                                    int64_t now_ns, struct str *out);

/* Time passed. */
enum progress_verdict progress_tick(struct progress *progress, int64_t now_ns, struct str *out);

/* How long until progress_tick() has something to say; -1: only news can change anything. */
int64_t progress_wait_ns(const struct progress *progress, int64_t now_ns);
