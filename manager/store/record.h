/* One stored object as one block of memory: head, id, name, references and its parts as the packed
 * bytes they came in.  Nobody here unpacks a part.  A record is immutable; a change makes a new
 * block. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/store.pb-c.h"
#include "lib/base/mem.h"
#include "lib/state/object.h"

/* A place in the order of last changes (state.h). */
struct order {
        struct order *before, *after;
        enum { ORDER_RECORD, ORDER_MARK } type;
};

/* What a record is made of; everything is borrowed. */
struct record_content {
        Sk__Kind kind;
        const char *id, *name; /* name: "" for none */
        uint64_t version;      /* of the last change of anything */
        uint64_t head_version; /* when it was created, renamed or its references changed */
        int64_t created_at, updated_at;
        const char *references; /* ids, each followed by a NUL */
        size_t references_size;
        struct {
                uint64_t version; /* 0: never written */
                const uint8_t *data;
                size_t size;
        } parts[OBJECT_PARTS_MAX];
};

struct record {
        struct order order;
        struct record *next_removed;
        uint64_t version, head_version;
        int64_t created_at, updated_at;
        uint64_t part_versions[OBJECT_PARTS_MAX];
        uint32_t part_sizes[OBJECT_PARTS_MAX];
        uint32_t references_size;
        uint16_t id_size, name_size; /* with their NULs */
        uint8_t kind;
        bool is_removed; /* all that is left of a removed object: kind, id, version */
        char bytes[];    /* id, name, references, parts */
};

struct record *record_new(const struct record_content *content);
struct record *record_new_removed(Sk__Kind kind, const char *id, uint64_t version);

/* The content, borrowed from the record: change what is to be different and make a new one. */
void record_content(const struct record *record, struct record_content *ret);

const char *record_id(const struct record *record);
const char *record_name(const struct record *record); /* "" for none */

/* Each reference once: for (const char *id = NULL; (id = record_next_reference(record, id));) */
const char *record_next_reference(const struct record *record, const char *previous);

/* The bytes it takes, for limits and figures. */
size_t record_size(const struct record *record);

/* As news: the parts of 'mask' that changed after 'since', and the head.  Lies in the arena, but
 * points into the record. */
Sk__Event *record_event(const struct record *record, uint32_t mask, uint64_t since,
                        struct arena *arena);

/* As the disk keeps it. */
void record_pack(const struct record *record, struct arena *arena, uint8_t **ret_data,
                 size_t *ret_size);

/* The same as a message; as record_event(). */
Sk__StoredObject *record_stored(const struct record *record, struct arena *arena);

/* The other way.  ERR_DATA_LOSS: not what record_pack() makes. */
int record_from_stored(const Sk__StoredObject *stored, struct arena *arena, struct record **ret,
                       struct err *err);
int record_unpack(const uint8_t *data, size_t size, struct arena *arena, struct record **ret,
                  struct err *err);
