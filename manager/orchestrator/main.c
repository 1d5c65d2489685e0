/* skep-orchestrator: decides which tasks should exist. */
#include "lib/run/daemon.h"
#include "lib/run/reconcile.h"
#include "manager/orchestrator/orchestrator.h"

static struct {
        const char *store;
} config;

static const struct setting settings[] = {
        { "store", SETTING_ADDRESS, offsetof(__typeof__(config), store),
          "unix:/run/skep/store.sock", "where the local store listens", 0, 0 },
        {},
};

static int start(struct daemon *daemon, struct err *err)
{
        return reconcile_start(daemon, config.store, &orchestrator, NULL, err);
}

int main(int argc, char **argv)
{
        return daemon_main(argc, argv,
                           &(struct daemon_spec){
                                   .name = "skep-orchestrator",
                                   .daemon = "orchestrator",
                                   .summary = "decides which tasks should exist",
                                   .settings = settings,
                                   .config = &config,
                                   .start = start,
                           });
}
