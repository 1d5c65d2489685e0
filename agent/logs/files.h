/* The files of one container's log: "log" is being written, "log.1" is the one before it, and so
 * on; "ended" says that no more will come.  Blocking; for the worker pool. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

enum { LOG_FILES_MAX = 100, LOG_FOLDER_MAX = 320, LOG_PATH_MAX = LOG_FOLDER_MAX + 16 };

struct log_files {
        char folder[LOG_FOLDER_MAX];
        int64_t size_max; /* of one file; 0: no limit, one file */
        int64_t n_max;    /* files kept, the one being written included; at least 1 */
        int fd;           /* of "log"; -1: not open yet */
        int64_t size;
};

/* Appends whole records, in a new file when the current one is full.  Opens what is not open; makes
 * the folder. */
int log_files_append(struct log_files *files, const char *records, size_t size, struct err *err);

/* Says that no more will come, or (when the container starts again) that more will. */
int log_files_set_ended(const char *folder, bool has_ended, struct err *err);
bool log_files_has_ended(const char *folder);

/* Says that the log is not kept here: its driver does not support reading. */
int log_files_set_elsewhere(const char *folder, struct err *err);
bool log_files_is_elsewhere(const char *folder);

/* Says that it is in the node's journal, as that of this task. */
int log_files_set_journal(const char *folder, const char *task_id, struct err *err);
/* Whose it is; "" when it is not there. */
void log_files_journal(const char *folder, struct str *ret);

/* What goes along with all lines; "": nothing.  What is beyond LOG_DETAILS_MAX bytes is cut off. */
int log_files_set_details(const char *folder, const char *details, struct err *err);
void log_files_details(const char *folder, struct str *ret);
enum { LOG_DETAILS_MAX = 16384 };

void log_files_close(struct log_files *files);

/* The path of the i-th file, 0 being the newest. */
void log_files_path(const char *folder, int i, char *ret, size_t size);
