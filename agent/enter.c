/* Between a stream to a manager and the descriptors of what runs inside a task. */
#include "agent/enter.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "api/dispatcher.h"
#include "lib/base/map.h"
#include "lib/base/str.h"

enum { ENTRANCES_MAX = 64, OUTPUT_SIZE = 32 << 10, READS_PER_TURN = 8, INPUT_MAX = 64 << 10 };
enum { N_OUTPUTS = 2 };

struct entrance;

struct output {
        struct entrance *entrance;
        struct loop_watch watch; /* fd -1: there is none, or it ended */
        bool is_dry;             /* everything that was there has been read */
};

struct entrance {
        struct entrances *entrances;
        char request_id[64];
        struct rpc_stream *stream;
        struct executor_entry *entry; /* NULL: over */
        struct output outputs[N_OUTPUTS];
        struct loop_watch input; /* fd -1: there is none */
        struct str waiting;      /* input that came and was not taken yet: one message */
        size_t n_written;        /* of that */
        bool input_ends;         /* no more will come */
        bool is_full;            /* the stream takes nothing for now */
        bool has_exited, has_ended, is_told;
        int exit_code;
        struct err err;
};

struct entrances {
        struct loop *loop;
        struct executor *executor;
        struct map map; /* struct entrance */
};

static void close_watch(struct loop_watch *watch)
{
        if (watch->fd < 0)
                return;
        loop_watch_remove(watch);
        close(watch->fd);
        watch->fd = -1;
}

static void free_entrance(struct entrance *entrance)
{
        const struct executor_ops *ops = entrance->entrances->executor->ops;

        map_remove(&entrance->entrances->map, entrance->request_id);
        for (int i = 0; i < N_OUTPUTS; i++)
                close_watch(&entrance->outputs[i].watch);
        close_watch(&entrance->input);
        if (entrance->entry)
                ops->entry_leave(entrance->entry);
        str_done(&entrance->waiting);
        free(entrance);
}

static bool tell(struct entrance *entrance, Sk__EnterOutput__WhatCase what, void *content)
{
        Sk__EnterOutput message = SK__ENTER_OUTPUT__INIT;

        message.what_case = what;
        if (what == SK__ENTER_OUTPUT__WHAT_DATA)
                message.data = content;
        else if (what == SK__ENTER_OUTPUT__WHAT_EXIT)
                message.exit = content;
        else
                message.is_started = true;
        return rpc_stream_write(entrance->stream, &message.base);
}

static void tell_exit(struct entrance *entrance)
{
        Sk__EnterExit exit = SK__ENTER_EXIT__INIT;

        entrance->is_told = true;
        exit.code = entrance->exit_code;
        exit.err = entrance->err.code ? entrance->err.text : "";
        exit.err_code = entrance->exit_code ? 0 : (uint32_t)-entrance->err.code;
        tell(entrance, SK__ENTER_OUTPUT__WHAT_EXIT, &exit);
        rpc_stream_half_close(entrance->stream);
        /* What was left behind may hold its output open, and write on. */
        for (int i = 0; i < N_OUTPUTS; i++)
                close_watch(&entrance->outputs[i].watch);
        close_watch(&entrance->input);
        rpc_stream_resume_reading(entrance->stream);
}

/* --- output --- */

/* False: the stream takes no more, or there is nothing more for now. */
static bool read_some(struct entrance *entrance, struct output *output)
{
        Sk__EnterData data = SK__ENTER_DATA__INIT;
        uint8_t buffer[OUTPUT_SIZE];
        ssize_t n = read(output->watch.fd, buffer, sizeof buffer);

        if (n < 0 && errno == EINTR)
                return true;
        if (n <= 0) {
                output->is_dry = true;
                if (n == 0 || errno != EAGAIN)
                        close_watch(&output->watch);
                return false;
        }
        data.data.data = buffer;
        data.data.len = (size_t)n;
        data.is_stderr = output == &entrance->outputs[1];
        entrance->is_full = !tell(entrance, SK__ENTER_OUTPUT__WHAT_DATA, &data);
        return !entrance->is_full;
}

static void read_output(struct entrance *entrance, struct output *output)
{
        int n = 0;

        output->is_dry = output->watch.fd < 0;
        while (!entrance->is_full && output->watch.fd >= 0 && n++ < READS_PER_TURN &&
               read_some(entrance, output)) {
        }
        if (output->watch.fd >= 0 && !entrance->is_full)
                (void)loop_watch_change(&output->watch, EPOLLIN | EPOLLONESHOT, NULL);
}

/* What was written last is read before anything is taken away, and told before the end is. */
static void go_on(struct entrance *entrance)
{
        const struct executor_ops *ops = entrance->entrances->executor->ops;

        for (int i = 0; i < N_OUTPUTS; i++)
                read_output(entrance, &entrance->outputs[i]);
        if (!entrance->outputs[0].is_dry || !entrance->outputs[1].is_dry)
                return;
        if (entrance->has_ended && !entrance->is_told) {
                tell_exit(entrance);
        } else if (entrance->has_exited && entrance->entry) {
                entrance->has_exited = false;
                ops->entry_finish(entrance->entry);
        }
}

static void output_ready(void *context, uint32_t events)
{
        const struct output *output = context;

        (void)events;
        go_on(output->entrance);
}

/* --- input --- */

static void end_input(struct entrance *entrance)
{
        const struct executor_ops *ops = entrance->entrances->executor->ops;

        if (entrance->input.fd >= 0 && entrance->entry)
                ops->entry_end_input(entrance->entry);
        close_watch(&entrance->input);
}

/* One message waits at most: the next is read from the stream when this one was taken. */
static void write_input(struct entrance *entrance)
{
        struct str *waiting = &entrance->waiting;

        while (entrance->input.fd >= 0 && entrance->n_written < waiting->length) {
                ssize_t n = write(entrance->input.fd, waiting->text + entrance->n_written,
                                  waiting->length - entrance->n_written);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN) {
                        (void)loop_watch_change(&entrance->input, EPOLLOUT | EPOLLONESHOT, NULL);
                        return;
                }
                if (n < 0)
                        break;
                entrance->n_written += (size_t)n;
        }
        str_clear(waiting);
        entrance->n_written = 0;
        if (entrance->input_ends)
                end_input(entrance);
        rpc_stream_resume_reading(entrance->stream);
}

static void input_ready(void *context, uint32_t events)
{
        (void)events;
        write_input(context);
}

static void take_input(struct entrance *entrance, const Sk__EnterInput *input)
{
        const struct executor_ops *ops = entrance->entrances->executor->ops;
        const ProtobufCBinaryData *data = &input->data;

        if (input->what_case == SK__ENTER_INPUT__WHAT_RESIZE && entrance->entry) {
                ops->entry_resize(entrance->entry, input->resize->width, input->resize->height);
        } else if (input->what_case == SK__ENTER_INPUT__WHAT_IS_END) {
                entrance->input_ends = true;
        } else if (input->what_case == SK__ENTER_INPUT__WHAT_DATA && entrance->input.fd >= 0 &&
                   !entrance->input_ends && data->len <= INPUT_MAX) {
                str_add_bytes(&entrance->waiting, data->data, data->len);
        }
        if (entrance->is_told || (entrance->waiting.length == 0 && !entrance->input_ends))
                return;
        rpc_stream_pause_reading(entrance->stream);
        write_input(entrance);
}

/* --- the entry --- */

static void watch(struct entrance *entrance, struct loop_watch *watch, int fd,
                  void (*ready)(void *context, uint32_t events), void *context)
{
        struct err err;

        if (fd < 0)
                return;
        *watch = (struct loop_watch){ .ready = ready, .context = context, .fd = fd };
        if (loop_watch_add(entrance->entrances->loop, watch, EPOLLONESHOT, &err) == 0)
                return;
        close(fd);
        watch->fd = -1;
}

static void has_started(void *context, int in, int out, int errors)
{
        struct entrance *entrance = context;

        watch(entrance, &entrance->outputs[0].watch, out, output_ready, &entrance->outputs[0]);
        watch(entrance, &entrance->outputs[1].watch, errors, output_ready, &entrance->outputs[1]);
        watch(entrance, &entrance->input, in, input_ready, entrance);
        tell(entrance, SK__ENTER_OUTPUT__WHAT_IS_STARTED, NULL);
        rpc_stream_resume_reading(entrance->stream);
        go_on(entrance);
}

static void has_exited(void *context)
{
        struct entrance *entrance = context;

        entrance->has_exited = true;
        go_on(entrance);
}

static void has_ended(void *context, int exit_code, const struct err *err)
{
        struct entrance *entrance = context;

        entrance->entry = NULL;
        entrance->has_ended = true;
        entrance->exit_code = exit_code;
        if (err)
                entrance->err = *err;
        go_on(entrance);
}

static const struct executor_entry_events entry_events = { .started = has_started,
                                                           .exited = has_exited,
                                                           .ended = has_ended };

/* --- the stream --- */

static void input_came(void *context, const void *out)
{
        take_input(context, out);
}

static void stream_writable(void *context)
{
        struct entrance *entrance = context;

        entrance->is_full = false;
        go_on(entrance);
}

static void stream_closed(void *context, const struct err *err)
{
        (void)err;
        free_entrance(context);
}

/* --- requests --- */

static void open_entry(struct entrance *entrance, const Sk__EnterStart *start)
{
        struct executor *executor = entrance->entrances->executor;

        if (executor->ops->enter) {
                entrance->entry = executor->ops->enter(executor, start, &entry_events, entrance);
                return;
        }
        err_set(&entrance->err, ERR_UNIMPLEMENTED, "nobody can go inside the tasks of this node");
        entrance->has_ended = true;
        go_on(entrance);
}

void entrances_begin(struct entrances *entrances, struct rpc_client *client, const char *request_id,
                     const Sk__EnterStart *start)
{
        static const struct rpc_stream_events events = { .message = input_came,
                                                         .writable = stream_writable,
                                                         .closed = stream_closed };
        Sk__EnterOutput first = SK__ENTER_OUTPUT__INIT;
        struct entrance *entrance;

        if (str_is_empty(request_id) || strlen(request_id) >= 64 ||
            map_find(&entrances->map, request_id))
                return;
        entrance = mem_alloc(sizeof *entrance);
        entrance->entrances = entrances;
        entrance->input.fd = -1;
        for (int i = 0; i < N_OUTPUTS; i++) {
                entrance->outputs[i].entrance = entrance;
                entrance->outputs[i].watch.fd = -1;
        }
        memcpy(entrance->request_id, request_id, strlen(request_id) + 1);
        map_put(&entrances->map, entrance->request_id, entrance);
        entrance->stream =
                rpc_client_stream(client, RPC_METHOD(dispatcher, Entered), NULL, &events, entrance);
        rpc_stream_pause_reading(entrance->stream);
        first.request_id = entrance->request_id;
        rpc_stream_write(entrance->stream, &first.base);
        if (entrances->map.n <= ENTRANCES_MAX) {
                open_entry(entrance, start);
                return;
        }
        err_set(&entrance->err, ERR_EXHAUSTED, "too many are inside of this node's tasks at once");
        entrance->has_ended = true;
        go_on(entrance);
}

void entrances_cancel(struct entrances *entrances, const char *request_id)
{
        struct entrance *entrance = map_find(&entrances->map, request_id);

        if (!entrance)
                return;
        rpc_stream_cancel(entrance->stream);
        free_entrance(entrance);
}

struct entrances *entrances_new(struct loop *loop, struct executor *executor)
{
        struct entrances *entrances = mem_alloc(sizeof *entrances);

        entrances->loop = loop;
        entrances->executor = executor;
        return entrances;
}

void entrances_free(struct entrances *entrances)
{
        struct entrance *entrance;

        if (!entrances)
                return;
        for (size_t at = 0; (entrance = map_next(&entrances->map, &at));) {
                rpc_stream_cancel(entrance->stream);
                free_entrance(entrance);
        }
        map_done(&entrances->map);
        free(entrances);
}
