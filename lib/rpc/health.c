/* grpc.health.v1: one state for the server and all its services. */
#include <string.h>

#include "api/grpc/health.pb-c.h"
#include "api/roles.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/rpc/builtin.h"

#define HEALTH_METHODS(X)                                                                          \
        X(Check, health_check, Grpc__HealthCheckRequest, Grpc__HealthCheckResponse, UNARY,         \
          ROLE_ANYONE)                                                                             \
        X(Watch, health_watch, Grpc__HealthCheckRequest, Grpc__HealthCheckResponse, SERVER_STREAM, \
          ~ROLE_STRANGER)

HEALTH_METHODS(RPC_PROTOTYPE)

HEALTH_METHODS(RPC_SHIM)

static const struct rpc_method methods[] = { HEALTH_METHODS(RPC_ROW) };
const struct rpc_service health_service = { &sk__grpc__health__descriptor, methods,
                                            COUNT_OF(methods) };

/* A Watch; in its call's arena. */
struct health_watcher {
        struct rpc_server *server;
        struct health_watcher *next;
        struct rpc_call *call;
        bool is_known; /* the service that was asked for */
};

static bool is_known(const struct rpc_server *server, const char *name)
{
        for (size_t i = 0; i < server->services.n; i++)
                if (str_equal(name, VEC_AT(&server->services, const struct rpc_service *, i)
                                            ->descriptor->name))
                        return true;
        return !name[0];
}

static Sk__Grpc__HealthCheckResponse state_of(const struct rpc_server *server)
{
        Sk__Grpc__HealthCheckResponse out = SK__GRPC__HEALTH_CHECK_RESPONSE__INIT;

        out.status = server->is_serving
                             ? SK__GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                             : SK__GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
        return out;
}

void health_check(void *context, struct rpc_call *call, const Sk__Grpc__HealthCheckRequest *in)
{
        Sk__Grpc__HealthCheckResponse out = state_of(context);
        struct err err;

        if (is_known(context, in->service)) {
                rpc_reply(call, &out.base);
                return;
        }
        err_set(&err, ERR_NOT_FOUND, "no such service here");
        rpc_fail(call, &err);
}

static void tell(const struct health_watcher *watcher)
{
        Sk__Grpc__HealthCheckResponse out = state_of(watcher->server);

        if (!watcher->is_known)
                out.status = SK__GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
        rpc_call_write(watcher->call, &out.base);
}

static void watch_closed(void *context, struct rpc_call *call)
{
        struct health_watcher *watcher = context, **at = &watcher->server->watchers;

        (void)call;
        while (*at != watcher)
                at = &(*at)->next;
        *at = watcher->next;
}

void health_watch(void *context, struct rpc_call *call, const Sk__Grpc__HealthCheckRequest *in)
{
        static const struct rpc_call_events events = { .closed = watch_closed };
        struct rpc_server *server = context;
        struct health_watcher *watcher = arena_alloc(rpc_call_arena(call), sizeof *watcher);

        watcher->server = server;
        watcher->call = call;
        watcher->is_known = is_known(server, in->service);
        watcher->next = server->watchers;
        server->watchers = watcher;
        rpc_call_on(call, &events, watcher);
        tell(watcher);
}

void health_changed(struct rpc_server *server)
{
        for (const struct health_watcher *watcher = server->watchers; watcher;
             watcher = watcher->next)
                if (watcher->is_known && !watcher->call->is_answered)
                        tell(watcher);
}

void health_stop(struct rpc_server *server)
{
        struct health_watcher *next;
        struct err err;

        err_set(&err, ERR_UNAVAILABLE, "the server is stopping");
        for (struct health_watcher *watcher = server->watchers; watcher; watcher = next) {
                next = watcher->next;
                if (!watcher->call->is_answered)
                        rpc_fail(watcher->call, &err);
        }
}
