/* The main() of daemons that only reconcile. */
#include <stddef.h>
#include <stdio.h>

#include "lib/run/reconcile.h"

struct main_config {
        const char *store;
        const struct reconciler *reconciler;
        const void *config;
};

static const struct setting settings[] = {
        { "store", SETTING_ADDRESS, offsetof(struct main_config, store),
          "unix:/run/skep/store.sock", "where the local store listens", 0, 0 },
        {},
};

static int start(struct daemon *daemon, struct err *err)
{
        const struct main_config *config = daemon->spec->config;

        return reconcile_start(daemon, config->store, config->reconciler, config->config, err);
}

int reconcile_main(int argc, char **argv, const struct reconciler *reconciler, const void *config,
                   const char *summary)
{
        struct main_config main_config = { .reconciler = reconciler, .config = config };
        char name[64];

        snprintf(name, sizeof name, "skep-%s", reconciler->name);
        return daemon_main(argc, argv,
                           &(struct daemon_spec){
                                   .name = name,
                                   .daemon = reconciler->name,
                                   .summary = summary,
                                   .settings = settings,
                                   .config = &main_config,
                                   .start = start,
                           });
}
