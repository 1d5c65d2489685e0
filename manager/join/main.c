/* skep-join: may this stranger speak to the CA? */
#include "api/ca.h"
#include "lib/run/daemon.h"
#include "manager/join/join.h"

static struct join_config config;

/*  key, type, place, fallback, help, least, most */
static const struct setting settings[] = {
        { "ca", SETTING_ADDRESS, offsetof(struct join_config, ca), "unix:/run/skep/ca.sock",
          "where the ca listens", 0, 0 },
        { "root-certificate", SETTING_PATH, offsetof(struct join_config, root_certificate),
          "/var/lib/skep/identity/root.crt", "the root certificate that strangers are told", 0, 0 },
        { "requests-max", SETTING_COUNT, offsetof(struct join_config, requests_max), "16",
          "join requests under way at the same time", 1, 10000 },
        { 0 },
};

int main(int argc, char **argv)
{
        return daemon_main(
                argc, argv,
                &(struct daemon_spec){
                        .name = "skep-join",
                        .daemon = "join",
                        .summary = "the one door open to strangers: hands join requests to the ca",
                        .settings = settings,
                        .config = &config,
                        .listen_default = "0.0.0.0:2377",
                        .trust = RPC_ALLOW_STRANGERS,
                        .serves = (const struct rpc_service *const[]){ &join_service, NULL },
                        .message_size_max = CA_MESSAGE_MAX,
                        .start = join_start,
                        .stop = join_stop,
                });
}
