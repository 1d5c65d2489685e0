/* skep-allocator: gives tasks and services their addresses and ports. */
#include "lib/run/daemon.h"
#include "lib/run/reconcile.h"
#include "manager/allocator/allocator.h"

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
        return reconcile_start(daemon, config.store, &allocator, NULL, err);
}

int main(int argc, char **argv)
{
        return daemon_main(argc, argv,
                           &(struct daemon_spec){
                                   .name = "skep-allocator",
                                   .daemon = "allocator",
                                   .summary = "gives tasks and services their addresses and ports",
                                   .settings = settings,
                                   .config = &config,
                                   .start = start,
                           });
}
