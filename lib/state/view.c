/* The view: filling it, and finding by id and name. */
#include "lib/state/view.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/state/block.h"
#include "lib/state/view_internal.h"

enum { ID_LENGTH_MAX = 64, SCRATCH_MAX = 1024 * 1024 };

int view_compare_records(const void *a, const void *b)
{
        const struct record *x = a, *y = b;

        return strcmp(x->object.id, y->object.id);
}

int view_compare_id(const void *id, const void *record)
{
        return strcmp(id, ((const struct record *)record)->object.id);
}

struct view *view_new(void)
{
        struct view *view = mem_alloc(sizeof *view);

        for (size_t i = 0; i < OBJECT_KINDS; i++)
                view->kinds[i].by_id = ORDER_OF(view_compare_records);
        view->waiting = view->orphaned = ORDER_OF(view_compare_services);
        return view;
}

static void view_release(struct view *view)
{
        view_clear(view);
        arena_done(&view->scratch);
}

void view_free(struct view *view)
{
        if (!view)
                return;
        view_release(view);
        free(view);
}

void view_take_over(struct view *view, struct view *from)
{
        int64_t now = view->now;

        view_release(view);
        *view = *from;
        free(from);
        view_set_now(view, now);
}

/* --- records --- */

static ProtobufCMessage **record_part(struct record *record, size_t i)
{
        return (ProtobufCMessage **)(&record->object + 1) + i;
}

static struct record *record_new(const struct object_kind *kind, const char *id)
{
        size_t head_size = offsetof(struct record, object) + kind->descriptor->sizeof_message;
        struct record *record = mem_alloc(head_size + strlen(id) + 1);

        protobuf_c_message_init(kind->descriptor, &record->object.message);
        record->object.id = strcpy((char *)record + head_size, id);
        sk__meta__init(&record->meta);
        record->meta.versions = record->versions;
        record->object.meta = &record->meta;
        return record;
}

static void meta_free(struct record *record)
{
        if (record->object.meta != &record->meta)
                free(record->object.meta);
        record->object.meta = &record->meta;
}

static void record_free(struct record *record, const struct object_kind *kind)
{
        for (size_t i = 0; i < kind->n_parts; i++)
                free(*record_part(record, i));
        if (!str_is_empty(record->object.name))
                free((char *)record->object.name);
        meta_free(record);
        free(record);
}

struct record *view_record(const struct view *view, Sk__Kind kind, const char *id)
{
        const struct order *by_id;
        struct order_cursor cursor;
        struct record *record;

        if (!object_kind(kind) || !id)
                return NULL;
        by_id = &view->kinds[kind].by_id;
        cursor = order_seek(by_id, order_rank_of_text(id), id, view_compare_id);
        record = order_next(by_id, &cursor);
        return record && strcmp(record->object.id, id) == 0 ? record : NULL;
}

/* --- filling --- */

static void set_meta(struct record *record, const Sk__Meta *meta)
{
        meta_free(record);
        if (meta->n_references || meta->n_versions > OBJECT_PARTS_MAX) {
                record->object.meta = (Sk__Meta *)block_of_message(&meta->base);
                return;
        }
        record->meta.created_at_ns = meta->created_at_ns;
        record->meta.updated_at_ns = meta->updated_at_ns;
        record->meta.n_versions = meta->n_versions;
        for (size_t i = 0; i < meta->n_versions; i++)
                record->versions[i] = meta->versions[i];
}

/* While news of several changes comes in another order than they were made, two objects may have a
 * name: the latest news wins. */
static void forget_name(struct map *by_name, const struct record *record)
{
        if (!str_is_empty(record->object.name) && map_find(by_name, record->object.name) == record)
                map_remove(by_name, record->object.name);
}

static void set_name(struct view *view, const struct object_kind *kind, struct record *record,
                     const char *name)
{
        struct map *by_name = &view->kinds[kind->kind].by_name;

        if (str_is_empty(name) || str_equal(name, record->object.name))
                return;
        if (kind->has_unique_names)
                forget_name(by_name, record);
        if (!str_is_empty(record->object.name))
                free((char *)record->object.name);
        record->object.name = str_copy(name);
        if (kind->has_unique_names)
                map_put(by_name, record->object.name, record);
}

static void set_parts(struct record *record, size_t n_parts, ProtobufCMessage **blocks)
{
        for (size_t i = 0; i < n_parts; i++) {
                if (!blocks[i])
                        continue;
                free(*record_part(record, i));
                *record_part(record, i) = blocks[i];
        }
}

/* As set_parts, with the indexes kept right.  Most news of tasks is a status, which leaves them in
 * their places. */
static void set_task_parts(struct view *view, struct record *record, ProtobufCMessage **blocks)
{
        Sk__Task after = *record_task(record);
        bool is_same;

        if (blocks[PART_TASK_definition])
                after.definition = (Sk__TaskDefinition *)blocks[PART_TASK_definition];
        if (blocks[PART_TASK_placement])
                after.placement = (Sk__TaskPlacement *)blocks[PART_TASK_placement];
        is_same = view_is_same_place(record_task(record), &after);
        if (!is_same)
                view_unindex_task(view, record);
        set_parts(record, OBJECT_PARTS_MAX, blocks);
        if (is_same)
                view_index_unassigned(view, record);
        else
                view_index_task(view, record);
}

static int unpack_parts(struct view *view, const struct object_kind *kind, const Sk__Event *event,
                        ProtobufCMessage **ret_blocks, struct err *err)
{
        for (size_t i = 0; i < event->n_parts; i++) {
                const Sk__Part *part = event->parts[i];
                ProtobufCMessage *message;

                if (part->index >= kind->n_parts)
                        return err_set(err, ERR_INVALID, "%s %s has no part %u", kind->name,
                                       event->id, part->index);
                if (message_unpack(&view->scratch, kind->parts[part->index].descriptor,
                                   part->data.data, part->data.len, &message, err) < 0)
                        return err_prefix(err, "%s of %s %s", kind->parts[part->index].name,
                                          kind->name, event->id);
                free(ret_blocks[part->index]);
                ret_blocks[part->index] = block_of_message(message);
        }
        return 0;
}

static struct record *add_record(struct view *view, const struct object_kind *kind, const char *id)
{
        struct record *record = record_new(kind, id);

        order_add(&view->kinds[kind->kind].by_id, order_rank_of_text(id), record);
        if (kind->kind == SK__KIND__KIND_SERVICE)
                view_index_service(view, record->object.id, true);
        if (kind->kind == SK__KIND__KIND_SERVICE_SPEC)
                view_index_spec(view, record, true);
        return record;
}

int view_put(struct view *view, const Sk__Event *event, struct err *err)
{
        const struct object_kind *kind = object_kind(event->kind);
        ProtobufCMessage *blocks[OBJECT_PARTS_MAX] = { 0 };
        struct record *record;
        int result;

        if (!kind)
                return err_set(err, ERR_INVALID, "%d is no kind of object", (int)event->kind);
        if (str_is_empty(event->id) || strlen(event->id) > ID_LENGTH_MAX)
                return err_set(err, ERR_INVALID, "a %s without an id of 1 to %d characters",
                               kind->name, ID_LENGTH_MAX);
        result = unpack_parts(view, kind, event, blocks, err);
        arena_clear(&view->scratch);
        if (result < 0) {
                for (size_t i = 0; i < OBJECT_PARTS_MAX; i++)
                        free(blocks[i]);
                return result;
        }
        record = view_record(view, event->kind, event->id);
        if (!record)
                record = add_record(view, kind, event->id);
        if (event->meta)
                set_meta(record, event->meta);
        set_name(view, kind, record, event->name);
        if (kind->kind == SK__KIND__KIND_TASK)
                set_task_parts(view, record, blocks);
        else
                set_parts(record, kind->n_parts, blocks);
        return 0;
}

void view_remove(struct view *view, Sk__Kind kind, const char *id)
{
        struct record *record = view_record(view, kind, id);

        if (!record)
                return;
        if (kind == SK__KIND__KIND_TASK)
                view_unindex_task(view, record);
        order_remove(&view->kinds[kind].by_id, order_rank_of_text(id), record);
        if (kind == SK__KIND__KIND_SERVICE)
                view_index_service(view, record->object.id, false);
        if (kind == SK__KIND__KIND_SERVICE_SPEC)
                view_index_spec(view, record, false);
        forget_name(&view->kinds[kind].by_name, record);
        record_free(record, object_kind(kind));
}

void view_clear(struct view *view)
{
        view_drop_indexes(view);
        for (size_t i = 0; i < OBJECT_KINDS; i++) {
                struct kind_table *table = &view->kinds[i];
                struct order_cursor cursor = { 0 };
                struct record *record;

                while ((record = order_next(&table->by_id, &cursor)))
                        record_free(record, object_kind((Sk__Kind)i));
                order_done(&table->by_id);
                map_done(&table->by_name);
        }
        view->version = 0;
}

void view_set_now(struct view *view, int64_t now)
{
        if (now > view->now)
                view->now = now;
}

void view_set_version(struct view *view, uint64_t version, int64_t now)
{
        view->version = version;
        view_set_now(view, now);
}

/* --- looking --- */

uint64_t view_version(const struct view *view)
{
        return view->version;
}

int64_t view_now(const struct view *view)
{
        return view->now;
}

const struct object_head *view_find(const struct view *view, Sk__Kind kind, const char *id)
{
        const struct record *record = view_record(view, kind, id);

        return record ? &record->object : NULL;
}

size_t view_count(const struct view *view, Sk__Kind kind)
{
        return object_kind(kind) ? view->kinds[kind].by_id.n : 0;
}

const struct object_head *view_each(const struct view *view, Sk__Kind kind,
                                    struct view_cursor *cursor)
{
        struct order_cursor place = { cursor->at, cursor->i };
        const struct record *record;

        if (!object_kind(kind))
                return NULL;
        record = order_next(&view->kinds[kind].by_id, &place);
        *cursor = (struct view_cursor){ place.leaf, place.i };
        return record ? &record->object : NULL;
}

const Sk__Cluster *view_cluster(const struct view *view)
{
        return (const Sk__Cluster *)view_each(view, SK__KIND__KIND_CLUSTER,
                                              &(struct view_cursor){ 0 });
}

const Sk__Node *view_node(const struct view *view, const char *id)
{
        return (const Sk__Node *)view_find(view, SK__KIND__KIND_NODE, id);
}

const Sk__Service *view_service(const struct view *view, const char *id)
{
        return (const Sk__Service *)view_find(view, SK__KIND__KIND_SERVICE, id);
}

const Sk__ServiceSpecObject *view_service_spec(const struct view *view, const char *id)
{
        return (const Sk__ServiceSpecObject *)view_find(view, SK__KIND__KIND_SERVICE_SPEC, id);
}

const Sk__Network *view_network(const struct view *view, const char *id)
{
        return (const Sk__Network *)view_find(view, SK__KIND__KIND_NETWORK, id);
}

const Sk__Task *view_task(const struct view *view, const char *id)
{
        return (const Sk__Task *)view_find(view, SK__KIND__KIND_TASK, id);
}
