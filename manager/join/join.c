/* skep-join: the one door open to strangers. */
#include "manager/join/join.h"

#include "api/ca.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"

enum { ROOT_SIZE_MAX = 64 * 1024, FORWARD_TIMEOUT_S = 20 };

struct join {
        struct daemon *daemon;
        const struct join_config *config;
        struct rpc_client *ca;
        int64_t n_forwarded;
};

/* A request on its way to the ca; lives in the call's arena. */
struct forwarding {
        struct join *join;
        struct rpc_call *rpc;
        struct rpc_request *request;
};

JOIN_METHODS(RPC_PROTOTYPE)

void get_root_certificate(void *context, struct rpc_call *rpc,
                          const Sk__GetRootCertificateRequest *in)
{
        Sk__GetRootCertificateResponse out = SK__GET_ROOT_CERTIFICATE_RESPONSE__INIT;
        _cleanup_(str_done) struct str pem = { 0 };
        struct daemon *daemon = context;
        struct join *join = daemon->state;
        struct err err;

        (void)in;
        if (file_read(join->config->root_certificate, ROOT_SIZE_MAX, &pem, &err) < 0) {
                rpc_fail(rpc, &err);
                return;
        }
        out.root_certificate_pem = str_text(&pem);
        rpc_reply(rpc, &out.base);
}

static void forwarded(void *context, const void *out, const struct err *err)
{
        struct forwarding *forwarding = context;

        forwarding->request = NULL;
        if (err)
                rpc_fail(forwarding->rpc, err);
        else
                rpc_reply(forwarding->rpc, out);
}

static void forwarding_closed(void *context, struct rpc_call *rpc)
{
        struct forwarding *forwarding = context;

        (void)rpc;
        forwarding->join->n_forwarded--;
        if (forwarding->request)
                rpc_request_cancel(forwarding->request);
}

void join_cluster(void *context, struct rpc_call *rpc, const Sk__JoinClusterRequest *in)
{
        static const struct rpc_call_events events = { .closed = forwarding_closed };
        struct daemon *daemon = context;
        struct join *join = daemon->state;
        struct forwarding *forwarding;
        struct err err;

        if (join->n_forwarded >= join->config->requests_max) {
                err_set(&err, ERR_EXHAUSTED,
                        "too many nodes are joining at this moment, try again");
                rpc_fail(rpc, &err);
                return;
        }
        forwarding = arena_alloc(rpc_call_arena(rpc), sizeof *forwarding);
        forwarding->join = join;
        forwarding->rpc = rpc;
        join->n_forwarded++;
        rpc_call_on(rpc, &events, forwarding);
        forwarding->request =
                rpc_client_call(join->ca, RPC_METHOD(ca, IssueNodeCertificate), &in->base,
                                FORWARD_TIMEOUT_S * NS_PER_S, false, forwarded, forwarding);
}

JOIN_METHODS(RPC_SHIM)
static const struct rpc_method methods[] = { JOIN_METHODS(RPC_ROW) };
const struct rpc_service join_service = { &sk__join__descriptor, methods, COUNT_OF(methods) };

int join_start(struct daemon *daemon, struct err *err)
{
        struct join *join = mem_alloc(sizeof *join);

        join->daemon = daemon;
        join->config = daemon->spec->config;
        daemon->state = join;
        TRY(rpc_client_new(daemon->loop,
                           &(struct rpc_client_options){
                                   .address = join->config->ca,
                                   .identity = daemon->identity,
                                   .server_daemon = "ca",
                           },
                           &join->ca, err));
        daemon_ready(daemon);
        return 0;
}

void join_stop(struct daemon *daemon)
{
        struct join *join = daemon->state;

        rpc_client_free(join->ca);
        free(join);
}
