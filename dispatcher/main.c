/* skep-dispatcher: what must each node know, and is it alive? */
#include <stddef.h>

#include "dispatcher/dispatcher.h"

static struct dispatcher_config config;

/* clang-format off */
static const struct setting settings[] = {
        { "store",          SETTING_ADDRESS, offsetof(struct dispatcher_config, store),          "unix:/run/skep/store.sock", "where the local store listens", 0, 0 },
        { "advertise-port", SETTING_COUNT,   offsetof(struct dispatcher_config, advertise_port), "2382",                      "port of every manager's dispatcher, as told to agents", 1, 65535 },
        { "join-port",      SETTING_COUNT,   offsetof(struct dispatcher_config, join_port),      "2377",                      "port of every manager that nodes join by, as told to people", 1, 65535 },
        {},
};
/* clang-format on */

int main(int argc, char **argv)
{
        return daemon_main(
                argc, argv,
                &(struct daemon_spec){
                        .name = "skep-dispatcher",
                        .daemon = "dispatcher",
                        .summary = "tells each node what it must know, and knows which are alive",
                        .settings = settings,
                        .config = &config,
                        .listen_default = "unix:/run/skep/dispatcher.sock,0.0.0.0:2382",
                        .trust = RPC_MUTUAL_TLS,
                        .serves = (const struct rpc_service *const[]){ &dispatcher_service, NULL },
                        .start = dispatcher_start,
                        .stop = dispatcher_stop,
                        .metrics = dispatcher_metrics,
                        .dump = dispatcher_dump,
                });
}
