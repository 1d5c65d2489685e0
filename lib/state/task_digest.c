/* Which specs make the same tasks. */
#include "lib/state/task_digest.h"

#include "lib/base/str.h"
#include "lib/message/message.h"

ProtobufCBinaryData task_digest_of(const Sk__ServiceSpec *spec, struct arena *arena)
{
        Sk__ServiceSpec relevant = SK__SERVICE_SPEC__INIT;
        Sk__TaskSpec task = *spec->task;
        Sk__ContainerSpec container = *task.container;
        Sk__Placement placement =
                task.placement ? *task.placement : (Sk__Placement)SK__PLACEMENT__INIT;
        uint64_t *hash = arena_alloc(arena, 2 * sizeof *hash);
        uint8_t *data;
        size_t size;

        container.registry_auth = NULL;
        placement.n_constraints = 0;
        placement.n_platforms = 0;
        task.container = &container;
        task.placement = &placement;
        relevant.task = &task;
        relevant.endpoint = spec->endpoint;
        message_pack(arena, &relevant.base, &data, &size);
        hash_bytes_128(data, size, hash);
        return (ProtobufCBinaryData){ .len = 2 * sizeof *hash, .data = (uint8_t *)hash };
}
