/* skep-agent: what runs on this node? */
#include <stddef.h>
#include <string.h>

#include "agent/keeper/keeper.h"
#include "agent/program.h"

static struct program_config config;

#define AT(field) offsetof(struct program_config, field)

/* clang-format off */
static const struct setting settings[] = {
        { "state-folder",       SETTING_PATH,     AT(state_folder),       "/var/lib/skep",        "where the node keeps what must last", 0, 0 },
        { "run-folder",         SETTING_PATH,     AT(run_folder),         "/run/skep",            "where sockets are, and what a reboot shall forget", 0, 0 },
        { "hostname",           SETTING_STRING,   AT(hostname),           "",                     "the node's name; empty: the kernel's", 0, 0 },
        { "executor",           SETTING_STRING,   AT(executor),           "containerd",           "what runs tasks: containerd, or fake (nothing runs)", 0, 0 },
        { "containerd",         SETTING_STRING,   AT(containerd),         "",                     "unix:/path of containerd's socket; empty: one of our own", 0, 0 },
        { "containerd-program", SETTING_STRING,   AT(containerd_program), "containerd",           "what to start as our own containerd", 0, 0 },
        { "registries",         SETTING_PATH,     AT(registries),         "/etc/skep/registries", "folder with HOST/hosts.toml per registry", 0, 0 },
        { "cgroup-parent",      SETTING_STRING,   AT(cgroup_parent),      "skep",                 "the cgroup that holds all containers", 0, 0 },
        { "host-network",       SETTING_BOOL,     AT(host_network),       "false",                "containers share the node's network; skep-mesh is not asked", 0, 0 },
        { "log-size",           SETTING_BYTES,    AT(log_size),           "10m",                  "of one file of a container's log", 0, 0 },
        { "log-files",          SETTING_COUNT,    AT(log_files),          "5",                    "files kept per container", 1, 100 },
        { "pull-silence",       SETTING_DURATION, AT(pull_silence_ns),    "60s",                  "a pull without progress for so long has failed", 0, 0 },
        { "disk-high",          SETTING_COUNT,    AT(disk_high),          "85",                   "per cent of the disk used from which unused images go", 1, 100 },
        { "disk-low",           SETTING_COUNT,    AT(disk_low),           "80",                   "per cent to which they go", 1, 100 },
        { "generic-resources",  SETTING_STRING,   AT(generic_resources),  "",                     "what the node has for tasks to reserve: \"SSD=3,GPU=uuid1,GPU=uuid2\"", 0, 0 },
        { "cdi-folders",        SETTING_STRING,   AT(cdi_folders),        "/etc/cdi,/var/run/cdi", "where files describe devices (Container Device Interface)", 0, 0 },
        { "labels",             SETTING_STRING,   AT(labels),             "",                     "the node's engine labels: \"storage=ssd,rack=7\"", 0, 0 },
        { "starts-most",        SETTING_COUNT,    AT(starts_most),        "0",                    "containers started at once; 0: 32 per processor", 0, 1000 },
        { "pulls-most",         SETTING_COUNT,    AT(pulls_most),         "3",                    "images pulled at once", 1, 100 },
        { "backend",            SETTING_STRING,   AT(backend),            "auto",                 "what starts the node's daemons: systemd, spawn, or auto", 0, 0 },
        { "program-folder",     SETTING_STRING,   AT(program_folder),     "",                     "where the daemons' programs are; empty: beside this one", 0, 0 },
        { "daemon-options",     SETTING_STRING,   AT(daemon_options),     "",                     "further options for daemons: \"store:--log-level=debug ...\"", 0, 0 },
        {},
};
/* clang-format on */

int main(int argc, char **argv)
{
        if (strcmp(argv[0], KEEPER_PROGRAM) == 0)
                return keeper_main();
        return daemon_main(argc, argv,
                           &(struct daemon_spec){
                                   .name = "skep-agent",
                                   .summary =
                                           "runs tasks, and what its node needs to be in a swarm",
                                   .settings = settings,
                                   .config = &config,
                                   .listen_default = "unix:/run/skep/node.sock",
                                   .local_admin = true,
                                   .serves = program_services,
                                   .n_workers = 4,
                                   .start = program_start,
                                   .stop = program_stop,
                                   .dump = program_dump,
                           });
}
