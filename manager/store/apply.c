/* Apply: commits, groups, preconditions, fencing, remembered answers. */
#include "manager/store/apply.h"

#include "lib/base/id.h"
#include "lib/message/message.h"
#include "manager/store/change.h"
#include "manager/store/check.h"

void apply_lease_id(const char *loop, char ret_id[static 26])
{
        id_from_parts((const char *const[]){ "lease", loop, NULL }, ret_id);
}

/* --- preconditions --- */

/* A conflict: 'version' is what a mirror must show before it makes sense to look again. */
static int conflict(Sk__GroupResult *result, uint64_t version, struct err *err, const char *what,
                    const Sk__Precondition *precondition)
{
        result->wait_version = version;
        return err_set(err, ERR_CONFLICT, "%s %s: %s", object_kind(precondition->kind)->name,
                       precondition->id, what);
}

static int precondition_name_free(const struct change_context *context,
                                  const Sk__Precondition *precondition, Sk__GroupResult *result,
                                  struct err *err)
{
        const struct record *holder =
                state_find_name(context->state, precondition->kind, precondition->name_free);

        if (!holder)
                return 0;
        result->wait_version = holder->version;
        return err_set(err, ERR_CONFLICT, "%s name '%s' is in use",
                       object_kind(precondition->kind)->name, precondition->name_free);
}

static int precondition_test(const struct change_context *context,
                             const Sk__Precondition *precondition, Sk__GroupResult *result,
                             struct err *err)
{
        const struct record *record =
                state_find(context->state, precondition->kind, precondition->id);

        switch (precondition->test_case) {
        case SK__PRECONDITION__TEST_PART_VERSION:
                if (!record)
                        return conflict(result, context->index, err, "is gone", precondition);
                if (record->part_versions[precondition->part_version->index] !=
                    precondition->part_version->version)
                        return conflict(result, record->version, err, "was changed meanwhile",
                                        precondition);
                return 0;
        case SK__PRECONDITION__TEST_EXISTS:
                if (!record)
                        return conflict(result, context->index, err, "is gone", precondition);
                return 0;
        case SK__PRECONDITION__TEST_ABSENT:
                if (record)
                        return conflict(result, record->version, err, "exists", precondition);
                return 0;
        case SK__PRECONDITION__TEST_NO_REFERRER:
                if (state_count_referrers(context->state, precondition->id))
                        return conflict(result, context->index, err, "is in use", precondition);
                return 0;
        default:
                return precondition_name_free(context, precondition, result, err);
        }
}

/* --- groups --- */

static int group_try(const struct change_context *context, const Sk__Group *group,
                     Sk__GroupResult *result, struct err *err)
{
        for (size_t i = 0; i < group->n_preconditions; i++) {
                int r = precondition_test(context, group->preconditions[i], result, err);

                if (r < 0) {
                        result->precondition = (uint32_t)i + 1;
                        return r;
                }
        }
        for (size_t i = 0; i < group->n_changes; i++)
                TRY(change_apply(context, group->changes[i], &result->wait_version, err));
        return 0;
}

/* All or nothing. */
static bool group_apply(const struct change_context *context, const Sk__Group *group,
                        Sk__GroupResult *result)
{
        struct err err;
        int r = group_try(context, group, result, &err);

        if (r == 0) {
                state_keep(context->state);
                return true;
        }
        state_undo(context->state);
        result->code = -r;
        result->message = arena_strdup(context->arena, err.text);
        return false;
}

static Sk__GroupResult *result_new(struct arena *arena)
{
        Sk__GroupResult *result = arena_alloc(arena, sizeof *result);

        sk__group_result__init(result);
        return result;
}

static Sk__CommitResponse *groups_apply(const struct change_context *context,
                                        const Sk__CommitRequest *request)
{
        Sk__CommitResponse *response = arena_alloc(context->arena, sizeof *response);
        bool all = true;

        sk__commit_response__init(response);
        response->version = context->index;
        response->results =
                arena_alloc(context->arena, request->n_groups * sizeof *response->results);
        for (size_t i = 0; i < request->n_groups; i++) {
                response->results[i] = result_new(context->arena);
                all &= group_apply(context, request->groups[i], response->results[i]);
        }
        response->n_results = all ? 0 : request->n_groups;
        return response;
}

/* --- commits --- */

/* May the loop still act, or was another holder granted since? */
static int fence(const struct state *state, const Sk__CommitRequest *request, struct err *err)
{
        const struct record *lease;

        if (!*request->loop)
                return 0;
        lease = state_find_name(state, SK__KIND__KIND_LEASE, request->loop);
        if (lease && lease->part_versions[PART_LEASE_grant] == request->epoch)
                return 0;
        return err_set(err, ERR_PRECONDITION, "the lease of %s is not of epoch %llu any more",
                       request->loop, (unsigned long long)request->epoch);
}

/* The answer to the first commit with this id, NULL when this is the first. */
static Sk__CommitResponse *answered_before(const struct change_context *context,
                                           const char *request_id)
{
        const struct answer *answer =
                *request_id ? answers_find(state_answers(context->state), request_id) : NULL;
        ProtobufCMessage *response;

        if (!answer || message_unpack(context->arena, &sk__commit_response__descriptor,
                                      answer->data, answer->size, &response, NULL) < 0)
                return NULL;
        return (Sk__CommitResponse *)response;
}

static void remember(const struct change_context *context, const char *request_id,
                     const Sk__CommitResponse *response)
{
        uint8_t *data;
        size_t size;

        if (!*request_id)
                return;
        message_pack(context->arena, &response->base, &data, &size);
        answers_add(state_answers(context->state), request_id, data, size);
}

static int commit_try(const struct change_context *context, const Sk__LogCommit *commit,
                      struct applied *result, struct err *err)
{
        const Sk__CommitRequest *request = commit->request;

        if (!request)
                return err_set(err, ERR_INVALID, "a commit without a request");
        TRY(check_commit(request, commit->writer, err));
        result->response = answered_before(context, request->request_id);
        if (result->response)
                return 0;
        TRY(fence(context->state, request, err));
        result->response = groups_apply(context, request);
        remember(context, request->request_id, result->response);
        return 0;
}

static void commit_apply(const struct change_context *context, const Sk__LogCommit *commit,
                         struct applied *result)
{
        struct err err;
        int r = commit_try(context, commit, result, &err);

        if (r == 0)
                return;
        result->code = (enum err_code)r;
        result->why = arena_strdup(context->arena, err.text);
}

void apply_entry(struct state *state, uint64_t index, const uint8_t *data, size_t size,
                 struct arena *arena, struct applied **ret_results, size_t *ret_n)
{
        struct change_context context = { .state = state, .index = index, .arena = arena };
        const Sk__LogEntry *entry;
        ProtobufCMessage *message;

        *ret_n = 0;
        *ret_results = NULL;
        context.time_ns = state_time(state);
        if (message_unpack(arena, &sk__log_entry__descriptor, data, size, &message, NULL) < 0) {
                state_advance(state, index, context.time_ns);
                return;
        }
        entry = (const Sk__LogEntry *)message;
        if (entry->time_ns > context.time_ns)
                context.time_ns = entry->time_ns;
        *ret_n = entry->n_commits;
        *ret_results = arena_alloc(arena, entry->n_commits * sizeof **ret_results);
        for (size_t i = 0; i < entry->n_commits; i++)
                commit_apply(&context, entry->commits[i], &(*ret_results)[i]);
        state_advance(state, index, context.time_ns);
}
