/* skep-scheduler: gives every waiting task a node. */
#include "lib/run/daemon.h"
#include "lib/run/reconcile.h"
#include "manager/scheduler/scheduler.h"

static struct {
        const char *store;
        struct scheduler_config scheduler;
} config;

static const struct setting settings[] = {
        { "store", SETTING_ADDRESS, offsetof(__typeof__(config), store),
          "unix:/run/skep/store.sock", "where the local store listens", 0, 0 },
        {},
};

static int start(struct daemon *daemon, struct err *err)
{
        config.scheduler.cache = scheduler_cache_new();
        return reconcile_start(daemon, config.store, &scheduler, &config.scheduler, err);
}

int main(int argc, char **argv)
{
        return daemon_main(argc, argv,
                           &(struct daemon_spec){
                                   .name = "skep-scheduler",
                                   .daemon = "scheduler",
                                   .summary = "gives every waiting task a node",
                                   .settings = settings,
                                   .config = &config,
                                   .start = start,
                           });
}
