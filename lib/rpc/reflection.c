/* grpc.reflection.v1alpha: what the server offers, and the files that describe it.  For people: an
 * answer repeats its request, so who asks much and reads nothing could fill a server's memory. */
#include "api/grpc/reflection.pb-c.h"
#include "api/roles.h"
#include "lib/base/check.h"
#include "lib/rpc/builtin.h"
#include "lib/rpc/descriptors.h"

#define REFLECTION_METHODS(X)                                                   \
        X(ServerReflectionInfo, reflection_info, Grpc__ServerReflectionRequest, \
          Grpc__ServerReflectionResponse, BIDI_STREAM, ROLE_ADMIN)

REFLECTION_METHODS(RPC_PROTOTYPE)

REFLECTION_METHODS(RPC_SHIM)

static const struct rpc_method methods[] = { REFLECTION_METHODS(RPC_ROW) };
const struct rpc_service reflection_service = { &sk__grpc__server_reflection__descriptor, methods,
                                                COUNT_OF(methods) };

static void answer_error(struct rpc_call *call, Sk__Grpc__ServerReflectionResponse *out, int code,
                         const char *text)
{
        Sk__Grpc__ErrorResponse error = SK__GRPC__ERROR_RESPONSE__INIT;

        error.error_code = -code;
        error.error_message = text;
        out->message_response_case =
                SK__GRPC__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
        out->error_response = &error;
        rpc_call_write(call, &out->base);
}

static void answer_file(struct rpc_call *call, Sk__Grpc__ServerReflectionResponse *out,
                        bool is_found, const struct descriptor_file *file)
{
        Sk__Grpc__FileDescriptorResponse files = SK__GRPC__FILE_DESCRIPTOR_RESPONSE__INIT;
        ProtobufCBinaryData data;

        if (!is_found) {
                answer_error(call, out, ERR_NOT_FOUND, "not in the .proto files of this server");
                return;
        }
        /* Packing only reads it. */
        data = (ProtobufCBinaryData){ .len = file->size, .data = (uint8_t *)file->data };
        files.n_file_descriptor_proto = 1;
        files.file_descriptor_proto = &data;
        out->message_response_case =
                SK__GRPC__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
        out->file_descriptor_response = &files;
        rpc_call_write(call, &out->base);
}

static void answer_services(const struct rpc_server *server, struct rpc_call *call,
                            Sk__Grpc__ServerReflectionResponse *out)
{
        size_t n = server->services.n;
        Sk__Grpc__ListServiceResponse list = SK__GRPC__LIST_SERVICE_RESPONSE__INIT;
        _cleanup_(freep) Sk__Grpc__ServiceResponse *rows = mem_alloc_array(n, sizeof *rows);
        _cleanup_(freep) Sk__Grpc__ServiceResponse **pointers =
                mem_alloc_array(n, sizeof *pointers);

        for (size_t i = 0; i < n; i++) {
                sk__grpc__service_response__init(&rows[i]);
                rows[i].name =
                        VEC_AT(&server->services, const struct rpc_service *, i)->descriptor->name;
                pointers[i] = &rows[i];
        }
        list.n_service = n;
        list.service = pointers;
        out->message_response_case =
                SK__GRPC__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
        out->list_services_response = &list;
        rpc_call_write(call, &out->base);
}

static void asked(void *context, struct rpc_call *call, const void *in)
{
        const Sk__Grpc__ServerReflectionRequest *request = in;
        Sk__Grpc__ServerReflectionResponse out = SK__GRPC__SERVER_REFLECTION_RESPONSE__INIT;
        struct descriptor_file file = { 0 };

        out.valid_host = request->host;
        out.original_request = (Sk__Grpc__ServerReflectionRequest *)request;
        switch (request->message_request_case) {
        case SK__GRPC__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
                answer_file(call, &out, descriptor_file_by_name(request->file_by_filename, &file),
                            &file);
                break;
        case SK__GRPC__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
                answer_file(call, &out,
                            descriptor_file_by_symbol(request->file_containing_symbol, &file),
                            &file);
                break;
        case SK__GRPC__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
                answer_services(context, call, &out);
                break;
        default:
                answer_error(call, &out, ERR_UNIMPLEMENTED, "proto3 has no extensions");
        }
        if (!rpc_call_is_writable(call))
                rpc_call_pause_reading(call);
}

static void may_write(void *context, struct rpc_call *call)
{
        (void)context;
        rpc_call_resume_reading(call);
}

static void asked_all(void *context, struct rpc_call *call)
{
        (void)context;
        rpc_call_finish(call);
}

void reflection_info(void *context, struct rpc_call *call,
                     const Sk__Grpc__ServerReflectionRequest *in)
{
        static const struct rpc_call_events events = {
                .message = asked,
                .writable = may_write,
                .half_closed = asked_all,
        };

        (void)in;
        rpc_call_on(call, &events, context);
}
