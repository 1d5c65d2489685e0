/* Rules for the cluster's settings. */
#include "lib/base/time.h"
#include "manager/api_server/check.h"
#include "tests/unit/test.h"

static void certificates_live_an_hour_at_least(void **state)
{
        Sk__ClusterSpec spec = SK__CLUSTER_SPEC__INIT;
        struct err err;

        (void)state;
        spec.certificate_expiry_ns = NS_PER_HOUR - 1;
        assert_int_equal(check_cluster_spec(NULL, &spec, &err), ERR_INVALID);
        assert_string_equal(err.text, "minimum certificate expiry time is: 1h0m0s");
        spec.certificate_expiry_ns = NS_PER_HOUR;
        assert_int_equal(check_cluster_spec(NULL, &spec, &err), 0);
}

static void logs_do_not_grow_without_end(void **state)
{
        Sk__ClusterSpec spec = SK__CLUSTER_SPEC__INIT;
        struct err err;

        (void)state;
        spec.log_entries_for_slow_followers = 10000001;
        assert_int_equal(check_cluster_spec(NULL, &spec, &err), ERR_INVALID);
        spec.log_entries_for_slow_followers = 10000000;
        assert_int_equal(check_cluster_spec(NULL, &spec, &err), 0);
        spec.snapshot_interval = UINT64_MAX;
        assert_int_equal(check_cluster_spec(NULL, &spec, &err), ERR_INVALID);
}

static void heartbeats_have_a_least_period(void **state)
{
        Sk__ClusterSpec spec = SK__CLUSTER_SPEC__INIT;
        struct err err;

        (void)state;
        spec.dispatcher_heartbeat_ns = 1;
        assert_int_equal(check_cluster_spec(NULL, &spec, &err), ERR_INVALID);
        assert_string_equal(err.text, "minimum heartbeat time period is: 500ms");
        spec.dispatcher_heartbeat_ns = NS_PER_S / 2;
        assert_int_equal(check_cluster_spec(NULL, &spec, &err), 0);
        spec.dispatcher_heartbeat_ns = 0; /* the default */
        assert_int_equal(check_cluster_spec(NULL, &spec, &err), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(certificates_live_an_hour_at_least),
                cmocka_unit_test(logs_do_not_grow_without_end),
                cmocka_unit_test(heartbeats_have_a_least_period),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
