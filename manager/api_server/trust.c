/* Methods that other daemons or a registry have to help with: join tokens, credentials. */
#include "api/ca.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "manager/api_server/registry.h"
#include "manager/api_server/rows.h"
#include "manager/api_server/serve.h"

enum { CA_TIMEOUT_S = 10 };

static int update_handler(struct call *call, const void *in, void *out)
{
        return handle_update_cluster(call, in, out);
}

static void update_init(void *out)
{
        sk__update_cluster_response__init(out);
}

static const struct serve_row update_row = { update_handler, sizeof(Sk__UpdateClusterResponse),
                                             update_init };

/* --- UpdateCluster: tokens are the ca's to write, the spec is ours --- */

struct rotation {
        struct api_server *api;
        struct rpc_call *rpc;
        const Sk__UpdateClusterRequest *in;
        struct rpc_request *request;
        bool worker_done, manager_done;
};

static void rotate_next(struct rotation *rotation);

static void token_rotated(void *context, const void *out, const struct err *err)
{
        struct rotation *rotation = context;

        (void)out;
        rotation->request = NULL;
        if (err)
                rpc_fail(rotation->rpc, err);
        else
                rotate_next(rotation);
}

static void rotate(struct rotation *rotation, Sk__NodeRole role)
{
        Sk__RotateJoinTokenRequest request = SK__ROTATE_JOIN_TOKEN_REQUEST__INIT;

        request.role = role;
        rotation->request =
                rpc_client_call(rotation->api->ca, RPC_METHOD(ca, RotateJoinToken), &request.base,
                                CA_TIMEOUT_S * NS_PER_S, false, token_rotated, rotation);
}

static void rotate_next(struct rotation *rotation)
{
        if (rotation->in->rotate_worker_token && !rotation->worker_done) {
                rotation->worker_done = true;
                rotate(rotation, SK__NODE_ROLE__NODE_ROLE_WORKER);
        } else if (rotation->in->rotate_manager_token && !rotation->manager_done) {
                rotation->manager_done = true;
                rotate(rotation, SK__NODE_ROLE__NODE_ROLE_MANAGER);
        } else {
                serve_write(rotation->api, rotation->rpc, rotation->in, &update_row);
        }
}

static void rotation_closed(void *context, struct rpc_call *rpc)
{
        struct rotation *rotation = context;

        (void)rpc;
        if (rotation->request)
                rpc_request_cancel(rotation->request);
}

void update_cluster(void *context, struct rpc_call *rpc, const Sk__UpdateClusterRequest *in)
{
        static const struct rpc_call_events events = { .closed = rotation_closed };
        struct rotation *rotation = arena_alloc(rpc_call_arena(rpc), sizeof *rotation);
        struct daemon *daemon = context;

        rotation->api = daemon->state;
        rotation->rpc = rpc;
        rotation->in = in;
        rpc_call_on(rpc, &events, rotation);
        rotate_next(rotation);
}

/* --- CheckRegistryAuth --- */

struct auth_check {
        struct work work;
        struct api_server *api;
        struct rpc_call *rpc; /* NULL: the caller went away */
        char *server, *username, *password, *identity_token;
        struct err err;
        int result;
};

static void auth_work(struct work *work)
{
        struct auth_check *check = (struct auth_check *)work;
        const struct registry_options options = {
                .insecure_registries = check->api->config->insecure_registries,
                .certificates = check->api->config->registry_certificates,
                .timeout_ns = 10 * NS_PER_S,
                .username = check->username,
                .password = check->password,
                .identity_token = check->identity_token,
        };

        check->result = registry_check_auth(&options, check->server, &check->err);
}

static void auth_done(struct work *work)
{
        static const struct rpc_call_events nobody = { 0 };
        struct auth_check *check = (struct auth_check *)work;
        Sk__CheckRegistryAuthResponse out = SK__CHECK_REGISTRY_AUTH_RESPONSE__INIT;

        if (check->rpc)
                rpc_call_on(check->rpc, &nobody, NULL);
        out.status = "Login Succeeded";
        if (check->rpc && check->result < 0)
                rpc_fail(check->rpc, &check->err);
        else if (check->rpc)
                rpc_reply(check->rpc, &out.base);
        free(check->server);
        free(check->username);
        free(check->password);
        free(check->identity_token);
        free(check);
}

static void auth_closed(void *context, struct rpc_call *rpc)
{
        struct auth_check *check = context;

        (void)rpc;
        check->rpc = NULL;
}

void check_registry_auth(void *context, struct rpc_call *rpc,
                         const Sk__CheckRegistryAuthRequest *in)
{
        static const struct rpc_call_events events = { .closed = auth_closed };
        struct daemon *daemon = context;
        struct auth_check *check;
        struct err err;

        if (!in->auth || str_is_empty(in->auth->server)) {
                err_set(&err, ERR_INVALID, "which registry? auth.server must be given");
                rpc_fail(rpc, &err);
                return;
        }
        check = mem_alloc(sizeof *check);
        check->work = (struct work){ .work = auth_work, .done = auth_done };
        check->api = daemon->state;
        check->rpc = rpc;
        check->server = str_copy(in->auth->server);
        check->username = str_copy(in->auth->username);
        check->password = str_copy(in->auth->password);
        check->identity_token = str_copy(in->auth->identity_token);
        rpc_call_on(rpc, &events, check);
        worker_submit(daemon->workers, &check->work);
}
