/* Signals by name. */
#include <ctype.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "agent/oci/oci.h"
#include "lib/base/str.h"

/* Real-time signals as the C library's programs see them; docker means the same. */
enum { RT_LEAST = 34, RT_MOST = 64 };

static int parse_real_time(const char *name, int *ret)
{
        int64_t offset = 0;
        bool from_least = strncasecmp(name, "RTMIN", 5) == 0;

        if (!from_least && strncasecmp(name, "RTMAX", 5) != 0)
                return -1;
        if (name[5] &&
            (name[5] != (from_least ? '+' : '-') || str_to_int64(name + 6, &offset, NULL) < 0))
                return -1;
        if (offset < 0 || offset > RT_MOST - RT_LEAST)
                return -1;
        *ret = from_least ? RT_LEAST + (int)offset : RT_MOST - (int)offset;
        return 0;
}

int oci_parse_signal(const char *text, int *ret_signal, struct err *err)
{
        const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
        int64_t number;

        if (isdigit((unsigned char)text[0]) && str_to_int64(text, &number, NULL) == 0 &&
            number >= 1 && number <= RT_MOST) {
                *ret_signal = (int)number;
                return 0;
        }
        for (int signal = 1; signal < 32; signal++) {
                const char *known = sigabbrev_np(signal);

                if (known && strcasecmp(known, name) == 0) {
                        *ret_signal = signal;
                        return 0;
                }
        }
        if (parse_real_time(name, ret_signal) == 0)
                return 0;
        return err_set(err, ERR_INVALID, "invalid signal: %.64s", text);
}

int oci_stop_signal(const Sk__ContainerSpec *container, const struct oci_image *image,
                    int *ret_signal, struct err *err)
{
        const char *name = str_or(container->stop_signal, str_or(image->stop_signal, "SIGTERM"));

        return oci_parse_signal(name, ret_signal, err);
}
