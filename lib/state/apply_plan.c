/* The store's rules, on a view. */
#include "lib/state/apply_plan.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/state/task_life.h"

struct application {
        struct view *view;
        struct arena *arena;
        uint64_t version;
        int64_t now;
        struct applied *applied;
};

/* --- preconditions --- */

static bool refers_to(const struct object_head *object, const char *id)
{
        for (size_t i = 0; object->meta && i < object->meta->n_references; i++)
                if (str_equal(object->meta->references[i], id))
                        return true;
        return false;
}

static const struct object_head *find_referrer(const struct view *view, const char *id)
{
        for (int i = 0; i < OBJECT_KINDS; i++) {
                struct view_cursor cursor = { 0 };
                const struct object_head *object;

                while ((object = view_each(view, (Sk__Kind)i, &cursor)))
                        if (refers_to(object, id))
                                return object;
        }
        return NULL;
}

/* The version at which what stands in the way came; the view's own when something is missing. */
static uint64_t version_of(const struct view *view, const struct object_head *object)
{
        return object ? object_version(object) : view_version(view);
}

static int check_precondition(const struct view *view, const struct plan_precondition *wanted,
                              uint64_t *ret_wait, struct err *err)
{
        const struct object_head *object = view_find(view, wanted->kind, wanted->id), *other;
        const char *kind = object_kind(wanted->kind) ? object_kind(wanted->kind)->name : "object";

        *ret_wait = version_of(view, object);
        switch (wanted->test) {
        case PLAN_EXISTS:
                if (!object)
                        return err_set(err, ERR_CONFLICT, "%s %s is gone", kind, wanted->id);
                return 0;
        case PLAN_ABSENT:
                if (object)
                        return err_set(err, ERR_CONFLICT, "%s %s exists", kind, wanted->id);
                return 0;
        case PLAN_PART_VERSION:
                if (!object || object_part_version(object, wanted->part) != wanted->version)
                        return err_set(err, ERR_CONFLICT, "%s %s was changed or is gone", kind,
                                       wanted->id);
                return 0;
        case PLAN_NAME_FREE:
                other = view_find_name(view, wanted->kind, wanted->name);
                *ret_wait = version_of(view, other);
                if (other)
                        return err_set(err, ERR_CONFLICT, "the name '%s' is taken", wanted->name);
                return 0;
        case PLAN_NO_REFERRER:
                other = find_referrer(view, wanted->id);
                *ret_wait = version_of(view, other);
                if (other)
                        return err_set(err, ERR_CONFLICT, "%s %s is in use by %s", kind, wanted->id,
                                       other->id);
                return 0;
        }
        return err_set(err, ERR_INVALID, "%d is no test", (int)wanted->test);
}

/* --- changes --- */

static Sk__Event *event_new(struct arena *arena, Sk__Event__Op op, Sk__Kind kind, const char *id)
{
        Sk__Event *event = arena_alloc(arena, sizeof *event);

        sk__event__init(event);
        event->op = op;
        event->kind = kind;
        event->id = arena_strdup(arena, id);
        return event;
}

static void event_add_part(Sk__Event *event, size_t index, const ProtobufCMessage *message,
                           struct arena *arena)
{
        Sk__Part *part = arena_alloc(arena, sizeof *part);

        if (!event->parts)
                event->parts = arena_alloc(arena, OBJECT_PARTS_MAX * sizeof *event->parts);
        sk__part__init(part);
        part->index = (uint32_t)index;
        message_pack(arena, message, &part->data.data, &part->data.len);
        event->parts[event->n_parts++] = part;
}

/* The object as it is, as an event that makes it so again; NULL: absent. */
static Sk__Event *event_of_object(const struct view *view, Sk__Kind kind, const char *id,
                                  struct arena *arena)
{
        const struct object_head *object = view_find(view, kind, id);
        Sk__Event *event;

        if (!object)
                return NULL;
        event = event_new(arena, SK__EVENT__OP__PUT, kind, id);
        event->name = arena_strdup(arena, object->name);
        if (object->meta)
                event->meta = (Sk__Meta *)message_copy(arena, &object->meta->base);
        for (size_t i = 0; i < OBJECT_PARTS_MAX; i++)
                if (object_part(object, object_kind(kind), i))
                        event_add_part(event, i, object_part(object, object_kind(kind), i), arena);
        return event;
}

static void set_references(Sk__Meta *meta, const char *const *ids, struct arena *arena)
{
        meta->n_references = 0;
        while (ids[meta->n_references])
                meta->n_references++;
        meta->references = arena_alloc(arena, meta->n_references * sizeof *meta->references);
        for (size_t i = 0; i < meta->n_references; i++)
                meta->references[i] = arena_strdup(arena, ids[i]);
}

static Sk__Meta *meta_after(const struct application *app, const struct plan_change *change,
                            const struct object_head *object)
{
        const struct object_kind *kind = object_kind(change->kind);
        struct arena *arena = app->arena;
        Sk__Meta *meta = arena_alloc(arena, sizeof *meta);

        sk__meta__init(meta);
        if (object && object->meta)
                meta = (Sk__Meta *)message_copy(arena, &object->meta->base);
        else
                meta->created_at_ns = app->now;
        meta->updated_at_ns = app->now;
        meta->n_versions = kind->n_parts;
        meta->versions = arena_alloc(arena, kind->n_parts * sizeof *meta->versions);
        for (size_t i = 0; i < kind->n_parts; i++)
                meta->versions[i] = change->parts[i] ? app->version
                                    : object         ? object_part_version(object, i)
                                                     : 0;
        if (change->references)
                set_references(meta, change->references, arena);
        return meta;
}

static void tell(struct application *app, Sk__Event *event)
{
        struct err err;

        if (event->op == SK__EVENT__OP__REMOVE)
                view_remove(app->view, event->kind, event->id);
        else
                CHECK(view_put(app->view, event, &err) == 0);
        app->applied->events[app->applied->n_events++] = event;
}

static void put(struct application *app, const struct plan_change *change,
                const struct object_head *object)
{
        Sk__Event *event = event_new(app->arena, SK__EVENT__OP__PUT, change->kind, change->id);

        event->name = !str_is_empty(change->name) ? arena_strdup(app->arena, change->name)
                      : object                    ? arena_strdup(app->arena, object->name)
                                                  : event->name;
        event->meta = meta_after(app, change, object);
        for (size_t i = 0; i < OBJECT_PARTS_MAX; i++)
                if (change->parts[i])
                        event_add_part(event, i, change->parts[i], app->arena);
        tell(app, event);
}

static bool is_identical(const struct plan_change *change, const struct object_head *object)
{
        const struct object_kind *kind = object_kind(change->kind);

        for (size_t i = 0; i < kind->n_parts; i++)
                if (change->parts[i] &&
                    !message_equal(change->parts[i], object_part(object, kind, i)))
                        return false;
        return str_equal(str_or(change->name, ""), str_or(object->name, ""));
}

static void merge_status(struct application *app, const struct plan_change *change,
                         const struct object_head *object)
{
        const Sk__Task *task = (const Sk__Task *)object;
        const Sk__TaskStatus *reported = (const Sk__TaskStatus *)change->parts[PART_TASK_status];
        struct plan_change stamped = *change;
        Sk__TaskStatus status;

        if (!task || !reported || !task_status_is_newer(task->status, reported))
                return;
        status = *reported;
        if (!status.at_ns)
                status.at_ns = app->now;
        stamped.parts[PART_TASK_status] = &status.base;
        put(app, &stamped, object);
}

static int check_name(const struct view *view, const struct plan_change *change, uint64_t *ret_wait,
                      struct err *err)
{
        const struct object_kind *kind = object_kind(change->kind);
        const struct object_head *other;

        if (!kind->has_unique_names || str_is_empty(change->name))
                return 0;
        other = view_find_name(view, change->kind, change->name);
        if (!other || str_equal(other->id, change->id))
                return 0;
        *ret_wait = object_version(other);
        return err_set(err, ERR_EXISTS, "a %s named '%s' exists", kind->name, change->name);
}

static int apply_change(struct application *app, const struct plan_change *change,
                        uint64_t *ret_wait, struct err *err)
{
        const struct object_kind *kind = object_kind(change->kind);
        const struct object_head *object = view_find(app->view, change->kind, change->id);

        if (!kind || str_is_empty(change->id))
                return err_set(err, ERR_INVALID, "a change of nothing");
        *ret_wait = version_of(app->view, object);
        switch (change->op) {
        case SK__CHANGE__OP__CREATE:
                if (object && is_identical(change, object))
                        return 0;
                if (object)
                        return err_set(err, ERR_EXISTS, "%s %s exists", kind->name, change->id);
                break;
        case SK__CHANGE__OP__UPDATE:
                if (!object)
                        return err_set(err, ERR_CONFLICT, "%s %s is gone", kind->name, change->id);
                break;
        case SK__CHANGE__OP__REMOVE:
                if (object)
                        tell(app, event_new(app->arena, SK__EVENT__OP__REMOVE, change->kind,
                                            change->id));
                return 0;
        case SK__CHANGE__OP__MERGE:
                if (change->kind != SK__KIND__KIND_TASK)
                        return err_set(err, ERR_INVALID, "only a task's status is merged");
                merge_status(app, change, object);
                return 0;
        default:
                return err_set(err, ERR_INVALID, "%d is no kind of change", (int)change->op);
        }
        TRY(check_name(app->view, change, ret_wait, err));
        put(app, change, object);
        return 0;
}

/* --- groups --- */

static void undo(struct application *app, const struct plan_change *change, const Sk__Event *before)
{
        struct err err;

        view_remove(app->view, change->kind, change->id);
        if (before)
                CHECK(view_put(app->view, before, &err) == 0);
}

static int apply_changes(struct application *app, const struct plan_group *group,
                         uint64_t *ret_wait, struct err *err)
{
        Sk__Event **before = arena_alloc(app->arena, group->changes.n * sizeof *before);
        size_t n_events = app->applied->n_events;

        for (size_t i = 0; i < group->changes.n; i++) {
                const struct plan_change *change = vec_at(&group->changes, i);

                if (i + 1 < group->changes.n && object_kind(change->kind))
                        before[i] =
                                event_of_object(app->view, change->kind, change->id, app->arena);
                if (apply_change(app, change, ret_wait, err) == 0)
                        continue;
                while (i-- > 0)
                        undo(app, vec_at(&group->changes, i), before[i]);
                app->applied->n_events = n_events;
                return err->code;
        }
        return 0;
}

static void apply_group(struct application *app, const struct plan_group *group,
                        Sk__GroupResult *result)
{
        struct err err = { 0 };
        uint64_t wait = 0;

        for (size_t i = 0; i < group->preconditions.n && !err.code; i++)
                if (check_precondition(app->view, vec_at(&group->preconditions, i), &wait, &err) <
                    0)
                        result->precondition = (uint32_t)i + 1;
        if (!err.code)
                apply_changes(app, group, &wait, &err);
        if (!err.code) {
                app->applied->n_accepted++;
                return;
        }
        result->code = -err.code;
        result->message = arena_strdup(app->arena, err.text);
        result->wait_version = wait;
}

void view_apply_plan(struct view *view, const struct plan *plan, uint64_t version, int64_t now,
                     struct arena *arena, struct applied *ret)
{
        struct application app = {
                .view = view,
                .arena = arena,
                .version = version,
                .now = now,
                .applied = ret,
        };

        CHECK(version > view_version(view));
        *ret = (struct applied){ .n_groups = plan->groups.n };
        ret->results = arena_alloc(arena, ret->n_groups * sizeof *ret->results);
        ret->events = arena_alloc(arena, plan->n_changes * sizeof *ret->events);
        for (size_t i = 0; i < ret->n_groups; i++) {
                ret->results[i] = arena_alloc(arena, sizeof *ret->results[i]);
                sk__group_result__init(ret->results[i]);
                apply_group(&app, vec_at(&plan->groups, i), ret->results[i]);
        }
        view_set_version(view, version, now);
}
