/* Records: one block per object. */
#include "manager/store/record.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/message/message.h"

struct record *record_new(const struct record_content *content)
{
        size_t id_size = strlen(content->id) + 1, name_size = strlen(content->name) + 1;
        size_t size = sizeof(struct record) + id_size + name_size + content->references_size;
        struct record *record;
        char *at;

        for (size_t i = 0; i < OBJECT_PARTS_MAX; i++)
                size += content->parts[i].size;
        CHECK(id_size <= UINT16_MAX && name_size <= UINT16_MAX && size <= UINT32_MAX);
        record = mem_alloc(size);
        record->version = content->version;
        record->head_version = content->head_version;
        record->created_at = content->created_at;
        record->updated_at = content->updated_at;
        record->references_size = (uint32_t)content->references_size;
        record->id_size = (uint16_t)id_size;
        record->name_size = (uint16_t)name_size;
        record->kind = (uint8_t)content->kind;
        at = mempcpy(record->bytes, content->id, id_size);
        at = mempcpy(at, content->name, name_size);
        if (content->references_size)
                at = mempcpy(at, content->references, content->references_size);
        for (size_t i = 0; i < OBJECT_PARTS_MAX; i++) {
                record->part_versions[i] = content->parts[i].version;
                record->part_sizes[i] = (uint32_t)content->parts[i].size;
                if (content->parts[i].size)
                        at = mempcpy(at, content->parts[i].data, content->parts[i].size);
        }
        return record;
}

struct record *record_new_removed(Sk__Kind kind, const char *id, uint64_t version)
{
        struct record *record = record_new(&(struct record_content){
                .kind = kind, .id = id, .name = "", .version = version, .head_version = version });

        record->is_removed = true;
        return record;
}

void record_content(const struct record *record, struct record_content *ret)
{
        const char *at = record->bytes + record->id_size + record->name_size;

        *ret = (struct record_content){
                .kind = (Sk__Kind)record->kind,
                .id = record_id(record),
                .name = record_name(record),
                .version = record->version,
                .head_version = record->head_version,
                .created_at = record->created_at,
                .updated_at = record->updated_at,
                .references = at,
                .references_size = record->references_size,
        };
        at += record->references_size;
        for (size_t i = 0; i < OBJECT_PARTS_MAX; i++) {
                ret->parts[i].version = record->part_versions[i];
                ret->parts[i].data = (const uint8_t *)at;
                ret->parts[i].size = record->part_sizes[i];
                at += record->part_sizes[i];
        }
}

const char *record_id(const struct record *record)
{
        return record->bytes;
}

const char *record_name(const struct record *record)
{
        return record->bytes + record->id_size;
}

const char *record_next_reference(const struct record *record, const char *previous)
{
        const char *first = record->bytes + record->id_size + record->name_size;
        const char *next = previous ? previous + strlen(previous) + 1 : first;

        return next < first + record->references_size ? next : NULL;
}

size_t record_size(const struct record *record)
{
        size_t size = sizeof *record + record->id_size + record->name_size;

        for (size_t i = 0; i < OBJECT_PARTS_MAX; i++)
                size += record->part_sizes[i];
        return size + record->references_size;
}

static Sk__Meta *meta_of(const struct record *record, struct arena *arena)
{
        Sk__Meta *meta = arena_alloc(arena, sizeof *meta);

        sk__meta__init(meta);
        meta->created_at_ns = record->created_at;
        meta->updated_at_ns = record->updated_at;
        meta->n_versions = object_kind((Sk__Kind)record->kind)->n_parts;
        meta->versions = (uint64_t *)record->part_versions;
        for (const char *id = NULL; (id = record_next_reference(record, id));)
                meta->n_references++;
        meta->references = arena_alloc(arena, meta->n_references * sizeof *meta->references);
        meta->n_references = 0;
        for (const char *id = NULL; (id = record_next_reference(record, id));)
                meta->references[meta->n_references++] = (char *)id;
        return meta;
}

static void add_parts(const struct record *record, uint32_t mask, uint64_t since,
                      struct arena *arena, Sk__Event *event)
{
        struct record_content content;
        Sk__Part *parts = arena_alloc(arena, OBJECT_PARTS_MAX * sizeof *parts);

        record_content(record, &content);
        event->parts = arena_alloc(arena, OBJECT_PARTS_MAX * sizeof *event->parts);
        for (uint32_t i = 0; i < OBJECT_PARTS_MAX; i++) {
                if (!(mask & 1u << i) || content.parts[i].version <= since)
                        continue;
                sk__part__init(&parts[i]);
                parts[i].index = i;
                parts[i].data.data = (uint8_t *)content.parts[i].data;
                parts[i].data.len = content.parts[i].size;
                event->parts[event->n_parts++] = &parts[i];
        }
}

Sk__Event *record_event(const struct record *record, uint32_t mask, uint64_t since,
                        struct arena *arena)
{
        Sk__Event *event = arena_alloc(arena, sizeof *event);

        sk__event__init(event);
        event->kind = (Sk__Kind)record->kind;
        event->id = (char *)record_id(record);
        if (record->is_removed) {
                event->op = SK__EVENT__OP__REMOVE;
                return event;
        }
        event->op = SK__EVENT__OP__PUT;
        event->name = (char *)record_name(record);
        event->meta = meta_of(record, arena);
        add_parts(record, mask, since, arena, event);
        return event;
}

Sk__StoredObject *record_stored(const struct record *record, struct arena *arena)
{
        Sk__StoredObject *stored = arena_alloc(arena, sizeof *stored);

        sk__stored_object__init(stored);
        stored->object = record_event(record, UINT32_MAX, 0, arena);
        stored->version = record->version;
        stored->head_version = record->head_version;
        return stored;
}

void record_pack(const struct record *record, struct arena *arena, uint8_t **ret_data,
                 size_t *ret_size)
{
        message_pack(arena, &record_stored(record, arena)->base, ret_data, ret_size);
}

static int content_of(const Sk__StoredObject *stored, struct arena *arena,
                      struct record_content *ret, struct err *err)
{
        const Sk__Event *event = stored->object;
        char *at;

        if (!event || !event->meta || !object_kind(event->kind) ||
            event->meta->n_versions > OBJECT_PARTS_MAX)
                return err_set(err, ERR_DATA_LOSS, "a stored object lacks its head");
        *ret = (struct record_content){
                .kind = event->kind,
                .id = event->id,
                .name = event->name,
                .version = stored->version,
                .head_version = stored->head_version,
                .created_at = event->meta->created_at_ns,
                .updated_at = event->meta->updated_at_ns,
        };
        for (size_t i = 0; i < event->meta->n_references; i++)
                ret->references_size += strlen(event->meta->references[i]) + 1;
        ret->references = at = arena_alloc(arena, ret->references_size);
        for (size_t i = 0; i < event->meta->n_references; i++)
                at = stpcpy(at, event->meta->references[i]) + 1;
        for (size_t i = 0; i < event->meta->n_versions; i++)
                ret->parts[i].version = event->meta->versions[i];
        for (size_t i = 0; i < event->n_parts; i++) {
                if (event->parts[i]->index >= OBJECT_PARTS_MAX)
                        return err_set(err, ERR_DATA_LOSS, "a stored object has an unknown part");
                ret->parts[event->parts[i]->index].data = event->parts[i]->data.data;
                ret->parts[event->parts[i]->index].size = event->parts[i]->data.len;
        }
        return 0;
}

int record_from_stored(const Sk__StoredObject *stored, struct arena *arena, struct record **ret,
                       struct err *err)
{
        struct record_content content;

        TRY(content_of(stored, arena, &content, err));
        if (!id_is_valid(content.id))
                return err_set(err, ERR_DATA_LOSS, "a stored object has no id");
        if (strlen(content.name) >= UINT16_MAX)
                return err_set(err, ERR_DATA_LOSS, "a stored object has an endless name");
        *ret = record_new(&content);
        return 0;
}

int record_unpack(const uint8_t *data, size_t size, struct arena *arena, struct record **ret,
                  struct err *err)
{
        ProtobufCMessage *stored;

        if (message_unpack(arena, &sk__stored_object__descriptor, data, size, &stored, err) < 0)
                return err_set(err, ERR_DATA_LOSS, "a stored object cannot be read");
        return record_from_stored((const Sk__StoredObject *)stored, arena, ret, err);
}
