/* An assignment message in the making: objects of the view become its entries. */
#pragma once
#include "api/dispatcher.pb-c.h"
#include "lib/base/vec.h"
#include "lib/state/object.h"

enum message_list {
        LIST_TASKS,
        LIST_SPECS,
        LIST_SECRETS,
        LIST_CONFIGS,
        LIST_NETWORKS,
        MESSAGE_LISTS
};

struct builder {
        struct arena *arena;
        struct vec added[MESSAGE_LISTS], removed[MESSAGE_LISTS]; /* void *, const char * */
        size_t size, size_max;
};

void builder_init(struct builder *builder, struct arena *arena, size_t size_max);

/* The kind of object that the list is made of. */
Sk__Kind builder_kind(enum message_list list);

/* Adds an entry that borrows from the object. */
void builder_add_object(struct builder *builder, const struct object_head *object,
                        enum message_list list);
void builder_remove(struct builder *builder, enum message_list list, const char *id);
bool builder_is_full(const struct builder *builder);

/* The message, in the arena; NULL when nothing was added or removed. */
Sk__Assignments *builder_finish(struct builder *builder);

/* A message that says nothing. */
Sk__Assignments *builder_nothing(struct builder *builder);
