/* Sizes in decimal units. */
#include "cli/size.h"

void add_size(struct str *out, int64_t bytes)
{
        static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
        double size = (double)bytes;
        int unit = 0;

        for (; size >= 1000 && unit < 6; unit++)
                size /= 1000;
        str_addf(out, "%.3g%s", size, units[unit]);
}
