/* Drives a decision procedure: news touches keys, keys are decided, plans are committed; the same for orchestrator, allocator and
 * scheduler.  The simulator drives the same struct reconciler without this shell.
 *
 * While a plan is on its way no further decision is made; the next one waits until the mirror shows what was accepted, so a loop
 * never decides on a view older than its own last plan.  A conflicting group's key stays touched and waits for the version the
 * store names.  Acts only while it holds the lease of its name. */
#pragma once
#include "lib/run/daemon.h"
#include "lib/run/mirror.h"
#include "lib/state/plan.h"

/* What a decision is about; text keeps it generic: "service/<id>/<range>", "pending", "node/<id>". */
enum { RECONCILE_KEY_SIZE = 64 };

struct reconcile_keys; /* a set */
void reconcile_keys_add(struct reconcile_keys *keys, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct reconciler {
        const char *name; /* lease and loop name: "scheduler" */
        const Sk__KindMask *kinds;
        size_t n_kinds;
        /* Whom does this news concern?  'event' is NULL at start and after a restart: touch everything. */
        void (*touch)(const struct view *view, const Sk__Event *event, const void *config, struct reconcile_keys *ret_touched);
        /* What should change for this key?  Pure.  Adds at most about 'limit' changes and calls plan_wake() if it stopped there. */
        void (*decide)(const struct view *view, const char *key, const void *config, size_t limit, struct plan *plan);
};

/* Connects to the store at 'store', takes the lease, watches, decides, for as long as the daemon runs.  'config' goes to touch and
 * decide. */
int reconcile_start(struct daemon *daemon, const char *store, const struct reconciler *reconciler, const void *config,
                    struct err *err);
