/* What people do inside tasks: the node dials back a stream for each, by which input comes and
 * output goes, both no faster than the other end takes it. */
#pragma once
#include "agent/executor.h"
#include "lib/os/loop.h"
#include "lib/rpc/client.h"

struct entrances;

struct entrances *entrances_new(struct loop *loop, struct executor *executor);
void entrances_free(struct entrances *entrances); /* accepts NULL; ends what is under way */

/* Begins over 'client'; a request of an id that is under way already is ignored. */
void entrances_begin(struct entrances *entrances, struct rpc_client *client, const char *request_id,
                     const Sk__EnterStart *start);
void entrances_cancel(struct entrances *entrances, const char *request_id);
