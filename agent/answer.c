/* Logs on their way to whoever asked. */
#include "agent/answer.h"

#include <stdlib.h>
#include <string.h>

#include "agent/logs/read.h"
#include "lib/base/id.h"
#include "lib/base/map.h"
#include "lib/base/str.h"

enum { ANSWERS_MAX = 64, LOG_FOLDER_SIZE = 320 };

struct answer;

/* One task's log within an answer. */
struct source {
        struct answer *answer;
        char task_id[ID_SIZE];
        struct log_reader *reader;
        bool is_reading; /* a batch was asked for, or waits for credit */
        bool is_ended;
        const struct log_line *lines; /* which wait; the reader's */
        size_t n_lines;
};

struct answer {
        struct answers *answers;
        char request_id[64];
        struct rpc_stream *stream;
        int64_t credit; /* bytes that may be sent; the last batch may overdraw it */
        struct source *sources;
        size_t n_sources, n_open;
        size_t next;   /* source to be served: all in turn */
        bool has_told; /* why there is nothing to send */
};

struct answers {
        struct answers_options options;
        struct map answers; /* struct answer */
};

static void answer_free(struct answer *answer)
{
        map_remove(&answer->answers->answers, answer->request_id);
        for (size_t i = 0; i < answer->n_sources; i++)
                log_reader_free(answer->sources[i].reader);
        free(answer->sources);
        free(answer);
}

/* --- sending --- */

static void send_end(struct answer *answer, const char *text)
{
        Sk__AnswerMessage message;

        sk__answer_message__init(&message);
        message.err = str_or(text, "");
        message.is_done = answer->n_open == 0;
        rpc_stream_write(answer->stream, &message.base);
        if (message.is_done)
                rpc_stream_half_close(answer->stream);
}

static void fill_line(const struct source *source, const struct log_line *line, Sk__LogLine *ret)
{
        sk__log_line__init(ret);
        ret->task_id = source->task_id;
        ret->node_id = source->answer->answers->options.node_id;
        ret->stream = line->stream == LOG_STDERR ? SK__LOG_LINE__STREAM__STDERR
                                                 : SK__LOG_LINE__STREAM__STDOUT;
        ret->at_ns = line->at_ns;
        ret->data.data = (uint8_t *)line->data;
        ret->data.len = line->size;
        ret->is_partial = line->is_partial;
}

static void send_lines(struct source *source)
{
        struct answer *answer = source->answer;
        size_t n = source->n_lines;
        _cleanup_(arena_done) struct arena arena = {};
        Sk__LogLine *out = arena_alloc(&arena, n * sizeof *out);
        Sk__AnswerMessage message;

        source->is_reading = false;
        source->n_lines = 0;
        sk__answer_message__init(&message);
        message.lines = arena_alloc(&arena, n * sizeof *message.lines);
        for (size_t i = 0; i < n; i++) {
                fill_line(source, &source->lines[i], &out[i]);
                message.lines[message.n_lines++] = &out[i];
        }
        if (n > 0)
                out[0].details = log_reader_details(source->reader);
        answer->credit -= (int64_t)protobuf_c_message_get_packed_size(&message.base);
        rpc_stream_write(answer->stream, &message.base);
}

static void read_on(struct answer *answer)
{
        for (size_t i = 0; i < answer->n_sources && answer->credit > 0; i++) {
                struct source *source = &answer->sources[answer->next++ % answer->n_sources];

                if (source->n_lines)
                        send_lines(source);
                if (source->is_reading || source->is_ended || answer->credit <= 0)
                        continue;
                source->is_reading = true;
                log_reader_more(source->reader);
        }
}

static void lines_came(void *context, const struct log_line *lines, size_t n)
{
        struct source *source = context;

        source->lines = lines;
        source->n_lines = n;
        read_on(source->answer);
}

static void log_ended(void *context, const struct err *err)
{
        struct source *source = context;
        struct answer *answer = source->answer;

        source->is_ended = true;
        answer->n_open--;
        if (err || !answer->n_open)
                send_end(answer, err ? err->text : "");
}

static const struct log_reader_events reader_events = { .lines = lines_came, .ended = log_ended };

/* --- the stream --- */

static void credit_came(void *context, const void *out)
{
        struct answer *answer = context;
        const Sk__AnswerCredit *credit = out;

        if (credit->bytes <= 0 || credit->bytes > INT64_MAX / 4)
                return;
        answer->credit += credit->bytes;
        read_on(answer);
}

static void stream_closed(void *context, const struct err *err)
{
        (void)err;
        answer_free(context);
}

/* --- requests --- */

static void refusal_closed(void *context, const struct err *err)
{
        (void)context;
        (void)err;
}

void answer_refuse(struct rpc_client *client, const char *request_id, const char *text)
{
        static const struct rpc_stream_events events = { .closed = refusal_closed };
        struct rpc_stream *stream =
                rpc_client_stream(client, RPC_METHOD(dispatcher, Answer), NULL, &events, NULL);
        Sk__AnswerMessage message;

        sk__answer_message__init(&message);
        message.request_id = request_id;
        message.err = text;
        message.is_done = true;
        rpc_stream_write(stream, &message.base);
        rpc_stream_half_close(stream);
}

/* Says so, if it is not here. */
static bool is_elsewhere(struct answer *answer, const char *task_id)
{
        const struct answers_options *options = &answer->answers->options;
        Sk__AnswerMessage message = SK__ANSWER_MESSAGE__INIT;
        _cleanup_(str_done) struct str text = { 0 };

        if (!options->log_is_elsewhere ||
            !options->log_is_elsewhere(options->context, task_id, &text))
                return false;
        message.err = str_text(&text);
        rpc_stream_write(answer->stream, &message.base);
        answer->has_told = true;
        return true;
}

static void open_sources(struct answer *answer, const Sk__NodeRequest__LogRequest *request)
{
        const struct answers_options *options = &answer->answers->options;
        char folder[LOG_FOLDER_SIZE];

        answer->sources = mem_alloc_array(request->n_task_ids, sizeof *answer->sources);
        for (size_t i = 0; i < request->n_task_ids; i++) {
                struct source *source = &answer->sources[answer->n_sources];

                if (!options->workers || !options->log_folder ||
                    !id_is_valid(request->task_ids[i]) ||
                    is_elsewhere(answer, request->task_ids[i]))
                        continue;
                source->answer = answer;
                memcpy(source->task_id, request->task_ids[i], ID_SIZE);
                options->log_folder(options->context, source->task_id, folder, sizeof folder);
                source->reader = log_reader_new(options->loop, options->workers, folder,
                                                request->options, &reader_events, source);
                answer->n_sources++;
        }
        answer->n_open = answer->n_sources;
}

void answers_begin(struct answers *answers, struct rpc_client *client,
                   const Sk__NodeRequest *request)
{
        static const struct rpc_stream_events events = { .message = credit_came,
                                                         .closed = stream_closed };
        struct answer *answer;
        Sk__AnswerMessage first;

        if (str_is_empty(request->request_id) || strlen(request->request_id) >= 64 ||
            map_find(&answers->answers, request->request_id))
                return;
        if (answers->answers.n >= ANSWERS_MAX) {
                answer_refuse(client, request->request_id, ANSWER_TOO_MUCH);
                return;
        }
        answer = mem_alloc(sizeof *answer);
        answer->answers = answers;
        memcpy(answer->request_id, request->request_id, strlen(request->request_id) + 1);
        map_put(&answers->answers, answer->request_id, answer);
        answer->stream =
                rpc_client_stream(client, RPC_METHOD(dispatcher, Answer), NULL, &events, answer);
        sk__answer_message__init(&first);
        first.request_id = answer->request_id;
        rpc_stream_write(answer->stream, &first.base);
        if (request->what_case == SK__NODE_REQUEST__WHAT_LOGS && request->logs->options)
                open_sources(answer, request->logs);
        if (!answer->n_open)
                send_end(answer, answer->has_told ? "" : "this node keeps no such logs");
}

void answers_cancel(struct answers *answers, const char *request_id)
{
        struct answer *answer = map_find(&answers->answers, request_id);

        if (!answer)
                return;
        rpc_stream_cancel(answer->stream);
        answer_free(answer);
}

struct answers *answers_new(const struct answers_options *options)
{
        struct answers *answers = mem_alloc(sizeof *answers);

        answers->options = *options;
        return answers;
}

void answers_free(struct answers *answers)
{
        struct answer *answer;

        if (!answers)
                return;
        for (size_t at = 0; (answer = map_next(&answers->answers, &at));) {
                rpc_stream_cancel(answer->stream);
                answer_free(answer);
        }
        map_done(&answers->answers);
        free(answers);
}
