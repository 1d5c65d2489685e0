/* What skep-api would ask a dispatcher for. */
#pragma once
#include "lib/base/str.h"
#include "tests/lib/manager/manager.h"

/* The log of a task of node i, by way of that manager's dispatcher: its lines, each with a ';'
 * after it, and errors.  Gives up after ten seconds. */
void ask_log(struct manager *manager, size_t node, const char *task_id, struct str *ret);
