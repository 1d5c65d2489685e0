/* protobuf-c messages in arenas: packing, checked unpacking, copies, comparison.
 *
 * protobuf-c itself trusts what it unpacks: any nesting, any bytes in strings, and merges that cost
 * the square of the input.  So whatever comes from outside goes through message_unpack() (or
 * message_check() first), which refuses that before a byte is allocated. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"

/* The deepest nesting of messages that is let in; the outermost counts as one. */
enum { MESSAGE_DEPTH_MAX = 32 };

/* Packs a message into the arena. */
void message_pack(struct arena *arena, const ProtobufCMessage *message, uint8_t **ret_data,
                  size_t *ret_size);

/* Unpacks into the arena after message_check().  ERR_INVALID: the bytes are not such a message, or
 * are refused by the check; what is half unpacked then stays in the arena until it is cleared. */
int message_unpack(struct arena *arena, const ProtobufCMessageDescriptor *descriptor,
                   const uint8_t *data, size_t size, ProtobufCMessage **ret, struct err *err);

/* Looks at packed bytes without unpacking them.  ERR_INVALID for malformed bytes, strings that are
 * no UTF-8 or hold a NUL, nesting deeper than MESSAGE_DEPTH_MAX, a singular sub-message given
 * twice, and messages that would take more than 1 MiB + 32 times their size to unpack. */
int message_check(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data, size_t size,
                  struct err *err);

/* A deep copy in the arena.  The message is ours: one that cannot be unpacked trips a CHECK. */
ProtobufCMessage *message_copy(struct arena *arena, const ProtobufCMessage *message);

/* Same type, same fields, same values (compared by packed form)?  NULL equals only NULL. */
bool message_equal(const ProtobufCMessage *a, const ProtobufCMessage *b);
