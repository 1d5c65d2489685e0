/* What people ask a manager for, by way of its api and dispatcher. */
#pragma once
#include "api/objects.pb-c.h"
#include "lib/base/str.h"
#include "tests/lib/manager/manager.h"

void ask_create_service(struct manager *manager, const char *name, uint64_t replicas);

/* How many tasks are in that state; all of them when it is NEW.  0 when the manager does not
 * answer, too. */
size_t ask_count_tasks(struct manager *manager, Sk__TaskState state);

/* Returns when so many nodes are ready; ends the test after 30 seconds. */
void ask_until_ready(struct manager *manager, size_t n);
size_t ask_count_ready(struct manager *manager);

/* The log of a task of node i, by way of that manager's dispatcher: its lines, each with a ';'
 * after it, and errors ("away: " when the node is).  Gives up after ten seconds. */
void ask_log(struct manager *manager, size_t node, const char *task_id, struct str *ret);

/* Goes inside a task of node i by way of that manager's dispatcher, sends 'size' bytes to what runs
 * there, and adds what comes back; then the error or "exit N".  Gives up after ten seconds. */
void ask_inside(struct manager *manager, size_t node, size_t size, struct str *ret);
