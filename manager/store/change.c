/* Changes: create, update, remove, merge. */
#include "manager/store/change.h"

#include <string.h>

#include "lib/base/str.h"
#include "lib/message/message.h"
#include "lib/state/task_life.h"
#include "manager/store/check.h"

/* Fields that are not known before apply are added to the packed message: the last value of a field
 * counts, and one that was 0 is not there at all. */
enum { LEASE_GRANT_EPOCH_TAG = 3 << 3, TASK_STATUS_AT_TAG = 2 << 3 };

static void append_varint(struct arena *arena, uint8_t tag, uint64_t value, const uint8_t **data,
                          size_t *size)
{
        uint8_t *longer = arena_alloc(arena, *size + 11), *at = longer;

        if (*size)
                at = mempcpy(at, *data, *size);
        *at++ = tag;
        for (; value >= 0x80; value >>= 7)
                *at++ = (uint8_t)(value | 0x80);
        *at++ = (uint8_t)value;
        *data = longer;
        *size = (size_t)(at - longer);
}

/* --- what is given, over what is there --- */

static void take_parts(const struct change_context *context, const Sk__Change *change,
                       struct record_content *content)
{
        for (size_t i = 0; i < change->n_parts; i++) {
                const Sk__Part *part = change->parts[i];

                content->parts[part->index].version = context->index;
                content->parts[part->index].data = part->data.data;
                content->parts[part->index].size = part->data.len;
                if (change->kind == SK__KIND__KIND_LEASE)
                        append_varint(context->arena, LEASE_GRANT_EPOCH_TAG, context->index,
                                      &content->parts[part->index].data,
                                      &content->parts[part->index].size);
        }
        content->version = context->index;
        content->updated_at = context->time_ns;
}

static void take_references(const struct change_context *context, const Sk__Change *change,
                            struct record_content *content)
{
        size_t size = 0;
        char *at, *ids;

        for (size_t i = 0; i < change->references->n_ids; i++)
                size += strlen(change->references->ids[i]) + 1;
        at = ids = arena_alloc(context->arena, size);
        for (size_t i = 0; i < change->references->n_ids; i++)
                at = stpcpy(at, change->references->ids[i]) + 1;
        content->references = ids;
        content->references_size = size;
        content->head_version = context->index;
}

static int require_name_free(const struct change_context *context, Sk__Kind kind, const char *name,
                             uint64_t *ret_wait, struct err *err)
{
        const struct record *holder = state_find_name(context->state, kind, name);

        if (!holder)
                return 0;
        *ret_wait = holder->version;
        return err_set(err, ERR_EXISTS, "%s name '%s' is in use", object_kind(kind)->name, name);
}

/* --- create --- */

/* Would creating it change nothing that is given? */
static bool is_identical(const struct record *record, const Sk__Change *change)
{
        struct record_content content;

        record_content(record, &content);
        if (!str_equal(content.name, change->name))
                return false;
        for (size_t i = 0; i < change->n_parts; i++) {
                const ProtobufCBinaryData *data = &change->parts[i]->data;
                size_t index = change->parts[i]->index;

                if (!content.parts[index].version || content.parts[index].size != data->len ||
                    (data->len && memcmp(content.parts[index].data, data->data, data->len) != 0))
                        return false;
        }
        return true;
}

static int change_create(const struct change_context *context, const Sk__Change *change,
                         uint64_t *ret_wait, struct err *err)
{
        const struct record *record = state_find(context->state, change->kind, change->id);
        struct record_content content = { .kind = change->kind,
                                          .id = change->id,
                                          .name = change->name,
                                          .head_version = context->index,
                                          .created_at = context->time_ns };

        if (record && is_identical(record, change))
                return 0;
        if (record) {
                *ret_wait = record->version;
                return err_set(err, ERR_EXISTS, "%s %s exists", object_kind(change->kind)->name,
                               change->id);
        }
        TRY(require_name_free(context, change->kind, change->name, ret_wait, err));
        take_parts(context, change, &content);
        if (change->references)
                take_references(context, change, &content);
        state_put(context->state, record_new(&content));
        return 0;
}

/* --- update --- */

static int change_update(const struct change_context *context, const Sk__Change *change,
                         uint64_t *ret_wait, struct err *err)
{
        const struct record *record = state_find(context->state, change->kind, change->id);
        struct record_content content;

        if (!record) {
                *ret_wait = context->index;
                return err_set(err, ERR_CONFLICT, "%s %s is gone", object_kind(change->kind)->name,
                               change->id);
        }
        record_content(record, &content);
        if (*change->name && !str_equal(content.name, change->name)) {
                TRY(require_name_free(context, change->kind, change->name, ret_wait, err));
                content.name = change->name;
                content.head_version = context->index;
        }
        take_parts(context, change, &content);
        if (change->references)
                take_references(context, change, &content);
        state_put(context->state, record_new(&content));
        return 0;
}

/* --- remove --- */

static void change_remove(const struct change_context *context, const Sk__Change *change)
{
        if (state_find(context->state, change->kind, change->id))
                state_put(context->state,
                          record_new_removed(change->kind, change->id, context->index));
}

/* --- merge --- */

static const Sk__TaskStatus *status_of(struct arena *arena, const uint8_t *data, size_t size)
{
        ProtobufCMessage *status;

        if (message_unpack(arena, &sk__task_status__descriptor, data, size, &status, NULL) < 0)
                return NULL;
        return (const Sk__TaskStatus *)status;
}

/* A task's status moves forward only; what comes late, or for a task that is gone, is dropped. */
static int change_merge(const struct change_context *context, const Sk__Change *change,
                        struct err *err)
{
        const ProtobufCBinaryData *data = &change->parts[0]->data;
        const Sk__TaskStatus *now = NULL, *reported;
        const struct record *record;
        struct record_content content;

        reported = status_of(context->arena, data->data, data->len);
        if (!reported)
                return err_set(err, ERR_INVALID, "the status of task %s cannot be read",
                               change->id);
        record = state_find(context->state, change->kind, change->id);
        if (!record)
                return 0;
        record_content(record, &content);
        if (content.parts[PART_TASK_status].version)
                now = status_of(context->arena, content.parts[PART_TASK_status].data,
                                content.parts[PART_TASK_status].size);
        if (!task_status_is_newer(now, reported))
                return 0;
        take_parts(context, change, &content);
        if (!reported->at_ns)
                append_varint(context->arena, TASK_STATUS_AT_TAG, (uint64_t)context->time_ns,
                              &content.parts[PART_TASK_status].data,
                              &content.parts[PART_TASK_status].size);
        state_put(context->state, record_new(&content));
        return 0;
}

int change_apply(const struct change_context *context, const Sk__Change *change, uint64_t *ret_wait,
                 struct err *err)
{
        switch (change->op) {
        case SK__CHANGE__OP__CREATE:
                return change_create(context, change, ret_wait, err);
        case SK__CHANGE__OP__UPDATE:
                return change_update(context, change, ret_wait, err);
        case SK__CHANGE__OP__MERGE:
                return change_merge(context, change, err);
        default:
                change_remove(context, change);
                return 0;
        }
}
