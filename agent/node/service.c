/* skep.v1.NodeAgent: what a person asks of this node. */
#include "api/node.h"

#include <string.h>

#include "agent/containerd/images.h"
#include "agent/node/daemons.h"
#include "agent/node/node_private.h"
#include "lib/base/version.h"
#include "lib/base/check.h"
#include "lib/run/daemon.h"

enum { LOAD_SIZE_MAX_GB = 16 };

NODE_AGENT_METHODS(RPC_PROTOTYPE)

struct node *node_of(void *context)
{
        struct daemon *daemon = context;
        struct node_holder *holder = daemon->state;

        return holder->node;
}

/* --- GetNodeInfo --- */

static void add_daemons(struct node *node, struct arena *arena, Sk__GetNodeInfoResponse *out)
{
        out->daemons = arena_alloc(arena, 32 * sizeof *out->daemons);
        for (const struct daemon_row *row = daemon_rows; row->name && out->n_daemons < 32; row++) {
                struct backend_state state;
                Sk__DaemonState *daemon;

                if (!node->backend->ops->state(node->backend, row->name, &state))
                        continue;
                daemon = arena_alloc(arena, sizeof *daemon);
                *daemon = (Sk__DaemonState)SK__DAEMON_STATE__INIT;
                daemon->name = row->name;
                daemon->is_running = state.is_running;
                daemon->pid = state.pid;
                daemon->n_restarts = state.n_restarts;
                daemon->last_failure = arena_strdup(arena, state.last_failure);
                out->daemons[out->n_daemons++] = daemon;
        }
}

/* An answer that waits for the number of images; lives in the call's arena. */
struct info_call {
        struct node *node;
        struct rpc_call *rpc;
        struct image_request *request;
};

static void answer_info(struct info_call *call, const Sk__ListImagesResponse *images)
{
        Sk__GetNodeInfoResponse out = SK__GET_NODE_INFO_RESPONSE__INIT;
        Sk__NodeDescription description = SK__NODE_DESCRIPTION__INIT;
        struct arena *arena = rpc_call_arena(call->rpc);
        struct node *node = call->node;
        struct agent_info info;

        agent_get_info(node->options.agent, &info);
        agent_describe(node->options.agent, arena, &description);
        out.node_id = node->record.node_id;
        out.cluster_id = node->record.cluster_id;
        out.role = node_is_manager(node) ? SK__NODE_ROLE__NODE_ROLE_MANAGER
                                         : SK__NODE_ROLE__NODE_ROLE_WORKER;
        out.state = node_state_name(node);
        out.error = node->state == NODE_ACTIVE && !info.is_connected ? info.last_error : "";
        out.address = node->record.advertise_address;
        out.description = &description;
        out.containers_total = info.n_tasks;
        out.containers_running = info.n_running;
        out.version = SKEP_VERSION;
        out.runtime = description.runtime_version;
        out.state_folder = node->options.state_folder;
        out.images_total = images ? images->n_images : 0;
        add_daemons(node, arena, &out);
        rpc_reply(call->rpc, &out.base);
}

static void images_counted(void *context, const Sk__ListImagesResponse *images,
                           const struct err *err)
{
        struct info_call *call = context;

        (void)err;
        call->request = NULL;
        answer_info(call, images);
}

static void info_closed(void *context, struct rpc_call *rpc)
{
        struct info_call *call = context;

        (void)rpc;
        if (call->request)
                image_request_cancel(call->request);
}

void get_node_info(void *context, struct rpc_call *rpc, const Sk__GetNodeInfoRequest *in)
{
        static const struct rpc_call_events events = { .closed = info_closed };
        struct info_call *call = arena_alloc(rpc_call_arena(rpc), sizeof *call);

        (void)in;
        call->node = node_of(context);
        call->rpc = rpc;
        rpc_call_on(rpc, &events, call);
        if (call->node->options.images)
                call->request = image_list(call->node->options.images, rpc_call_arena(rpc),
                                           images_counted, call);
        else
                answer_info(call, NULL);
}

/* --- images --- */

/* A call that waits for the runtime; lives in the call's arena. */
struct image_call {
        struct node *node;
        struct rpc_call *rpc;
        struct image_request *request;
        struct image_load *load; /* LoadImage */
        int64_t size;
};

static void image_call_closed(void *context, struct rpc_call *rpc)
{
        struct image_call *call = context;

        (void)rpc;
        if (call->request)
                image_request_cancel(call->request);
}

static const struct rpc_call_events image_call_events = { .closed = image_call_closed };

/* NULL (and the call is answered) when this node has no runtime. */
static struct image_call *image_call_new(struct node *node, struct rpc_call *rpc)
{
        struct image_call *call;
        struct err err;

        if (!node->options.images) {
                err_set(&err, ERR_UNIMPLEMENTED,
                        "this agent runs without a container runtime: it has no images");
                rpc_fail(rpc, &err);
                return NULL;
        }
        call = arena_alloc(rpc_call_arena(rpc), sizeof *call);
        call->node = node;
        call->rpc = rpc;
        rpc_call_on(rpc, &image_call_events, call);
        return call;
}

static void pull_progress(void *context, const char *message)
{
        Sk__PullImageResponse out = SK__PULL_IMAGE_RESPONSE__INIT;
        struct image_call *call = context;

        out.status = message;
        rpc_call_write(call->rpc, &out.base);
}

static void pull_done(void *context, const struct image *image, const struct err *err)
{
        Sk__PullImageResponse out = SK__PULL_IMAGE_RESPONSE__INIT;
        struct image_call *call = context;

        call->request = NULL;
        if (err) {
                rpc_fail(call->rpc, err);
                return;
        }
        out.digest = image->digest;
        rpc_call_write(call->rpc, &out.base);
        rpc_call_finish(call->rpc);
}

void pull_image(void *context, struct rpc_call *rpc, const Sk__PullImageRequest *in)
{
        static const struct image_events events = { pull_progress, pull_done };
        struct image_call *call = image_call_new(node_of(context), rpc);

        if (call)
                call->request = image_obtain(call->node->options.images, in->reference, in->auth,
                                             rpc_call_arena(rpc), &events, call);
}

static void list_done(void *context, const Sk__ListImagesResponse *images, const struct err *err)
{
        struct image_call *call = context;

        call->request = NULL;
        if (err)
                rpc_fail(call->rpc, err);
        else
                rpc_reply(call->rpc, &images->base);
}

void list_images(void *context, struct rpc_call *rpc, const Sk__ListImagesRequest *in)
{
        struct image_call *call = image_call_new(node_of(context), rpc);

        (void)in;
        if (call)
                call->request = image_list(call->node->options.images, rpc_call_arena(rpc),
                                           list_done, call);
}

static void remove_done(void *context, const Sk__RemoveImageResponse *removed,
                        const struct err *err)
{
        struct image_call *call = context;

        call->request = NULL;
        if (err)
                rpc_fail(call->rpc, err);
        else
                rpc_reply(call->rpc, &removed->base);
}

void remove_image(void *context, struct rpc_call *rpc, const Sk__RemoveImageRequest *in)
{
        struct image_call *call = image_call_new(node_of(context), rpc);

        if (call)
                call->request = image_remove(call->node->options.images, in->reference,
                                             rpc_call_arena(rpc), remove_done, call);
}

/* --- LoadImage: the tar comes in pieces, one is written at a time --- */

static void load_written(void *context)
{
        struct image_call *call = context;

        rpc_call_resume_reading(call->rpc);
}

static void load_done(void *context, const char *const *references, size_t n, const struct err *err)
{
        Sk__LoadImageResponse out = SK__LOAD_IMAGE_RESPONSE__INIT;
        struct image_call *call = context;

        if (err) {
                rpc_fail(call->rpc, err);
                return;
        }
        out.references = (const char **)references;
        out.n_references = n;
        rpc_reply(call->rpc, &out.base);
}

static void load_chunk(void *context, struct rpc_call *rpc, const void *in)
{
        const Sk__LoadImageRequest *request = in;
        struct image_call *call = context;
        struct err err;

        call->size += (int64_t)request->chunk.len;
        if (call->size > (int64_t)LOAD_SIZE_MAX_GB << 30) {
                err_set(&err, ERR_EXHAUSTED, "images of more than %d GiB are not loaded",
                        LOAD_SIZE_MAX_GB);
                rpc_fail(rpc, &err);
                return;
        }
        rpc_call_pause_reading(rpc);
        image_load_write(call->load, request->chunk.data, request->chunk.len);
}

static void load_whole(void *context, struct rpc_call *rpc)
{
        struct image_call *call = context;

        (void)rpc;
        image_load_finish(call->load);
}

static void load_closed(void *context, struct rpc_call *rpc)
{
        struct image_call *call = context;

        (void)rpc;
        image_load_free(call->load);
}

void load_image(void *context, struct rpc_call *rpc, const Sk__LoadImageRequest *in)
{
        static const struct rpc_call_events events = {
                .message = load_chunk,
                .half_closed = load_whole,
                .closed = load_closed,
        };
        static const struct image_load_events load_events = { load_written, load_done };
        struct node *node = node_of(context);
        struct image_call *call = image_call_new(node, rpc);

        (void)in;
        if (!call)
                return;
        call->load = image_load_new(node->options.images, &load_events, call);
        rpc_call_on(rpc, &events, call);
}

NODE_AGENT_METHODS(RPC_SHIM)
static const struct rpc_method methods[] = { NODE_AGENT_METHODS(RPC_ROW) };
const struct rpc_service node_agent_service = { &sk__node_agent__descriptor, methods,
                                                COUNT_OF(methods) };
