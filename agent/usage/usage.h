/* What a container takes, and what runs in it, as the kernel tells.  Blocking; for the worker pool.
 */
#pragma once
#include <stdbool.h>

#include "agent/executor.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"

/* Fills in what was taken; what cannot be read is 0. */
void usage_read(const struct executor_place *place, Sk__TaskUsage *ret);

/* What runs in it, by pid, at most USAGE_PROCESSES_MAX; in 'arena'. */
enum { USAGE_PROCESSES_MAX = 2000 };
int usage_processes(const struct executor_place *place, struct arena *arena, Sk__ProcessInfo ***ret,
                    size_t *ret_n, struct err *err);

/* The pieces, for tests; of text that the kernel wrote, or anything. */

/* The number after "key " at the beginning of a line; 0: there is none. */
uint64_t usage_value(const char *text, const char *key);
/* The sum of the numbers after 'word' in all lines: "8:0 Read 123" or "8:0 rbytes=123". */
uint64_t usage_sum(const char *text, const char *word);
/* Received and sent of all devices of /proc/PID/net/dev but lo. */
void usage_network(const char *text, uint64_t *ret_received, uint64_t *ret_sent);
/* /proc/PID/stat; times in ticks.  False: that is none. */
struct usage_stat {
        char command[64];
        int64_t parent_pid, terminal;
        uint64_t ticks, started_ticks;
};
bool usage_stat(const char *text, struct usage_stat *ret);
