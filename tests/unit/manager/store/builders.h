/* Commits and entries for the store's tests, a line each. */
#pragma once
#include <string.h>

#include "api/store.pb-c.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/message/message.h"
#include "manager/store/apply.h"
#include "manager/store/check.h"

/* The id that stands for a short word: 25 characters, readable in a failure. */
static inline char *an_id(struct arena *arena, const char *word)
{
        char *id = arena_strdup(arena, "0000000000000000000000000");

        CHECK(strlen(word) <= 25);
        memcpy(id + 25 - strlen(word), word, strlen(word));
        return id;
}

static inline Sk__Change *a_change(struct arena *arena, Sk__Change__Op op, Sk__Kind kind,
                                   const char *word)
{
        Sk__Change *change = arena_alloc(arena, sizeof *change);

        sk__change__init(change);
        change->op = op;
        change->kind = kind;
        change->id = an_id(arena, word);
        return change;
}

static inline Sk__Change *with_part(struct arena *arena, Sk__Change *change, uint32_t index,
                                    const void *data, size_t size)
{
        Sk__Part *part = arena_alloc(arena, sizeof *part);
        Sk__Part **parts = arena_alloc(arena, (change->n_parts + 1) * sizeof *parts);

        sk__part__init(part);
        part->index = index;
        part->data.data = arena_copy(arena, data, size);
        part->data.len = size;
        if (change->n_parts)
                memcpy(parts, change->parts, change->n_parts * sizeof *parts);
        parts[change->n_parts++] = part;
        change->parts = parts;
        return change;
}

static inline Sk__Change *with_text(struct arena *arena, Sk__Change *change, uint32_t index,
                                    const char *text)
{
        return with_part(arena, change, index, text, strlen(text));
}

static inline Sk__Change *with_name(struct arena *arena, Sk__Change *change, const char *name)
{
        change->name = arena_strdup(arena, name);
        return change;
}

static inline Sk__Change *with_reference(struct arena *arena, Sk__Change *change, const char *word)
{
        Sk__Change__References *references = arena_alloc(arena, sizeof *references);

        sk__change__references__init(references);
        references->ids = arena_alloc(arena, sizeof *references->ids);
        if (word)
                references->ids[references->n_ids++] = an_id(arena, word);
        change->references = references;
        return change;
}

static inline Sk__Change *with_status(struct arena *arena, Sk__Change *change, Sk__TaskState state,
                                      int64_t at_ns)
{
        Sk__TaskStatus status = SK__TASK_STATUS__INIT;
        uint8_t *data;
        size_t size;

        status.state = state;
        status.at_ns = at_ns;
        message_pack(arena, &status.base, &data, &size);
        return with_part(arena, change, PART_TASK_status, data, size);
}

static inline Sk__Precondition *a_precondition(struct arena *arena, Sk__Kind kind, const char *word,
                                               Sk__Precondition__TestCase test)
{
        Sk__Precondition *precondition = arena_alloc(arena, sizeof *precondition);

        sk__precondition__init(precondition);
        precondition->kind = kind;
        precondition->id = an_id(arena, word);
        precondition->test_case = test;
        precondition->exists = true;
        return precondition;
}

static inline Sk__Precondition *at_version(struct arena *arena, Sk__Kind kind, const char *word,
                                           uint32_t index, uint64_t version)
{
        Sk__Precondition *precondition =
                a_precondition(arena, kind, word, SK__PRECONDITION__TEST_PART_VERSION);
        Sk__Precondition__PartVersion *part = arena_alloc(arena, sizeof *part);

        sk__precondition__part_version__init(part);
        part->index = index;
        part->version = version;
        precondition->part_version = part;
        return precondition;
}

/* A group of up to two changes under an optional precondition. */
static inline Sk__Group *a_group(struct arena *arena, Sk__Precondition *precondition,
                                 Sk__Change *first, Sk__Change *second)
{
        Sk__Group *group = arena_alloc(arena, sizeof *group);

        sk__group__init(group);
        group->preconditions = arena_alloc(arena, sizeof *group->preconditions);
        group->changes = arena_alloc(arena, 2 * sizeof *group->changes);
        if (precondition)
                group->preconditions[group->n_preconditions++] = precondition;
        if (first)
                group->changes[group->n_changes++] = first;
        if (second)
                group->changes[group->n_changes++] = second;
        return group;
}

static inline Sk__CommitRequest *a_commit(struct arena *arena, Sk__Group *first, Sk__Group *second)
{
        Sk__CommitRequest *request = arena_alloc(arena, sizeof *request);

        sk__commit_request__init(request);
        request->groups = arena_alloc(arena, 2 * sizeof *request->groups);
        if (first)
                request->groups[request->n_groups++] = first;
        if (second)
                request->groups[request->n_groups++] = second;
        return request;
}

/* Applies one commit as an entry of its own, at the next index. */
static inline struct applied apply_commit(struct state *state, struct arena *arena, uint32_t writer,
                                          Sk__CommitRequest *request, int64_t time_ns)
{
        Sk__LogCommit commit = SK__LOG_COMMIT__INIT, *commits[] = { &commit };
        Sk__LogEntry entry = SK__LOG_ENTRY__INIT;
        struct applied *results;
        uint8_t *data;
        size_t size, n;

        commit.request = request;
        commit.writer = writer;
        entry.commits = commits;
        entry.n_commits = 1;
        entry.time_ns = time_ns;
        message_pack(arena, &entry.base, &data, &size);
        apply_entry(state, state_version(state) + 1, data, size, arena, &results, &n);
        CHECK(n == 1);
        return results[0];
}

/* One change, in a group and a commit of its own. */
static inline struct applied apply_change(struct state *state, struct arena *arena, uint32_t writer,
                                          Sk__Change *change)
{
        return apply_commit(state, arena, writer,
                            a_commit(arena, a_group(arena, NULL, change, NULL), NULL), 1000);
}
