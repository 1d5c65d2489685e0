/* Any bytes as a file of the timezone database: what is accepted has a clock for all times. */
#include "lib/base/check.h"
#include "lib/cron/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct arena arena = { 0 };
        struct zone zone;
        struct err err;
        Sk__Zone *table;

        if (zone_read(&arena, data, size, 0, &table, &err) == 0) {
                zone_init(&zone, table);
                for (int64_t at_s = -4000000000; at_s < 8000000000; at_s += 700000003) {
                        CHECK(zone_next_change(&zone, at_s) > at_s);
                        zone_when(&zone, at_s);
                }
        }
        arena_done(&arena);
        return 0;
}
