/* What is counted, and how it is shown. */
#include "tests/unit/test.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "lib/rpc/metrics.h"

static void is_shown(struct method_metrics *metrics, const char *line)
{
        _cleanup_(str_done) struct str text = { 0 };

        metrics_add_text(&text, &metrics, 1);
        if (!strstr(str_text(&text), line))
                fail_msg("no line %s in:\n%s", line, str_text(&text));
}

static struct method_metrics some_metrics(void)
{
        return (struct method_metrics){ .service = "skep.v1.Store", .method = "Commit" };
}

static void calls_are_counted_by_code(void **state)
{
        struct method_metrics metrics = some_metrics();

        (void)state;
        metrics_count(&metrics, ERR_OK, 1);
        metrics_count(&metrics, ERR_CONFLICT, 1);
        metrics_count(&metrics, ERR_CONFLICT, 1);
        is_shown(&metrics, "skep_rpc_calls_total{service=\"skep.v1.Store\",method=\"Commit\",code="
                           "\"Aborted\"} 2\n");
}

static void a_code_that_is_none_counts_as_unknown(void **state)
{
        struct method_metrics metrics = some_metrics();

        (void)state;
        metrics_count(&metrics, -99, 1);
        is_shown(&metrics, "code=\"Unknown\"} 1\n");
}

static void buckets_are_cumulated(void **state)
{
        struct method_metrics metrics = some_metrics();

        (void)state;
        metrics_count(&metrics, ERR_OK, 60 * NS_PER_US);
        metrics_count(&metrics, ERR_OK, 2 * NS_PER_MS);
        metrics_count(&metrics, ERR_OK, NS_PER_HOUR);
        is_shown(&metrics, "le=\"0.00005\"} 0\n");
        is_shown(&metrics, "le=\"0.0001\"} 1\n");
        is_shown(&metrics, "le=\"0.005\"} 2\n");
        is_shown(&metrics, "le=\"+Inf\"} 3\n");
        is_shown(&metrics, "skep_rpc_seconds_sum{service=\"skep.v1.Store\",method=\"Commit\"} "
                           "3600.002060000\n");
}

static void what_was_never_called_is_left_out(void **state)
{
        struct method_metrics metrics = some_metrics(), *all = &metrics;
        _cleanup_(str_done) struct str text = { 0 };

        (void)state;
        metrics_add_text(&text, &all, 1);
        assert_null(strstr(str_text(&text), "Commit"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(calls_are_counted_by_code),
                cmocka_unit_test(a_code_that_is_none_counts_as_unknown),
                cmocka_unit_test(buckets_are_cumulated),
                cmocka_unit_test(what_was_never_called_is_left_out),
        };

        return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
