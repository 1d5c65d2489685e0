/* Which specs make the same tasks. */
#pragma once
#include "api/objects.pb-c.h"
#include "lib/base/mem.h"

/* 128 bits, in 'arena', over what makes a task dirty: the task's template and the ports, but
 * neither constraints (a task on a node that still suits stays) nor what the image says of its
 * platforms, nor credentials. */
ProtobufCBinaryData task_digest_of(const Sk__ServiceSpec *spec, struct arena *arena);
