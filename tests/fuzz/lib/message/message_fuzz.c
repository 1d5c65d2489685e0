/* Any bytes as any of some messages: what is let in can be packed again, and takes bounded memory.
 */
#include "api/control.pb-c.h"
#include "api/dispatcher.pb-c.h"
#include "api/objects.pb-c.h"
#include "api/store.pb-c.h"
#include "lib/base/check.h"
#include "lib/message/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *const types[] = {
        &sk__commit_request__descriptor, &sk__watch_response__descriptor,
        &sk__agent_message__descriptor,  &sk__dispatcher_message__descriptor,
        &sk__service__descriptor,        &sk__create_service_request__descriptor,
        &sk__log_entry__descriptor,      &sk__network__descriptor,
};

/* The first byte chooses the type. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const ProtobufCMessageDescriptor *type;
        ProtobufCMessage *message, *again;
        struct arena arena = { 0 };
        struct err err = { 0 };
        size_t packed_size;
        uint8_t *packed;

        if (size == 0)
                return 0;
        type = types[data[0] % COUNT_OF(types)];
        if (message_unpack(&arena, type, data + 1, size - 1, &message, &err) == 0) {
                CHECK(arena.used_bytes <= (4 << 20) + 256 * size);
                message_pack(&arena, message, &packed, &packed_size);
                CHECK(message_unpack(&arena, type, packed, packed_size, &again, &err) == 0);
                CHECK(message_equal(message, again));
        } else {
                CHECK(err.code == ERR_INVALID && err.text[0]);
        }
        arena_done(&arena);
        return 0;
}
