/* Plans on their way to the store. */
#include "lib/run/committer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "api/store.pb-c.h"
#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/run/backoff.h"

enum { PIPELINE_DEFAULT = 4, WAITING_BYTES_DEFAULT = 64 * 1024 * 1024 };

/* A call gathers up to this much; well below what the store takes. */
enum {
        CALL_BYTES_MAX = 3 * 1024 * 1024,
        CALL_GROUPS_MAX = 10000,
        CALL_ENTRIES_MAX = 25000 /* changes and preconditions */
};

/* How long a call may take before it is made again. */
static const int64_t CALL_NS = 10 * NS_PER_S;

struct commit_submission {
        struct commit_submission *next;
        void (*done)(void *context, const struct commit_outcome *outcome); /* NULL: forgotten */
        void *context;
        struct arena arena;
        Sk__CommitRequest *request; /* its groups */
        size_t size, n_entries;
        uint64_t epoch;
        int64_t deadline_ns; /* by CLOCK_BOOTTIME */
        bool is_alone;       /* to be sent in a call of its own */
        struct err err;      /* refused before it was sent */
};

struct queue {
        struct commit_submission *first, **last;
};

/* One Commit, until it was answered. */
struct commit_call {
        struct committer *committer;
        struct commit_call *next;
        struct queue submissions;
        Sk__CommitRequest request;
        size_t size, n_entries; /* of the submissions */
        char id[32];
        struct rpc_request *call; /* NULL: waits to be made again */
        struct loop_timer retry;
        struct backoff backoff;
};

struct committer {
        struct committer_options options;
        uint64_t epoch;
        struct queue waiting, refused;
        size_t waiting_bytes;
        struct commit_call *calls;
        unsigned n_calls;
        struct loop_timer flush;
        uint64_t n_made, n_groups, n_retries;
};

static void call_make(void *context);

/* --- queues --- */

static void queue_init(struct queue *queue)
{
        queue->first = NULL;
        queue->last = &queue->first;
}

static void queue_add(struct queue *queue, struct commit_submission *submission)
{
        submission->next = NULL;
        *queue->last = submission;
        queue->last = &submission->next;
}

static struct commit_submission *queue_take(struct queue *queue)
{
        struct commit_submission *first = queue->first;

        if (!first)
                return NULL;
        queue->first = first->next;
        if (!queue->first)
                queue->last = &queue->first;
        return first;
}

/* --- submissions --- */

static void finish(struct commit_submission *submission, const struct commit_outcome *outcome)
{
        if (submission->done)
                submission->done(submission->context, outcome);
        arena_done(&submission->arena);
        free(submission);
}

static void finish_with_error(struct commit_submission *submission, const struct err *err)
{
        const struct commit_outcome outcome = { .n_groups = submission->request->n_groups,
                                                .err = err };

        finish(submission, &outcome);
}

void commit_forget(struct commit_submission *submission)
{
        submission->done = NULL;
}

static size_t count_entries(const Sk__CommitRequest *request)
{
        size_t n = 0;

        for (size_t i = 0; i < request->n_groups; i++)
                n += request->groups[i]->n_changes + request->groups[i]->n_preconditions;
        return n;
}

struct commit_submission *committer_submit(
        struct committer *committer, const struct plan *plan, int64_t timeout_ns,
        void (*done)(void *context, const struct commit_outcome *outcome), void *context)
{
        struct commit_submission *submission = mem_alloc(sizeof *submission);

        submission->done = done;
        submission->context = context;
        submission->deadline_ns = timeout_ns && timeout_ns != TIME_NEVER
                                          ? loop_now_boot(committer->options.loop) + timeout_ns
                                          : TIME_NEVER;
        submission->epoch = committer->epoch;
        submission->request = plan_pack(plan, &submission->arena);
        submission->size = protobuf_c_message_get_packed_size(&submission->request->base);
        submission->n_entries = count_entries(submission->request);
        if (committer->waiting_bytes + submission->size > committer->options.waiting_bytes_max) {
                err_set(&submission->err, ERR_EXHAUSTED,
                        "too many changes wait for the store; try again later");
                queue_add(&committer->refused, submission);
        } else {
                committer->waiting_bytes += submission->size;
                queue_add(&committer->waiting, submission);
        }
        loop_timer_set(committer->options.loop, &committer->flush, 0);
        return submission;
}

/* --- calls --- */

static void call_free(struct commit_call *call)
{
        struct commit_call **at = &call->committer->calls;

        while (*at != call)
                at = &(*at)->next;
        *at = call->next;
        call->committer->n_calls--;
        loop_timer_cancel(&call->retry);
        free(call->request.groups);
        free(call);
}

static struct commit_submission *take_submission(struct commit_call *call)
{
        struct commit_submission *submission = queue_take(&call->submissions);

        if (submission)
                call->committer->waiting_bytes -= submission->size;
        return submission;
}

static void end_with_error(struct commit_call *call, const struct err *err)
{
        struct commit_submission *submission;

        while ((submission = take_submission(call)))
                finish_with_error(submission, err);
}

static void end_well(struct commit_call *call, const Sk__CommitResponse *answer)
{
        struct commit_submission *submission;
        size_t at = 0;

        while ((submission = take_submission(call))) {
                struct commit_outcome outcome = { .version = answer->version,
                                                  .n_groups = submission->request->n_groups };

                if (answer->n_results)
                        outcome.results = (const Sk__GroupResult *const *)answer->results + at;
                at += outcome.n_groups;
                finish(submission, &outcome);
        }
}

/* Could it have been lost on the way, rather than refused? */
static bool may_be_made_again(const struct err *err)
{
        return err->code == ERR_UNAVAILABLE || err->code == ERR_DEADLINE ||
               err->code == ERR_CANCELLED;
}

/* The store refuses a call as a whole for what one submission holds: a caller's mistake must not
 * become its neighbours'. */
static bool may_be_one_s_fault(const struct commit_call *call, const struct err *err)
{
        return (err->code == ERR_INVALID || err->code == ERR_DENIED) && call->submissions.first &&
               call->submissions.first->next;
}

/* Nothing of the call was applied: each submission is sent again on its own. */
static void send_one_by_one(struct commit_call *call)
{
        struct queue *waiting = &call->committer->waiting, *refused = &call->submissions;

        for (struct commit_submission *s = refused->first; s; s = s->next)
                s->is_alone = true;
        *refused->last = waiting->first;
        if (!waiting->first)
                waiting->last = refused->last;
        waiting->first = refused->first;
        queue_init(refused);
}

/* Those whose time is over are told so; the others keep the call alive.  Groups stay in it all the
 * same: under its id it must be the same call. */
static bool somebody_waits(const struct commit_call *call, int64_t now)
{
        for (const struct commit_submission *s = call->submissions.first; s; s = s->next)
                if (s->done && s->deadline_ns > now)
                        return true;
        return false;
}

static void tell_late_ones(struct commit_call *call, int64_t now)
{
        struct err err;

        err_set(&err, ERR_DEADLINE, "the store did not answer in time; the change may yet happen");
        for (struct commit_submission *s = call->submissions.first; s; s = s->next) {
                const struct commit_outcome outcome = { .n_groups = s->request->n_groups,
                                                        .err = &err };

                if (s->done && s->deadline_ns <= now) {
                        s->done(s->context, &outcome);
                        s->done = NULL;
                }
        }
}

static void answered(void *context, const void *out, const struct err *err)
{
        struct commit_call *call = context;
        struct committer *committer = call->committer;
        const Sk__CommitResponse *answer = out;
        int64_t now = loop_now_boot(committer->options.loop);
        struct err odd;

        call->call = NULL;
        if (err && may_be_made_again(err)) {
                tell_late_ones(call, now);
                if (somebody_waits(call, now)) {
                        loop_timer_set(committer->options.loop, &call->retry,
                                       backoff_next(&call->backoff));
                        return;
                }
        }
        if (err && may_be_one_s_fault(call, err)) {
                send_one_by_one(call);
        } else if (err) {
                end_with_error(call, err);
        } else if (answer->n_results && answer->n_results != call->request.n_groups) {
                err_set(&odd, ERR_INTERNAL, "the store answered for %zu groups of %zu",
                        answer->n_results, call->request.n_groups);
                end_with_error(call, &odd);
        } else {
                end_well(call, answer);
        }
        call_free(call);
        if (committer->waiting.first)
                loop_timer_set(committer->options.loop, &committer->flush, 0);
}

static void call_make(void *context)
{
        struct commit_call *call = context;
        struct committer *committer = call->committer;

        committer->n_made++;
        if (call->backoff.last_ns)
                committer->n_retries++;
        call->call = rpc_client_call(committer->options.store, RPC_METHOD(store, Commit),
                                     &call->request.base, CALL_NS, true, answered, call);
}

/* May it join those that the call has? */
static bool call_takes(const struct commit_call *call, const struct commit_submission *submission)
{
        if (!call->submissions.first)
                return true;
        return !call->submissions.first->is_alone && !submission->is_alone &&
               submission->epoch == call->request.epoch &&
               call->size + submission->size <= CALL_BYTES_MAX &&
               call->n_entries + submission->n_entries <= CALL_ENTRIES_MAX &&
               call->request.n_groups + submission->request->n_groups <= CALL_GROUPS_MAX;
}

static void call_gather(struct commit_call *call)
{
        struct queue *waiting = &call->committer->waiting;

        call->request.epoch = waiting->first->epoch;
        while (waiting->first && call_takes(call, waiting->first)) {
                struct commit_submission *submission = queue_take(waiting);

                call->size += submission->size;
                call->n_entries += submission->n_entries;
                call->request.n_groups += submission->request->n_groups;
                queue_add(&call->submissions, submission);
        }
}

static void call_fill(struct commit_call *call)
{
        size_t n = 0;

        call->request.groups =
                mem_alloc_array(call->request.n_groups, sizeof *call->request.groups);
        for (const struct commit_submission *s = call->submissions.first; s; s = s->next)
                for (size_t i = 0; i < s->request->n_groups; i++)
                        call->request.groups[n++] = s->request->groups[i];
        call->committer->n_groups += n;
}

static void call_new(struct committer *committer)
{
        struct commit_call *call = mem_alloc(sizeof *call);

        call->committer = committer;
        call->retry = (struct loop_timer){ .fire = call_make, .context = call };
        queue_init(&call->submissions);
        sk__commit_request__init(&call->request);
        if (committer->options.loop_name)
                call->request.loop = committer->options.loop_name;
        call_gather(call);
        call_fill(call);
        os_random_id(call->id);
        call->request.request_id = call->id;
        call->next = committer->calls;
        committer->calls = call;
        committer->n_calls++;
        call_make(call);
}

static void flush(void *context)
{
        struct committer *committer = context;
        struct commit_submission *submission;

        while ((submission = queue_take(&committer->refused))) {
                struct err err = submission->err;

                finish_with_error(submission, &err);
        }
        while (committer->waiting.first && committer->n_calls < committer->options.pipeline)
                call_new(committer);
}

/* --- life --- */

int committer_new(const struct committer_options *options, struct committer **ret_committer,
                  struct err *err)
{
        struct committer *committer = mem_alloc(sizeof *committer);

        (void)err;
        committer->options = *options;
        if (!options->pipeline)
                committer->options.pipeline = PIPELINE_DEFAULT;
        if (!options->waiting_bytes_max)
                committer->options.waiting_bytes_max = WAITING_BYTES_DEFAULT;
        queue_init(&committer->waiting);
        queue_init(&committer->refused);
        committer->flush = (struct loop_timer){ .fire = flush, .context = committer };
        *ret_committer = committer;
        return 0;
}

void committer_free(struct committer *committer)
{
        struct commit_submission *submission;
        struct err err;

        if (!committer)
                return;
        err_set(&err, ERR_CANCELLED, "stopping");
        while (committer->calls) {
                struct commit_call *call = committer->calls;

                if (call->call)
                        rpc_request_cancel(call->call);
                end_with_error(call, &err);
                call_free(call);
        }
        while ((submission = queue_take(&committer->waiting)))
                finish_with_error(submission, &err);
        while ((submission = queue_take(&committer->refused)))
                finish_with_error(submission, &err);
        loop_timer_cancel(&committer->flush);
        free(committer);
}

void committer_set_epoch(struct committer *committer, uint64_t epoch)
{
        committer->epoch = epoch;
}

void committer_metrics(const struct committer *committer, struct str *str)
{
        str_addf(str,
                 "# TYPE skep_commit_calls_total counter\nskep_commit_calls_total %" PRIu64 "\n",
                 committer->n_made);
        str_addf(str,
                 "# TYPE skep_commit_groups_total counter\nskep_commit_groups_total %" PRIu64 "\n",
                 committer->n_groups);
        str_addf(str,
                 "# TYPE skep_commit_retries_total counter\nskep_commit_retries_total %" PRIu64
                 "\n",
                 committer->n_retries);
        str_addf(str, "# TYPE skep_commit_waiting_bytes gauge\nskep_commit_waiting_bytes %zu\n",
                 committer->waiting_bytes);
}
