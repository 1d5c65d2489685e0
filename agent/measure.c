/* What tasks take, told to managers. */
#include "agent/measure.h"

#include <stdio.h>
#include <string.h>

#include "agent/answer.h"
#include "agent/usage/usage.h"
#include "api/dispatcher.h"
#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

enum { MEASURES_MAX = 64, TASKS_MAX = 10000 };

static const int64_t period_ns = NS_PER_S;

/* One task, as the work needs it. */
struct measured {
        char id[ID_SIZE];
        struct executor_place place;
};

struct measure {
        struct measures *measures;
        char request_id[64], node_id[64];
        struct rpc_stream *stream; /* NULL: over, but work is under way; so may 'measures' be */
        int64_t credit;            /* bytes that may be sent; the last message may overdraw it */
        bool processes;
        char (*ids)[ID_SIZE];
        size_t n_ids;
        struct loop_timer timer;

        /* The work's own while it is under way. */
        struct work work;
        bool is_working;
        struct measured *tasks;
        size_t n_tasks;
        struct arena arena;
        Sk__AnswerMessage answer;
};

struct measures {
        struct measures_options options;
        struct map map; /* struct measure */
};

static void destroy(struct measure *measure)
{
        arena_done(&measure->arena);
        free(measure->tasks);
        free(measure->ids);
        free(measure);
}

/* Work under way frees it. */
static void forget(struct measure *measure)
{
        map_remove(&measure->measures->map, measure->request_id);
        loop_timer_cancel(&measure->timer);
        measure->stream = NULL;
        if (!measure->is_working)
                destroy(measure);
}

/* --- on the worker --- */

static void measure_one(struct measure *measure, const struct measured *task)
{
        Sk__AnswerMessage *answer = &measure->answer;
        Sk__TaskUsage *usage = arena_alloc(&measure->arena, sizeof *usage);

        sk__task_usage__init(usage);
        usage->task_id = task->id;
        usage->node_id = measure->node_id;
        usage_read(&task->place, usage);
        answer->usage[answer->n_usage++] = usage;
}

static void list_one(struct measure *measure, const struct measured *task)
{
        Sk__AnswerMessage *answer = &measure->answer;
        struct err err;

        if (usage_processes(&task->place, &measure->arena, &answer->processes, &answer->n_processes,
                            &err) < 0)
                return;
        for (size_t i = 0; i < answer->n_processes; i++)
                answer->processes[i]->task_id = task->id;
}

static void work(struct work *at)
{
        struct measure *measure = container_of(at, struct measure, work);

        sk__answer_message__init(&measure->answer);
        measure->answer.usage =
                arena_alloc(&measure->arena, (measure->n_tasks + 1) * sizeof(Sk__TaskUsage *));
        for (size_t i = 0; i < measure->n_tasks; i++) {
                if (!measure->processes)
                        measure_one(measure, &measure->tasks[i]);
                else if (i == 0)
                        list_one(measure, &measure->tasks[i]);
        }
}

/* --- on the loop --- */

static void work_done(struct work *at)
{
        struct measure *measure = container_of(at, struct measure, work);
        Sk__AnswerMessage *answer = &measure->answer;

        measure->is_working = false;
        if (!measure->stream) {
                destroy(measure);
                return;
        }
        if (!at->was_run)
                return;
        answer->is_done = measure->processes || measure->n_tasks == 0;
        if (measure->processes && !answer->n_processes)
                answer->err = "the task is not running";
        measure->credit -= (int64_t)protobuf_c_message_get_packed_size(&answer->base);
        rpc_stream_write(measure->stream, &answer->base);
        if (answer->is_done)
                rpc_stream_half_close(measure->stream);
        else
                loop_timer_set(measure->measures->options.loop, &measure->timer, period_ns);
        arena_clear(&measure->arena);
}

/* Those that run now; one that was replaced is not measured any more. */
static void measure_now(void *context)
{
        struct measure *measure = context;
        const struct measures_options *options = &measure->measures->options;
        const struct executor_ops *ops = options->executor->ops;

        if (measure->credit <= 0 || measure->is_working)
                return;
        measure->n_tasks = 0;
        for (size_t i = 0; i < measure->n_ids && ops->place; i++) {
                struct measured *task = &measure->tasks[measure->n_tasks];

                memcpy(task->id, measure->ids[i], ID_SIZE);
                if (ops->place(options->executor, task->id, &task->place))
                        measure->n_tasks++;
        }
        measure->is_working = true;
        measure->work = (struct work){ .work = work, .done = work_done };
        worker_submit(options->workers, &measure->work);
}

static void credit_came(void *context, const void *out)
{
        struct measure *measure = context;
        const Sk__AnswerCredit *credit = out;

        if (credit->bytes <= 0 || credit->bytes > INT64_MAX / 4)
                return;
        measure->credit += credit->bytes;
        if (!loop_timer_is_set(&measure->timer) && !measure->answer.is_done)
                measure_now(measure);
}

static void stream_closed(void *context, const struct err *err)
{
        (void)err;
        forget(context);
}

static const char *why_not(const struct measures *measures, const Sk__UsageRequest *request)
{
        if (!measures->options.workers)
                return "this node measures nothing";
        if (request->n_task_ids > TASKS_MAX)
                return "these are too many tasks to measure at once";
        return measures->map.n < MEASURES_MAX ? NULL : ANSWER_TOO_MUCH;
}

void measures_begin(struct measures *measures, struct rpc_client *client, const char *request_id,
                    const Sk__UsageRequest *request)
{
        static const struct rpc_stream_events events = { .message = credit_came,
                                                         .closed = stream_closed };
        Sk__AnswerMessage first = SK__ANSWER_MESSAGE__INIT;
        const char *refusal = why_not(measures, request);
        struct measure *measure;

        if (str_is_empty(request_id) || strlen(request_id) >= 64 ||
            map_find(&measures->map, request_id))
                return;
        if (refusal) {
                answer_refuse(client, request_id, refusal);
                return;
        }
        measure = mem_alloc(sizeof *measure);
        measure->measures = measures;
        snprintf(measure->node_id, sizeof measure->node_id, "%s", measures->options.node_id);
        memcpy(measure->request_id, request_id, strlen(request_id) + 1);
        measure->processes = request->processes;
        measure->ids = mem_alloc_array(request->n_task_ids + 1, sizeof *measure->ids);
        measure->tasks = mem_alloc_array(request->n_task_ids + 1, sizeof *measure->tasks);
        for (size_t i = 0; i < request->n_task_ids; i++)
                if (id_is_valid(request->task_ids[i]))
                        memcpy(measure->ids[measure->n_ids++], request->task_ids[i], ID_SIZE);
        measure->timer = (struct loop_timer){ .fire = measure_now, .context = measure };
        map_put(&measures->map, measure->request_id, measure);
        measure->stream =
                rpc_client_stream(client, RPC_METHOD(dispatcher, Answer), NULL, &events, measure);
        first.request_id = measure->request_id;
        rpc_stream_write(measure->stream, &first.base);
}

void measures_cancel(struct measures *measures, const char *request_id)
{
        struct measure *measure = map_find(&measures->map, request_id);

        if (!measure)
                return;
        rpc_stream_cancel(measure->stream);
        forget(measure);
}

struct measures *measures_new(const struct measures_options *options)
{
        struct measures *measures = mem_alloc(sizeof *measures);

        measures->options = *options;
        return measures;
}

void measures_free(struct measures *measures)
{
        struct measure *measure;

        if (!measures)
                return;
        for (size_t at = 0; (measure = map_next(&measures->map, &at));) {
                rpc_stream_cancel(measure->stream);
                forget(measure);
        }
        map_done(&measures->map);
        free(measures);
}
