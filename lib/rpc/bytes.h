/* Messages in and out of gRPC's byte buffers without a copy in between. */
#pragma once
#include <grpc/byte_buffer.h>
#include <protobuf-c/protobuf-c.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"

/* Packs into a new buffer. */
grpc_byte_buffer *bytes_pack(const ProtobufCMessage *message);

/* Unpacks into the arena what passes message_check(); compressed buffers are refused. */
int bytes_unpack(struct arena *arena, const ProtobufCMessageDescriptor *descriptor,
                 grpc_byte_buffer *bytes, ProtobufCMessage **ret, struct err *err);

/* Its length; 0 for NULL. */
size_t bytes_size(grpc_byte_buffer *bytes);
