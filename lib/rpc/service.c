/* Does a table of methods say what the .proto says? */
#include "lib/rpc/service.h"

#include "lib/base/str.h"
#include "lib/rpc/descriptors.h"

/* protobuf-c's descriptors do not say what streams; the compiler's do, of the services in api/. */
static int check_shape(const struct rpc_service *service, const struct rpc_method *method,
                       struct err *err)
{
        static const enum rpc_shape shapes[2][2] = {
                { RPC_UNARY, RPC_SERVER_STREAM },
                { RPC_CLIENT_STREAM, RPC_BIDI_STREAM },
        };
        bool streams_in, streams_out;

        if (!descriptor_method_streams(service->descriptor->name, method->name, &streams_in,
                                       &streams_out) ||
            shapes[streams_in][streams_out] == method->shape)
                return 0;
        return err_set(err, ERR_INTERNAL, "%s.%s streams otherwise than its row says",
                       service->descriptor->name, method->name);
}

static int check_method(const struct rpc_service *service, const struct rpc_method *method,
                        struct err *err)
{
        const ProtobufCMethodDescriptor *descriptor =
                protobuf_c_service_descriptor_get_method_by_name(service->descriptor, method->name);

        if (!descriptor)
                return err_set(err, ERR_INTERNAL, "%s has no method %s", service->descriptor->name,
                               method->name);
        if (!str_equal(descriptor->input->c_name, method->in) ||
            !str_equal(descriptor->output->c_name, method->out))
                return err_set(err, ERR_INTERNAL,
                               "%s.%s takes %s and answers %s; its row says %s and %s",
                               service->descriptor->name, method->name, descriptor->input->c_name,
                               descriptor->output->c_name, method->in, method->out);
        for (const struct rpc_method *other = service->methods; other != method; other++)
                if (str_equal(other->name, method->name))
                        return err_set(err, ERR_INTERNAL, "%s.%s has two rows",
                                       service->descriptor->name, method->name);
        if (!method->roles)
                return err_set(err, ERR_INTERNAL, "%s.%s may be called by nobody",
                               service->descriptor->name, method->name);
        if (!method->handle)
                return err_set(err, ERR_INTERNAL, "%s.%s has no handler", service->descriptor->name,
                               method->name);
        return check_shape(service, method, err);
}

int rpc_service_check(const struct rpc_service *service, struct err *err)
{
        if (service->descriptor->n_methods != service->n_methods)
                return err_set(err, ERR_INTERNAL, "%s has %u methods, its table %zu",
                               service->descriptor->name, service->descriptor->n_methods,
                               service->n_methods);
        for (size_t i = 0; i < service->n_methods; i++)
                TRY(check_method(service, &service->methods[i], err));
        return 0;
}
