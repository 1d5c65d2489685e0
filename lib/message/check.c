/* What may be unpacked: a walk over packed bytes along their descriptor. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/message/message.h"

enum wire_type { WIRE_VARINT = 0, WIRE_64_BITS = 1, WIRE_BYTES = 2, WIRE_32_BITS = 5 };

enum {
        UNPACKED_BASE = 1 << 20, /* what any message may take, however small it came */
        UNPACKED_FACTOR = 32,    /* and how much more per byte */
        FIELDS_MAX = 256,        /* of one message type: ours have some thirty at most */
};

/* The walk: what is left of the innermost message, and what may still be spent on unpacking. */
struct walk {
        const uint8_t *at, *end;
        size_t budget;
        unsigned depth;
};

static int check_fields(struct walk *walk, const ProtobufCMessageDescriptor *descriptor,
                        struct err *err);

static bool read_varint(struct walk *walk, uint64_t *ret)
{
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 64 && walk->at < walk->end; shift += 7) {
                uint8_t byte = *walk->at++;

                value |= (uint64_t)(byte & 0x7f) << shift;
                if (byte < 0x80) {
                        *ret = value;
                        return true;
                }
        }
        return false;
}

static bool skip(struct walk *walk, size_t size)
{
        if ((size_t)(walk->end - walk->at) < size)
                return false;
        walk->at += size;
        return true;
}

static bool spend(struct walk *walk, size_t size)
{
        if (size > walk->budget)
                return false;
        walk->budget -= size;
        return true;
}

/* Almost all strings are plain ASCII: eight bytes at a time as long as they are. */
static bool is_text(const uint8_t *data, size_t size)
{
        const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
        uint64_t word;

        for (; size >= sizeof word; data += sizeof word, size -= sizeof word) {
                memcpy(&word, data, sizeof word);
                if (((word - ones) | word) & highs)
                        break;
        }
        return str_is_utf8((const char *)data, size);
}

static int too_large(const ProtobufCMessageDescriptor *descriptor, struct err *err)
{
        return err_set(err, ERR_INVALID, "%s has more parts than its size allows; send fewer",
                       descriptor->name);
}

static int malformed(const ProtobufCMessageDescriptor *descriptor, struct err *err)
{
        return err_set(err, ERR_INVALID, "malformed %s: not protobuf, or cut off",
                       descriptor->name);
}

static int check_nested(struct walk *walk, size_t size, const ProtobufCFieldDescriptor *field,
                        struct err *err)
{
        struct walk inner = {
                .at = walk->at,
                .end = walk->at + size,
                .budget = walk->budget,
                .depth = walk->depth + 1,
        };

        if (inner.depth > MESSAGE_DEPTH_MAX)
                return err_set(err, ERR_INVALID, "messages are nested deeper than %d at '%s'",
                               MESSAGE_DEPTH_MAX, field->name);
        TRY(check_fields(&inner, field->descriptor, err));
        walk->budget = inner.budget;
        walk->at += size;
        return 0;
}

/* A length and what it spans, of a field we know (or not: NULL). */
static int check_bytes(struct walk *walk, const ProtobufCMessageDescriptor *descriptor,
                       const ProtobufCFieldDescriptor *field, struct err *err)
{
        uint64_t size;

        if (!read_varint(walk, &size) || size > (size_t)(walk->end - walk->at))
                return malformed(descriptor, err);
        if (field && field->type == PROTOBUF_C_TYPE_MESSAGE)
                return check_nested(walk, size, field, err);
        if (field && field->type == PROTOBUF_C_TYPE_STRING && !is_text(walk->at, size))
                return err_set(err, ERR_INVALID,
                               "'%s' of %s is not text: it must be UTF-8 without NUL", field->name,
                               descriptor->name);
        /* An element of a packed array takes a byte here and at most eight unpacked. */
        if (!spend(walk, field && field->type < PROTOBUF_C_TYPE_STRING ? 8 * size : size))
                return too_large(descriptor, err);
        walk->at += size;
        return 0;
}

static int check_value(struct walk *walk, const ProtobufCMessageDescriptor *descriptor,
                       const ProtobufCFieldDescriptor *field, unsigned wire_type, struct err *err)
{
        uint64_t ignored;

        if (field && wire_type != WIRE_BYTES && field->type >= PROTOBUF_C_TYPE_STRING)
                return malformed(descriptor, err);
        switch (wire_type) {
        case WIRE_VARINT:
                return read_varint(walk, &ignored) ? 0 : malformed(descriptor, err);
        case WIRE_64_BITS:
                return skip(walk, 8) ? 0 : malformed(descriptor, err);
        case WIRE_32_BITS:
                return skip(walk, 4) ? 0 : malformed(descriptor, err);
        case WIRE_BYTES:
                return check_bytes(walk, descriptor, field, err);
        default:
                return malformed(descriptor, err);
        }
}

/* protobuf-c merges a singular sub-message that comes again, copying what it has each time. */
static bool is_repetition(uint64_t *seen, const ProtobufCMessageDescriptor *descriptor,
                          const ProtobufCFieldDescriptor *field)
{
        size_t i = (size_t)(field - descriptor->fields);
        uint64_t bit = UINT64_C(1) << i % 64;

        if (field->type != PROTOBUF_C_TYPE_MESSAGE || field->label == PROTOBUF_C_LABEL_REPEATED)
                return false;
        if (seen[i / 64] & bit)
                return true;
        seen[i / 64] |= bit;
        return false;
}

static int check_fields(struct walk *walk, const ProtobufCMessageDescriptor *descriptor,
                        struct err *err)
{
        uint64_t seen[FIELDS_MAX / 64] = { 0 };

        CHECK(descriptor->n_fields <= FIELDS_MAX);
        if (!spend(walk, descriptor->sizeof_message))
                return too_large(descriptor, err);
        while (walk->at < walk->end) {
                const ProtobufCFieldDescriptor *field;
                uint64_t tag;

                if (!read_varint(walk, &tag) || tag > UINT32_MAX || tag < 8)
                        return malformed(descriptor, err);
                field = protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(tag >> 3));
                if (field && is_repetition(seen, descriptor, field))
                        return err_set(err, ERR_INVALID, "'%s' of %s is given twice", field->name,
                                       descriptor->name);
                if (!spend(walk, sizeof(void *)))
                        return too_large(descriptor, err);
                TRY(check_value(walk, descriptor, field, tag & 7, err));
        }
        return 0;
}

int message_check(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data, size_t size,
                  struct err *err)
{
        struct walk walk = {
                .at = data,
                .end = data + size,
                .depth = 1,
        };

        if (size > SIZE_MAX / UNPACKED_FACTOR / 2)
                return too_large(descriptor, err);
        walk.budget = UNPACKED_BASE + UNPACKED_FACTOR * size;
        return check_fields(&walk, descriptor, err);
}
