/* The store's door: rules that need no state. */
#include "manager/store/check.h"

#include <string.h>

#include "lib/base/id.h"
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/message/message.h"
#include "lib/state/object.h"
#include "manager/store/answers.h"

static int check_id(const char *id, const char *what, struct err *err)
{
        if (!id_is_valid(id))
                return err_set(err, ERR_INVALID, "%s must be 25 characters of 0-9a-z", what);
        return 0;
}

static int check_text(const char *text, size_t limit, const char *what, struct err *err)
{
        size_t length = strlen(text);

        if (length > limit)
                return err_set(err, ERR_INVALID, "%s has %zu bytes; at most %zu are allowed", what,
                               length, limit);
        if (!str_is_utf8(text, length))
                return err_set(err, ERR_INVALID, "%s is not UTF-8", what);
        return 0;
}

static int check_kind(Sk__Kind kind, const struct object_kind **ret, struct err *err)
{
        *ret = object_kind(kind);
        if (!*ret)
                return err_set(err, ERR_INVALID, "%d is no kind of object", (int)kind);
        return 0;
}

/* --- who may --- */

static bool may_write_part(const struct object_part *part, Sk__Change__Op op, uint32_t writer)
{
        return writer & (part->writers | (op == SK__CHANGE__OP__CREATE ? part->creators : 0));
}

static int check_writer(const Sk__Change *change, const struct object_kind *kind, uint32_t writer,
                        struct err *err)
{
        bool owns = may_write_part(&kind->parts[0], change->op, writer);

        for (size_t i = 0; i < change->n_parts; i++) {
                const struct object_part *part = &kind->parts[change->parts[i]->index];

                if (!may_write_part(part, change->op, writer))
                        return err_set(err, ERR_DENIED, "the caller may not write the %s of a %s",
                                       part->name, kind->name);
        }
        if ((change->op == SK__CHANGE__OP__CREATE || change->op == SK__CHANGE__OP__REMOVE) && !owns)
                return err_set(err, ERR_DENIED, "the caller may not create or remove a %s",
                               kind->name);
        /* A name that is not unique (a node's hostname) only describes: whoever writes a part may.
         */
        if ((change->references ||
             (*change->name && (kind->has_unique_names || !change->n_parts))) &&
            !owns)
                return err_set(err, ERR_DENIED, "the caller may not name or link a %s", kind->name);
        return 0;
}

/* --- changes --- */

static int check_parts(const Sk__Change *change, const struct object_kind *kind, struct err *err)
{
        uint32_t seen = 0;

        if (change->n_parts > kind->n_parts)
                return err_set(err, ERR_INVALID, "a %s has only %zu parts", kind->name,
                               kind->n_parts);
        for (size_t i = 0; i < change->n_parts; i++) {
                const Sk__Part *part = change->parts[i];

                if (part->index >= kind->n_parts || seen & 1u << part->index)
                        return err_set(err, ERR_INVALID, "a %s has no such part, or has it twice",
                                       kind->name);
                seen |= 1u << part->index;
                if (part->data.len > CHECK_PART_MAX)
                        return err_set(err, ERR_INVALID,
                                       "the %s of a %s has %zu bytes; at most %d are allowed",
                                       kind->parts[part->index].name, kind->name, part->data.len,
                                       CHECK_PART_MAX);
        }
        return 0;
}

static int check_references(const Sk__Change *change, struct err *err)
{
        if (!change->references)
                return 0;
        if (change->references->n_ids > CHECK_REFERENCES_MAX)
                return err_set(err, ERR_INVALID, "an object may refer to at most %d others",
                               CHECK_REFERENCES_MAX);
        for (size_t i = 0; i < change->references->n_ids; i++)
                TRY(check_id(change->references->ids[i], "a reference", err));
        return 0;
}

/* A merge is a task's status and nothing else; a removal is nothing but an id. */
static int check_op(const Sk__Change *change, struct err *err)
{
        bool bare = !*change->name && !change->references;

        switch (change->op) {
        case SK__CHANGE__OP__CREATE:
        case SK__CHANGE__OP__UPDATE:
                return 0;
        case SK__CHANGE__OP__REMOVE:
                if (bare && !change->n_parts)
                        return 0;
                return err_set(err, ERR_INVALID, "a removal carries nothing but an id");
        case SK__CHANGE__OP__MERGE:
                if (bare && change->kind == SK__KIND__KIND_TASK && change->n_parts == 1 &&
                    change->parts[0]->index == PART_TASK_status)
                        return 0;
                return err_set(err, ERR_INVALID, "only the status of a task can be merged");
        default:
                return err_set(err, ERR_INVALID, "%d is no kind of change", (int)change->op);
        }
}

static int check_change(const Sk__Change *change, uint32_t writer, struct err *err)
{
        const struct object_kind *kind;

        TRY(check_kind(change->kind, &kind, err));
        TRY(check_id(change->id, "an object's id", err));
        TRY(check_text(change->name, CHECK_NAME_MAX, "an object's name", err));
        TRY(check_text(change->reason, CHECK_REASON_MAX, "a reason", err));
        TRY(check_parts(change, kind, err));
        TRY(check_references(change, err));
        TRY(check_op(change, err));
        return check_writer(change, kind, writer, err);
}

static int check_precondition(const Sk__Precondition *precondition, struct err *err)
{
        const struct object_kind *kind;

        TRY(check_kind(precondition->kind, &kind, err));
        switch (precondition->test_case) {
        case SK__PRECONDITION__TEST_PART_VERSION:
                if (precondition->part_version->index >= kind->n_parts)
                        return err_set(err, ERR_INVALID, "a %s has no part %u", kind->name,
                                       precondition->part_version->index);
                return check_id(precondition->id, "a precondition's id", err);
        case SK__PRECONDITION__TEST_NAME_FREE:
                return check_text(precondition->name_free, CHECK_NAME_MAX, "a name", err);
        case SK__PRECONDITION__TEST_EXISTS:
        case SK__PRECONDITION__TEST_ABSENT:
        case SK__PRECONDITION__TEST_NO_REFERRER:
                return check_id(precondition->id, "a precondition's id", err);
        default:
                return err_set(err, ERR_INVALID, "a precondition without a test");
        }
}

/* --- commits --- */

int check_commit(const Sk__CommitRequest *request, uint32_t writer, struct err *err)
{
        size_t n_changes = 0, n_preconditions = 0;

        TRY(check_text(request->loop, CHECK_LOOP_MAX, "a loop's name", err));
        TRY(check_text(request->request_id, ANSWERS_ID_MAX, "a request id", err));
        if (request->n_groups > CHECK_GROUPS_MAX)
                return err_set(err, ERR_EXHAUSTED, "a commit has at most %d groups",
                               CHECK_GROUPS_MAX);
        for (size_t i = 0; i < request->n_groups; i++) {
                const Sk__Group *group = request->groups[i];

                n_changes += group->n_changes;
                n_preconditions += group->n_preconditions;
                if (n_changes > CHECK_CHANGES_MAX || n_preconditions > CHECK_PRECONDITIONS_MAX)
                        return err_set(err, ERR_EXHAUSTED,
                                       "a commit has at most %d changes and %d preconditions",
                                       CHECK_CHANGES_MAX, CHECK_PRECONDITIONS_MAX);
                for (size_t j = 0; j < group->n_preconditions; j++)
                        TRY(check_precondition(group->preconditions[j], err));
                for (size_t j = 0; j < group->n_changes; j++)
                        TRY(check_change(group->changes[j], writer, err));
        }
        return 0;
}

/* Nobody's part, so anybody could: the object would be kept, written and looked at anew for it. */
static bool is_empty_update(const Sk__Change *change)
{
        return change->op == SK__CHANGE__OP__UPDATE && !change->n_parts && !*change->name &&
               !change->references;
}

/* Until its group is decided, each change of an object keeps a copy of the whole of it: thousands
 * of changes of a few bytes would take all memory of every store, at each start again. */
static int check_repetitions(const Sk__Group *group, struct err *err)
{
        struct map changes = { 0 };
        int r = 0;

        for (size_t i = 0; group->n_changes > CHECK_REPEATED_MAX && i < group->n_changes && r == 0;
             i++) {
                const Sk__Change *change = group->changes[i];
                uintptr_t n = (uintptr_t)map_find(&changes, change->id) + 1;

                map_put(&changes, change->id, (void *)n);
                if (n > CHECK_REPEATED_MAX && change->op != SK__CHANGE__OP__MERGE)
                        r = err_set(err, ERR_EXHAUSTED,
                                    "a group may change an object at most %d times",
                                    CHECK_REPEATED_MAX);
        }
        map_done(&changes);
        return r;
}

static int check_change_contents(const Sk__Change *change, struct err *err)
{
        const struct object_kind *kind = object_kind(change->kind);

        if (is_empty_update(change))
                return err_set(err, ERR_INVALID, "an update of %s %s that gives nothing",
                               kind->name, change->id);

        for (size_t i = 0; i < change->n_parts; i++) {
                const Sk__Part *part = change->parts[i];
                const struct object_part *row = &kind->parts[part->index];
                int r = message_check(row->descriptor, part->data.data, part->data.len, err);

                if (r < 0) {
                        err_prefix(err, "the %s of %s %s", row->name, kind->name, change->id);
                        return r;
                }
        }
        return 0;
}

int check_contents(const Sk__CommitRequest *request, struct err *err)
{
        for (size_t i = 0; i < request->n_groups; i++) {
                TRY(check_repetitions(request->groups[i], err));
                for (size_t j = 0; j < request->groups[i]->n_changes; j++)
                        TRY(check_change_contents(request->groups[i]->changes[j], err));
        }
        return 0;
}
