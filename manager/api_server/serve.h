/* Runs pure handlers: reads on a view no older than the call, writes until their plan is committed.
 */
#pragma once
#include "manager/api_server/api_server.h"
#include "manager/api_server/call.h"

/* One handler with what is needed to answer. */
struct serve_row {
        int (*handle)(struct call *call, const void *in, void *out);
        size_t out_size;
        void (*out_init)(void *out);
};

/* Answers with what 'row' says of a view that is no older than this call. */
void serve_read(struct api_server *api, struct rpc_call *call, const void *in,
                const struct serve_row *row);

/* Runs 'row', commits its plan, answers once the view shows it.  When another writer was first it
 * is run again, at most SERVE_TRIES times in all; then the caller gets ERR_CONFLICT. */
enum { SERVE_TRIES = 5 };
void serve_write(struct api_server *api, struct rpc_call *call, const void *in,
                 const struct serve_row *row);

/* As serve_write, after the image was looked up: 'resolved' and 'warning' (NULL: none) go to the
 * handler; in the call's arena. */
void serve_write_resolved(struct api_server *api, struct rpc_call *call, const void *in,
                          const struct serve_row *row, const struct resolved_image *resolved,
                          const char *warning);
