/* What is mounted in a container. */
#include "agent/oci/parts.h"
#include "lib/base/check.h"

enum { OPTIONS_MAX = 8 };

/* Docker's, in its order. */
static const struct {
        const char *target, *type, *source;
        const char *options[OPTIONS_MAX];
} standard[] = {
        { "/proc", "proc", "proc", { "nosuid", "noexec", "nodev" } },
        { "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" } },
        { "/dev/pts",
          "devpts",
          "devpts",
          { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" } },
        { "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
        { "/sys/fs/cgroup", "cgroup", "cgroup", { "ro", "nosuid", "noexec", "nodev" } },
        { "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
        { "/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
};

static void add_mount(json_t *mounts, const char *target, const char *type, const char *source,
                      const char *const *options, size_t n_options)
{
        json_array_append_new(mounts, json_pack("{s:s,s:s,s:s,s:o}", "destination", target, "type",
                                                type, "source", source, "options",
                                                oci_strings(options, n_options)));
}

json_t *oci_mounts_section(const struct oci_input *input)
{
        const Sk__ContainerSpec *container = input->spec->task->container;
        json_t *mounts = json_array();

        for (size_t i = 0; i < COUNT_OF(standard); i++) {
                size_t n = 0;

                while (n < OPTIONS_MAX && standard[i].options[n])
                        n++;
                add_mount(mounts, standard[i].target, standard[i].type, standard[i].source,
                          standard[i].options, n);
        }
        if (container->init && container->init->enabled)
                add_mount(mounts, "/sbin/docker-init", "bind", input->init_path,
                          (const char *const[]){ "bind", "ro" }, 2);
        for (size_t i = 0; i < input->n_mounts; i++)
                add_mount(mounts, input->mounts[i].target, input->mounts[i].type,
                          input->mounts[i].source, input->mounts[i].options,
                          input->mounts[i].n_options);
        return mounts;
}
