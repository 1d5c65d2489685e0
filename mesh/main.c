/* skep-mesh: how do packets get there? */
#include "lib/run/daemon.h"
#include "mesh/serve.h"

static struct mesh_config config;

/*  key, type, place, fallback, help, least, most */
static const struct setting settings[] = {
        { "subnet", SETTING_STRING, offsetof(struct mesh_config, subnet), "172.30.0.0/16",
          "addresses for the tasks of this node; seen by nobody outside", 0, 0 },
        { "run-folder", SETTING_PATH, offsetof(struct mesh_config, run_folder), "/run/skep",
          "where network namespaces are kept, in netns/", 0, 0 },
        { 0 },
};

int main(int argc, char **argv)
{
        return daemon_main(
                argc, argv,
                &(struct daemon_spec){
                        .name = "skep-mesh",
                        .summary = "gives every task its own network namespace and a way out",
                        .settings = settings,
                        .config = &config,
                        .listen_default = "unix:/run/skep/mesh.sock",
                        .local_admin = true,
                        .serves = (const struct rpc_service *const[]){ &mesh_service, NULL },
                        .n_workers = 1, /* the only writer */
                        .start = mesh_start,
                        .stop = mesh_stop,
                });
}
