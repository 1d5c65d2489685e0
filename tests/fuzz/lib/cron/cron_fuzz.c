/* Any text as a schedule and as a timezone's rule: what is accepted has times that go on. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/cron/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Sk__Zone table = SK__ZONE__INIT;
        struct arena arena = { 0 };
        char *text = arena_alloc(&arena, size + 1), *rule;
        int64_t at = 1800000000 * NS_PER_S;
        struct zone zone;
        struct cron cron;
        struct err err;

        memcpy(text, data, size);
        rule = strchr(text, '|');
        if (rule)
                *rule++ = '\0';
        table.rule = rule ? rule : "CET-1CEST,M3.5.0,M10.5.0/3";
        zone_init(&zone, &table);
        if (cron_parse(text, &cron, &err) < 0) {
                CHECK(err.code == ERR_INVALID && err.text[0]);
        } else {
                for (int i = 0; i < 4 && at != TIME_NEVER; i++) {
                        int64_t next = cron_next(&cron, &zone, at);

                        CHECK(next > at);
                        at = next;
                }
        }
        arena_done(&arena);
        return 0;
}
