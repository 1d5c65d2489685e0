/* Is the container well?  A pure state machine: probes' results go in, the time of the next probe
 * and the verdict come out.
 *
 * As docker: a container is starting until a probe succeeds; failures count once its start period
 * is over; so many in a row and it is unhealthy, for good. */
#pragma once
#include <stdbool.h>

#include "agent/oci/image.h"
#include "api/specs.pb-c.h"

enum health_verdict { HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

struct health {
        struct oci_health settings; /* nothing zero but the start period; 'test' is a program with
                                       arguments */
        int64_t started_ns;
        enum health_verdict verdict;
        int64_t n_failures; /* in a row */
};

/* What the spec says (may be NULL), for what it leaves open the image, then docker's defaults.
 * False: there is nothing to check. */
bool health_settings(const Sk__HealthConfig *spec, const struct oci_health *image,
                     struct arena *arena, struct oci_health *ret);

/* An adopted container is well until proved otherwise. */
void health_begin(struct health *health, const struct oci_health *settings, bool is_adopted,
                  int64_t now_ns);

/* How long to wait before the next probe. */
int64_t health_pause(const struct health *health, int64_t now_ns);

void health_probed(struct health *health, bool is_well, int64_t now_ns);

/* Reads what oci_probe_build() made: the settings, and the process (JSON, in 'arena') that a probe
 * runs. */
int health_parse(const char *text, size_t size, struct arena *arena,
                 struct oci_health *ret_settings, const char **ret_process, struct err *err);
