/* Objects as loops and handlers see them: a protobuf-c message per object, of a kind, with parts.
 *
 * An object is immutable while anybody looks: the view replaces whole parts between turns, never
 * during one.  What view_*() returns is borrowed until the turn ends and must not be written
 * (protobuf-c cannot say const inside). */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/objects.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/message/message.h"

/* The index of each part, as the rows have it: PART_TASK_status is 3. */
enum object_part_index {
#define OBJECT_PART_INDEX(constant, part, index, writers, readers, creators) \
        PART_##constant##_##part = (index),
        API_PARTS(OBJECT_PART_INDEX)
#undef OBJECT_PART_INDEX
};

/* One row of API_KINDS with its parts: enough to handle any object without knowing its kind. */
struct object_part {
        const char *name;                             /* "spec"; NULL: the kind has no such part */
        const ProtobufCMessageDescriptor *descriptor; /* of the part's message */
        size_t offset;                                /* of its pointer in the object's message */
        uint32_t writers, readers, creators;          /* role bits */
};

struct object_kind {
        Sk__Kind kind;
        const char *name; /* for sentences: "service" */
        const ProtobufCMessageDescriptor *descriptor;
        bool has_unique_names;
        size_t n_parts;
        struct object_part parts[OBJECT_PARTS_MAX];
};

/* NULL for a number that is no kind (the number may come from outside). */
const struct object_kind *object_kind(Sk__Kind kind);

/* Every object message begins like this one: struct object_head mirrors the generated layout,
 * checked by static_assert. */
struct object_head {
        ProtobufCMessage message;
        const char *id;
        const char *name;
        Sk__Meta *meta;
};

/* The part's message, NULL when it was never written (or is masked out). */
const ProtobufCMessage *object_part(const struct object_head *object,
                                    const struct object_kind *kind, size_t part);

/* The version of one part; 0: never written.  The version of the whole is the largest. */
uint64_t object_part_version(const struct object_head *object, size_t part);
uint64_t object_version(const struct object_head *object);
