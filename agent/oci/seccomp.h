/* The default seccomp profile: what a container may ask the kernel for. */
#pragma once
#include <jansson.h>
#include <stdint.h>

/* The profile as the OCI configuration's "linux.seccomp": everything is refused with EPERM except
 * what the tables allow, some of it only to containers that hold a capability.  'capabilities' as
 * from oci_capabilities(), 'architecture' as Go names it; NULL for an architecture whose profile is
 * not known (then none is applied). */
json_t *seccomp_default_profile(uint64_t capabilities, const char *architecture);
