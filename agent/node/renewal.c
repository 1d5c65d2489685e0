/* Keys, a call to a CA, certificates. */
#include "agent/node/renewal.h"

#include <stdlib.h>

#include "agent/node/keys.h"
#include "api/ca.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/rpc/client.h"

#define CALL_TIMEOUT_NS (10 * NS_PER_S)

struct renewal {
        struct renewal_options options;
        struct arena arena;
        struct work work;
        Sk__DaemonCsr **csrs;
        size_t n_csrs, at; /* 'at': the address that is asked */
        struct rpc_identity *identity;
        struct rpc_client *client;
        const Sk__RenewCertificatesResponse *response;
        bool is_working, is_cancelled;
        int result;
        struct err err;
};

static void release(struct renewal *renewal)
{
        rpc_client_free(renewal->client);
        rpc_identity_free(renewal->identity);
        arena_done(&renewal->arena);
        free(renewal);
}

static void end(struct renewal *renewal)
{
        if (!renewal->is_cancelled)
                renewal->options.ended(renewal->options.context,
                                       renewal->result < 0 ? &renewal->err : NULL);
        release(renewal);
}

void renewal_cancel(struct renewal *renewal)
{
        renewal->is_cancelled = true;
        if (!renewal->is_working)
                release(renewal);
}

static void submit(struct renewal *renewal, void (*run)(struct work *work),
                   void (*done)(struct work *work))
{
        renewal->is_working = true;
        renewal->work = (struct work){ .work = run, .done = done };
        worker_submit(renewal->options.workers, &renewal->work);
}

/* False when there is no more to do. */
static bool may_go_on(struct renewal *renewal, bool was_run)
{
        renewal->is_working = false;
        if (!was_run)
                renewal->result = err_set(&renewal->err, ERR_CANCELLED, "the agent is stopping");
        return renewal->result == 0 && !renewal->is_cancelled;
}

/* --- certificates --- */

static void store_on_pool(struct work *work)
{
        struct renewal *renewal = container_of(work, struct renewal, work);
        const Sk__RenewCertificatesResponse *response = renewal->response;

        renewal->result =
                keys_store(renewal->options.folder, renewal->options.role, response->certificates,
                           response->n_certificates, response->root_certificate_pem, &renewal->err);
}

static void stored(struct work *work)
{
        struct renewal *renewal = container_of(work, struct renewal, work);

        (void)may_go_on(renewal, work->was_run);
        end(renewal);
}

/* --- a CA --- */

static void ask(struct renewal *renewal);

static void answered(void *context, const void *out, const struct err *err)
{
        struct renewal *renewal = context;

        if (renewal->is_cancelled)
                return;
        if (err) {
                renewal->result = err->code;
                renewal->err = *err;
                err_prefix(&renewal->err, "CA at %s", renewal->options.addresses[renewal->at]);
                renewal->at++;
                ask(renewal);
                return;
        }
        if (((const Sk__RenewCertificatesResponse *)out)->role != renewal->options.role) {
                renewal->result = err_set(&renewal->err, ERR_CONFLICT,
                                          "the managers say another role of this node");
                end(renewal);
                return;
        }
        renewal->result = 0;
        renewal->response = (const void *)message_copy(&renewal->arena, out);
        submit(renewal, store_on_pool, stored);
}

static void ask(struct renewal *renewal)
{
        Sk__RenewCertificatesRequest request = SK__RENEW_CERTIFICATES_REQUEST__INIT;
        struct rpc_client_options client = { .server_daemon = "ca", .identity = renewal->identity };

        rpc_client_free(TAKE(renewal->client));
        if (renewal->at == renewal->options.n_addresses) {
                end(renewal);
                return;
        }
        client.address = renewal->options.addresses[renewal->at];
        renewal->result =
                rpc_client_new(renewal->options.loop, &client, &renewal->client, &renewal->err);
        if (renewal->result < 0) {
                end(renewal);
                return;
        }
        request.csrs = renewal->csrs;
        request.n_csrs = renewal->n_csrs;
        rpc_client_call(renewal->client, RPC_METHOD(ca, RenewCertificates), &request.base,
                        CALL_TIMEOUT_NS, false, answered, renewal);
}

/* --- keys --- */

static void request_on_pool(struct work *work)
{
        struct renewal *renewal = container_of(work, struct renewal, work);

        renewal->result =
                keys_request(renewal->options.folder, renewal->options.role, &renewal->arena,
                             &renewal->csrs, &renewal->n_csrs, &renewal->err);
}

static void requested(struct work *work)
{
        struct renewal *renewal = container_of(work, struct renewal, work);

        if (may_go_on(renewal, work->was_run))
                renewal->result = rpc_identity_open(renewal->options.folder, "agent",
                                                    &renewal->identity, &renewal->err);
        if (renewal->result < 0 || renewal->is_cancelled) {
                end(renewal);
                return;
        }
        renewal->result = err_set(&renewal->err, ERR_UNAVAILABLE, "no manager is known");
        ask(renewal);
}

struct renewal *renewal_begin(const struct renewal_options *options)
{
        struct renewal *renewal = mem_alloc(sizeof *renewal);
        const char **addresses;

        renewal->options = *options;
        renewal->options.folder = arena_strdup(&renewal->arena, options->folder);
        addresses = arena_alloc(&renewal->arena, (options->n_addresses + 1) * sizeof *addresses);
        for (size_t i = 0; i < options->n_addresses; i++)
                addresses[i] = arena_strdup(&renewal->arena, options->addresses[i]);
        renewal->options.addresses = addresses;
        submit(renewal, request_on_pool, requested);
        return renewal;
}
