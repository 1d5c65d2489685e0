/* Brings a node's role to what its spec says: pure. */
#pragma once
#include "lib/state/reconciler.h"

/* A key is a node's id. */
extern const struct reconciler ca_roles;
