/* What a node must know: a pure function of the view, told as one COMPLETE set and then by its
 * differences.
 *
 * A node must know every task placed on it until the task's object is gone, the spec revisions
 * those name, and, for tasks that may still run, the secrets, configs and networks named by these.
 *
 * Only ids and versions of what was told are remembered, so the content is read from the view when
 * it is due and a slow agent is told the latest state instead of a backlog.  Work is in proportion
 * to the tasks touched, never to all. */
#pragma once
#include "api/dispatcher.pb-c.h"
#include "lib/base/id.h"
#include "lib/base/map.h"
#include "lib/state/view.h"

/* Who was told of which task; shared by all assignments.  A zeroed struct is ready for use. */
struct assignment_index {
        struct map tasks; /* id -> struct told_task */
};

struct told_task;
struct touched;
struct assignment {
        const char *node_id; /* borrowed */
        struct assignment_index *index;
        struct told_task *tasks; /* list */
        struct map specs, files; /* struct told_spec, struct told_file */
        struct map touched;      /* struct touched, each to be looked at once */
        struct touched *first_touched, *last_touched; /* in the order in which they were */
        uint64_t sequence;
        bool has_set;             /* a whole COMPLETE set was told */
        bool is_open;             /* the last message was not the set's last */
        bool is_unused, is_stale; /* something told may be needed no more; may have changed */
};

void assignment_init(struct assignment *assignment, const char *node_id,
                     struct assignment_index *index);
void assignment_done(struct assignment *assignment);
void assignment_index_done(struct assignment_index *index);

/* Look at this task, or at all of the node's: something about it may have changed. */
void assignment_touch(struct assignment *assignment, const char *task_id);
void assignment_touch_all(struct assignment *assignment, const struct view *view);

/* A network (or other file) changed.  Returns whether this node was told of it. */
bool assignment_touch_file(struct assignment *assignment, const char *id);

/* How many tasks are to be looked at. */
size_t assignment_count_touched(const struct assignment *assignment);

/* Whose node was told of the task; NULL: nobody's. */
struct assignment *assignment_holder(const struct assignment_index *index, const char *task_id);

/* Is there, or may there be, something to tell? */
bool assignment_is_touched(const struct assignment *assignment);

/* The next message, in 'arena' and borrowing from 'view'; NULL when all is told.  It ends at about
 * 'size_max' bytes: the one entry that exceeds it is still in it. */
const Sk__Assignments *assignment_next(struct assignment *assignment, const struct view *view,
                                       size_t size_max, struct arena *arena);
