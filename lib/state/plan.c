/* Building a plan, and packing it for the store. */
#include "lib/state/plan.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/time.h"

void plan_init(struct plan *plan)
{
        *plan = (struct plan){ .groups = VEC_OF(struct plan_group), .wake_at = TIME_NEVER };
}

void plan_clear(struct plan *plan)
{
        for (size_t i = 0; i < plan->groups.n; i++) {
                struct plan_group *group = vec_at(&plan->groups, i);

                vec_done(&group->changes);
                vec_done(&group->preconditions);
        }
        vec_clear(&plan->groups);
        arena_clear(&plan->arena);
        plan->n_changes = 0;
        plan->wake_at = TIME_NEVER;
}

void plan_done(struct plan *plan)
{
        plan_clear(plan);
        vec_done(&plan->groups);
        arena_done(&plan->arena);
}

static bool is_empty(const struct plan_group *group)
{
        return !group->changes.n && !group->preconditions.n;
}

void plan_group(struct plan *plan)
{
        struct plan_group *group;

        if (plan->groups.n && is_empty(vec_at(&plan->groups, plan->groups.n - 1)))
                return;
        group = vec_add(&plan->groups);
        group->changes = VEC_OF(struct plan_change);
        group->preconditions = VEC_OF(struct plan_precondition);
}

void plan_close(struct plan *plan)
{
        if (!plan->groups.n || !is_empty(vec_at(&plan->groups, plan->groups.n - 1)))
                return;
        vec_pop(&plan->groups, NULL);
}

static struct plan_group *newest_group(struct plan *plan)
{
        if (!plan->groups.n)
                plan_group(plan);
        return vec_at(&plan->groups, plan->groups.n - 1);
}

static struct plan_change *add_change(struct plan *plan, Sk__Change__Op op, Sk__Kind kind,
                                      const char *id)
{
        struct plan_change *change = vec_add(&newest_group(plan)->changes);

        plan->n_changes++;
        change->op = op;
        change->kind = kind;
        change->id = arena_strdup(&plan->arena, id);
        return change;
}

struct plan_change *plan_create(struct plan *plan, Sk__Kind kind, const char *id)
{
        return add_change(plan, SK__CHANGE__OP__CREATE, kind, id);
}

struct plan_change *plan_update(struct plan *plan, Sk__Kind kind, const char *id)
{
        return add_change(plan, SK__CHANGE__OP__UPDATE, kind, id);
}

struct plan_change *plan_remove(struct plan *plan, Sk__Kind kind, const char *id)
{
        return add_change(plan, SK__CHANGE__OP__REMOVE, kind, id);
}

struct plan_change *plan_merge_status(struct plan *plan, const char *task_id,
                                      const Sk__TaskStatus *status)
{
        struct plan_change *change =
                add_change(plan, SK__CHANGE__OP__MERGE, SK__KIND__KIND_TASK, task_id);

        plan_set_part(change, PART_TASK_status, &status->base);
        return change;
}

void plan_set_part(struct plan_change *change, size_t index, const ProtobufCMessage *message)
{
        const struct object_kind *kind = object_kind(change->kind);

        CHECK(kind && index < kind->n_parts);
        CHECK(message->descriptor == kind->parts[index].descriptor);
        change->parts[index] = message;
}

struct plan_precondition *plan_require(struct plan *plan, Sk__Kind kind, const char *id)
{
        struct plan_precondition *precondition = vec_add(&newest_group(plan)->preconditions);

        precondition->kind = kind;
        precondition->id = arena_strdup(&plan->arena, id);
        precondition->test = PLAN_EXISTS;
        return precondition;
}

void plan_require_unchanged(struct plan *plan, Sk__Kind kind, const struct object_head *object,
                            size_t part)
{
        struct plan_precondition *precondition = plan_require(plan, kind, object->id);

        precondition->test = PLAN_PART_VERSION;
        precondition->part = (uint32_t)part;
        precondition->version = object_part_version(object, part);
}

void plan_wake(struct plan *plan, int64_t at)
{
        if (at < plan->wake_at)
                plan->wake_at = at;
}

bool plan_is_empty(const struct plan *plan)
{
        return !plan->n_changes;
}

static const char *copy_text(struct arena *arena, const char *text)
{
        if (!text || !*text)
                return (const char *)protobuf_c_empty_string;
        return arena_strdup(arena, text);
}

static Sk__Precondition *pack_precondition(const struct plan_precondition *from,
                                           struct arena *arena)
{
        Sk__Precondition *to = arena_alloc(arena, sizeof *to);

        sk__precondition__init(to);
        to->kind = from->kind;
        to->id = copy_text(arena, from->id);
        switch (from->test) {
        case PLAN_PART_VERSION:
                to->test_case = SK__PRECONDITION__TEST_PART_VERSION;
                to->part_version = arena_alloc(arena, sizeof *to->part_version);
                sk__precondition__part_version__init(to->part_version);
                to->part_version->index = from->part;
                to->part_version->version = from->version;
                break;
        case PLAN_EXISTS:
                to->test_case = SK__PRECONDITION__TEST_EXISTS;
                to->exists = true;
                break;
        case PLAN_ABSENT:
                to->test_case = SK__PRECONDITION__TEST_ABSENT;
                to->absent = true;
                break;
        case PLAN_NAME_FREE:
                to->test_case = SK__PRECONDITION__TEST_NAME_FREE;
                to->name_free = copy_text(arena, from->name);
                break;
        case PLAN_NO_REFERRER:
                to->test_case = SK__PRECONDITION__TEST_NO_REFERRER;
                to->no_referrer = true;
                break;
        }
        return to;
}

static Sk__Change__References *pack_references(const char *const *ids, struct arena *arena)
{
        Sk__Change__References *references = arena_alloc(arena, sizeof *references);

        sk__change__references__init(references);
        while (ids[references->n_ids])
                references->n_ids++;
        references->ids = arena_alloc(arena, references->n_ids * sizeof *references->ids);
        for (size_t i = 0; i < references->n_ids; i++)
                references->ids[i] = copy_text(arena, ids[i]);
        return references;
}

static void pack_parts(const struct plan_change *from, Sk__Change *to, struct arena *arena)
{
        to->parts = arena_alloc(arena, OBJECT_PARTS_MAX * sizeof(Sk__Part *));
        for (uint32_t i = 0; i < OBJECT_PARTS_MAX; i++) {
                Sk__Part *part;

                if (!from->parts[i])
                        continue;
                part = arena_alloc(arena, sizeof *part);
                sk__part__init(part);
                part->index = i;
                message_pack(arena, from->parts[i], &part->data.data, &part->data.len);
                to->parts[to->n_parts++] = part;
        }
}

static Sk__Change *pack_change(const struct plan_change *from, struct arena *arena)
{
        Sk__Change *to = arena_alloc(arena, sizeof *to);

        sk__change__init(to);
        to->op = from->op;
        to->kind = from->kind;
        to->id = copy_text(arena, from->id);
        to->name = copy_text(arena, from->name);
        to->reason = copy_text(arena, from->reason);
        if (from->references)
                to->references = pack_references(from->references, arena);
        pack_parts(from, to, arena);
        return to;
}

static Sk__Group *pack_group(const struct plan_group *from, struct arena *arena)
{
        Sk__Group *to = arena_alloc(arena, sizeof *to);

        sk__group__init(to);
        to->n_preconditions = from->preconditions.n;
        to->preconditions = arena_alloc(arena, to->n_preconditions * sizeof *to->preconditions);
        for (size_t i = 0; i < to->n_preconditions; i++)
                to->preconditions[i] = pack_precondition(vec_at(&from->preconditions, i), arena);
        to->n_changes = from->changes.n;
        to->changes = arena_alloc(arena, to->n_changes * sizeof *to->changes);
        for (size_t i = 0; i < to->n_changes; i++)
                to->changes[i] = pack_change(vec_at(&from->changes, i), arena);
        return to;
}

Sk__CommitRequest *plan_pack(const struct plan *plan, struct arena *arena)
{
        Sk__CommitRequest *request = arena_alloc(arena, sizeof *request);

        sk__commit_request__init(request);
        request->n_groups = plan->groups.n;
        request->groups = arena_alloc(arena, request->n_groups * sizeof *request->groups);
        for (size_t i = 0; i < request->n_groups; i++)
                request->groups[i] = pack_group(vec_at(&plan->groups, i), arena);
        return request;
}
