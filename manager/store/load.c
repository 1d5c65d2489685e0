/* The state on disk: objects under their kind and id, remembered answers, and the index it is true
 * as of. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/message/message.h"
#include "manager/store/store.h"

/* 'answer_end' is what comes after all keys with the prefix. */
static const char applied_key[] = "applied", answer_prefix[] = "answer/", answer_end[] = "answer0";

enum { PREFIX_SIZE = sizeof answer_prefix - 1, ANSWER_KEY_SIZE = PREFIX_SIZE + 4 };

/* --- keys --- */

void load_object_key(const struct record *record, uint8_t key[static LOAD_KEY_SIZE])
{
        CHECK(record->id_size == LOAD_KEY_SIZE);
        key[0] = record->kind;
        memcpy(key + 1, record_id(record), LOAD_KEY_SIZE - 1);
}

static void answer_key(uint64_t number, uint8_t key[static ANSWER_KEY_SIZE])
{
        uint32_t slot = number % ANSWERS_MAX;

        memcpy(key, answer_prefix, PREFIX_SIZE);
        for (int i = 0; i < 4; i++)
                key[PREFIX_SIZE + i] = (uint8_t)(slot >> (24 - 8 * i));
}

/* --- writing --- */

static void put_message(struct disk_batch *batch, const void *key, size_t key_size,
                        const ProtobufCMessage *message)
{
        struct arena arena = { 0 };
        uint8_t *data;
        size_t size;

        message_pack(&arena, message, &data, &size);
        disk_batch_put(batch, DISK_META, key, key_size, data, size);
        arena_done(&arena);
}

void load_put_answer(struct disk_batch *batch, const struct answer *answer)
{
        Sk__StoredAnswer stored = SK__STORED_ANSWER__INIT;
        uint8_t key[ANSWER_KEY_SIZE];

        stored.number = answer->number;
        stored.request_id = (char *)answer->request_id;
        stored.response.data = (uint8_t *)answer->data;
        stored.response.len = answer->size;
        answer_key(answer->number, key);
        put_message(batch, key, sizeof key, &stored.base);
}

void load_put_applied(struct disk_batch *batch, uint64_t index, int64_t time_ns, size_t n_objects)
{
        Sk__StoredState stored = SK__STORED_STATE__INIT;

        stored.index = index;
        stored.time_ns = time_ns;
        stored.n_objects = n_objects;
        put_message(batch, applied_key, strlen(applied_key), &stored.base);
}

static void put_objects(struct disk_batch *batch, const struct state *state, Sk__Kind kind)
{
        const struct record *record;
        struct arena arena = { 0 };
        uint8_t key[LOAD_KEY_SIZE], *data;
        size_t size;

        for (size_t at = 0; (record = state_each(state, kind, &at));) {
                load_object_key(record, key);
                record_pack(record, &arena, &data, &size);
                disk_batch_put(batch, DISK_STATE, key, sizeof key, data, size);
                arena_clear(&arena);
        }
        arena_done(&arena);
}

void load_replace(struct disk_batch *batch, struct state *state)
{
        const struct answers *answers = state_answers(state);

        disk_batch_remove_range(batch, DISK_STATE, "\x00", "\xff", 1);
        disk_batch_remove_range(batch, DISK_META, answer_prefix, answer_end, PREFIX_SIZE);
        for (int kind = 0; kind < OBJECT_KINDS; kind++)
                put_objects(batch, state, (Sk__Kind)kind);
        for (uint64_t i = answers->first; i && i <= answers->last; i++)
                if (answers_at(answers, i))
                        load_put_answer(batch, answers_at(answers, i));
        load_put_applied(batch, state_version(state), state_time(state), state_count_all(state));
}

/* --- reading --- */

struct loading {
        struct state *state;
        struct arena arena;
};

static int load_object(void *context, const uint8_t *key, size_t key_size, const uint8_t *value,
                       size_t size, struct err *err)
{
        struct loading *loading = context;
        struct record *record;
        uint8_t right[LOAD_KEY_SIZE];

        arena_clear(&loading->arena);
        TRY(record_unpack(value, size, &loading->arena, &record, err));
        load_object_key(record, right);
        if (key_size != sizeof right || memcmp(key, right, sizeof right) != 0) {
                free(record);
                return err_set(err, ERR_DATA_LOSS, "a stored object lies under another's key");
        }
        return state_load(loading->state, record, err);
}

static int load_answer(void *context, const uint8_t *key, size_t key_size, const uint8_t *value,
                       size_t size, struct err *err)
{
        struct loading *loading = context;
        const Sk__StoredAnswer *stored;
        ProtobufCMessage *message;

        if (key_size != ANSWER_KEY_SIZE || memcmp(key, answer_prefix, PREFIX_SIZE) != 0)
                return 1;
        arena_clear(&loading->arena);
        if (message_unpack(&loading->arena, &sk__stored_answer__descriptor, value, size, &message,
                           NULL) < 0)
                return err_set(err, ERR_DATA_LOSS, "a stored answer cannot be read");
        stored = (const Sk__StoredAnswer *)message;
        answers_load(state_answers(loading->state), stored->number, stored->request_id,
                     stored->response.data, stored->response.len);
        return 0;
}

static int load_applied(struct disk *disk, struct loading *loading, struct err *err)
{
        _cleanup_(str_done) struct str value = { 0 };
        const Sk__StoredState *stored;
        ProtobufCMessage *message;
        size_t n = state_count_all(loading->state);
        int r = disk_get(disk, DISK_META, applied_key, strlen(applied_key), &value, err);

        if (r == ERR_NOT_FOUND && !n)
                return 0;
        TRY(r);
        if (message_unpack(&loading->arena, &sk__stored_state__descriptor,
                           (const uint8_t *)value.text, value.length, &message, NULL) < 0)
                return err_set(err, ERR_DATA_LOSS, "the applied index cannot be read");
        stored = (const Sk__StoredState *)message;
        if (stored->n_objects != n)
                return err_set(err, ERR_DATA_LOSS, "%zu objects are on disk where %zu belong", n,
                               (size_t)stored->n_objects);
        state_loaded(loading->state, stored->index, stored->time_ns);
        return 0;
}

int load_state(struct disk *disk, struct state *state, struct err *err)
{
        struct loading loading = { .state = state };
        int r = disk_each(disk, DISK_STATE, NULL, 0, load_object, &loading, err);

        if (r == 0)
                r = disk_each(disk, DISK_META, answer_prefix, PREFIX_SIZE, load_answer, &loading,
                              err);
        if (r >= 0)
                r = load_applied(disk, &loading, err);
        arena_done(&loading.arena);
        return r;
}
