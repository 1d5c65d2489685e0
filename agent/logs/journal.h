/* A task's lines in the node's journal, to which the log driver journald gave them.  Blocking; for
 * the worker pool. */
#pragma once
#include "agent/logs/cursor.h"

/* A place in it that moves forward. */
struct log_journal {
        struct str id; /* of the task; empty: its log is not there */
        char *place;   /* systemd's name for it; NULL: none yet */
        bool is_placed;
};

/* Reads the next lines that are wanted into 'batch', whose options count; as log_cursor_read().
 * Only what root wrote is taken: others may write what they like into a journal.  The journal is
 * opened anew each time, as one thread alone may use it. */
int log_journal_read(struct log_journal *journal, struct log_cursor *batch, struct err *err);

void log_journal_done(struct log_journal *journal);

/* Tells of changes by the inotify descriptor, as far as there are journals. */
void log_journal_watch(int inotify_fd);
