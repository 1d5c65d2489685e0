/* Records of log files. */
#include "agent/logs/record.h"

#include <string.h>

#include "lib/base/time.h"

enum { TIME_MAX = 40, NAME_LENGTH = 6 };

static const char *const stream_names[] = { [LOG_STDOUT] = "stdout", [LOG_STDERR] = "stderr" };

void log_record_add(struct str *str, const struct log_line *line)
{
        str_add_time(str, line->at_ns);
        str_add_char(str, ' ');
        str_add(str, stream_names[line->stream]);
        str_add(str, line->is_partial ? " P " : " F ");
        str_add_bytes(str, line->data, line->size);
        str_add_char(str, '\n');
}

bool log_record_parse(const char *text, size_t size, struct log_line *ret)
{
        const char *space = memchr(text, ' ', size);
        char time[TIME_MAX];
        size_t length = space ? (size_t)(space - text) : 0, left;
        struct log_line line = { 0 };

        if (length == 0 || length >= sizeof time)
                return false;
        left = size - length;
        if (left < NAME_LENGTH + 4 || space[NAME_LENGTH + 1] != ' ' ||
            space[NAME_LENGTH + 3] != ' ')
                return false;
        memcpy(time, text, length);
        time[length] = '\0';
        if (str_to_time(time, &line.at_ns, NULL) < 0)
                return false;
        if (memcmp(space + 1, stream_names[LOG_STDERR], NAME_LENGTH) == 0)
                line.stream = LOG_STDERR;
        else if (memcmp(space + 1, stream_names[LOG_STDOUT], NAME_LENGTH) != 0)
                return false;
        line.is_partial = space[NAME_LENGTH + 2] == 'P';
        line.data = space + NAME_LENGTH + 4;
        line.size = left - (NAME_LENGTH + 4);
        *ret = line;
        return true;
}
