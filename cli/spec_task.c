/* Options about tasks: resources, restarts, placement, logs. */
#include <math.h>
#include <string.h>

#include "cli/spec_private.h"
#include "lib/base/str.h"

static Sk__Resources *limits(struct spec_edit *edit)
{
        return SPEC_MAKE(edit, spec_task(edit)->limits, Sk__Resources, SK__RESOURCES__INIT);
}

static Sk__Resources *reservations(struct spec_edit *edit)
{
        return SPEC_MAKE(edit, spec_task(edit)->reservations, Sk__Resources, SK__RESOURCES__INIT);
}

/* "0.5" CPUs in billionths. */
static int parse_cpus(struct spec_edit *edit, const char *value, int64_t *ret)
{
        double cpus;

        TRY(str_to_double(value, &cpus, edit->err));
        if (cpus < 0 || cpus > 1e6)
                return err_set(edit->err, ERR_INVALID, "invalid number of CPUs: %.32s", value);
        *ret = (int64_t)llround(cpus * 1e9);
        return 0;
}

static int set_limit_cpu(struct spec_edit *edit, const char *value)
{
        return parse_cpus(edit, value, &limits(edit)->nano_cpus);
}

static int set_limit_memory(struct spec_edit *edit, const char *value)
{
        return str_to_bytes(value, &limits(edit)->memory_bytes, edit->err);
}

static int set_limit_pids(struct spec_edit *edit, const char *value)
{
        return str_to_int64(value, &limits(edit)->pids, edit->err);
}

static int set_swap(struct spec_edit *edit, const char *value)
{
        Sk__Resources__Swap *swap = SPEC_MAKE(edit, limits(edit)->memory_swap, Sk__Resources__Swap,
                                              SK__RESOURCES__SWAP__INIT);

        if (strcmp(value, "-1") != 0)
                return str_to_bytes(value, &swap->bytes, edit->err);
        swap->bytes = -1;
        return 0;
}

/* -1 takes back what was said. */
static int set_swappiness(struct spec_edit *edit, const char *value)
{
        Sk__Resources *to = limits(edit);
        int64_t percent;

        TRY(str_to_int64(value, &percent, edit->err));
        if (percent == -1) {
                to->memory_swappiness = NULL;
                return 0;
        }
        SPEC_MAKE(edit, to->memory_swappiness, Sk__Resources__Swappiness,
                  SK__RESOURCES__SWAPPINESS__INIT)
                ->percent = percent;
        return 0;
}

static int set_reserve_cpu(struct spec_edit *edit, const char *value)
{
        return parse_cpus(edit, value, &reservations(edit)->nano_cpus);
}

static int set_reserve_memory(struct spec_edit *edit, const char *value)
{
        return str_to_bytes(value, &reservations(edit)->memory_bytes, edit->err);
}

/* "SSD=3" counts, "GPU=UUID1" names. */
static int add_generic(struct spec_edit *edit, const char *value)
{
        Sk__Resources *resources = reservations(edit);
        Sk__GenericResource *generic = arena_alloc(edit->arena, sizeof *generic);
        size_t length = strcspn(value, "=");
        char *kind = arena_copy(edit->arena, value, length + 1);

        kind[length] = '\0';
        *generic = (Sk__GenericResource)SK__GENERIC_RESOURCE__INIT;
        generic->kind = kind;
        generic->value_case = SK__GENERIC_RESOURCE__VALUE_COUNT;
        if (!length || !value[length] ||
            str_to_int64(value + length + 1, &generic->count, NULL) < 0 || generic->count < 1)
                return err_set(edit->err, ERR_INVALID,
                               "invalid generic resource '%.64s': reservations count what they "
                               "want, as in SSD=2",
                               value);
        pointers_add(edit, (void ***)&resources->generic, &resources->n_generic, generic);
        return 0;
}

static int remove_generic(struct spec_edit *edit, const char *value)
{
        Sk__Resources *resources = reservations(edit);

        for (size_t i = resources->n_generic; i-- > 0;)
                if (strcmp(resources->generic[i]->kind, value) == 0)
                        pointers_remove((void **)resources->generic, &resources->n_generic, i);
        return 0;
}

/* --- restart --- */

static Sk__RestartPolicy *restart(struct spec_edit *edit)
{
        return SPEC_MAKE(edit, spec_task(edit)->restart, Sk__RestartPolicy,
                         SK__RESTART_POLICY__INIT);
}

static int set_restart_condition(struct spec_edit *edit, const char *value)
{
        static const char *const words[] = { "any", "on-failure", "none" };

        for (int i = 0; i < 3; i++)
                if (strcmp(value, words[i]) == 0) {
                        restart(edit)->condition = (Sk__RestartPolicy__Condition)i;
                        return 0;
                }
        return err_set(
                edit->err, ERR_INVALID,
                "invalid restart condition \"%.32s\": one of \"none\", \"on-failure\", \"any\"",
                value);
}

static int set_restart_delay(struct spec_edit *edit, const char *value)
{
        Sk__ContainerSpec__Duration *delay =
                SPEC_MAKE(edit, restart(edit)->delay, Sk__ContainerSpec__Duration,
                          SK__CONTAINER_SPEC__DURATION__INIT);

        return str_to_duration(value, &delay->ns, edit->err);
}

static int set_restart_max_attempts(struct spec_edit *edit, const char *value)
{
        return str_to_uint64(value, &restart(edit)->max_attempts, edit->err);
}

static int set_restart_window(struct spec_edit *edit, const char *value)
{
        return str_to_duration(value, &restart(edit)->window_ns, edit->err);
}

static int set_backoff_max(struct spec_edit *edit, const char *value)
{
        return str_to_duration(value, &restart(edit)->backoff_max_ns, edit->err);
}

static int set_backoff_reset(struct spec_edit *edit, const char *value)
{
        return str_to_duration(value, &restart(edit)->backoff_reset_ns, edit->err);
}

/* --- placement --- */

static Sk__Placement *placement(struct spec_edit *edit)
{
        return SPEC_MAKE(edit, spec_task(edit)->placement, Sk__Placement, SK__PLACEMENT__INIT);
}

static int add_constraint(struct spec_edit *edit, const char *value)
{
        list_remove(placement(edit)->constraints, &placement(edit)->n_constraints, value);
        list_add(edit, &placement(edit)->constraints, &placement(edit)->n_constraints, value);
        return 0;
}

static int remove_constraint(struct spec_edit *edit, const char *value)
{
        list_remove(placement(edit)->constraints, &placement(edit)->n_constraints, value);
        return 0;
}

static int add_affinity(struct spec_edit *edit, const char *value)
{
        list_remove(placement(edit)->affinities, &placement(edit)->n_affinities, value);
        list_add(edit, &placement(edit)->affinities, &placement(edit)->n_affinities, value);
        return 0;
}

static int remove_affinity(struct spec_edit *edit, const char *value)
{
        list_remove(placement(edit)->affinities, &placement(edit)->n_affinities, value);
        return 0;
}

/* "spread=node.labels.zone,max-skew=1"; 0 when no skew is said. */
struct preference {
        const char *descriptor;
        uint64_t max_skew;
};

static int take_preference(struct spec_edit *edit, void *context, const char *key,
                           const char *value)
{
        struct preference *preference = context;

        if (strcmp(key, "spread") == 0 && !str_is_empty(value)) {
                preference->descriptor = value;
                return 0;
        }
        if (strcmp(key, "max-skew") == 0 && value &&
            str_to_uint64(value, &preference->max_skew, NULL) == 0 && preference->max_skew)
                return 0;
        return err_set(edit->err, ERR_INVALID,
                       "unsupported placement preference \"%.64s\": spread=<label> and "
                       "max-skew=<number> are known, as in spread=node.labels.zone,max-skew=1",
                       key);
}

static int parse_preference(struct spec_edit *edit, const char *value, struct preference *ret)
{
        *ret = (struct preference){ 0 };
        TRY(each_pair(edit, value, take_preference, ret));
        if (!ret->descriptor)
                return err_set(edit->err, ERR_INVALID,
                               "unsupported placement preference \"%.64s\": only spread=<label> is "
                               "known, as in spread=node.labels.zone",
                               value);
        return 0;
}

static void remove_skew(struct spec_edit *edit, const char *descriptor)
{
        Sk__Placement *to = placement(edit);

        for (size_t i = to->n_spread_limits; i-- > 0;)
                if (strcmp(to->spread_limits[i]->over, descriptor) == 0)
                        pointers_remove((void **)to->spread_limits, &to->n_spread_limits, i);
}

static int add_preference(struct spec_edit *edit, const char *value)
{
        Sk__Placement *to = placement(edit);
        Sk__Placement__SpreadLimit *limit;
        struct preference preference;

        TRY(parse_preference(edit, value, &preference));
        list_add(edit, &to->spread, &to->n_spread, preference.descriptor);
        remove_skew(edit, preference.descriptor);
        if (!preference.max_skew)
                return 0;
        limit = arena_alloc(edit->arena, sizeof *limit);
        *limit = (Sk__Placement__SpreadLimit)SK__PLACEMENT__SPREAD_LIMIT__INIT;
        limit->over = preference.descriptor;
        limit->max_skew = preference.max_skew;
        pointers_add(edit, (void ***)&to->spread_limits, &to->n_spread_limits, limit);
        return 0;
}

static int remove_preference(struct spec_edit *edit, const char *value)
{
        struct preference preference;

        TRY(parse_preference(edit, value, &preference));
        list_remove(placement(edit)->spread, &placement(edit)->n_spread, preference.descriptor);
        remove_skew(edit, preference.descriptor);
        return 0;
}

static int set_max_per_node(struct spec_edit *edit, const char *value)
{
        return str_to_uint64(value, &placement(edit)->max_replicas_per_node, edit->err);
}

static int set_priority(struct spec_edit *edit, const char *value)
{
        int64_t priority;

        TRY(str_to_int64(value, &priority, edit->err));
        if (priority < INT32_MIN || priority > INT32_MAX)
                return err_set(edit->err, ERR_INVALID, "invalid priority %.32s: it is too large",
                               value);
        placement(edit)->priority = (int32_t)priority;
        return 0;
}

static int set_strategy(struct spec_edit *edit, const char *value)
{
        static const char *const words[] = { "default", "spread", "binpack", "random" };

        for (int i = 0; i < 4; i++)
                if (strcmp(value, words[i]) == 0) {
                        placement(edit)->strategy = (Sk__Placement__Strategy)i;
                        return 0;
                }
        return err_set(edit->err, ERR_INVALID,
                       "invalid strategy \"%.32s\": default, spread, binpack or random", value);
}

/* --- logs --- */

static Sk__LogDriver *log_driver(struct spec_edit *edit)
{
        return SPEC_MAKE(edit, spec_task(edit)->log_driver, Sk__LogDriver, SK__LOG_DRIVER__INIT);
}

static int set_log_driver(struct spec_edit *edit, const char *value)
{
        log_driver(edit)->name = arena_strdup(edit->arena, value);
        return 0;
}

static int add_log_option(struct spec_edit *edit, const char *value)
{
        return label_set(edit, &log_driver(edit)->options, &log_driver(edit)->n_options, value);
}

/* clang-format off */
const struct spec_option spec_task_options[] = {
        { "limit-cpu",             0, FLAG_DECIMAL,  NULL, "Limit CPUs",                                    NULL, set_limit_cpu, NULL, SPEC_BOTH },
        { "limit-memory",          0, FLAG_BYTES,    NULL, "Limit Memory",                                  NULL, set_limit_memory, NULL, SPEC_BOTH },
        { "limit-pids",            0, FLAG_INT,      NULL, "Limit maximum number of processes (default 0 = unlimited)", NULL, set_limit_pids, NULL, SPEC_BOTH },
        { "reserve-cpu",           0, FLAG_DECIMAL,  NULL, "Reserve CPUs",                                  NULL, set_reserve_cpu, NULL, SPEC_BOTH },
        { "reserve-memory",        0, FLAG_BYTES,    NULL, "Reserve Memory",                                NULL, set_reserve_memory, NULL, SPEC_BOTH },
        { "generic-resource",      0, FLAG_LIST,     NULL, "User defined resources",                        NULL, add_generic, remove_generic, SPEC_BOTH },
        { "memory-swap",           0, FLAG_BYTES,    NULL, "Swap Bytes (-1 for unlimited)",                 NULL, set_swap, NULL, SPEC_BOTH },
        { "memory-swappiness",     0, FLAG_INT,      NULL, "Tune memory swappiness (0-100), -1 to reset to default", NULL, set_swappiness, NULL, SPEC_BOTH },
        { "restart-condition",     0, FLAG_STRING,   NULL, "Restart when condition is met (\"none\", \"on-failure\", \"any\") (default \"any\")", NULL, set_restart_condition, NULL, SPEC_BOTH },
        { "restart-delay",         0, FLAG_DURATION, NULL, "Delay between restart attempts (ns|us|ms|s|m|h) (default 5s)", NULL, set_restart_delay, NULL, SPEC_BOTH },
        { "restart-max-attempts",  0, FLAG_UINT,     NULL, "Maximum number of restarts before giving up",   NULL, set_restart_max_attempts, NULL, SPEC_BOTH },
        { "restart-window",        0, FLAG_DURATION, NULL, "Window used to evaluate the restart policy (ns|us|ms|s|m|h)", NULL, set_restart_window, NULL, SPEC_BOTH },
        { "restart-backoff-max",   0, FLAG_DURATION, NULL, "Double the restart delay with each failure in a row, up to this (ns|us|ms|s|m|h) (0s: the delay stays)", NULL, set_backoff_max, NULL, SPEC_BOTH },
        { "restart-backoff-reset", 0, FLAG_DURATION, NULL, "A task that ran so long begins anew with the restart delay (ns|us|ms|s|m|h) (default --restart-backoff-max, or 10m)", NULL, set_backoff_reset, NULL, SPEC_BOTH },
        { "constraint",            0, FLAG_LIST,     NULL, "Placement constraints",                         NULL, add_constraint, remove_constraint, SPEC_BOTH },
        { "affinity",              0, FLAG_LIST,     NULL, "Tasks to be beside or apart from (service==db, service!=web, image==redis, ==~ for a wish)", NULL, add_affinity, remove_affinity, SPEC_BOTH },
        { "placement-pref",        0, FLAG_LIST,     "pref", "Add a placement preference",                  NULL, add_preference, remove_preference, SPEC_BOTH },
        { "replicas-max-per-node", 0, FLAG_UINT,     NULL, "Maximum number of tasks per node (default 0 = unlimited)", NULL, set_max_per_node, NULL, SPEC_BOTH },
        { "strategy",              0, FLAG_STRING,   NULL, "How to choose among nodes that suit: default, spread, binpack, random", NULL, set_strategy, NULL, SPEC_BOTH },
        { "priority",              0, FLAG_INT,      NULL, "Higher ones are placed first, and may evict lower ones (default 0)", NULL, set_priority, NULL, SPEC_BOTH },
        { "log-driver",            0, FLAG_STRING,   NULL, "Logging driver for service",                    NULL, set_log_driver, NULL, SPEC_BOTH },
        { "log-opt",               0, FLAG_LIST,     NULL, "Logging driver options",                        NULL, add_log_option, NULL, SPEC_BOTH },
        { 0 },
};
/* clang-format on */
