/* What is counted per method. */
#pragma once
#include <stdint.h>

#include "lib/base/str.h"

enum { METRICS_BUCKETS = 12, METRICS_CODES = 17 };

struct method_metrics {
        const char *service, *method; /* labels; borrowed */
        uint64_t n_by_code[METRICS_CODES];
        uint64_t n_by_bucket[METRICS_BUCKETS]; /* not cumulated; the last one is +Inf */
        int64_t ns_sum;
        uint64_t bytes_received, bytes_sent;
        uint64_t n_under_way;
};

/* A call ended with 'code' (0 or negative) after 'ns'. */
void metrics_count(struct method_metrics *metrics, int code, int64_t ns);

/* Adds all methods, family by family, as Prometheus wants it; those never called are left out. */
void metrics_add_text(struct str *str, struct method_metrics *const *methods, size_t n);
