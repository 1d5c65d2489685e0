/* Options about updates and rollbacks: how many tasks at once, in which order, what when they fail.
 */
#include <string.h>

#include "cli/spec_private.h"
#include "lib/base/str.h"

static Sk__UpdateConfig *config_at(struct spec_edit *edit, Sk__UpdateConfig **place)
{
        bool is_new = !*place;
        Sk__UpdateConfig *config =
                SPEC_MAKE(edit, *place, Sk__UpdateConfig, SK__UPDATE_CONFIG__INIT);

        if (is_new)
                config->parallelism = 1;
        return config;
}

static Sk__UpdateConfig *update(struct spec_edit *edit)
{
        return config_at(edit, &edit->spec->update);
}

static Sk__UpdateConfig *rollback(struct spec_edit *edit)
{
        return config_at(edit, &edit->spec->rollback);
}

/* "4", or "25%" of the tasks. */
static int parse_parallelism(struct spec_edit *edit, const char *value, Sk__UpdateConfig *config)
{
        size_t length = strlen(value);
        uint64_t number;

        if (!length || value[length - 1] != '%') {
                TRY(str_to_uint64(value, &config->parallelism, edit->err));
                config->parallelism_percent = 0;
                return 0;
        }
        if (str_to_uint64(arena_printf(edit->arena, "%.*s", (int)length - 1, value), &number,
                          NULL) < 0 ||
            number < 1 || number > 100)
                return err_set(edit->err, ERR_INVALID, "a percentage is 1%% to 100%%");
        config->parallelism = 1;
        config->parallelism_percent = (uint32_t)number;
        return 0;
}

static int parse_order(struct spec_edit *edit, const char *value, Sk__UpdateConfig *config)
{
        if (strcmp(value, "stop-first") != 0 && strcmp(value, "start-first") != 0)
                return err_set(edit->err, ERR_INVALID,
                               "invalid order \"%.32s\": stop-first or start-first", value);
        config->order = strcmp(value, "stop-first") == 0 ? SK__UPDATE_CONFIG__ORDER__STOP_FIRST
                                                         : SK__UPDATE_CONFIG__ORDER__START_FIRST;
        return 0;
}

static int parse_action(struct spec_edit *edit, const char *value, Sk__UpdateConfig *config)
{
        static const char *const words[] = { "pause", "continue", "rollback" };
        /* A rollback cannot be rolled back. */
        int n_words = config == edit->spec->rollback ? 2 : 3;

        for (int i = 0; i < n_words; i++)
                if (strcmp(value, words[i]) == 0) {
                        config->failure_action = (Sk__UpdateConfig__FailureAction)i;
                        return 0;
                }
        return err_set(edit->err, ERR_INVALID, "invalid failure action \"%.32s\": pause%s", value,
                       n_words == 2 ? " or continue" : ", continue or rollback");
}

static int parse_deadline(struct spec_edit *edit, const char *value, Sk__UpdateConfig *config)
{
        int64_t deadline_ns;

        TRY(str_to_duration(value, &deadline_ns, edit->err));
        if (deadline_ns < 0)
                return err_set(edit->err, ERR_INVALID, "a deadline cannot be negative");
        config->progress_deadline_ns = deadline_ns ? deadline_ns : -1;
        return 0;
}

#define SET_UPDATE(which)                                                                \
        static int set_##which##_parallelism(struct spec_edit *edit, const char *value)  \
        {                                                                                \
                return parse_parallelism(edit, value, which(edit));                      \
        }                                                                                \
        static int set_##which##_delay(struct spec_edit *edit, const char *value)        \
        {                                                                                \
                return str_to_duration(value, &which(edit)->delay_ns, edit->err);        \
        }                                                                                \
        static int set_##which##_order(struct spec_edit *edit, const char *value)        \
        {                                                                                \
                return parse_order(edit, value, which(edit));                            \
        }                                                                                \
        static int set_##which##_action(struct spec_edit *edit, const char *value)       \
        {                                                                                \
                return parse_action(edit, value, which(edit));                           \
        }                                                                                \
        static int set_##which##_monitor(struct spec_edit *edit, const char *value)      \
        {                                                                                \
                return str_to_duration(value, &which(edit)->monitor_ns, edit->err);      \
        }                                                                                \
        static int set_##which##_ratio(struct spec_edit *edit, const char *value)        \
        {                                                                                \
                return str_to_double(value, &which(edit)->max_failure_ratio, edit->err); \
        }                                                                                \
        static int set_##which##_deadline(struct spec_edit *edit, const char *value)     \
        {                                                                                \
                return parse_deadline(edit, value, which(edit));                         \
        }
SET_UPDATE(update)
SET_UPDATE(rollback)

static int set_canary(struct spec_edit *edit, const char *value)
{
        return str_to_uint64(value, &update(edit)->canary, edit->err);
}

/* clang-format off */
const struct spec_option spec_update_options[] = {
        { "update-parallelism",    0, FLAG_STRING,   "uint[%]", "Maximum number of tasks updated simultaneously (0 to update all at once), or a percentage of all (default 1)", NULL, set_update_parallelism, NULL, SPEC_BOTH },
        { "update-delay",          0, FLAG_DURATION, NULL, "Delay between updates (ns|us|ms|s|m|h) (default 0s)", NULL, set_update_delay, NULL, SPEC_BOTH },
        { "update-order",          0, FLAG_STRING,   NULL, "Update order (\"start-first\", \"stop-first\") (default \"stop-first\")", NULL, set_update_order, NULL, SPEC_BOTH },
        { "update-failure-action", 0, FLAG_STRING,   NULL, "Action on update failure (\"pause\", \"continue\", \"rollback\") (default \"pause\")", NULL, set_update_action, NULL, SPEC_BOTH },
        { "update-monitor",        0, FLAG_DURATION, NULL, "Duration after each task update to monitor for failure (ns|us|ms|s|m|h) (default 5s)", NULL, set_update_monitor, NULL, SPEC_BOTH },
        { "update-max-failure-ratio", 0, FLAG_DECIMAL, "float", "Failure rate to tolerate during an update (default 0)", NULL, set_update_ratio, NULL, SPEC_BOTH },
        { "update-progress-deadline", 0, FLAG_DURATION, NULL, "A new task that does not run after so long has failed (0s: never) (default 10m)", NULL, set_update_deadline, NULL, SPEC_BOTH },
        { "update-canary",         0, FLAG_UINT,     NULL, "Update so many tasks, then wait for 'skep service promote' (0: do not wait) (default 0)", NULL, set_canary, NULL, SPEC_BOTH },
        { "rollback-parallelism",  0, FLAG_STRING,   "uint[%]", "Maximum number of tasks rolled back simultaneously (0 to roll back all at once), or a percentage of all (default 1)", NULL, set_rollback_parallelism, NULL, SPEC_BOTH },
        { "rollback-delay",        0, FLAG_DURATION, NULL, "Delay between task rollbacks (ns|us|ms|s|m|h) (default 0s)", NULL, set_rollback_delay, NULL, SPEC_BOTH },
        { "rollback-order",        0, FLAG_STRING,   NULL, "Rollback order (\"start-first\", \"stop-first\") (default \"stop-first\")", NULL, set_rollback_order, NULL, SPEC_BOTH },
        { "rollback-failure-action", 0, FLAG_STRING, NULL, "Action on rollback failure (\"pause\", \"continue\") (default \"pause\")", NULL, set_rollback_action, NULL, SPEC_BOTH },
        { "rollback-monitor",      0, FLAG_DURATION, NULL, "Duration after each task rollback to monitor for failure (ns|us|ms|s|m|h) (default 5s)", NULL, set_rollback_monitor, NULL, SPEC_BOTH },
        { "rollback-max-failure-ratio", 0, FLAG_DECIMAL, "float", "Failure rate to tolerate during a rollback (default 0)", NULL, set_rollback_ratio, NULL, SPEC_BOTH },
        { "rollback-progress-deadline", 0, FLAG_DURATION, NULL, "A task rolled back that does not run after so long has failed (0s: never) (default 10m)", NULL, set_rollback_deadline, NULL, SPEC_BOTH },
        { 0 },
};
/* clang-format on */
