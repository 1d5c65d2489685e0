/* What a service names: the store refuses to remove what another object names. */
#pragma once
#include "api/objects.pb-c.h"
#include "lib/base/mem.h"

/* The ids of all spec revisions of 'revision', and of the secrets and configs that 'spec', its
 * present one, uses (those of earlier ones may be removed: going back to them is refused then).
 * Ends with NULL; lies in 'arena' and borrows the ids. */
const char *const *service_references(const Sk__ServiceRevision *revision,
                                      const Sk__ServiceSpec *spec, struct arena *arena);
