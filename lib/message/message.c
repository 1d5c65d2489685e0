/* Packing, unpacking, copying and comparing. */
#include "lib/message/message.h"

#include <string.h>

#include "lib/base/check.h"

static void *take_from_arena(void *arena, size_t size)
{
        return arena_alloc(arena, size);
}

static void keep_in_arena(void *arena, void *memory)
{
        (void)arena;
        (void)memory;
}

static ProtobufCMessage *unpack(struct arena *arena, const ProtobufCMessageDescriptor *descriptor,
                                const uint8_t *data, size_t size)
{
        ProtobufCAllocator allocator = {
                .alloc = take_from_arena,
                .free = keep_in_arena,
                .allocator_data = arena,
        };

        return protobuf_c_message_unpack(descriptor, &allocator, size, data);
}

void message_pack(struct arena *arena, const ProtobufCMessage *message, uint8_t **ret_data,
                  size_t *ret_size)
{
        size_t size = protobuf_c_message_get_packed_size(message);
        uint8_t *data = arena_alloc(arena, size);

        CHECK(protobuf_c_message_pack(message, data) == size);
        *ret_data = data;
        *ret_size = size;
}

int message_unpack(struct arena *arena, const ProtobufCMessageDescriptor *descriptor,
                   const uint8_t *data, size_t size, ProtobufCMessage **ret, struct err *err)
{
        ProtobufCMessage *message;

        TRY(message_check(descriptor, data, size, err));
        message = unpack(arena, descriptor, data, size);
        if (!message)
                return err_set(err, ERR_INVALID, "these %zu bytes are no %s", size,
                               descriptor->name);
        *ret = message;
        return 0;
}

/* The packed form on the heap; the caller frees. */
static uint8_t *pack_aside(const ProtobufCMessage *message, size_t *ret_size)
{
        size_t size = protobuf_c_message_get_packed_size(message);
        uint8_t *data = mem_alloc(size);

        CHECK(protobuf_c_message_pack(message, data) == size);
        *ret_size = size;
        return data;
}

ProtobufCMessage *message_copy(struct arena *arena, const ProtobufCMessage *message)
{
        size_t size;
        _cleanup_(freep) uint8_t *data = pack_aside(message, &size);
        ProtobufCMessage *copy = unpack(arena, message->descriptor, data, size);

        CHECK(copy);
        return copy;
}

bool message_equal(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
        _cleanup_(freep) uint8_t *packed_a = NULL, *packed_b = NULL;
        size_t size_a, size_b;

        if (!a || !b || a == b)
                return a == b;
        if (a->descriptor != b->descriptor)
                return false;
        packed_a = pack_aside(a, &size_a);
        packed_b = pack_aside(b, &size_b);
        return size_a == size_b && memcmp(packed_a, packed_b, size_a) == 0;
}
