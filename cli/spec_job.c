/* Options about when a job runs. */
#include <string.h>

#include "cli/spec_private.h"
#include "lib/base/str.h"

static Sk__Schedule *schedule(struct spec_edit *edit)
{
        return SPEC_MAKE(edit, edit->spec->schedule, Sk__Schedule, SK__SCHEDULE__INIT);
}

/* "" takes the schedule away. */
static int set_schedule(struct spec_edit *edit, const char *value)
{
        if (*value)
                schedule(edit)->cron = arena_strdup(edit->arena, value);
        else
                edit->spec->schedule = NULL;
        return 0;
}

static int set_timezone(struct spec_edit *edit, const char *value)
{
        schedule(edit)->timezone = arena_strdup(edit->arena, value);
        return 0;
}

static int set_concurrency(struct spec_edit *edit, const char *value)
{
        static const char *const words[] = { "allow", "forbid", "replace" };

        for (int i = 0; i < 3; i++)
                if (strcmp(value, words[i]) == 0) {
                        schedule(edit)->concurrency = (Sk__Schedule__Concurrency)i;
                        return 0;
                }
        return err_set(edit->err, ERR_INVALID,
                       "invalid concurrency \"%.32s\": allow, forbid or replace", value);
}

static int set_starting_deadline(struct spec_edit *edit, const char *value)
{
        return str_to_duration(value, &schedule(edit)->starting_deadline_ns, edit->err);
}

static int set_history(struct spec_edit *edit, const char *value)
{
        return str_to_uint64(value, &schedule(edit)->history, edit->err);
}

/* clang-format off */
const struct spec_option spec_job_options[] = {
        { "schedule",              0, FLAG_STRING,   "cron", "When the job runs (\"30 4 * * mon-fri\", \"@daily\"), instead of once; \"\": once", NULL, set_schedule, NULL, SPEC_BOTH },
        { "timezone",              0, FLAG_STRING,   "zone", "Timezone of the schedule, as in \"Europe/Berlin\" (default UTC)", NULL, set_timezone, NULL, SPEC_BOTH },
        { "concurrency",           0, FLAG_STRING,   NULL, "When it is time and a run is under way (\"allow\" another, \"forbid\" it, \"replace\" the one before) (default \"allow\")", NULL, set_concurrency, NULL, SPEC_BOTH },
        { "starting-deadline",     0, FLAG_DURATION, NULL, "A run that is later than this is missed (ns|us|ms|s|m|h) (default 5m)", NULL, set_starting_deadline, NULL, SPEC_BOTH },
        { "job-history",           0, FLAG_UINT,     NULL, "Runs that are kept, with their tasks and logs (default 10)", NULL, set_history, NULL, SPEC_BOTH },
        { 0 },
};
/* clang-format on */
