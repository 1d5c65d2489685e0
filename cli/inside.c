/* A stream to the inside of a task. */
#include "cli/inside.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/str.h"
#include "lib/os/os_error.h"

enum { CHUNK_SIZE = 32 << 10 };

struct inside {
        struct cli *cli;
        const struct inside_options *options;
        struct rpc_stream *stream;
        struct loop_watch input;
        bool is_file; /* the input is no terminal, pipe or socket: always ready */
        bool takes_input, has_input_ended, is_closed, has_exit;
        int code;
        struct termios before; /* of the terminal */
        bool is_raw;
        struct err err;
};

/* --- the terminal --- */

static void tell_size(struct inside *inside)
{
        Sk__EnterInput input = SK__ENTER_INPUT__INIT;
        Sk__TerminalSize size = SK__TERMINAL_SIZE__INIT;
        struct winsize now;

        if (inside->is_closed || ioctl(inside->options->in, TIOCGWINSZ, &now) < 0)
                return;
        size.width = now.ws_col;
        size.height = now.ws_row;
        input.what_case = SK__ENTER_INPUT__WHAT_RESIZE;
        input.resize = &size;
        rpc_stream_write(inside->stream, &input.base);
}

static void size_changed(void *context, int signal)
{
        (void)signal;
        tell_size(context);
}

static void shall_end(void *context, int signal)
{
        struct inside *inside = context;

        inside->cli->stops = true;
        inside->code = 128 + signal;
}

/* Keys go to the program as they are typed; what was is put back also when we are asked to end. */
static int open_terminal(struct inside *inside, struct err *err)
{
        struct loop *loop = inside->cli->loop;
        struct termios raw;

        if (!inside->options->is_tty)
                return 0;
        TRY(loop_signal(loop, SIGWINCH, size_changed, inside, err));
        TRY(loop_signal(loop, SIGTERM, shall_end, inside, err));
        TRY(loop_signal(loop, SIGHUP, shall_end, inside, err));
        if (tcgetattr(inside->options->in, &inside->before) < 0)
                return os_error(err, errno, "look at the terminal");
        raw = inside->before;
        cfmakeraw(&raw);
        if (tcsetattr(inside->options->in, TCSANOW, &raw) < 0)
                return os_error(err, errno, "set up the terminal");
        inside->is_raw = true;
        return 0;
}

static void close_terminal(struct inside *inside)
{
        if (inside->is_raw)
                (void)tcsetattr(inside->options->in, TCSANOW, &inside->before);
}

/* --- input --- */

static void end_input(struct inside *inside)
{
        Sk__EnterInput input = SK__ENTER_INPUT__INIT;

        inside->has_input_ended = true;
        loop_watch_remove(&inside->input);
        input.what_case = SK__ENTER_INPUT__WHAT_IS_END;
        input.is_end = true;
        rpc_stream_write(inside->stream, &input.base);
}

static void send_input(struct inside *inside)
{
        Sk__EnterInput input = SK__ENTER_INPUT__INIT;
        uint8_t buffer[CHUNK_SIZE];
        ssize_t n = read(inside->options->in, buffer, sizeof buffer);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (n <= 0) {
                end_input(inside);
                return;
        }
        input.what_case = SK__ENTER_INPUT__WHAT_DATA;
        input.data.data = buffer;
        input.data.len = (size_t)n;
        inside->takes_input = rpc_stream_write(inside->stream, &input.base);
        if (inside->options->passed)
                inside->options->passed(inside->options->context, (size_t)n);
        if (!inside->takes_input)
                loop_watch_remove(&inside->input);
}

static void input_ready(void *context, uint32_t events)
{
        (void)events;
        send_input(context);
}

/* A file cannot be waited for: it is read between the turns of the loop. */
static void take_input(struct inside *inside)
{
        inside->takes_input = true;
        if (inside->options->in < 0 || inside->has_input_ended || inside->is_file ||
            inside->input.loop)
                return;
        inside->input = (struct loop_watch){ .ready = input_ready,
                                             .context = inside,
                                             .fd = inside->options->in };
        if (loop_watch_add(inside->cli->loop, &inside->input, EPOLLIN, NULL) < 0) {
                inside->input.loop = NULL;
                inside->is_file = true;
        }
}

/* --- output --- */

static void write_all(struct inside *inside, int fd, const uint8_t *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        if (errno != EPIPE)
                                os_error(&inside->err, errno, "write the output");
                        inside->cli->stops = true;
                        return;
                }
                data += n;
                size -= (size_t)n;
        }
}

static void data_came(struct inside *inside, const Sk__EnterData *data)
{
        const struct inside_options *options = inside->options;

        if (data->is_stderr && options->passed) {
                text_make_printable((char *)data->data.data, data->data.len, "\n");
                write_all(inside, options->errors, data->data.data, data->data.len);
                return;
        }
        write_all(inside, data->is_stderr ? options->errors : options->out, data->data.data,
                  data->data.len);
        if (options->passed)
                options->passed(options->context, data->data.len);
}

static void output_came(void *context, const void *out)
{
        struct inside *inside = context;
        const Sk__EnterOutput *output = out;

        if (output->what_case == SK__ENTER_OUTPUT__WHAT_IS_STARTED) {
                take_input(inside);
        } else if (output->what_case == SK__ENTER_OUTPUT__WHAT_DATA) {
                data_came(inside, output->data);
        } else if (output->what_case == SK__ENTER_OUTPUT__WHAT_EXIT) {
                inside->has_exit = true;
                inside->code = output->exit->code;
                if (!str_is_empty(output->exit->err))
                        err_set(&inside->err, ERR_UNKNOWN, "%s", output->exit->err);
        }
}

static void stream_writable(void *context)
{
        take_input(context);
}

static void stream_closed(void *context, const struct err *err)
{
        struct inside *inside = context;

        inside->is_closed = true;
        if (err->code != ERR_OK && !inside->has_exit)
                inside->err = *err;
}

/* --- all of it --- */

static int turn(struct inside *inside)
{
        struct cli *cli = inside->cli;

        while (!inside->is_closed && !cli->stops) {
                bool reads = inside->is_file && inside->takes_input && !inside->has_input_ended;

                TRY(loop_turn(cli->loop, reads ? 0 : -1, &cli->err));
                if (reads && !inside->is_closed)
                        send_input(inside);
        }
        return 0;
}

static int finish(struct inside *inside, int *ret_code)
{
        struct cli *cli = inside->cli;

        if (inside->has_exit && inside->err.code) {
                text_make_printable(inside->err.text, strlen(inside->err.text), "\n\t");
                fprintf(stderr, "%s\n", inside->err.text);
        }
        if (!inside->has_exit && inside->err.code) {
                cli->err = inside->err;
                return cli->err.code;
        }
        *ret_code = inside->code;
        return 0;
}

int inside_run(struct cli *cli, const struct inside_options *options, int *ret_code)
{
        static const struct rpc_stream_events events = { .message = output_came,
                                                         .writable = stream_writable,
                                                         .closed = stream_closed };
        struct inside inside = { .cli = cli, .options = options };
        const struct rpc_method_id *method = RPC_METHOD(control, Enter);
        Sk__EnterInput first = SK__ENTER_INPUT__INIT;
        struct rpc_client *client;
        int result;

        /* Nobody reading any more is an end like others: the terminal is put back. */
        signal(SIGPIPE, SIG_IGN);
        TRY(cli_check_there(cli, method));
        TRY(open_terminal(&inside, &cli->err));
        client = cli_client(cli, method);
        if (!client) {
                close_terminal(&inside);
                return cli->err.code;
        }
        inside.stream = rpc_client_stream(client, method, NULL, &events, &inside);
        first.what_case = SK__ENTER_INPUT__WHAT_START;
        first.start = (Sk__EnterStart *)options->start;
        rpc_stream_write(inside.stream, &first.base);
        result = turn(&inside);
        loop_watch_remove(&inside.input);
        if (!inside.is_closed)
                rpc_stream_cancel(inside.stream);
        close_terminal(&inside);
        return result < 0 ? result : finish(&inside, ret_code);
}
