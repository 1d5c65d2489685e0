/* --health-*, --no-healthcheck and --ready-*: docker's words for liveness, the same ones for
 * readiness. */
#include <string.h>

#include "cli/spec_private.h"
#include "lib/base/check.h"
#include "lib/base/str.h"

static Sk__HealthConfig *health(struct spec_edit *edit)
{
        return SPEC_MAKE(edit, spec_container(edit)->health, Sk__HealthConfig,
                         SK__HEALTH_CONFIG__INIT);
}

static Sk__HealthConfig *readiness(struct spec_edit *edit)
{
        return SPEC_MAKE(edit, spec_container(edit)->readiness, Sk__HealthConfig,
                         SK__HEALTH_CONFIG__INIT);
}

static bool is_none(const Sk__HealthConfig *config)
{
        return config->n_test > 0 && strcmp(config->test[0], "NONE") == 0;
}

/* An empty value takes the test away. */
static int set_test(struct spec_edit *edit, Sk__HealthConfig *config, const char *kind,
                    const char *value)
{
        config->test = NULL;
        config->n_test = 0;
        if (value[0] == '\0')
                return 0;
        list_add(edit, &config->test, &config->n_test, kind);
        list_add(edit, &config->test, &config->n_test, value);
        return 0;
}

/* As docker: whoever says something of the check wants one. */
static int set_duration(struct spec_edit *edit, Sk__HealthConfig *config, int64_t *place,
                        const char *value)
{
        if (is_none(config))
                config->n_test = 0;
        TRY(str_to_duration(value, place, edit->err));
        if (*place < 0)
                return err_set(edit->err, ERR_INVALID, "duration cannot be negative");
        return 0;
}

static int set_retries(struct spec_edit *edit, Sk__HealthConfig *config, const char *value)
{
        if (is_none(config))
                config->n_test = 0;
        return str_to_int64(value, &config->retries, edit->err);
}

static int set_no_healthcheck(struct spec_edit *edit, const char *value)
{
        bool truth = false;

        TRY(str_to_bool(value, &truth, edit->err));
        if (truth) {
                *health(edit) = (Sk__HealthConfig)SK__HEALTH_CONFIG__INIT;
                list_add(edit, &health(edit)->test, &health(edit)->n_test, "NONE");
        } else if (is_none(health(edit))) {
                health(edit)->n_test = 0;
        }
        return 0;
}

static int set_no_readiness(struct spec_edit *edit, const char *value)
{
        bool truth = false;

        TRY(str_to_bool(value, &truth, edit->err));
        if (truth)
                spec_container(edit)->readiness = NULL;
        return 0;
}

#define SETTERS(which)                                                                    \
        static int set_##which##_command(struct spec_edit *edit, const char *value)       \
        {                                                                                 \
                return set_test(edit, which(edit), "CMD-SHELL", value);                   \
        }                                                                                 \
        static int set_##which##_http(struct spec_edit *edit, const char *value)          \
        {                                                                                 \
                return set_test(edit, which(edit), "HTTP", value);                        \
        }                                                                                 \
        static int set_##which##_tcp(struct spec_edit *edit, const char *value)           \
        {                                                                                 \
                return set_test(edit, which(edit), "TCP", value);                         \
        }                                                                                 \
        static int set_##which##_grpc(struct spec_edit *edit, const char *value)          \
        {                                                                                 \
                return set_test(edit, which(edit), "GRPC", value);                        \
        }                                                                                 \
        static int set_##which##_interval(struct spec_edit *edit, const char *value)      \
        {                                                                                 \
                return set_duration(edit, which(edit), &which(edit)->interval_ns, value); \
        }                                                                                 \
        static int set_##which##_timeout(struct spec_edit *edit, const char *value)       \
        {                                                                                 \
                return set_duration(edit, which(edit), &which(edit)->timeout_ns, value);  \
        }                                                                                 \
        static int set_##which##_retries(struct spec_edit *edit, const char *value)       \
        {                                                                                 \
                return set_retries(edit, which(edit), value);                             \
        }
SETTERS(health)
SETTERS(readiness)

static int set_start_period(struct spec_edit *edit, const char *value)
{
        return set_duration(edit, health(edit), &health(edit)->start_period_ns, value);
}

static int set_start_interval(struct spec_edit *edit, const char *value)
{
        return set_duration(edit, health(edit), &health(edit)->start_interval_ns, value);
}

/* clang-format off */
/*        name                      letter type     value       help                                         refusal  set               remove */
const struct spec_option spec_health_options[] = {
        { "no-healthcheck",        0, FLAG_BOOL,     NULL, "Disable any container-specified HEALTHCHECK",       NULL, set_no_healthcheck, NULL, SPEC_BOTH },
        { "health-cmd",            0, FLAG_STRING,   NULL, "Command to run to check health",                    NULL, set_health_command, NULL, SPEC_BOTH },
        { "health-http",           0, FLAG_STRING,   "address", "Check health by HTTP instead, from outside the program: \":8080/path\" must answer 200 to 399", NULL, set_health_http, NULL, SPEC_BOTH },
        { "health-tcp",            0, FLAG_STRING,   "address", "Check health by connecting instead: \":5432\"", NULL, set_health_tcp, NULL, SPEC_BOTH },
        { "health-grpc",           0, FLAG_STRING,   "address", "Check health by gRPC's health protocol instead: \":9000/service\"", NULL, set_health_grpc, NULL, SPEC_BOTH },
        { "health-interval",       0, FLAG_DURATION, NULL, "Time between running the check (ms|s|m|h) (default 30s)", NULL, set_health_interval, NULL, SPEC_BOTH },
        { "health-retries",        0, FLAG_INT,      NULL, "Consecutive failures needed to report unhealthy (default 3)", NULL, set_health_retries, NULL, SPEC_BOTH },
        { "health-start-interval", 0, FLAG_DURATION, NULL, "Time between running the check during the start period (ms|s|m|h) (default 5s)", NULL, set_start_interval, NULL, SPEC_BOTH },
        { "health-start-period",   0, FLAG_DURATION, NULL, "Start period for the container to initialize before counting retries towards unstable (ms|s|m|h)", NULL, set_start_period, NULL, SPEC_BOTH },
        { "health-timeout",        0, FLAG_DURATION, NULL, "Maximum time to allow one check to run (ms|s|m|h) (default 30s)", NULL, set_health_timeout, NULL, SPEC_BOTH },
        { "no-readiness",          0, FLAG_BOOL,     NULL, "Take the readiness probe away",                     NULL, set_no_readiness, NULL, SPEC_UPDATE },
        { "ready-cmd",             0, FLAG_STRING,   NULL, "Command to run to check readiness: who fails it lives on, but gets no connections", NULL, set_readiness_command, NULL, SPEC_BOTH },
        { "ready-http",            0, FLAG_STRING,   "address", "Check readiness by HTTP instead: \":8080/path\"", NULL, set_readiness_http, NULL, SPEC_BOTH },
        { "ready-tcp",             0, FLAG_STRING,   "address", "Check readiness by connecting instead: \":5432\"", NULL, set_readiness_tcp, NULL, SPEC_BOTH },
        { "ready-grpc",            0, FLAG_STRING,   "address", "Check readiness by gRPC's health protocol instead: \":9000/service\"", NULL, set_readiness_grpc, NULL, SPEC_BOTH },
        { "ready-interval",        0, FLAG_DURATION, NULL, "Time between checks of readiness (ms|s|m|h) (default 30s)", NULL, set_readiness_interval, NULL, SPEC_BOTH },
        { "ready-retries",         0, FLAG_INT,      NULL, "Consecutive failures after which it is ready no more (default 3)", NULL, set_readiness_retries, NULL, SPEC_BOTH },
        { "ready-timeout",         0, FLAG_DURATION, NULL, "Maximum time to allow one check of readiness to run (ms|s|m|h) (default 30s)", NULL, set_readiness_timeout, NULL, SPEC_BOTH },
        { 0 },
};
/* clang-format on */

/* Of several tests the last one counts in no order a person could see: only one may be said. */
static int check_one_test(const struct arguments *arguments, const char *const *names,
                          struct err *err)
{
        const char *first = NULL;

        for (; *names; names++) {
                if (!argument_is_set(arguments, *names))
                        continue;
                if (first)
                        return err_set(err, ERR_INVALID, "--%s conflicts with --%s", first, *names);
                first = *names;
        }
        return 0;
}

int check_health_flags(const struct arguments *arguments, struct err *err)
{
        static const char *const health_tests[] = { "health-cmd", "health-http", "health-tcp",
                                                    "health-grpc", NULL };
        static const char *const ready_tests[] = { "ready-cmd", "ready-http", "ready-tcp",
                                                   "ready-grpc", NULL };

        for (const struct spec_option *option = spec_health_options; option->name; option++) {
                if (!argument_is_set(arguments, option->name))
                        continue;
                if (str_starts_with(option->name, "health-") &&
                    argument_bool(arguments, "no-healthcheck"))
                        return err_set(err, ERR_INVALID,
                                       "--no-healthcheck conflicts with --health-* options");
                if (str_starts_with(option->name, "ready-") &&
                    argument_bool(arguments, "no-readiness"))
                        return err_set(err, ERR_INVALID,
                                       "--no-readiness conflicts with --ready-* options");
        }
        TRY(check_one_test(arguments, health_tests, err));
        return check_one_test(arguments, ready_tests, err);
}
