/* Counting calls, and saying so in Prometheus' text format. */
#include "lib/rpc/metrics.h"

#include <inttypes.h>

#include "lib/base/check.h"
#include "lib/base/err.h"
#include "lib/base/time.h"

static const struct {
        int64_t ns;
        const char *label;
} buckets[METRICS_BUCKETS] = {
        { 50 * NS_PER_US, "0.00005" }, { 100 * NS_PER_US, "0.0001" }, { 500 * NS_PER_US, "0.0005" },
        { 1 * NS_PER_MS, "0.001" },    { 5 * NS_PER_MS, "0.005" },    { 10 * NS_PER_MS, "0.01" },
        { 50 * NS_PER_MS, "0.05" },    { 100 * NS_PER_MS, "0.1" },    { 500 * NS_PER_MS, "0.5" },
        { 1 * NS_PER_S, "1" },         { 10 * NS_PER_S, "10" },       { INT64_MAX, "+Inf" },
};

void metrics_count(struct method_metrics *metrics, int code, int64_t ns)
{
        size_t bucket = 0;

        if (code > 0 || -code >= METRICS_CODES)
                code = ERR_UNKNOWN;
        while (buckets[bucket].ns < ns)
                bucket++;
        metrics->n_by_code[-code]++;
        metrics->n_by_bucket[bucket]++;
        metrics->ns_sum += ns;
}

static uint64_t count_calls(const struct method_metrics *metrics)
{
        uint64_t n = 0;

        for (size_t i = 0; i < METRICS_CODES; i++)
                n += metrics->n_by_code[i];
        return n;
}

static void add_calls(struct str *str, const struct method_metrics *metrics)
{
        for (int i = 0; i < METRICS_CODES; i++)
                if (metrics->n_by_code[i])
                        str_addf(str,
                                 "skep_rpc_calls_total{service=\"%s\",method=\"%s\",code=\"%s\"} "
                                 "%" PRIu64 "\n",
                                 metrics->service, metrics->method, err_code_name(-i),
                                 metrics->n_by_code[i]);
}

static void add_seconds(struct str *str, const struct method_metrics *metrics)
{
        uint64_t n = 0;

        for (size_t i = 0; i < METRICS_BUCKETS; i++) {
                n += metrics->n_by_bucket[i];
                str_addf(str,
                         "skep_rpc_seconds_bucket{service=\"%s\",method=\"%s\",le=\"%s\"} %" PRIu64
                         "\n",
                         metrics->service, metrics->method, buckets[i].label, n);
        }
        str_addf(str, "skep_rpc_seconds_sum{service=\"%s\",method=\"%s\"} %.9f\n", metrics->service,
                 metrics->method, (double)metrics->ns_sum / NS_PER_S);
        str_addf(str, "skep_rpc_seconds_count{service=\"%s\",method=\"%s\"} %" PRIu64 "\n",
                 metrics->service, metrics->method, n);
}

static void add_received(struct str *str, const struct method_metrics *metrics)
{
        str_addf(str, "skep_rpc_received_bytes_total{service=\"%s\",method=\"%s\"} %" PRIu64 "\n",
                 metrics->service, metrics->method, metrics->bytes_received);
}

static void add_sent(struct str *str, const struct method_metrics *metrics)
{
        str_addf(str, "skep_rpc_sent_bytes_total{service=\"%s\",method=\"%s\"} %" PRIu64 "\n",
                 metrics->service, metrics->method, metrics->bytes_sent);
}

static void add_under_way(struct str *str, const struct method_metrics *metrics)
{
        str_addf(str, "skep_rpc_calls_under_way{service=\"%s\",method=\"%s\"} %" PRIu64 "\n",
                 metrics->service, metrics->method, metrics->n_under_way);
}

void metrics_add_text(struct str *str, struct method_metrics *const *methods, size_t n)
{
        static const struct {
                const char *name, *type, *help;
                void (*add)(struct str *str, const struct method_metrics *metrics);
        } families[] = {
                { "skep_rpc_calls_total", "counter", "Calls that ended, by status.", add_calls },
                { "skep_rpc_seconds", "histogram", "How long calls took.", add_seconds },
                { "skep_rpc_received_bytes_total", "counter", "Bytes of requests.", add_received },
                { "skep_rpc_sent_bytes_total", "counter", "Bytes of responses.", add_sent },
                { "skep_rpc_calls_under_way", "gauge", "Calls being served.", add_under_way },
        };

        for (size_t i = 0; i < COUNT_OF(families); i++) {
                str_addf(str, "# HELP %s %s\n# TYPE %s %s\n", families[i].name, families[i].help,
                         families[i].name, families[i].type);
                for (size_t m = 0; m < n; m++)
                        if (methods[m]->n_under_way || count_calls(methods[m]))
                                families[i].add(str, methods[m]);
        }
}
