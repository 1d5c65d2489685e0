/* skep-ca: who are you? */
#include "api/ca.h"
#include "lib/run/daemon.h"
#include "manager/ca/serve.h"

static struct ca_config config;

/*  key, type, place, fallback, help, least, most */
static const struct setting settings[] = {
        { "store", SETTING_ADDRESS, offsetof(struct ca_config, store), "unix:/run/skep/store.sock",
          "where the store listens", 0, 0 },
        { 0 },
};

int main(int argc, char **argv)
{
        return daemon_main(
                argc, argv,
                &(struct daemon_spec){
                        .name = "skep-ca",
                        .daemon = "ca",
                        .summary = "issues certificates; the only holder of the root key in memory",
                        .settings = settings,
                        .config = &config,
                        .listen_default = "unix:/run/skep/ca.sock",
                        .trust = RPC_MUTUAL_TLS,
                        .serves = (const struct rpc_service *const[]){ &ca_service, NULL },
                        .message_size_max = CA_MESSAGE_MAX,
                        .n_workers = 1,
                        .start = ca_start,
                        .stop = ca_stop,
                });
}
