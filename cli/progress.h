/* Waiting for a service to become what was asked for, and showing how far it is. */
#pragma once
#include "cli/command.h"

/* Returns the exit code: 0 once it converged and stayed so for its monitor time (5 s), 1 when it
 * cannot.  ^C lets go of the service, which goes on by itself. */
int progress_wait(struct cli *cli, const char *service_id, bool is_quiet);
/* The same for a run of a job that was asked for. */
int progress_wait_run(struct cli *cli, const char *service_id, bool is_quiet);
