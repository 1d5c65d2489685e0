/* Reading logs back, on the loop. */
#include "agent/logs/read.h"

#include <sys/epoll.h>
#include <sys/inotify.h>

#include "agent/logs/cursor.h"
#include "agent/logs/journal.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"

/* How often a followed log is looked at when the kernel cannot tell of changes (its folder is not
 * there yet). */
static const int64_t look_again_ns = 500 * NS_PER_MS;
/* A journal changes all the time, because of others, and is opened anew for each look. */
static const int64_t journal_pause_ns = NS_PER_S;

struct log_reader {
        struct loop *loop;
        struct worker_pool *pool;
        const struct log_reader_events *events;
        void *context;
        struct work work;
        struct loop_post post; /* more work; not from within the end of other work, which a pool
                                * that ends would refuse */
        bool is_posted;
        bool is_working, is_freed, is_wanted, has_news;
        struct loop_timer timer;
        int64_t looked_boot_ns;
        struct loop_watch watch;
        int inotify_fd;
        bool watches_journal;
        struct log_cursor cursor;
        struct str details;
        struct log_journal journal;
        bool has_ended; /* the container had, before the cursor reached the end */
        bool was_ended; /* when it was looked at before */
        int result;
        struct err err;
};

static bool is_in_journal(const struct log_reader *reader)
{
        return reader->journal.id.length > 0;
}

static void work(struct work *at)
{
        struct log_reader *reader = container_of(at, struct log_reader, work);
        bool has_ended;

        if (reader->cursor.fd < 0 && !is_in_journal(reader))
                log_files_journal(reader->cursor.folder, &reader->journal.id);
        if (reader->cursor.options.details && !reader->details.text)
                log_files_details(reader->cursor.folder, &reader->details);
        has_ended = log_files_has_ended(reader->cursor.folder);
        /* What was sent to the journal last takes a moment to be in it. */
        reader->has_ended = has_ended && (!is_in_journal(reader) || reader->was_ended);
        reader->was_ended = has_ended;
        reader->result = is_in_journal(reader)
                                 ? log_journal_read(&reader->journal, &reader->cursor, &reader->err)
                                 : log_cursor_read(&reader->cursor, &reader->err);
}

static void destroy(struct log_reader *reader)
{
        log_cursor_done(&reader->cursor);
        log_journal_done(&reader->journal);
        str_done(&reader->details);
        if (reader->inotify_fd >= 0)
                close(reader->inotify_fd);
        free(reader);
}

/* A task's folder is there before the mark that its log is in the journal. */
static bool is_watched(const struct log_reader *reader)
{
        return reader->inotify_fd >= 0 && (reader->watches_journal || !is_in_journal(reader));
}

static bool watch_folder(struct log_reader *reader)
{
        if (reader->inotify_fd >= 0)
                return true;
        reader->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (reader->inotify_fd < 0)
                return false;
        reader->watch.fd = reader->inotify_fd;
        if (inotify_add_watch(reader->inotify_fd, reader->cursor.folder,
                              IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0 &&
            loop_watch_add(reader->loop, &reader->watch, EPOLLIN, NULL) == 0)
                return true;
        close(TAKE_FD(reader->inotify_fd));
        return false;
}

static bool watch(struct log_reader *reader)
{
        if (!watch_folder(reader))
                return false;
        if (!is_watched(reader))
                log_journal_watch(reader->inotify_fd);
        reader->watches_journal = is_in_journal(reader);
        return true;
}

static void begin_work(struct loop_post *post);
static void submit(struct log_reader *reader);

static void work_done(struct work *at)
{
        struct log_reader *reader = container_of(at, struct log_reader, work);
        bool is_over = !reader->cursor.options.follow || reader->has_ended ||
                       reader->cursor.is_past_end || !at->was_run;
        bool was_watched = is_watched(reader);

        reader->is_working = false;
        if (reader->is_freed) {
                destroy(reader);
        } else if (at->was_run && reader->result < 0) {
                reader->events->ended(reader->context, &reader->err);
        } else if (at->was_run && reader->cursor.n_lines > 0) {
                reader->is_wanted = false;
                reader->events->lines(reader->context, reader->cursor.lines,
                                      reader->cursor.n_lines);
        } else if (is_over) {
                reader->events->ended(reader->context, NULL);
        } else if (!watch(reader) || (reader->was_ended && !reader->has_ended)) {
                loop_timer_set(reader->loop, &reader->timer, look_again_ns);
        } else if (!was_watched || reader->has_news) {
                /* What came before the watch did is not told of. */
                submit(reader);
        }
}

static void submit(struct log_reader *reader)
{
        if (reader->is_posted)
                return;
        reader->is_posted = true;
        reader->post.run = begin_work;
        loop_post(reader->loop, &reader->post);
}

static void begin_work(struct loop_post *post)
{
        struct log_reader *reader = container_of(post, struct log_reader, post);

        reader->is_posted = false;
        reader->has_news = false;
        reader->looked_boot_ns = loop_now_boot(reader->loop);
        reader->is_working = true;
        reader->work = (struct work){ .work = work, .done = work_done };
        worker_submit(reader->pool, &reader->work);
}

static void look_again(void *context)
{
        struct log_reader *reader = context;

        if (reader->is_working)
                reader->has_news = true;
        else if (reader->is_wanted)
                submit(reader);
}

static void folder_changed(void *context, uint32_t epoll_events)
{
        struct log_reader *reader = context;
        int64_t rested_ns = loop_now_boot(reader->loop) - reader->looked_boot_ns;
        char ignored[4096];

        (void)epoll_events;
        while (read(reader->inotify_fd, ignored, sizeof ignored) > 0)
                ;
        if (!reader->watches_journal)
                look_again(reader);
        else if (!loop_timer_is_set(&reader->timer))
                loop_timer_set(reader->loop, &reader->timer,
                               rested_ns < journal_pause_ns ? journal_pause_ns - rested_ns : 0);
}

struct log_reader *log_reader_new(struct loop *loop, struct worker_pool *pool, const char *folder,
                                  const Sk__LogOptions *options,
                                  const struct log_reader_events *events, void *context)
{
        struct log_reader *reader = mem_alloc(sizeof *reader);

        reader->loop = loop;
        reader->pool = pool;
        reader->events = events;
        reader->context = context;
        reader->inotify_fd = -1;
        reader->timer = (struct loop_timer){ .fire = look_again, .context = reader };
        reader->watch = (struct loop_watch){ .ready = folder_changed, .context = reader };
        log_cursor_init(&reader->cursor, folder, options);
        return reader;
}

void log_reader_more(struct log_reader *reader)
{
        CHECK(!reader->is_wanted);
        reader->is_wanted = true;
        submit(reader);
}

const char *log_reader_details(const struct log_reader *reader)
{
        return str_text(&reader->details);
}

void log_reader_free(struct log_reader *reader)
{
        if (!reader)
                return;
        loop_timer_cancel(&reader->timer);
        if (reader->inotify_fd >= 0)
                loop_watch_remove(&reader->watch);
        if (reader->is_posted)
                loop_post_cancel(reader->loop, &reader->post);
        reader->is_freed = true;
        if (!reader->is_working)
                destroy(reader);
}
