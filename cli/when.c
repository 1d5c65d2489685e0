/* Points in time as people type and read them. */
#include "cli/when.h"

#include "lib/base/mem.h"
#include "lib/base/time.h"

int when_parse(const char *text, int64_t now_ns, int64_t *ret_ns, struct err *err)
{
        int64_t ns;
        double seconds;

        if (str_is_empty(text)) {
                *ret_ns = 0;
                return 0;
        }
        if (str_to_double(text, &seconds, NULL) == 0 && seconds >= 0 && seconds < 9e9)
                ns = (int64_t)(seconds * 1e9);
        else if (str_to_time(text, &ns, NULL) == 0)
                ;
        else if (str_to_duration(text, &ns, NULL) == 0)
                ns = now_ns - ns;
        else
                return err_set(err, ERR_INVALID,
                               "invalid time \"%.64s\": a timestamp as 2026-01-02T13:23:37Z, or "
                               "how long ago as 42m",
                               text);
        *ret_ns = ns;
        return 0;
}

void add_go_time(struct str *out, int64_t time_ns)
{
        _cleanup_(str_done) struct str time = { 0 };

        str_add_time(&time, time_ns);
        time.text[10] = ' ';
        time.text[time.length - 1] = '\0';
        str_addf(out, "%s +0000 utc", time.text);
}
