/* What a service names. */
#include "lib/state/references.h"

#include "lib/base/str.h"

static size_t add_files(const char **ids, size_t n, Sk__FileReference *const *files, size_t n_files)
{
        for (size_t i = 0; i < n_files; i++)
                ids[n++] = files[i]->id;
        return n;
}

const char *const *service_references(const Sk__ServiceRevision *revision,
                                      const Sk__ServiceSpec *spec, struct arena *arena)
{
        const Sk__ContainerSpec *container = spec && spec->task ? spec->task->container : NULL;
        size_t n_files = container ? container->n_secrets + container->n_configs : 0, n = 0;
        const char **ids = arena_alloc(arena, (revision->n_history + n_files + 3) * sizeof *ids);

        ids[n++] = revision->spec_id;
        if (!str_is_empty(revision->previous_spec_id))
                ids[n++] = revision->previous_spec_id;
        for (size_t i = 0; i < revision->n_history; i++)
                ids[n++] = revision->history[i];
        if (container)
                n = add_files(ids, n, container->secrets, container->n_secrets);
        if (container)
                n = add_files(ids, n, container->configs, container->n_configs);
        ids[n] = NULL;
        return ids;
}
