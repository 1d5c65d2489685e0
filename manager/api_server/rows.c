/* The control service: rows of api/control.h bound to pure handlers, by way of serve.h. */
#include "manager/api_server/rows.h"

#include "lib/base/check.h"
#include "manager/api_server/resolve.h"
#include "manager/api_server/serve.h"

static struct api_server *api_of(void *context)
{
        struct daemon *daemon = context;

        return daemon->state;
}

/* A row per handler, and the typed handlers behind one untyped signature. */
#define SERVE_ROW(Method, function, Request, Response)                              \
        static int function##_handler(struct call *call, const void *in, void *out) \
        {                                                                           \
                return handle_##function(call, in, out);                            \
        }                                                                           \
        static void function##_init(void *out)                                      \
        {                                                                           \
                sk__##function##_response__init(out);                               \
        }                                                                           \
        static const struct serve_row function##_row = { function##_handler,        \
                                                         sizeof(Sk__##Response),    \
                                                         function##_init };

#define SERVE_READ(Method, function, Request, Response)                              \
        void function(void *context, struct rpc_call *call, const Sk__##Request *in) \
        {                                                                            \
                serve_read(api_of(context), call, in, &function##_row);              \
        }
#define SERVE_WRITE(Method, function, Request, Response)                             \
        void function(void *context, struct rpc_call *call, const Sk__##Request *in) \
        {                                                                            \
                serve_write(api_of(context), call, in, &function##_row);             \
        }

CONTROL_READS(SERVE_ROW)
CONTROL_WRITES(SERVE_ROW)
CONTROL_IMAGE_WRITES(SERVE_ROW)
CONTROL_READS(SERVE_READ)
CONTROL_WRITES(SERVE_WRITE)

void create_service(void *context, struct rpc_call *call, const Sk__CreateServiceRequest *in)
{
        const struct resolve_request wanted = { in->resolve_image, in->spec, in->registry_auth };

        resolve_then_write(api_of(context), call, in, &create_service_row, &wanted);
}

void update_service(void *context, struct rpc_call *call, const Sk__UpdateServiceRequest *in)
{
        const struct resolve_request wanted = { in->resolve_image && in->spec && !in->rollback &&
                                                        !in->resume && !in->promote && !in->run,
                                                in->spec, in->registry_auth };

        resolve_then_write(api_of(context), call, in, &update_service_row, &wanted);
}

CONTROL_METHODS(RPC_SHIM)
static const struct rpc_method methods[] = { CONTROL_METHODS(RPC_ROW) };
const struct rpc_service control_service = { &sk__control__descriptor, methods, COUNT_OF(methods) };
