/* Real skep-stores in folders of their own, with clients: started, killed, started again.  The
 * first begins the cluster; fixture_join() makes more. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "api/store.h"
#include "lib/base/mem.h"
#include "lib/os/loop.h"
#include "lib/rpc/client.h"

#define FIRST_NODE "node100000000000000000000"

struct fixture {
        char folder[64], address[96], raft_address[96];
        char join[96]; /* whom to ask to be added; "": begins the cluster */
        struct loop *loop;
        struct rpc_identity *identity;
        struct rpc_client *client;
        pid_t pid; /* 0: not running */
};

/* For cmocka: makes folder, identities (the client is "orchestrator") and the bootstrap file; the
 * store is not started. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* One more store of the same cluster, on a node of its own, on the same loop; fixture_leave() ends
 * it. */
struct fixture *fixture_join(struct fixture *first, const char *node);
void fixture_leave(struct fixture *fixture);

void fixture_start(struct fixture *fixture, const char *const more_arguments[]); /* NULL: none */
/* SIGKILL, and waits for its end; says so when it had ended by itself. */
void fixture_kill(struct fixture *fixture);
/* Waits for its end by itself; the exit status as from waitpid. */
int fixture_wait_exit(struct fixture *fixture);

/* One call, waited for; 'out' lives in 'arena'.  The code is returned. */
int fixture_call(struct fixture *fixture, const struct rpc_method_id *method,
                 const ProtobufCMessage *in, struct arena *arena, ProtobufCMessage **ret_out);

/* All objects of a kind; in 'arena'. */
const Sk__ReadResponse *fixture_read_all(struct fixture *fixture, Sk__Kind kind,
                                         struct arena *arena);

/* Changes the bytes of one file below db/ whose name ends so: flips a bit at 'offset' (from the end
 * when negative).  False when there is none that is long enough. */
bool fixture_flip(struct fixture *fixture, const char *suffix, long offset);
