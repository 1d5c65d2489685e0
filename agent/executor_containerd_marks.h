/* What of a container's life must be known after a restart of the agent, as files in the task's
 * folder.  Blocking; for the worker pool. */
#pragma once
#include <stdbool.h>

#include "agent/executor.h"

/* "It was started": written before it is, so that a process that is gone afterwards is known to
 * have run. */
int marks_set_started(const char *folder, struct err *err);
bool marks_has_started(const char *folder);

/* How it ended; false when nothing is written. */
int marks_write_exit(const char *folder, const struct executor_exit *exit, struct err *err);
bool marks_read_exit(const char *folder, struct executor_exit *ret);

/* Puts an end into words.  'exit_code' -1: unknown; 'cause' (may be NULL): why it was made to end,
 * which is a failure whatever the exit code. */
void marks_describe_exit(int exit_code, bool oom_killed, const char *cause,
                         struct executor_exit *ret);

/* Did the kernel kill anything in the control group for want of memory? */
bool marks_was_oom_killed(const char *cgroup_path, bool has_cgroup_v2);
