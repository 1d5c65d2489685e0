/* Messages and byte buffers. */
#include "lib/rpc/bytes.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>

#include "lib/base/check.h"
#include "lib/message/message.h"

grpc_byte_buffer *bytes_pack(const ProtobufCMessage *message)
{
        size_t size = protobuf_c_message_get_packed_size(message);
        grpc_slice slice = grpc_slice_malloc(size);
        grpc_byte_buffer *bytes;

        CHECK(protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice)) == size);
        bytes = grpc_raw_byte_buffer_create(&slice, 1);
        grpc_slice_unref(slice);
        return bytes;
}

size_t bytes_size(grpc_byte_buffer *bytes)
{
        return bytes ? grpc_byte_buffer_length(bytes) : 0;
}

int bytes_unpack(struct arena *arena, const ProtobufCMessageDescriptor *descriptor,
                 grpc_byte_buffer *bytes, ProtobufCMessage **ret, struct err *err)
{
        grpc_byte_buffer_reader reader;
        grpc_slice slice;
        int code;

        if (bytes->type != GRPC_BB_RAW || bytes->data.raw.compression != GRPC_COMPRESS_NONE)
                return err_set(err, ERR_UNIMPLEMENTED, "compressed messages are not accepted");
        if (bytes->data.raw.slice_buffer.count == 1) {
                slice = bytes->data.raw.slice_buffer.slices[0];
                return message_unpack(arena, descriptor, GRPC_SLICE_START_PTR(slice),
                                      GRPC_SLICE_LENGTH(slice), ret, err);
        }
        CHECK(grpc_byte_buffer_reader_init(&reader, bytes));
        slice = grpc_byte_buffer_reader_readall(&reader);
        code = message_unpack(arena, descriptor, GRPC_SLICE_START_PTR(slice),
                              GRPC_SLICE_LENGTH(slice), ret, err);
        grpc_slice_unref(slice);
        grpc_byte_buffer_reader_destroy(&reader);
        return code;
}
