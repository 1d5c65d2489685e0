/* The node's devices by CDI, from the files in its folders ("/etc/cdi,/var/run/cdi").  Blocking. */
#pragma once
#include "agent/cdi/cdi.h"
#include "api/objects.pb-c.h"

/* Adds them to the plugins, as type "Device". */
void devices_describe(const char *folders, struct arena *arena, Sk__NodeDescription *ret);

/* The devices of these names, in 'arena', with what of them is to be as on the node.
 * ERR_NOT_FOUND: the node has no such device. */
int devices_find(const char *folders, const char *const *names, size_t n, struct arena *arena,
                 const struct cdi_device **ret, struct err *err);
