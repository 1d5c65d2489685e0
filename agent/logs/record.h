/* How a line of a container's output stands in a file, in the format that Kubernetes' runtimes
 * write and log shippers read:
 *
 *         2026-11-20T05:31:53.519172983Z stdout F hello
 *         2026-11-20T05:31:53.519201442Z stderr P the first 16 KiB of a line that goes on in the
 * next record of its stream
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/str.h"

enum log_stream { LOG_STDOUT, LOG_STDERR };

enum {
        LOG_LINE_MAX = 16384, /* bytes of data in a record; longer lines come in several */
        LOG_RECORD_MAX = LOG_LINE_MAX + 64,
};

struct log_line {
        int64_t at_ns;
        enum log_stream stream;
        bool is_partial;  /* the line goes on in the next record of this stream */
        const char *data; /* without the newline; any bytes but that */
        size_t size;
};

/* Adds the record, with its final newline. */
void log_record_add(struct str *str, const struct log_line *line);

/* Reads one record, given without its final newline; 'ret->data' points into 'text'.  False: it is
 * none (a torn write). */
bool log_record_parse(const char *text, size_t size, struct log_line *ret);
