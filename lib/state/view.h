/* What is true, as of one version: every object of the kinds asked for, with the indexes that
 * decisions need.
 *
 * A view is filled from the store's news (view_put, view_remove) between turns and read through
 * 'const' during them.  All iteration is in a total order that does not depend on memory or
 * hashing: ids ascending, slots ascending, generations descending. */
#pragma once
#include "api/store.pb-c.h"
#include "lib/state/object.h"

struct view;

struct view *view_new(void);
void view_free(struct view *view);

/* --- filling; for the mirror, tests and the simulator --- */

/* Creates or updates: parts present in 'event' replace those here.  Fails on content that cannot be
 * unpacked. */
int view_put(struct view *view, const Sk__Event *event, struct err *err); /* it then is as it was */
void view_remove(struct view *view, Sk__Kind kind, const char *id);
void view_clear(struct view *view);

/* The view becomes what 'from' is, which is gone then; pointers to objects of the old content are
 * void. */
void view_take_over(struct view *view, struct view *from);

/* The version and the time (ns) shown; time never goes back.  view_clear() sets the version to 0.
 */
void view_set_version(struct view *view, uint64_t version, int64_t now);
void view_set_now(struct view *view, int64_t now);

/* --- looking --- */

uint64_t view_version(const struct view *view);
int64_t view_now(const struct view *view);

const struct object_head *view_find(const struct view *view, Sk__Kind kind, const char *id);
const struct object_head *view_find_name(const struct view *view, Sk__Kind kind, const char *name);
size_t view_count(const struct view *view, Sk__Kind kind);

/* Typed: view_task(view, id) is const Sk__Task *, NULL if absent. */
const Sk__Cluster *view_cluster(const struct view *view); /* the one there is; NULL before init */
const Sk__Node *view_node(const struct view *view, const char *id);
const Sk__Service *view_service(const struct view *view, const char *id);
const Sk__ServiceSpecObject *view_service_spec(const struct view *view, const char *id);
const Sk__Network *view_network(const struct view *view, const char *id);
const Sk__Task *view_task(const struct view *view, const char *id);

/* What a person typed: full id, else full name, else a prefix of an id that only one object has.
 * ERR_NOT_FOUND "service web not found", ERR_INVALID "service xx is ambiguous (2 matches found)":
 * docker's texts. */
int view_resolve(const struct view *view, Sk__Kind kind, const char *what,
                 const struct object_head **ret, struct err *err);

/* All objects of a kind, ascending by id.  Start with a zeroed cursor; NULL ends.  The view must
 * not change meanwhile. */
struct view_cursor {
        const void *at;
        size_t i;
};
const struct object_head *view_each(const struct view *view, Sk__Kind kind,
                                    struct view_cursor *cursor);

/* --- tasks --- */

/* The tasks of one slot (or, for a global service, of one node), newest generation first.  Slots
 * count from 1. */
const Sk__Task *view_slot_newest(const struct view *view, const char *service_id, uint64_t slot);
const Sk__Task *view_node_slot_newest(const struct view *view, const char *service_id,
                                      const char *node_id);
/* The next older task of the same slot, NULL at the end; 'task' is one of this view. */
const Sk__Task *view_slot_older(const struct view *view, const Sk__Task *task);

/* The highest slot number that any task of the service has, 0 when none. */
uint64_t view_slots_max(const struct view *view, const char *service_id);

/* The tasks of a service, of a node (placed there, or preassigned), and those that wait for
 * a placement (view_task_waits: observed state PENDING and still wanted; preassigned ones, too): in
 * order of (service, slot, node of a global service, generation from the newest down). */
size_t view_count_service_tasks(const struct view *view, const char *service_id);
const Sk__Task *view_each_service_task(const struct view *view, const char *service_id,
                                       struct view_cursor *cursor);
size_t view_count_node_tasks(const struct view *view, const char *node_id);
const Sk__Task *view_each_node_task(const struct view *view, const char *node_id,
                                    struct view_cursor *cursor);
size_t view_count_unassigned(const struct view *view);
const Sk__Task *view_each_unassigned(const struct view *view, struct view_cursor *cursor);

bool view_task_waits(const Sk__Task *task);

/* Services whose tasks are here though the service is gone (its removal has to finish). */
const char *view_each_orphaned_service(const struct view *view, struct view_cursor *cursor);

/* The spec a task (of this view) was made from; NULL when it is not in the view.  O(1). */
const Sk__ServiceSpecRevision *view_task_spec(const struct view *view, const Sk__Task *task);

/* How many tasks name this spec revision. */
size_t view_count_spec_tasks(const struct view *view, const char *spec_id);
