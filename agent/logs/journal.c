/* Reading the journal back. */
#include "agent/logs/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#include "lib/base/mem.h"
#include "lib/base/time.h"

static int failed(int error, struct err *err)
{
        return err_set(err, ERR_UNAVAILABLE, "read the journal: %s", strerror(-error));
}

static bool has(sd_journal *from, const char *field)
{
        const void *data;
        size_t size;

        return sd_journal_get_data(from, field, &data, &size) >= 0;
}

/* The field's value, without its name; not valid for long. */
static const char *get(sd_journal *from, const char *field, size_t *ret_size)
{
        size_t name = strlen(field) + 1;
        const void *data;

        if (sd_journal_get_data(from, field, &data, ret_size) < 0 || *ret_size < name)
                return NULL;
        *ret_size -= name;
        return (const char *)data + name;
}

static bool is_error(sd_journal *from)
{
        size_t size = 0;
        const char *value = get(from, "PRIORITY", &size);

        return value && size == 1 && value[0] == '3';
}

static bool is_of_wanted_stream(const struct log_cursor *batch, sd_journal *from)
{
        return is_error(from) ? batch->options.stderr : batch->options.stdout;
}

/* --- placing --- */

/* Behind the entry before the last 'tail' lines. */
static int place_tail(const struct log_cursor *batch, sd_journal *from)
{
        int64_t left = batch->options.tail + 1;
        int result = sd_journal_seek_tail(from);

        while (result >= 0 && left > 0 && (result = sd_journal_previous(from)) > 0)
                left -= is_of_wanted_stream(batch, from) && !has(from, "CONTAINER_PARTIAL_MESSAGE");
        return result == 0 ? sd_journal_seek_head(from) : result;
}

static int place(struct log_journal *journal, const struct log_cursor *batch, sd_journal *from)
{
        bool was_placed = journal->is_placed;
        int result;

        journal->is_placed = true;
        if (!was_placed && batch->options.tail >= 0)
                return place_tail(batch, from);
        if (!journal->place)
                return sd_journal_seek_head(from);
        result = sd_journal_seek_cursor(from, journal->place);
        if (result >= 0)
                result = sd_journal_next(from);
        /* What was read last may be gone: then this is the next one. */
        if (result > 0 && sd_journal_test_cursor(from, journal->place) == 0 &&
            (result = sd_journal_previous(from)) == 0)
                result = sd_journal_seek_head(from);
        return result;
}

/* --- reading --- */

static int64_t time_of(sd_journal *from)
{
        uint64_t us = 0;

        return sd_journal_get_realtime_usec(from, &us) < 0 ? 0 : (int64_t)us * 1000;
}

static void take(struct log_cursor *batch, sd_journal *from, size_t *used)
{
        const Sk__LogOptions *options = &batch->options;
        struct log_line line = { .at_ns = time_of(from),
                                 .stream = is_error(from) ? LOG_STDERR : LOG_STDOUT,
                                 .is_partial = has(from, "CONTAINER_PARTIAL_MESSAGE") };
        const char *text = get(from, "MESSAGE", &line.size);

        if (!text || !is_of_wanted_stream(batch, from) || line.at_ns < options->since_ns)
                return;
        if (options->until_ns != 0 && line.at_ns > options->until_ns) {
                batch->is_past_end = true;
                return;
        }
        if (line.size > LOG_LINE_MAX)
                line.size = LOG_LINE_MAX;
        line.data = batch->buffer + *used;
        memcpy(batch->buffer + *used, text, line.size);
        *used += line.size;
        batch->lines[batch->n_lines++] = line;
}

static int read_lines(struct log_journal *journal, struct log_cursor *batch, sd_journal *from)
{
        int result = place(journal, batch, from);
        bool has_moved = result > 0;
        size_t used = 0;

        while (result >= 0 && batch->n_lines < LOG_BATCH_LINES && !batch->is_past_end &&
               used + LOG_LINE_MAX <= LOG_BATCH_BYTES && (result = sd_journal_next(from)) > 0) {
                take(batch, from, &used);
                has_moved = true;
        }
        if (result >= 0 && has_moved) {
                free(TAKE(journal->place));
                result = sd_journal_get_cursor(from, &journal->place);
        }
        return result;
}

static int choose(const struct log_journal *journal, sd_journal *from)
{
        _cleanup_(str_done) struct str match = { 0 };
        int result = sd_journal_add_match(from, "_UID=0", 0);

        str_addf(&match, "CONTAINER_ID_FULL=%s", str_text(&journal->id));
        return result < 0 ? result : sd_journal_add_match(from, match.text, match.length);
}

int log_journal_read(struct log_journal *journal, struct log_cursor *batch, struct err *err)
{
        _cleanup_(sd_journal_closep) sd_journal *from = NULL;
        int result = sd_journal_open(&from, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);

        batch->n_lines = 0;
        if (result >= 0)
                result = choose(journal, from);
        if (result >= 0)
                result = read_lines(journal, batch, from);
        return result < 0 ? failed(result, err) : 0;
}

void log_journal_done(struct log_journal *journal)
{
        str_done(&journal->id);
        free(TAKE(journal->place));
}

void log_journal_watch(int inotify_fd)
{
        static const char *const folders[] = { "/var/log/journal", "/run/log/journal" };
        char name[SD_ID128_STRING_MAX], path[128];
        sd_id128_t machine;

        if (sd_id128_get_machine(&machine) < 0)
                return;
        sd_id128_to_string(machine, name);
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
                snprintf(path, sizeof path, "%s/%s", folders[i], name);
                (void)inotify_add_watch(inotify_fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
        }
}
