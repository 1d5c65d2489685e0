/* skep-api: is this request valid, and what does it ask? */
#include "lib/run/daemon.h"
#include "manager/api_server/api_server.h"
#include "manager/api_server/rows.h"

static struct api_config config;

/*  key, type, place, fallback, help, least, most */
static const struct setting settings[] = {
        { "store", SETTING_ADDRESS, offsetof(struct api_config, store), "unix:/run/skep/store.sock",
          "where the store listens", 0, 0 },
        { "dispatcher", SETTING_ADDRESS, offsetof(struct api_config, dispatcher),
          "unix:/run/skep/dispatcher.sock", "where the dispatcher listens", 0, 0 },
        { "ca", SETTING_ADDRESS, offsetof(struct api_config, ca), "unix:/run/skep/ca.sock",
          "where the ca listens", 0, 0 },
        { "insecure-registries", SETTING_STRING, offsetof(struct api_config, insecure_registries),
          "", "registries (host:port,...) spoken to in plain HTTP; loopback ones always are", 0,
          0 },
        { "registry-certificates", SETTING_PATH, offsetof(struct api_config, registry_certificates),
          "/etc/skep/certs.d",
          "folder with <host:port>/ca.crt for registries with a CA of their own", 0, 0 },
        { "resolve-timeout", SETTING_DURATION, offsetof(struct api_config, resolve_timeout_ns),
          "3s", "how long a registry may take to tell an image's digest and platforms", 0, 0 },
        { 0 },
};

int main(int argc, char **argv)
{
        return daemon_main(argc, argv,
                           &(struct daemon_spec){
                                   .name = "skep-api",
                                   .daemon = "api",
                                   .summary = "answers what people ask of the cluster",
                                   .settings = settings,
                                   .config = &config,
                                   .listen_default = "unix:/run/skep/api.sock",
                                   .trust = RPC_MUTUAL_TLS,
                                   .local_admin = true,
                                   .socket_group = "skep",
                                   .serves = (const struct rpc_service *const[]){ &control_service,
                                                                                  NULL },
                                   .n_workers = 4,
                                   .start = api_server_start,
                                   .stop = api_server_stop,
                           });
}
