/* From FIFOs to files. */
#include "agent/logs/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/logs/files.h"
#include "agent/logs/wire.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"

enum { N_STREAMS = 2, READ_SIZE = 32768, READS_PER_TURN = 4 };

static const int64_t server_patience_ns = 5 * NS_PER_S;

/* One FIFO. 'line' holds the beginning of a line whose end has not come. */
struct source {
        struct log_sink *sink;
        int fd; /* -1: there is none, or it ended */
        struct loop_watch watch;
        bool is_hung_up; /* its last writer is gone */
        bool is_empty;   /* the work read its end */
        char line[LOG_LINE_MAX];
        size_t n_line;
};

struct log_sink {
        struct loop *loop;
        struct worker_pool *pool;
        struct work work;
        bool is_working, is_ready; /* is_ready: something to read came while working */
        bool is_finishing, is_finished, is_freed;
        bool discard, has_failed;
        void (*failed)(void *context, const struct err *err);
        void (*trouble)(void *context);
        void *failed_context; /* of both */
        void (*done)(void *context);
        void *done_context;
        struct log_wire *wire;  /* NULL: into files */
        bool is_stuck;          /* the wire takes no more for now */
        struct loop_post again; /* more work */
        struct loop_post post;  /* 'done' when nothing is left to do */

        /* The work's own while it is under way. */
        struct source sources[N_STREAMS];
        struct log_files files;
        struct log_format *format; /* NULL: that of files */
        struct str records, kept;
        size_t n_kept_max;
        bool wants_more, is_last; /* wants_more: the pipes held more than one turn takes */
        int result;
        struct err err;
};

static void step_again(struct loop_post *post);

/* --- on the worker --- */

static int64_t clock_now(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void add_record(struct log_sink *sink, enum log_stream stream, const char *data, size_t size,
                       bool is_partial, int64_t now)
{
        const struct log_line line = {
                .at_ns = now, .stream = stream, .is_partial = is_partial, .data = data, .size = size
        };

        if (sink->discard)
                return;
        if (sink->format)
                log_format_line(sink->format, &line, &sink->records);
        else
                log_record_add(&sink->records, &line);
}

/* Adds bytes to the line that is open and closes it when it ends or is full. */
static void take(struct log_sink *sink, enum log_stream stream, const char *data, size_t size)
{
        struct source *source = &sink->sources[stream];
        int64_t now = clock_now();

        while (size > 0) {
                size_t room = LOG_LINE_MAX - source->n_line;
                size_t most = size < room ? size : room;
                const char *end = memchr(data, '\n', most);
                size_t part = end ? (size_t)(end - data) : most;

                memcpy(source->line + source->n_line, data, part);
                source->n_line += part;
                data += part + (end ? 1 : 0);
                size -= part + (end ? 1 : 0);
                if (!end && source->n_line < LOG_LINE_MAX)
                        continue;
                add_record(sink, stream, source->line, source->n_line, !end, now);
                source->n_line = 0;
        }
}

static void keep(struct log_sink *sink, const char *data, size_t size)
{
        size_t room = sink->n_kept_max - sink->kept.length;

        str_add_bytes(&sink->kept, data, size < room ? size : room);
}

/* Reads what is there, READS_PER_TURN times at most; true when there may be more. */
static bool drain(struct log_sink *sink, enum log_stream stream)
{
        struct source *source = &sink->sources[stream];
        char buffer[READ_SIZE];

        for (int i = 0; source->fd >= 0 && i < READS_PER_TURN; i++) {
                ssize_t n = read(source->fd, buffer, sizeof buffer);

                if (n < 0)
                        return errno == EINTR;
                source->is_empty = n == 0;
                if (n == 0)
                        return false;
                keep(sink, buffer, (size_t)n);
                take(sink, stream, buffer, (size_t)n);
        }
        return source->fd >= 0;
}

static void work(struct work *at)
{
        struct log_sink *sink = container_of(at, struct log_sink, work);
        bool more = false;

        for (int i = 0; i < N_STREAMS; i++)
                more |= drain(sink, (enum log_stream)i);
        sink->wants_more = more;
        sink->result = 0;
        for (int i = 0; i < N_STREAMS && sink->is_last && !more; i++) {
                struct source *source = &sink->sources[i];

                if (source->n_line > 0)
                        add_record(sink, (enum log_stream)i, source->line, source->n_line, false,
                                   clock_now());
                source->n_line = 0;
        }
        if (sink->records.length > 0 && !sink->format)
                sink->result = log_files_append(&sink->files, sink->records.text,
                                                sink->records.length, &sink->err);
        if (sink->result == 0 && sink->is_last && !more && !sink->discard)
                sink->result = log_files_set_ended(sink->files.folder, true, &sink->err);
        if (!sink->format)
                str_clear(&sink->records);
}

/* --- on the loop --- */

static void destroy(struct log_sink *sink)
{
        for (int i = 0; i < N_STREAMS; i++) {
                if (sink->sources[i].fd >= 0)
                        close(sink->sources[i].fd);
        }
        log_files_close(&sink->files);
        log_wire_free(sink->wire);
        log_format_free(sink->format);
        str_done(&sink->records);
        str_done(&sink->kept);
        free(sink);
}

static void tell_finished(struct loop_post *post)
{
        struct log_sink *sink = container_of(post, struct log_sink, post);

        sink->post.run = NULL;
        if (sink->is_freed)
                destroy(sink);
        else
                sink->done(sink->done_context);
}

static void report(struct log_sink *sink)
{
        if (sink->result < 0 && !sink->has_failed && sink->failed)
                sink->failed(sink->failed_context, &sink->err);
        sink->has_failed = sink->result < 0;
}

static void stop_source(struct source *source)
{
        if (source->fd < 0)
                return;
        loop_watch_remove(&source->watch);
        close(source->fd);
        source->fd = -1;
}

/* Reads on when something comes; a FIFO without writers is done for. */
static void await_more(struct log_sink *sink)
{
        for (int i = 0; i < N_STREAMS; i++) {
                struct source *source = &sink->sources[i];

                if (source->is_hung_up && source->is_empty)
                        stop_source(source);
                if (source->fd >= 0)
                        (void)loop_watch_change(&source->watch, EPOLLIN | EPOLLONESHOT, NULL);
        }
}

static void server_finished(void *context)
{
        struct log_sink *sink = context;

        sink->post.run = tell_finished;
        loop_post(sink->loop, &sink->post);
}

/* Everything is read; a server still has to take it. */
static void finish(struct log_sink *sink)
{
        sink->is_finished = true;
        if (sink->wire)
                log_wire_finish(sink->wire, server_patience_ns, server_finished, sink);
        else
                server_finished(sink);
}

static void pass_on(struct log_sink *sink)
{
        if (!sink->wire)
                return;
        sink->is_stuck = !log_wire_put(sink->wire, &sink->records);
        str_clear(&sink->records);
}

static void work_done(struct work *at)
{
        struct log_sink *sink = container_of(at, struct log_sink, work);

        sink->is_working = false;
        if (sink->is_freed) {
                destroy(sink);
                return;
        }
        report(sink);
        pass_on(sink);
        if (sink->is_last && (!sink->wants_more || !at->was_run)) {
                finish(sink);
                return;
        }
        if (sink->is_stuck && at->was_run && !sink->is_finishing)
                return;
        if (!at->was_run || !(sink->wants_more || sink->is_ready || sink->is_finishing)) {
                await_more(sink);
                return;
        }
        /* Another stream woke meanwhile, and its work ended before what was posted came. */
        if (sink->again.run)
                return;
        /* Not here: a pool that ends takes no more work from within the end of other work. */
        sink->again.run = step_again;
        loop_post(sink->loop, &sink->again);
}

static void step(struct log_sink *sink)
{
        sink->is_ready = true;
        if (sink->is_working || sink->is_finished)
                return;
        sink->is_ready = false;
        sink->is_working = true;
        sink->is_last = sink->is_finishing;
        sink->wants_more = false;
        sink->work = (struct work){ .work = work, .done = work_done };
        worker_submit(sink->pool, &sink->work);
}

static void step_again(struct loop_post *post)
{
        struct log_sink *sink = container_of(post, struct log_sink, again);

        sink->again.run = NULL;
        step(sink);
}

static void server_in_trouble(void *context)
{
        struct log_sink *sink = context;

        if (sink->trouble && sink->wire)
                sink->trouble(sink->failed_context);
}

static void server_takes_more(void *context)
{
        struct log_sink *sink = context;

        sink->is_stuck = false;
        if (!sink->is_finishing)
                step(sink);
}

static void fifo_ready(void *context, uint32_t events)
{
        struct source *source = context;

        source->is_hung_up = events & EPOLLHUP;
        step(source->sink);
}

static int open_source(struct log_sink *sink, const char *path, struct source *source,
                       struct err *err)
{
        struct stat status;
        int failed;

        source->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
        if (source->fd < 0)
                return err_set(err, ERR_UNAVAILABLE, "open '%s': %s", path, strerror(errno));
        if (fstat(source->fd, &status) < 0 || !S_ISFIFO(status.st_mode)) {
                close(TAKE_FD(source->fd));
                return err_set(err, ERR_INTERNAL, "'%s' is no FIFO", path);
        }
        source->watch = (struct loop_watch){
                .ready = fifo_ready,
                .context = source,
                .fd = source->fd,
        };
        failed = loop_watch_add(sink->loop, &source->watch, EPOLLIN | EPOLLONESHOT, err);
        if (failed)
                close(TAKE_FD(source->fd));
        return failed;
}

size_t log_sink_fds(const struct log_sink *sink, int ret[static 2])
{
        size_t n = 0;

        for (int i = 0; i < N_STREAMS; i++)
                if (sink->sources[i].fd >= 0)
                        ret[n++] = sink->sources[i].fd;
        return n;
}

int log_sink_new(struct loop *loop, struct worker_pool *pool,
                 const struct log_sink_options *options, struct log_sink **ret_sink,
                 struct err *err)
{
        struct log_sink *sink = mem_alloc(sizeof *sink);
        int failed = 0;

        sink->loop = loop;
        sink->pool = pool;
        sink->discard = options->discard;
        sink->format = options->format;
        sink->n_kept_max = options->n_kept_max;
        sink->failed = options->failed;
        sink->trouble = options->trouble;
        sink->failed_context = options->context;
        sink->files = (struct log_files){
                .size_max = options->size_max,
                .n_max = options->n_files_max,
                .fd = -1,
        };
        if ((size_t)snprintf(sink->files.folder, sizeof sink->files.folder, "%s",
                             options->folder) >= sizeof sink->files.folder)
                failed = err_set(err, ERR_INVALID, "the path '%s' is too long", options->folder);
        for (int i = 0; i < N_STREAMS; i++) {
                sink->sources[i].sink = sink;
                sink->sources[i].fd = -1;
        }
        for (int i = 0; !failed && i < N_STREAMS; i++) {
                if (options->fifos[i])
                        failed = open_source(sink, options->fifos[i], &sink->sources[i], err);
        }
        if (failed) {
                log_sink_free(sink);
                return failed;
        }
        if (sink->format)
                sink->wire = log_wire_new(&(struct log_wire_options){
                        .loop = loop,
                        .pool = options->resolvers,
                        .config = log_format_config(sink->format),
                        .writable = server_takes_more,
                        .trouble = server_in_trouble,
                        .context = sink,
                });
        *ret_sink = sink;
        return 0;
}

void log_sink_finish(struct log_sink *sink, void (*done)(void *context), void *context)
{
        CHECK(!sink->is_finishing);
        sink->is_finishing = true;
        sink->done = done;
        sink->done_context = context;
        step(sink);
}

uint64_t log_sink_dropped(const struct log_sink *sink)
{
        return sink->wire ? log_wire_dropped(sink->wire) : 0;
}

const char *log_sink_error(const struct log_sink *sink)
{
        return sink->wire ? log_wire_error(sink->wire) : "";
}

const struct str *log_sink_kept(const struct log_sink *sink)
{
        return &sink->kept;
}

void log_sink_free(struct log_sink *sink)
{
        if (!sink)
                return;
        for (int i = 0; i < N_STREAMS; i++) {
                if (sink->sources[i].fd >= 0)
                        loop_watch_remove(&sink->sources[i].watch);
        }
        if (sink->again.run)
                loop_post_cancel(sink->loop, &sink->again);
        log_wire_free(TAKE(sink->wire));
        sink->is_freed = true;
        /* Work under way, or the posted end, frees it. */
        if (!sink->is_working && !(sink->is_finished && sink->post.run))
                destroy(sink);
}
