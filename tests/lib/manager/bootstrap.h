/* What the first store of a test's cluster begins with; private to tests/lib/manager. */
#pragma once
#include "tests/lib/manager/manager.h"

#define MANAGER_CLUSTER "cluster000000000000000001"

/* The first log entry, in manager->folder/bootstrap: the cluster and its nodes. */
void manager_write_bootstrap(const struct manager *manager, size_t n_nodes);

/* A file of manager->folder/identity. */
void manager_read_identity(const struct manager *manager, const char *name, struct str *ret);

/* Shows the error and stops when r is negative. */
void manager_check(int r, const struct err *err);
