/* Is the container well?  Is it ready?  A pure state machine: probes' results go in, the time of
 * the next probe and the verdict come out.
 *
 * As docker: a container is starting until a probe succeeds; failures count once its start period
 * is over; so many in a row and it is unhealthy, for good.  Of readiness, which docker has not, the
 * same is asked, except that it begins with the first success, and comes back with the next. */
#pragma once
#include <stdbool.h>

#include "agent/oci/image.h"
#include "api/objects.pb-c.h"

enum { HEALTH_RESULTS = 5, HEALTH_OUTPUT_MAX = 4096 };

enum health_verdict { HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

/* What one probe saw. */
struct health_result {
        int64_t started_ns, ended_ns; /* by the wall's clock */
        int exit_code;                /* 0: well; -1: it did not come to an end of its own */
        char *output;
};

struct health {
        struct oci_health settings; /* nothing zero but the start period */
        bool may_recover;           /* unhealthy is not for good */
        int64_t started_ns, told_ns;
        enum health_verdict verdict;
        int64_t n_failures;                           /* in a row */
        struct health_result results[HEALTH_RESULTS]; /* the last ones, oldest first */
        size_t n_results;
};

/* What the spec says (may be NULL), for what it leaves open the image, then docker's defaults.
 * False: there is nothing to check. */
bool health_settings(const Sk__HealthConfig *spec, const struct oci_health *image,
                     struct arena *arena, struct oci_health *ret);

/* The program that a test means, as docker runs it; none for the tests that need no program. */
struct oci_words health_program(struct oci_words test, struct arena *arena);

/* 'settings' are borrowed. */
void health_begin(struct health *health, const struct oci_health *settings, int64_t now_ns);
void health_done(struct health *health);

/* How long to wait before the next probe. */
int64_t health_pause(const struct health *health, int64_t now_ns);

/* 'output' is what the probe said, of any bytes and length; what is kept of it is text.  True:
 * there is something to tell: another verdict, failures that begin or end, or go on for a while. */
bool health_probed(struct health *health, const struct health_result *result, const char *output,
                   size_t output_size, int64_t now_ns);

/* As docker shows it; all of it in 'arena'. */
Sk__HealthStatus *health_status(const struct health *health, struct arena *arena);

/* What one agent writes down and the next goes on with.  ERR_DATA_LOSS: it is damaged, and the
 * state is untouched. */
void health_write(const struct health *health, struct arena *arena, uint8_t **ret_data,
                  size_t *ret_size);
int health_read(struct health *health, const void *data, size_t size, struct err *err);

/* Reads what oci_probe_build() made: the settings, and the process (JSON, in 'arena') that a probe
 * runs; NULL: it runs none. */
int health_parse(const char *text, size_t size, struct arena *arena,
                 struct oci_health *ret_settings, const char **ret_process, struct err *err);
