/* Volumes of this node, for people. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/node/node_private.h"
#include "agent/oci/volume_record.h"
#include "api/node.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/message/message.h"
#include "lib/os/file.h"

/* A call whose work is on the pool; outlives the call when that is closed first. */
struct volume_call {
        struct rpc_call *rpc; /* NULL: nobody waits any more */
        struct arena arena;
        char *folder, *tasks_folder;
        const ProtobufCMessage *in;
        ProtobufCMessage *out;
        int (*do_it)(struct volume_call *call, struct err *err);
        int64_t now_ns;
        struct work work;
        int result;
        struct err err;
};

NODE_AGENT_METHODS(RPC_PROTOTYPE)

static void call_closed(void *context, struct rpc_call *rpc)
{
        struct volume_call *call = context;

        (void)rpc;
        call->rpc = NULL;
}

static void do_work(struct work *work)
{
        struct volume_call *call = container_of(work, struct volume_call, work);

        call->result = call->do_it(call, &call->err);
}

static void work_done(struct work *work)
{
        static const struct rpc_call_events nobody;
        struct volume_call *call = container_of(work, struct volume_call, work);

        if (!work->was_run)
                call->result = err_set(&call->err, ERR_UNAVAILABLE, "the agent stops");
        if (call->rpc)
                rpc_call_on(call->rpc, &nobody, NULL);
        if (call->rpc && call->result < 0)
                rpc_fail(call->rpc, &call->err);
        else if (call->rpc)
                rpc_reply(call->rpc, call->out);
        arena_done(&call->arena);
        free(call);
}

static void begin(struct node *node, struct rpc_call *rpc, const ProtobufCMessage *in,
                  int (*do_it)(struct volume_call *call, struct err *err))
{
        static const struct rpc_call_events events = { .closed = call_closed };
        struct volume_call *call = mem_alloc(sizeof *call);

        call->rpc = rpc;
        call->in = message_copy(&call->arena, in);
        call->folder = (char *)arena_printf(&call->arena, "%s/volumes", node->options.state_folder);
        call->tasks_folder =
                (char *)arena_printf(&call->arena, "%s/tasks", node->options.state_folder);
        call->do_it = do_it;
        call->now_ns = loop_now(node->options.loop);
        call->work = (struct work){ .work = do_work, .done = work_done };
        rpc_call_on(rpc, &events, call);
        worker_submit(node->options.volume_workers, &call->work);
}

/* --- what is done --- */

/* As docker: 64 hexadecimal digits, and a label by which prune knows it. */
static void name_it(struct volume_call *call, Sk__NodeVolume *volume)
{
        Sk__Label *label = arena_alloc(&call->arena, sizeof *label), **labels;
        struct str name = { 0 };
        uint8_t bytes[32];

        os_random(bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++)
                str_addf(&name, "%02x", bytes[i]);
        volume->name = arena_strdup(&call->arena, name.text);
        str_done(&name);
        sk__label__init(label);
        label->key = "com.docker.volume.anonymous";
        labels = arena_alloc(&call->arena, (volume->n_labels + 1) * sizeof *labels);
        for (size_t i = 0; i < volume->n_labels; i++)
                labels[i] = volume->labels[i];
        labels[volume->n_labels++] = label;
        volume->labels = labels;
}

static int create_it(struct volume_call *call, struct err *err)
{
        const Sk__CreateVolumeRequest *in = (const Sk__CreateVolumeRequest *)call->in;
        Sk__CreateVolumeResponse *out = arena_alloc(&call->arena, sizeof *out);

        sk__create_volume_response__init(out);
        call->out = &out->base;
        if (!in->volume)
                return err_set(err, ERR_INVALID, "which volume?");
        if (str_is_empty(in->volume->name))
                name_it(call, in->volume);
        return volume_create(call->folder, in->volume, call->now_ns, &call->arena, &out->volume,
                             err);
}

static int list_them(struct volume_call *call, struct err *err)
{
        Sk__ListVolumesResponse *out = arena_alloc(&call->arena, sizeof *out);

        sk__list_volumes_response__init(out);
        call->out = &out->base;
        return volume_list(call->folder, call->tasks_folder, &call->arena, out, err);
}

static int remove_it(struct volume_call *call, struct err *err)
{
        const Sk__RemoveVolumeRequest *in = (const Sk__RemoveVolumeRequest *)call->in;
        Sk__RemoveVolumeResponse *out = arena_alloc(&call->arena, sizeof *out);
        int failed = volume_remove(call->folder, call->tasks_folder, in->name, err);

        sk__remove_volume_response__init(out);
        call->out = &out->base;
        return failed == ERR_NOT_FOUND && in->force ? 0 : failed;
}

/* --- methods --- */

void create_volume(void *context, struct rpc_call *rpc, const Sk__CreateVolumeRequest *in)
{
        begin(node_of(context), rpc, &in->base, create_it);
}

void list_volumes(void *context, struct rpc_call *rpc, const Sk__ListVolumesRequest *in)
{
        begin(node_of(context), rpc, &in->base, list_them);
}

void remove_volume(void *context, struct rpc_call *rpc, const Sk__RemoveVolumeRequest *in)
{
        begin(node_of(context), rpc, &in->base, remove_it);
}
