/* Checks of health and of readiness. */
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/state/probe.h"
#include "manager/api_server/check.h"

enum { TEST_WORDS_MAX = 1000, RETRIES_MAX = 1000000 };

static int check_address(const Sk__HealthConfig *config, const char *where, struct err *err)
{
        struct probe_address address;

        if (config->n_test != 2)
                return err_set(err, ERR_INVALID,
                               "ContainerSpec: Test in %s: %s takes one address, as in \":8080\"",
                               where, config->test[0]);
        TRY(probe_address_parse(config->test[1], &address, err));
        if (str_equal(config->test[0], "TCP") && address.path[0])
                return err_set(err, ERR_INVALID,
                               "ContainerSpec: Test in %s: TCP takes no path: '%.100s'", where,
                               config->test[1]);
        return 0;
}

static int check_test(const Sk__HealthConfig *config, const char *where, struct err *err)
{
        const char *kind = config->n_test ? config->test[0] : "NONE";

        if (config->n_test > TEST_WORDS_MAX)
                return err_set(err, ERR_INVALID, "ContainerSpec: Test in %s has too many words",
                               where);
        if (str_equal(kind, "NONE"))
                return 0;
        if (str_equal(kind, "HTTP") || str_equal(kind, "TCP") || str_equal(kind, "GRPC"))
                return check_address(config, where, err);
        if (!str_equal(kind, "CMD") && !str_equal(kind, "CMD-SHELL"))
                return err_set(err, ERR_INVALID,
                               "ContainerSpec: Unknown probe type '%.64s' in %s (expected 'CMD', "
                               "'CMD-SHELL', 'HTTP', 'TCP', 'GRPC' or 'NONE')",
                               kind, where);
        if (config->n_test < 2 || (str_equal(kind, "CMD-SHELL") && config->n_test > 2))
                return err_set(err, ERR_INVALID, "ContainerSpec: Test in %s: %s takes %s", where,
                               kind, config->n_test < 2 ? "a command" : "one command line");
        return 0;
}

/* Docker checks each duration the same way; 0 means inherit. */
static int check_duration(const char *what, int64_t ns, const char *where, struct err *err)
{
        if (ns && ns < NS_PER_MS)
                return err_set(err, ERR_INVALID, "ContainerSpec: %s in %s cannot be less than 1ms",
                               what, where);
        return 0;
}

static int check_config(const Sk__HealthConfig *config, const char *where, struct err *err)
{
        TRY(check_duration("Interval", config->interval_ns, where, err));
        TRY(check_duration("Timeout", config->timeout_ns, where, err));
        TRY(check_duration("StartPeriod", config->start_period_ns, where, err));
        TRY(check_duration("StartInterval", config->start_interval_ns, where, err));
        if (config->retries < 0)
                return err_set(err, ERR_INVALID, "ContainerSpec: Retries in %s cannot be negative",
                               where);
        if (config->retries > RETRIES_MAX)
                return err_set(err, ERR_INVALID, "ContainerSpec: Retries in %s is larger than %d",
                               where, RETRIES_MAX);
        return check_test(config, where, err);
}

int check_health(const Sk__ServiceSpec *spec, struct err *err)
{
        const Sk__ContainerSpec *container = spec->task->container;
        const Sk__HealthConfig *readiness = container->readiness;

        if (container->health)
                TRY(check_config(container->health, "HealthConfig", err));
        if (!readiness)
                return 0;
        TRY(check_config(readiness, "Readiness", err));
        if (!readiness->n_test || str_equal(readiness->test[0], "NONE"))
                return err_set(err, ERR_INVALID,
                               "ContainerSpec: Readiness needs a test: --ready-cmd, --ready-http, "
                               "--ready-tcp or --ready-grpc");
        if (readiness->start_period_ns || readiness->start_interval_ns)
                return err_set(err, ERR_INVALID,
                               "ContainerSpec: Readiness has no start period: who is not ready "
                               "lives on");
        return 0;
}
