/* Runs pure handlers. */
#include "manager/api_server/serve.h"

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/time.h"
#include "lib/os/file.h"

enum { COMMIT_TIMEOUT_S = 20 };

/* One call on its way; lives in the call's arena. */
struct serving {
        struct api_server *api;
        struct rpc_call *rpc;
        const struct serve_row *row;
        const void *in;
        void *out;
        struct plan plan;
        struct err err;
        char fresh_ids[CALL_FRESH_IDS][ID_SIZE];
        const struct resolved_image *resolved;
        const char *warning;
        struct mirror_read read;
        struct mirror_wait wait;
        struct commit_submission *submission;
        int n_tries;
        bool is_reading, is_write, was_refreshed;
};

static void serving_closed(void *context, struct rpc_call *rpc)
{
        struct serving *serving = context;

        (void)rpc;
        if (serving->is_reading)
                mirror_read_cancel(serving->api->mirror, &serving->read);
        mirror_wait_cancel(&serving->wait);
        if (serving->submission)
                commit_forget(serving->submission);
        plan_done(&serving->plan);
}

static struct serving *serving_new(struct api_server *api, struct rpc_call *rpc, const void *in,
                                   const struct serve_row *row)
{
        static const struct rpc_call_events events = { .closed = serving_closed };
        struct serving *serving = arena_alloc(rpc_call_arena(rpc), sizeof *serving);

        serving->api = api;
        serving->rpc = rpc;
        serving->row = row;
        serving->in = in;
        plan_init(&serving->plan);
        rpc_call_on(rpc, &events, serving);
        return serving;
}

static int run_handler(struct serving *serving)
{
        struct call call = {
                .view = mirror_view(serving->api->mirror),
                .plan = serving->is_write ? &serving->plan : NULL,
                .arena = rpc_call_arena(serving->rpc),
                .err = &serving->err,
                .now_ns = loop_now(serving->api->daemon->loop),
                .node_id = rpc_identity_node_id(serving->api->daemon->identity),
                .resolved = serving->resolved,
                .warning = serving->warning,
        };

        for (size_t i = 0; i < CALL_FRESH_IDS; i++)
                call.fresh_ids[i] = serving->fresh_ids[i];
        serving->out = arena_alloc(call.arena, serving->row->out_size);
        serving->row->out_init(serving->out);
        plan_clear(&serving->plan);
        return serving->row->handle(&call, serving->in, serving->out);
}

static void refresh(struct serving *serving, void (*fresh)(void *context, const struct err *err))
{
        serving->is_reading = true;
        serving->read = (struct mirror_read){ .fresh = fresh, .context = serving };
        mirror_read(serving->api->mirror, &serving->read);
}

/* --- reads --- */

static void read_fresh(void *context, const struct err *err)
{
        struct serving *serving = context;

        serving->is_reading = false;
        if (err)
                rpc_fail(serving->rpc, err);
        else if (run_handler(serving) < 0)
                rpc_fail(serving->rpc, &serving->err);
        else
                rpc_reply(serving->rpc, serving->out);
}

void serve_read(struct api_server *api, struct rpc_call *rpc, const void *in,
                const struct serve_row *row)
{
        refresh(serving_new(api, rpc, in, row), read_fresh);
}

/* --- writes --- */

static void write_try(void *context);

static void write_shown(void *context)
{
        struct serving *serving = context;

        rpc_reply(serving->rpc, serving->out);
}

static void wait_for(struct serving *serving, uint64_t version, void (*reached)(void *context))
{
        serving->wait = (struct mirror_wait){ .reached = reached, .context = serving };
        mirror_wait(serving->api->mirror, &serving->wait, version);
}

static void write_committed(void *context, const struct commit_outcome *outcome)
{
        struct serving *serving = context;
        const Sk__GroupResult *result = outcome->results ? outcome->results[0] : NULL;

        serving->submission = NULL;
        if (outcome->err) {
                rpc_fail(serving->rpc, outcome->err);
        } else if (!result || !result->code) {
                wait_for(serving, outcome->version, write_shown);
        } else if (-result->code == ERR_CONFLICT && serving->n_tries < SERVE_TRIES) {
                wait_for(serving, result->wait_version, write_try);
        } else {
                err_set(&serving->err, -result->code, "%s", result->message);
                rpc_fail(serving->rpc, &serving->err);
        }
}

static void write_fresh(void *context, const struct err *err)
{
        struct serving *serving = context;

        serving->is_reading = false;
        if (err)
                rpc_fail(serving->rpc, err);
        else
                write_try(serving);
}

/* A refusal may come from a view that is a moment old: it is told only after looking at one that is
 * not. */
static void write_refused(struct serving *serving)
{
        if (serving->was_refreshed || serving->err.code == ERR_UNIMPLEMENTED) {
                rpc_fail(serving->rpc, &serving->err);
                return;
        }
        serving->was_refreshed = true;
        refresh(serving, write_fresh);
}

static void write_try(void *context)
{
        struct serving *serving = context;

        serving->n_tries++;
        if (run_handler(serving) < 0) {
                write_refused(serving);
                return;
        }
        if (plan_is_empty(&serving->plan)) {
                rpc_reply(serving->rpc, serving->out);
                return;
        }
        serving->submission =
                committer_submit(serving->api->committer, &serving->plan,
                                 COMMIT_TIMEOUT_S * NS_PER_S, write_committed, serving);
}

void serve_write_resolved(struct api_server *api, struct rpc_call *rpc, const void *in,
                          const struct serve_row *row, const struct resolved_image *resolved,
                          const char *warning)
{
        struct serving *serving = serving_new(api, rpc, in, row);

        serving->is_write = true;
        serving->resolved = resolved;
        serving->warning = warning;
        for (size_t i = 0; i < CALL_FRESH_IDS; i++)
                os_random_id(serving->fresh_ids[i]);
        if (mirror_is_complete(api->mirror))
                write_try(serving);
        else
                refresh(serving, write_fresh);
}

void serve_write(struct api_server *api, struct rpc_call *rpc, const void *in,
                 const struct serve_row *row)
{
        serve_write_resolved(api, rpc, in, row, NULL, NULL);
}
