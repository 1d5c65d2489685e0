/* How a container's lines are written for a log server: a frame per message, as it goes out.
 *
 * Frames are a 32-bit size in the machine's order and so many bytes, one after the other.  Used on
 * the worker pool, by one thread at a time. */
#pragma once
#include "agent/logs/record.h"
#include "lib/logging/config.h"

/* Whose lines they are; borrowed while log_format_new() runs. */
struct log_origin {
        const char *id, *name, *image, *image_id, *command, *host;
        const Sk__Label *labels; /* of the container */
        size_t n_labels;
        const char *const *env; /* "K=V" */
        size_t n_env;
};

struct log_format;

/* ERR_INVALID: the tag's template asks for what is not there.  'config' is copied, without its
 * patterns. */
int log_format_new(const struct log_config *config, const struct log_origin *origin,
                   struct log_format **ret, struct err *err);
void log_format_free(struct log_format *format); /* accepts NULL */

const struct log_config *log_format_config(const struct log_format *format);

/* Adds what goes along with each line, and the tag if the service has one: "STAGE=test,team=blue".
 */
void log_format_details(const struct log_format *format, struct str *ret);

/* Adds the line's frames to 'frames'; an empty one stands for a line that no frames can hold. */
void log_format_line(struct log_format *format, const struct log_line *line, struct str *frames);

/* The first frame of 'size' bytes: its content, and what is behind it; false: there is none. */
bool log_frame_first(const char *frames, size_t size, const char **ret, size_t *ret_size);
enum { LOG_FRAME_HEAD = 4 };
