/* What containers have written and nobody has read yet, kept while no agent runs.
 *
 * What is in a FIFO is gone with the last who has it open, and a container that ends has its shim
 * close it: between two agents its last words would be lost.  So a process of its own holds the
 * FIFOs' reading ends, and never reads.  It outlives the agent, and ends when it holds nothing and
 * no agent is there.  Linux only: descriptors cross a Unix socket (unix(7), SCM_RIGHTS). */
#pragma once
#include <stddef.h>

#include "lib/os/loop.h"

enum {
        KEEPER_FDS_MAX = 2,   /* a task's */
        KEEPER_NAME_SIZE = 64 /* NUL included */
};

/* Its argv[0].  It is the agent's own program: whose main() finds itself called so is to be
 * keeper_main(). */
#define KEEPER_PROGRAM "skep-keep"

struct keeper;

/* Finds the one an earlier agent left behind 'socket_path', or starts one.  'failed' comes on the
 * loop, once: it is gone or does not listen, and nothing is kept from now on. */
int keeper_new(struct loop *loop, const char *socket_path,
               void (*failed)(void *context, const struct err *err), void *context,
               struct keeper **ret_keeper, struct err *err);

/* Lets go of the process; what it holds it keeps.  Accepts NULL. */
void keeper_free(struct keeper *keeper);

/* The descriptors stay open there under 'name', instead of those it had; ours may be closed. */
void keeper_hold(struct keeper *keeper, const char *name, const int *fds, size_t n);

/* They may go.  A name that is not held is passed over. */
void keeper_release(struct keeper *keeper, const char *name);

/* The process: serves agents on the listener that is its stdin, until it is of no more use.  Its
 * exit code. */
int keeper_main(void);
