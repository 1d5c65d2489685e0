/* A running container seen from outside: its root, as long as it is still this container's. */
#pragma once
#include <stdint.h>

#include "lib/base/err.h"

/* Opens the root of the process 'pid' after making sure that it is of the container 'id', which is
 * the last part of its cgroup: a pid may be another's by now.  Blocking. */
int inside_open_root(int64_t pid, const char *id, int *ret_fd, struct err *err);
