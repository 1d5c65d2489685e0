/* skep-ca's shell. */
#include "manager/ca/serve.h"

#include <openssl/crypto.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "lib/run/reconcile.h"
#include "manager/ca/ca.h"
#include "manager/ca/roles.h"

enum { COMMIT_TIMEOUT_S = 10 };

struct ca {
        struct daemon *daemon;
        struct rpc_client *store;
        struct mirror *mirror;
        struct committer *committer;
        bool is_ready;
};

/* One request for certificates on its way: read, judge, sign (worker), commit, answer. */
struct issuing {
        struct work work;
        struct ca *ca;
        struct rpc_call *rpc;               /* NULL: the caller went away */
        const Sk__JoinClusterRequest *join; /* one of the two */
        const Sk__RenewCertificatesRequest *renewal;
        char fresh_id[ID_SIZE];
        struct ca_grant grant;
        /* Copies for the worker, which may still be signing when the call is gone. */
        char *root_pem, *key_pem, *cluster_id;
        char *csrs[CA_CSRS_MAX];
        char *daemons[CA_CSRS_MAX];
        struct str certificates[CA_CSRS_MAX];
        size_t n;
        int64_t now_ns;
        int result;
        struct err err;
        struct mirror_read read;
        bool is_reading;
};

static void issuing_free(struct issuing *issuing)
{
        if (issuing->key_pem)
                OPENSSL_cleanse(issuing->key_pem, strlen(issuing->key_pem));
        free(issuing->root_pem);
        free(issuing->key_pem);
        free(issuing->cluster_id);
        for (size_t i = 0; i < issuing->n; i++) {
                free(issuing->csrs[i]);
                free(issuing->daemons[i]);
                str_done(&issuing->certificates[i]);
        }
        free(issuing);
}

/* From here on the call ends without us: it is answered and 'issuing' goes. */
static void let_go(struct issuing *issuing)
{
        static const struct rpc_call_events nobody = { 0 };

        rpc_call_on(issuing->rpc, &nobody, NULL);
}

static void fail(struct issuing *issuing)
{
        if (issuing->rpc) {
                let_go(issuing);
                rpc_fail(issuing->rpc, &issuing->err);
        }
        issuing_free(issuing);
}

static const char *agent_certificate(const struct issuing *issuing)
{
        for (size_t i = 0; i < issuing->n; i++)
                if (strcmp(issuing->daemons[i], "agent") == 0)
                        return str_text(&issuing->certificates[i]);
        return "";
}

static Sk__DaemonCertificate **answer_certificates(struct arena *arena,
                                                   const struct issuing *issuing)
{
        Sk__DaemonCertificate **list = arena_alloc(arena, issuing->n * sizeof *list);

        for (size_t i = 0; i < issuing->n; i++) {
                list[i] = arena_alloc(arena, sizeof *list[i]);
                *list[i] = (Sk__DaemonCertificate)SK__DAEMON_CERTIFICATE__INIT;
                list[i]->daemon = issuing->daemons[i];
                list[i]->certificate_pem = str_text(&issuing->certificates[i]);
        }
        return list;
}

static void answer(struct issuing *issuing)
{
        Sk__RenewCertificatesResponse renewed = SK__RENEW_CERTIFICATES_RESPONSE__INIT;
        Sk__JoinClusterResponse joined = SK__JOIN_CLUSTER_RESPONSE__INIT;
        struct arena *arena = rpc_call_arena(issuing->rpc);
        Sk__DaemonCertificate **certificates = answer_certificates(arena, issuing);
        const struct view *view = mirror_view(issuing->ca->mirror);

        let_go(issuing);
        if (issuing->join) {
                joined.node_id = issuing->grant.node_id;
                joined.cluster_id = issuing->grant.cluster_id;
                joined.role = issuing->grant.role;
                joined.certificates = certificates;
                joined.n_certificates = issuing->n;
                joined.root_certificate_pem = issuing->root_pem;
                joined.managers = ca_list_managers(view, arena, &joined.n_managers);
                rpc_reply(issuing->rpc, &joined.base);
        } else {
                renewed.role = issuing->grant.role;
                renewed.certificates = certificates;
                renewed.n_certificates = issuing->n;
                renewed.root_certificate_pem = issuing->root_pem;
                rpc_reply(issuing->rpc, &renewed.base);
        }
}

static void committed(void *context, const struct commit_outcome *outcome)
{
        struct issuing *issuing = context;
        const Sk__GroupResult *result = outcome->results ? outcome->results[0] : NULL;

        if (outcome->err)
                issuing->err = *outcome->err;
        else if (result && result->code)
                err_set(&issuing->err, -result->code, "%s", result->message);
        if (outcome->err || (result && result->code)) {
                fail(issuing);
                return;
        }
        LOG(INFO, "certificates issued", STR("node", issuing->grant.node_id),
            STR("role", ca_unit(issuing->grant.role)), INT("daemons", (int64_t)issuing->n));
        if (issuing->rpc)
                answer(issuing);
        issuing_free(issuing);
}

static void sign_all(struct work *work)
{
        struct issuing *issuing = container_of(work, struct issuing, work);
        const struct trust_issuer issuer = { issuing->root_pem, issuing->key_pem };

        for (size_t i = 0; i < issuing->n && issuing->result == 0; i++) {
                const struct trust_subject subject = {
                        .node_id = issuing->grant.node_id,
                        .cluster_id = issuing->grant.cluster_id,
                        .unit = ca_unit(issuing->grant.role),
                        .daemon = issuing->daemons[i],
                        .now_ns = issuing->now_ns,
                        .lifetime_ns = issuing->grant.lifetime_ns,
                };

                issuing->result = trust_sign(&issuer, issuing->csrs[i], &subject,
                                             &issuing->certificates[i], &issuing->err);
        }
}

static void signed_all(struct work *work)
{
        struct issuing *issuing = container_of(work, struct issuing, work);
        struct view *view = mirror_view(issuing->ca->mirror);
        struct plan plan;

        if (!work->was_run || issuing->result < 0 || !issuing->rpc) {
                fail(issuing);
                return;
        }
        plan_init(&plan);
        if (issuing->join)
                issuing->result = ca_plan_join(&plan, &issuing->grant, issuing->join,
                                               agent_certificate(issuing), &issuing->err);
        else
                issuing->result = ca_plan_renewal(&plan, view, &issuing->grant,
                                                  agent_certificate(issuing), &issuing->err);
        if (issuing->result < 0)
                fail(issuing);
        else
                committer_submit(issuing->ca->committer, &plan, COMMIT_TIMEOUT_S * NS_PER_S,
                                 committed, issuing);
        plan_done(&plan);
}

static void start_signing(struct issuing *issuing)
{
        Sk__DaemonCsr *const *csrs = issuing->join ? issuing->join->csrs : issuing->renewal->csrs;

        issuing->n = issuing->join ? issuing->join->n_csrs : issuing->renewal->n_csrs;
        for (size_t i = 0; i < issuing->n; i++) {
                issuing->csrs[i] = str_copy(csrs[i]->csr_pem);
                issuing->daemons[i] = str_copy(csrs[i]->daemon);
        }
        issuing->root_pem = str_copy(issuing->grant.issuer.certificate_pem);
        issuing->key_pem = str_copy(issuing->grant.issuer.key_pem);
        issuing->cluster_id = str_copy(issuing->grant.cluster_id);
        issuing->grant.cluster_id = issuing->cluster_id;
        issuing->now_ns = loop_now(issuing->ca->daemon->loop);
        issuing->work = (struct work){ .work = sign_all, .done = signed_all };
        worker_submit(issuing->ca->daemon->workers, &issuing->work);
}

static void fresh(void *context, const struct err *err)
{
        struct issuing *issuing = context;
        const struct view *view = mirror_view(issuing->ca->mirror);
        int result;

        issuing->is_reading = false;
        if (err) {
                issuing->err = *err;
                fail(issuing);
                return;
        }
        if (issuing->join)
                result = ca_judge_join(view, issuing->join, issuing->fresh_id, &issuing->grant,
                                       &issuing->err);
        else
                result = ca_judge_renewal(view, rpc_call_peer(issuing->rpc)->node_id,
                                          issuing->renewal, &issuing->grant, &issuing->err);
        if (result < 0)
                fail(issuing);
        else
                start_signing(issuing);
}

static void caller_gone(void *context, struct rpc_call *rpc)
{
        struct issuing *issuing = context;

        (void)rpc;
        issuing->rpc = NULL;
        if (!issuing->is_reading)
                return; /* the worker or the committer is not done with it */
        mirror_read_cancel(issuing->ca->mirror, &issuing->read);
        issuing_free(issuing);
}

static struct issuing *issuing_new(struct daemon *daemon, struct rpc_call *rpc)
{
        struct issuing *issuing = mem_alloc(sizeof *issuing);

        issuing->ca = daemon->state;
        issuing->rpc = rpc;
        issuing->read = (struct mirror_read){ .fresh = fresh, .context = issuing };
        os_random_id(issuing->fresh_id);
        return issuing;
}

/* --- methods --- */

CA_METHODS(RPC_PROTOTYPE)

static void issue(struct issuing *issuing)
{
        static const struct rpc_call_events events = { .closed = caller_gone };

        issuing->is_reading = true;
        rpc_call_on(issuing->rpc, &events, issuing);
        mirror_read(issuing->ca->mirror, &issuing->read);
}

void issue_node_certificate(void *context, struct rpc_call *rpc, const Sk__JoinClusterRequest *in)
{
        struct issuing *issuing = issuing_new(context, rpc);

        issuing->join = in;
        issue(issuing);
}

void renew_certificates(void *context, struct rpc_call *rpc, const Sk__RenewCertificatesRequest *in)
{
        struct issuing *issuing = issuing_new(context, rpc);

        issuing->renewal = in;
        issue(issuing);
}

/* Lives in the call's arena. */
struct rotation {
        struct ca *ca;
        struct rpc_call *rpc;
        char token[TRUST_TOKEN_SIZE];
        struct commit_submission *submission;
};

static void rotated(void *context, const struct commit_outcome *outcome)
{
        Sk__RotateJoinTokenResponse out = SK__ROTATE_JOIN_TOKEN_RESPONSE__INIT;
        struct rotation *rotation = context;
        const Sk__GroupResult *result = outcome->results ? outcome->results[0] : NULL;
        struct err err;

        rotation->submission = NULL;
        if (outcome->err) {
                rpc_fail(rotation->rpc, outcome->err);
        } else if (result && result->code) {
                err_set(&err, -result->code, "%s", result->message);
                rpc_fail(rotation->rpc, &err);
        } else {
                LOG(INFO, "join token rotated");
                out.token = rotation->token;
                rpc_reply(rotation->rpc, &out.base);
        }
}

static void rotation_closed(void *context, struct rpc_call *rpc)
{
        struct rotation *rotation = context;

        (void)rpc;
        if (rotation->submission)
                commit_forget(rotation->submission);
}

void rotate_join_token(void *context, struct rpc_call *rpc, const Sk__RotateJoinTokenRequest *in)
{
        static const struct rpc_call_events events = { .closed = rotation_closed };
        struct rotation *rotation = arena_alloc(rpc_call_arena(rpc), sizeof *rotation);
        struct daemon *daemon = context;
        struct ca *ca = daemon->state;
        struct view *view = mirror_view(ca->mirror);
        const Sk__Cluster *cluster = view_cluster(view);
        struct plan plan;
        struct err err;

        rotation->ca = ca;
        rotation->rpc = rpc;
        if (!cluster || !cluster->trust)
                err_set(&err, ERR_UNAVAILABLE,
                        "the CA is still reading the cluster's state, try again");
        plan_init(&plan);
        if (!cluster || !cluster->trust ||
            trust_make_token(cluster->trust->root_certificate_pem, rotation->token, &err) < 0 ||
            ca_plan_rotation(&plan, view, in->role, rotation->token, &err) < 0) {
                rpc_fail(rpc, &err);
        } else {
                rpc_call_on(rpc, &events, rotation);
                rotation->submission =
                        committer_submit(ca->committer, &plan, COMMIT_TIMEOUT_S * NS_PER_S, rotated,
                                         rotation);
        }
        plan_done(&plan);
}

CA_METHODS(RPC_SHIM)
static const struct rpc_method methods[] = { CA_METHODS(RPC_ROW) };
const struct rpc_service ca_service = { &sk__ca__descriptor, methods, COUNT_OF(methods) };

/* --- start and stop --- */

static void view_changed(void *context, const Sk__Event *const *events, size_t n_events,
                         bool is_restart)
{
        struct ca *ca = context;

        (void)events;
        (void)n_events;
        (void)is_restart;
        if (ca->is_ready || !view_cluster(mirror_view(ca->mirror)))
                return;
        ca->is_ready = true;
        daemon_ready(ca->daemon);
}

static int start_mirror(struct ca *ca, struct err *err)
{
        Sk__KindMask masks[2] = { SK__KIND_MASK__INIT, SK__KIND_MASK__INIT };

        masks[0].kind = SK__KIND__KIND_CLUSTER;
        masks[0].parts = UINT32_MAX;
        masks[1].kind = SK__KIND__KIND_NODE;
        masks[1].parts = 1u << PART_NODE_SPEC | 1u << PART_NODE_IDENTITY;
        return mirror_new(
                &(struct mirror_options){
                        .loop = ca->daemon->loop,
                        .store = ca->store,
                        .kinds = masks,
                        .n_kinds = COUNT_OF(masks),
                        .gather_ns = MIRROR_GATHER_NS,
                        .changed = view_changed,
                        .context = ca,
                },
                &ca->mirror, err);
}

int ca_start(struct daemon *daemon, struct err *err)
{
        struct ca *ca = mem_alloc(sizeof *ca);
        const struct ca_config *config = daemon->spec->config;

        ca->daemon = daemon;
        daemon->state = ca;
        TRY(rpc_client_new(daemon->loop,
                           &(struct rpc_client_options){
                                   .address = config->store,
                                   .identity = daemon->identity,
                                   .server_daemon = "store",
                           },
                           &ca->store, err));
        TRY(start_mirror(ca, err));
        /* No epoch: every plan rests on the versions it read, so a CA that is not the leader's can
         * do no harm. */
        TRY(committer_new(&(struct committer_options){ .loop = daemon->loop, .store = ca->store },
                          &ca->committer, err));
        return reconcile_start(daemon, config->store, &ca_roles, NULL, err);
}

void ca_stop(struct daemon *daemon)
{
        struct ca *ca = daemon->state;

        committer_free(ca->committer);
        mirror_free(ca->mirror);
        rpc_client_free(ca->store);
        free(ca);
}
