/* The set of what is wanted here. */
#include "agent/worker.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/message/message.h"

struct item {
        char id[ID_SIZE];
        uint64_t round;
        size_t size;
        uint8_t data[];
};

/* Every entry begins with its id. */
struct entry_head {
        ProtobufCMessage message;
        const char *id;
};

static const ProtobufCMessageDescriptor *const descriptors[WORKER_KINDS] = {
        [WORKER_TASK] = &sk__task_assignment__descriptor,
        [WORKER_SPEC] = &sk__service_spec_revision_entry__descriptor,
        [WORKER_SECRET] = &sk__secret_entry__descriptor,
        [WORKER_CONFIG] = &sk__config_entry__descriptor,
        [WORKER_NETWORK] = &sk__network_entry__descriptor,
};

void worker_init(struct worker *worker, const struct worker_sink *sink)
{
        *worker = (struct worker){ .sink = sink, .changes = VEC_OF(struct worker_change) };
}

void worker_done(struct worker *worker)
{
        struct item *item;

        for (int kind = 0; kind < WORKER_KINDS; kind++) {
                for (size_t at = 0; (item = map_next(&worker->items[kind], &at));)
                        free(item);
                map_done(&worker->items[kind]);
        }
        vec_done(&worker->changes);
}

/* --- items --- */

static void tell_change(struct worker *worker, const char *task_id, bool is_removed)
{
        struct worker_change *change = vec_add(&worker->changes);

        memcpy(change->task_id, task_id, ID_SIZE);
        change->is_removed = is_removed;
}

/* Returns false when exactly this was there before. */
static bool keep(struct worker *worker, enum worker_kind kind, const char *id, const uint8_t *data,
                 size_t size)
{
        struct map *items = &worker->items[kind];
        struct item *old = map_find(items, id), *item;

        if (old && old->size == size && memcmp(old->data, data, size) == 0) {
                old->round = worker->round;
                return false;
        }
        item = mem_alloc(sizeof *item + size);
        memcpy(item->id, id, ID_SIZE);
        memcpy(item->data, data, size);
        item->size = size;
        item->round = worker->round;
        free(map_put(items, item->id, item));
        return true;
}

static int put(struct worker *worker, enum worker_kind kind, const ProtobufCMessage *entry,
               struct arena *scratch, struct err *err)
{
        const char *id = ((const struct entry_head *)entry)->id;
        uint8_t *data;
        size_t size;

        if (!id_is_valid(id))
                return err_set(err, ERR_INVALID, "assigned item without a valid id");
        message_pack(scratch, entry, &data, &size);
        if (!keep(worker, kind, id, data, size))
                return 0;
        if (worker->sink)
                worker->sink->put(worker->sink->context, kind, data, size);
        if (kind == WORKER_TASK)
                tell_change(worker, id, false);
        return 0;
}

static void drop(struct worker *worker, enum worker_kind kind, const char *id)
{
        struct item *item = map_remove(&worker->items[kind], id);

        if (!item)
                return;
        if (worker->sink)
                worker->sink->removed(worker->sink->context, kind, item->id);
        if (kind == WORKER_TASK)
                tell_change(worker, item->id, true);
        free(item);
}

static void drop_older_than(struct worker *worker, enum worker_kind kind, uint64_t round)
{
        const struct item *item;

        for (size_t at = 0; (item = map_next(&worker->items[kind], &at));)
                if (item->round < round)
                        drop(worker, kind, item->id);
}

/* --- messages --- */

/* One list of a message: where it lies, and the ids that go. */
struct section {
        size_t n;
        ProtobufCMessage *const *entries;
        size_t n_removed;
        const char *const *removed;
};

static int apply_section(struct worker *worker, enum worker_kind kind,
                         const struct section *section, struct arena *scratch, struct err *err)
{
        for (size_t i = 0; i < section->n; i++) {
                TRY(put(worker, kind, section->entries[i], scratch, err));
                arena_clear(scratch);
        }
        for (size_t i = 0; i < section->n_removed; i++)
                drop(worker, kind, section->removed[i]);
        return 0;
}

#define SECTION(in, list)                                                                      \
        {                                                                                      \
                (in)->n_##list, (ProtobufCMessage *const *)(in)->list, (in)->n_removed_##list, \
                        (const char *const *)(in)->removed_##list                              \
        }

static int apply_sections(struct worker *worker, const Sk__Assignments *in, struct err *err)
{
        const struct section sections[WORKER_KINDS] = {
                [WORKER_TASK] = SECTION(in, tasks),       [WORKER_SPEC] = SECTION(in, specs),
                [WORKER_SECRET] = SECTION(in, secrets),   [WORKER_CONFIG] = SECTION(in, configs),
                [WORKER_NETWORK] = SECTION(in, networks),
        };
        _cleanup_(arena_done) struct arena scratch = {};

        for (int kind = 0; kind < WORKER_KINDS; kind++)
                TRY(apply_section(worker, kind, &sections[kind], &scratch, err));
        return 0;
}

static int check_sequence(struct worker *worker, const Sk__Assignments *in, struct err *err)
{
        bool is_complete = in->type == SK__ASSIGNMENTS__TYPE__COMPLETE;
        bool goes_on = worker->is_open && worker->is_replacing == is_complete &&
                       worker->sequence == in->sequence;

        if (goes_on)
                return 0;
        if (!is_complete &&
            (worker->is_open || !worker->is_fresh || worker->sequence + 1 != in->sequence))
                return err_set(err, ERR_PRECONDITION, "assignments %llu do not follow %llu",
                               (unsigned long long)in->sequence,
                               (unsigned long long)worker->sequence);
        if (is_complete)
                worker->round++;
        worker->is_replacing = is_complete;
        worker->sequence = in->sequence;
        worker->is_open = true;
        return 0;
}

static void finish_set(struct worker *worker)
{
        if (worker->is_replacing) {
                for (int kind = 0; kind < WORKER_KINDS; kind++)
                        drop_older_than(worker, kind, worker->round);
                worker->is_fresh = true;
        }
        worker->is_open = false;
        worker->n_whole = worker->changes.n;
}

int worker_apply(struct worker *worker, const Sk__Assignments *assignments, struct err *err)
{
        TRY(check_sequence(worker, assignments, err));
        TRY(apply_sections(worker, assignments, err));
        if (assignments->is_last)
                finish_set(worker);
        return 0;
}

void worker_expect_complete(struct worker *worker)
{
        worker->is_open = false;
        worker->sequence = UINT64_MAX - 1;
}

bool worker_take_changes(struct worker *worker, struct vec *ret_changes)
{
        if (!worker->n_whole || worker->is_open)
                return false;
        *ret_changes = worker->changes;
        worker->changes = VEC_OF(struct worker_change);
        worker->n_whole = 0;
        return true;
}

/* --- an earlier life --- */

int worker_restore(struct worker *worker, enum worker_kind kind, const uint8_t *data, size_t size,
                   struct err *err)
{
        _cleanup_(arena_done) struct arena scratch = {};
        ProtobufCMessage *entry;

        TRY(message_unpack(&scratch, descriptors[kind], data, size, &entry, err));
        if (!id_is_valid(((const struct entry_head *)entry)->id))
                return err_set(err, ERR_DATA_LOSS, "stored item without a valid id");
        keep(worker, kind, ((const struct entry_head *)entry)->id, data, size);
        return 0;
}

void worker_restore_removed(struct worker *worker, enum worker_kind kind, const char *id)
{
        free(map_remove(&worker->items[kind], id));
}

void worker_dump(const struct worker *worker, const struct worker_sink *sink)
{
        const struct item *item;

        for (int kind = 0; kind < WORKER_KINDS; kind++)
                for (size_t at = 0; (item = map_next(&worker->items[kind], &at));)
                        sink->put(sink->context, kind, item->data, item->size);
}

/* --- looking --- */

static const void *find(const struct worker *worker, enum worker_kind kind, const char *id,
                        struct arena *arena)
{
        const struct item *item = map_find(&worker->items[kind], id);
        ProtobufCMessage *entry;

        if (!item ||
            message_unpack(arena, descriptors[kind], item->data, item->size, &entry, NULL) < 0)
                return NULL;
        return entry;
}

const Sk__TaskAssignment *worker_task(const struct worker *worker, const char *task_id,
                                      struct arena *arena)
{
        return find(worker, WORKER_TASK, task_id, arena);
}

size_t worker_count_tasks(const struct worker *worker)
{
        return worker->items[WORKER_TASK].n;
}

const char *worker_each_task(const struct worker *worker, size_t *at)
{
        const struct item *item = map_next(&worker->items[WORKER_TASK], at);

        return item ? item->id : NULL;
}

/* The entries of 'kind' that the references name, as an array in 'arena'. */
static const void *const *find_files(const struct worker *worker, enum worker_kind kind,
                                     Sk__FileReference *const *references, size_t n,
                                     struct arena *arena, size_t *ret_n)
{
        const void **found = arena_alloc(arena, (n + 1) * sizeof *found);

        *ret_n = 0;
        for (size_t i = 0; i < n; i++) {
                found[*ret_n] = find(worker, kind, references[i]->id, arena);
                *ret_n += found[*ret_n] != NULL;
        }
        return found;
}

/* Are credentials needed that an earlier life did not write down? */
static bool lacks_credentials(const Sk__ContainerSpec *container)
{
        const Sk__RegistryAuth *auth = container->registry_auth;

        return auth && protobuf_c_message_get_packed_size(&auth->base) == 0;
}

int worker_input(const struct worker *worker, const char *task_id, struct arena *arena,
                 struct executor_input *ret_input, bool *ret_lacks_files, struct err *err)
{
        const Sk__TaskAssignment *assignment = worker_task(worker, task_id, arena);
        const Sk__ServiceSpecRevisionEntry *entry;
        const Sk__ContainerSpec *container;
        struct executor_input input = { .assignment = assignment };

        if (!assignment || !assignment->definition)
                return err_set(err, ERR_NOT_FOUND, "task %s is not assigned here", task_id);
        entry = find(worker, WORKER_SPEC, assignment->definition->spec_id, arena);
        if (!entry || !entry->revision || !entry->revision->spec || !entry->revision->spec->task ||
            !entry->revision->spec->task->container)
                return err_set(err, ERR_NOT_FOUND, "the spec of task %s did not come", task_id);
        input.spec = entry->revision->spec;
        container = input.spec->task->container;
        input.service_name = input.spec->annotations ? input.spec->annotations->name : "";
        input.secrets =
                (const Sk__SecretEntry *const *)find_files(worker, WORKER_SECRET,
                                                           container->secrets, container->n_secrets,
                                                           arena, &input.n_secrets);
        input.configs =
                (const Sk__ConfigEntry *const *)find_files(worker, WORKER_CONFIG,
                                                           container->configs, container->n_configs,
                                                           arena, &input.n_configs);
        *ret_lacks_files = input.n_secrets < container->n_secrets ||
                           input.n_configs < container->n_configs || lacks_credentials(container);
        *ret_input = input;
        return 0;
}
