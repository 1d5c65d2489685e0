/* One walk counts, the same walk copies: what needs alignment grows from the front, text from the
 * back. */
#include "lib/state/block.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

/* With 'memory' NULL only the sizes are counted. */
struct block {
        char *memory;
        size_t aligned; /* bytes taken at the front */
        size_t text;    /* bytes taken at the back */
        size_t size;
};

static void message_add(struct block *block, const ProtobufCMessage *from, ProtobufCMessage *to);

static void *add_aligned(struct block *block, size_t size)
{
        void *memory = block->memory ? block->memory + block->aligned : NULL;

        block->aligned += (size + 7) & ~(size_t)7;
        return memory;
}

static void *add_bytes(struct block *block, const void *data, size_t size)
{
        char *memory;

        block->text += size;
        if (!block->memory)
                return NULL;
        memory = block->memory + block->size - block->text;
        if (size)
                memcpy(memory, data, size);
        return memory;
}

static bool is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
        const void *quantifier = (const char *)message + field->quantifier_offset;

        if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
                return *(const uint32_t *)quantifier == field->id;
        return true;
}

static void string_add(struct block *block, const ProtobufCFieldDescriptor *field,
                       const char *const *from, const char **to)
{
        const char *copy;

        if (!*from || *from == field->default_value)
                return;
        copy = **from ? add_bytes(block, *from, strlen(*from) + 1)
                      : (const char *)protobuf_c_empty_string;
        if (to)
                *to = copy;
}

/* Copies what a member points to; 'to' is NULL while counting. */
static void member_add(struct block *block, const ProtobufCFieldDescriptor *field, const void *from,
                       void *to)
{
        const ProtobufCBinaryData *bytes;
        const ProtobufCMessage *message;
        void *copy;

        if (field->type == PROTOBUF_C_TYPE_STRING) {
                string_add(block, field, from, to);
        } else if (field->type == PROTOBUF_C_TYPE_BYTES) {
                bytes = from;
                copy = add_bytes(block, bytes->data, bytes->len);
                if (to)
                        ((ProtobufCBinaryData *)to)->data = copy;
        } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
                message = *(const ProtobufCMessage *const *)from;
                if (!message)
                        return;
                copy = add_aligned(block, message->descriptor->sizeof_message);
                message_add(block, message, copy);
                if (to)
                        *(void **)to = copy;
        }
}

static size_t element_size(ProtobufCType type)
{
        switch (type) {
        case PROTOBUF_C_TYPE_BOOL:
                return sizeof(protobuf_c_boolean);
        case PROTOBUF_C_TYPE_STRING:
        case PROTOBUF_C_TYPE_MESSAGE:
                return sizeof(void *);
        case PROTOBUF_C_TYPE_BYTES:
                return sizeof(ProtobufCBinaryData);
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_FIXED64:
        case PROTOBUF_C_TYPE_SFIXED64:
        case PROTOBUF_C_TYPE_DOUBLE:
                return 8;
        default:
                return 4;
        }
}

static void repeated_add(struct block *block, const ProtobufCFieldDescriptor *field,
                         const ProtobufCMessage *from, ProtobufCMessage *to)
{
        size_t n = *(const size_t *)((const char *)from + field->quantifier_offset);
        size_t size = element_size(field->type);
        const char *elements = *(const char *const *)((const char *)from + field->offset);
        char *copies;

        if (!n)
                return;
        copies = add_aligned(block, n * size);
        if (copies) {
                memcpy(copies, elements, n * size);
                *(char **)((char *)to + field->offset) = copies;
        }
        if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_BYTES &&
            field->type != PROTOBUF_C_TYPE_MESSAGE)
                return;
        for (size_t i = 0; i < n; i++)
                member_add(block, field, elements + i * size, copies ? copies + i * size : NULL);
}

/* What a newer release wrote and this one cannot name is kept for whoever packs the message again.
 */
static void unknown_add(struct block *block, const ProtobufCMessage *from, ProtobufCMessage *to)
{
        size_t n = from->n_unknown_fields;
        ProtobufCMessageUnknownField *fields;

        if (!n)
                return;
        fields = add_aligned(block, n * sizeof *fields);
        if (fields) {
                memcpy(fields, from->unknown_fields, n * sizeof *fields);
                to->unknown_fields = fields;
        }
        for (size_t i = 0; i < n; i++) {
                void *copy =
                        add_bytes(block, from->unknown_fields[i].data, from->unknown_fields[i].len);
                if (fields)
                        fields[i].data = copy;
        }
}

static void message_add(struct block *block, const ProtobufCMessage *from, ProtobufCMessage *to)
{
        if (to)
                memcpy(to, from, from->descriptor->sizeof_message);
        for (unsigned i = 0; i < from->descriptor->n_fields; i++) {
                const ProtobufCFieldDescriptor *field = &from->descriptor->fields[i];

                if (field->label == PROTOBUF_C_LABEL_REPEATED)
                        repeated_add(block, field, from, to);
                else if (is_set(from, field))
                        member_add(block, field, (const char *)from + field->offset,
                                   to ? (char *)to + field->offset : NULL);
        }
        unknown_add(block, from, to);
}

ProtobufCMessage *block_of_message(const ProtobufCMessage *message)
{
        struct block count = { 0 }, block;
        ProtobufCMessage *copy;

        add_aligned(&count, message->descriptor->sizeof_message);
        message_add(&count, message, NULL);
        block = (struct block){ .size = count.aligned + count.text };
        block.memory = mem_alloc(block.size);
        copy = add_aligned(&block, message->descriptor->sizeof_message);
        message_add(&block, message, copy);
        CHECK(block.aligned == count.aligned && block.text == count.text);
        return copy;
}
