/* A task's life: its states, in the order they can be entered, as one table. */
#pragma once
#include <stdbool.h>

#include "api/objects.pb-c.h"

/*  constant, docker's word, is it over? */
#define TASK_LIFE(X)                          \
        X(TASK_NEW, "new", false)             \
        X(TASK_PENDING, "pending", false)     \
        X(TASK_ASSIGNED, "assigned", false)   \
        X(TASK_ACCEPTED, "accepted", false)   \
        X(TASK_PREPARING, "preparing", false) \
        X(TASK_READY, "ready", false)         \
        X(TASK_STARTING, "starting", false)   \
        X(TASK_RUNNING, "running", false)     \
        X(TASK_COMPLETE, "complete", true)    \
        X(TASK_SHUTDOWN, "shutdown", true)    \
        X(TASK_FAILED, "failed", true)        \
        X(TASK_REJECTED, "rejected", true)    \
        X(TASK_REMOVE, "remove", true)        \
        X(TASK_ORPHANED, "orphaned", true)

/* "running"; "unknown" for a number that is no state. */
const char *task_state_name(Sk__TaskState state);
int task_state_from_name(const char *name); /* -1 for another word */
bool task_state_is_known(Sk__TaskState state);

/* The observed state: the furthest that any writer got it. */
Sk__TaskState task_state(const Sk__Task *task);

/* Will it never run again? */
bool task_is_over(const Sk__Task *task);

/* Does a person want it up: desired at most RUNNING (or, for a job, COMPLETE)? */
bool task_is_wanted(const Sk__Task *task);

/* The node it is on: placed there, or preassigned; "" when on none. */
const char *task_node(const Sk__Task *task);

/* May a reported status replace this one?  Observed states only grow; the same state only with news
 * in it. */
bool task_status_is_newer(const Sk__TaskStatus *now, const Sk__TaskStatus *reported);

/* A slot as people number it: those of a service from 1, a job's indexes from 0, as
 * docker does (whose command line shows a node's id in place of index 0).  Meaningless for
 * tasks of nodes, whose slot is 0. */
uint64_t task_number(const Sk__TaskDefinition *definition);

/* "restarts in 40s (5 failures in a row)", or "" when the task does not wait for that. */
void task_restart_text(const Sk__Task *task, int64_t now_ns, char *ret, size_t size);

/* Since when it is in its state: what is told of its health meanwhile does not count. */
int64_t task_status_since(const Sk__TaskStatus *status);

/* Does it serve: run, and say that it is ready, if it was to say? */
bool task_is_ready(const Sk__Task *task);
/* Has it still to run, or to say so for the first time? */
bool task_is_coming_up(const Sk__Task *task);

/* "web.3", or for a global service "web.<node id>", without the task's id. */
void task_slot_name(const Sk__Task *task, const char *service_name, char *ret, size_t size);
