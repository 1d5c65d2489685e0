/* A place in a container's log that moves forward through its files, also while they are being
 * rotated.  Blocking; for the worker pool. */
#pragma once
#include "agent/logs/files.h"
#include "agent/logs/record.h"
#include "api/dispatcher.pb-c.h"

enum { LOG_BATCH_LINES = 1024, LOG_BATCH_BYTES = 65536 };

struct log_cursor {
        char folder[LOG_FOLDER_MAX];
        Sk__LogOptions options;
        int fd; /* of the file being read; -1: none yet */
        int64_t offset;
        int64_t n_skip;              /* whole lines still to be left out, because of 'tail' */
        bool is_placed, is_past_end; /* is_past_end: a line later than 'until' was met */
        char buffer[LOG_BATCH_BYTES];
        struct log_line lines[LOG_BATCH_LINES];
        size_t n_lines;
};

void log_cursor_init(struct log_cursor *cursor, const char *folder, const Sk__LogOptions *options);

/* Reads the next lines that are wanted into 'lines', which are valid until the next call; none
 * means that the end was reached. */
int log_cursor_read(struct log_cursor *cursor, struct err *err);

void log_cursor_done(struct log_cursor *cursor);
