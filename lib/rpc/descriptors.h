/* The .proto files of api/, as the compiler described them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A google.protobuf.FileDescriptorSet, put into the program by the build. */
extern const unsigned char rpc_descriptors[];
extern const size_t rpc_descriptors_size;

/* A FileDescriptorProto within it. */
struct descriptor_file {
        const uint8_t *data;
        size_t size;
};

/* The file of that name ("api/store.proto"); false when there is none. */
bool descriptor_file_by_name(const char *name, struct descriptor_file *ret);

/* The file that defines a service, message or enum, or something inside one, by its full name. */
bool descriptor_file_by_symbol(const char *symbol, struct descriptor_file *ret);

/* Does a method stream?  False when its service is not described here. */
bool descriptor_method_streams(const char *service, const char *method, bool *ret_in,
                               bool *ret_out);
