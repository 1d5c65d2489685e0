/* The agent's side of skep-mesh: asks for attachments, hears when they are there.
 *
 * One Sync stream to mesh.sock, opened again when it breaks; everything wanted is then said anew,
 * so a restarted mesh and a restarted agent agree.  Callbacks come on the loop, never inside a
 * call. */
#pragma once
#include "api/node.pb-c.h"
#include "lib/rpc/client.h"

struct network;
struct network_request;

int network_new(struct loop *loop, const char *mesh_address, struct network **ret_network,
                struct err *err);
void network_free(struct network *network); /* attachments stay; no callback comes any more */

/* Attaches 'id' (again: tells what is there).  Calls back once: 'attachment' is borrowed, or 'err'
 * says why not.  Cancel the callback with network_forget(). */
struct network_request *network_attach(
        struct network *network, const char *id, Sk__PortConfig *const *host_ports,
        size_t n_host_ports,
        void (*attached)(void *context, const Sk__MeshReport__Attachment *attachment,
                         const struct err *err),
        void *context);

/* Takes it away; calls back once it is gone. */
struct network_request *network_detach(
        struct network *network, const char *id,
        void (*detached)(void *context, const Sk__MeshReport__Attachment *attachment,
                         const struct err *err),
        void *context);
void network_forget(struct network_request *request);

/* At the start of an agent: names a task of an earlier run, whose attachment shall stay if it has
 * one.  Once all are named, network_complete() lets the mesh take away every other one; before that
 * it takes away nothing unasked. */
void network_keep(struct network *network, const char *id);
void network_complete(struct network *network);
