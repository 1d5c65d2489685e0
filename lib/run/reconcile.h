/* Drives a decision procedure: news touches keys, keys are decided, plans are committed; the same
 * for orchestrator, allocator and scheduler.  The simulator drives the same struct reconciler
 * without this shell.
 *
 * While a plan is on its way no further decision is made; the next one waits until the mirror shows
 * what was accepted, so a loop never decides on a view older than its own last plan.  A conflicting
 * group's key stays touched and waits for the version the store names.  Acts only while it holds
 * the lease of its name. */
#pragma once
#include "lib/run/daemon.h"
#include "lib/run/mirror.h"
#include "lib/state/reconciler.h"

/* Connects to the store at 'store', takes the lease, watches, decides, for as long as the daemon
 * runs.  'config' goes to touch and decide. */
int reconcile_start(struct daemon *daemon, const char *store, const struct reconciler *reconciler,
                    const void *config, struct err *err);

/* The whole main() of a daemon that does no more: "skep-NAME", NAME being the reconciler's, with
 * one setting, where the store listens. */
int reconcile_main(int argc, char **argv, const struct reconciler *reconciler, const void *config,
                   const char *summary);
