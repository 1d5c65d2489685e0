/* Entries and lists of an assignment message. */
#include "dispatcher/builder.h"

#include "lib/base/id.h"
#include "lib/base/mem.h"
#include "lib/state/task_life.h"

typedef ProtobufCMessage *make_entry(struct arena *arena, const struct object_head *object);

static ProtobufCMessage *task_entry(struct arena *arena, const struct object_head *object)
{
        const Sk__Task *task = (const Sk__Task *)object;
        Sk__TaskAssignment *entry = arena_alloc(arena, sizeof *entry);

        sk__task_assignment__init(entry);
        entry->id = task->id;
        entry->definition = task->definition;
        entry->allocation = task->allocation;
        entry->observed_state = task_state(task);
        if (task->placement) {
                entry->n_assigned_generic = task->placement->n_assigned_generic;
                entry->assigned_generic = task->placement->assigned_generic;
        }
        return &entry->base;
}

static ProtobufCMessage *spec_entry(struct arena *arena, const struct object_head *object)
{
        Sk__ServiceSpecRevisionEntry *entry = arena_alloc(arena, sizeof *entry);

        sk__service_spec_revision_entry__init(entry);
        entry->id = object->id;
        entry->revision = ((const Sk__ServiceSpecObject *)object)->spec;
        return &entry->base;
}

static ProtobufCMessage *secret_entry(struct arena *arena, const struct object_head *object)
{
        const Sk__Secret *secret = (const Sk__Secret *)object;
        Sk__SecretEntry *entry = arena_alloc(arena, sizeof *entry);

        sk__secret_entry__init(entry);
        entry->id = object->id;
        entry->name = object->name;
        if (secret->data)
                entry->content = secret->data->content;
        if (secret->spec)
                entry->template_driver = secret->spec->template_driver;
        return &entry->base;
}

static ProtobufCMessage *config_entry(struct arena *arena, const struct object_head *object)
{
        const Sk__Config *config = (const Sk__Config *)object;
        Sk__ConfigEntry *entry = arena_alloc(arena, sizeof *entry);

        sk__config_entry__init(entry);
        entry->id = object->id;
        entry->name = object->name;
        if (config->data)
                entry->content = config->data->content;
        if (config->spec)
                entry->template_driver = config->spec->template_driver;
        return &entry->base;
}

static ProtobufCMessage *network_entry(struct arena *arena, const struct object_head *object)
{
        const Sk__Network *network = (const Sk__Network *)object;
        Sk__NetworkEntry *entry = arena_alloc(arena, sizeof *entry);

        sk__network_entry__init(entry);
        entry->id = network->id;
        entry->name = network->name;
        entry->spec = network->spec;
        entry->allocation = network->allocation;
        return &entry->base;
}

static const struct {
        Sk__Kind kind;
        make_entry *make;
} lists[MESSAGE_LISTS] = {
        [LIST_TASKS] = { SK__KIND__KIND_TASK, task_entry },
        [LIST_SPECS] = { SK__KIND__KIND_SERVICE_SPEC, spec_entry },
        [LIST_SECRETS] = { SK__KIND__KIND_SECRET, secret_entry },
        [LIST_CONFIGS] = { SK__KIND__KIND_CONFIG, config_entry },
        [LIST_NETWORKS] = { SK__KIND__KIND_NETWORK, network_entry },
};

void builder_init(struct builder *builder, struct arena *arena, size_t size_max)
{
        *builder = (struct builder){ .arena = arena, .size_max = size_max };
        for (int i = 0; i < MESSAGE_LISTS; i++) {
                builder->added[i] = VEC_OF(ProtobufCMessage *);
                builder->removed[i] = VEC_OF(const char *);
        }
}

Sk__Kind builder_kind(enum message_list list)
{
        return lists[list].kind;
}

void builder_add_object(struct builder *builder, const struct object_head *object,
                        enum message_list list)
{
        ProtobufCMessage *entry = lists[list].make(builder->arena, object);

        vec_push(&builder->added[list], &entry);
        builder->size += protobuf_c_message_get_packed_size(entry);
}

void builder_remove(struct builder *builder, enum message_list list, const char *id)
{
        const char *copy = arena_strdup(builder->arena, id);

        vec_push(&builder->removed[list], &copy);
        builder->size += ID_SIZE;
}

bool builder_is_full(const struct builder *builder)
{
        return builder->size >= builder->size_max;
}

Sk__Assignments *builder_nothing(struct builder *builder)
{
        Sk__Assignments *out = arena_alloc(builder->arena, sizeof *out);

        sk__assignments__init(out);
        return out;
}

/* The array of a list moves into the arena. */
static void *take(struct builder *builder, struct vec *list, size_t *ret_n)
{
        void *array = arena_copy(builder->arena, list->data, list->n * list->element_size);

        *ret_n = list->n;
        vec_done(list);
        return array;
}

#define TAKE_LIST(out, builder, constant, name)                                      \
        ((out)->name = take(builder, &(builder)->added[constant], &(out)->n_##name), \
         (out)->removed_##name =                                                     \
                 take(builder, &(builder)->removed[constant], &(out)->n_removed_##name))

Sk__Assignments *builder_finish(struct builder *builder)
{
        Sk__Assignments *out;

        if (!builder->size)
                return NULL;
        out = builder_nothing(builder);
        TAKE_LIST(out, builder, LIST_TASKS, tasks);
        TAKE_LIST(out, builder, LIST_SPECS, specs);
        TAKE_LIST(out, builder, LIST_SECRETS, secrets);
        TAKE_LIST(out, builder, LIST_CONFIGS, configs);
        TAKE_LIST(out, builder, LIST_NETWORKS, networks);
        return out;
}
