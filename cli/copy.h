/* Copies between here and the inside of a task. */
#pragma once
#include "cli/command.h"

struct copy_wish {
        const char *task, *inside; /* "web.1", "/etc/hosts" */
        const char *here;          /* a path, or "-": a tar archive on stdin or stdout */
        bool keeps_owners, follows_link, is_quiet;
};

/* Each returns the exit code, its errors told. */
int copy_in(struct cli *cli, const struct copy_wish *wish);
int copy_out(struct cli *cli, const struct copy_wish *wish);
