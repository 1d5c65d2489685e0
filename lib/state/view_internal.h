/* What a view is made of; for view*.c only. */
#pragma once
#include "lib/base/map.h"
#include "lib/state/order.h"
#include "lib/state/view.h"

/* An object as the view keeps it.  Each part is one block (block.h). */
struct record {
        struct service_tasks *service; /* a task's places in the indexes; NULL: in none */
        struct node_tasks *node;
        struct spec_tasks *spec;
        bool is_unassigned;
        Sk__Meta meta; /* what object.meta points to, unless that is a block: one with references */
        uint64_t versions[OBJECT_PARTS_MAX];
        struct object_head object; /* goes on behind: the parts' pointers, then the id's text */
};

/* The tasks of one service; here as long as it has any. */
struct service_tasks {
        struct order tasks;      /* struct record, by slot, node, generation from the newest down */
        struct order unassigned; /* those of them without a node */
        char id[];
};

struct node_tasks {
        struct order tasks; /* struct record, by service, then as there */
        char id[];
};

struct spec_tasks {
        size_t n_tasks;
        const struct record *object; /* the service spec itself; NULL: not in the view */
        char id[];
};

struct kind_table {
        struct order by_id; /* struct record */
        struct map by_name; /* struct record, of kinds with unique names */
};

struct view {
        uint64_t version;
        int64_t now;
        struct kind_table kinds[OBJECT_KINDS];
        struct map services, nodes, specs; /* struct *_tasks by id */
        struct order waiting;              /* struct service_tasks with unassigned ones, by id */
        struct order orphaned;             /* struct service_tasks without a service, by id */
        size_t n_unassigned;
        struct arena scratch;
};

static inline struct record *record_of(const struct object_head *object)
{
        return (struct record *)((char *)object - offsetof(struct record, object));
}

static inline const Sk__Task *record_task(const struct record *record)
{
        return (const Sk__Task *)&record->object;
}

/* NULL if absent. */
struct record *view_record(const struct view *view, Sk__Kind kind, const char *id);

/* Puts a task into the indexes and takes it out; what they order by must not change in between.
 * (view_tasks.c) */
void view_index_task(struct view *view, struct record *record);
void view_unindex_task(struct view *view, struct record *record);

/* Drops all of these indexes at once; the records say nothing true of them then. */
void view_drop_indexes(struct view *view);

/* Could both be in the same places of the indexes, but for 'unassigned'? */
bool view_is_same_place(const Sk__Task *a, const Sk__Task *b);

/* After a change that left it in its places: is it still without a node, or no longer? */
void view_index_unassigned(struct view *view, struct record *record);

/* A service, or a service spec, came or is about to go. */
void view_index_service(struct view *view, const char *id, bool is_there);
void view_index_spec(struct view *view, const struct record *record, bool is_there);

/* Order of tasks: by service, slot, node, generation (newest first), id. */
int view_compare_tasks(const void *a, const void *b);
int view_compare_records(const void *a, const void *b);
int view_compare_services(const void *a, const void *b);
int view_compare_id(const void *id, const void *record);
