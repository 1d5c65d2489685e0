/* A container's spec, and what belongs to it. */
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/docker/container.h"
#include "lib/docker/field.h"

static void add_bind(json_t *mount, const Sk__Mount__BindOptions *bind)
{
        json_t *options = add_object(mount, "BindOptions");

        add_text(options, "Propagation", bind->propagation);
        add_flag(options, "NonRecursive", bind->non_recursive);
        add_flag(options, "CreateMountpoint", bind->create_mountpoint);
        add_flag(options, "ReadOnlyNonRecursive", bind->read_only_non_recursive);
        add_flag(options, "ReadOnlyForceRecursive", bind->read_only_force_recursive);
}

static void add_volume(json_t *mount, const Sk__Mount__VolumeOptions *volume)
{
        json_t *options = add_object(mount, "VolumeOptions"), *driver;

        add_flag(options, "NoCopy", volume->no_copy);
        add_labels(options, "Labels", volume->labels, volume->n_labels);
        add_text(options, "Subpath", volume->subpath);
        if (str_is_empty(volume->driver) && !volume->n_driver_options)
                return;
        driver = add_object(options, "DriverConfig");
        add_text(driver, "Name", volume->driver);
        add_labels(driver, "Options", volume->driver_options, volume->n_driver_options);
}

static void add_tmpfs(json_t *mount, const Sk__Mount__TmpfsOptions *tmpfs)
{
        json_t *options = add_object(mount, "TmpfsOptions"), *list;

        add_number(options, "SizeBytes", tmpfs->size_bytes);
        add_number(options, "Mode", tmpfs->mode);
        list = tmpfs->n_options ? add_array(options, "Options") : NULL;
        /* Docker has each option as a list: ["noexec"], ["mode", "755"]. */
        for (size_t i = 0; i < tmpfs->n_options; i++) {
                const char *option = tmpfs->options[i], *equals = strchr(option, '=');
                json_t *pair = json_array();

                json_array_append_new(pair, equals ? json_stringn(option, (size_t)(equals - option))
                                                   : json_string(option));
                if (equals)
                        json_array_append_new(pair, json_string(equals + 1));
                json_array_append_new(list, pair);
        }
}

static void add_image(json_t *mount, const Sk__Mount__ImageOptions *image)
{
        add_text(add_object(mount, "ImageOptions"), "Subpath", image->subpath);
}

static void add_mounts(json_t *object, const Sk__ContainerSpec *spec)
{
        json_t *mounts = spec->n_mounts ? add_array(object, "Mounts") : NULL;

        for (size_t i = 0; i < spec->n_mounts; i++) {
                const Sk__Mount *mount = spec->mounts[i];
                json_t *shown = append_object(mounts);

                add_text_always(shown, "Type", docker_mount_type(mount->type));
                add_text(shown, "Source", mount->source);
                add_text(shown, "Target", mount->target);
                add_flag(shown, "ReadOnly", mount->read_only);
                add_text(shown, "Consistency", mount->consistency);
                if (mount->bind)
                        add_bind(shown, mount->bind);
                if (mount->volume)
                        add_volume(shown, mount->volume);
                if (mount->tmpfs)
                        add_tmpfs(shown, mount->tmpfs);
                if (mount->image)
                        add_image(shown, mount->image);
        }
}

static void add_health(json_t *object, const char *key, const Sk__HealthConfig *health)
{
        json_t *shown = add_object(object, key);

        add_texts(shown, "Test", (char *const *)health->test, health->n_test);
        add_number(shown, "Interval", health->interval_ns);
        add_number(shown, "Timeout", health->timeout_ns);
        add_number(shown, "StartPeriod", health->start_period_ns);
        add_number(shown, "StartInterval", health->start_interval_ns);
        add_number(shown, "Retries", health->retries);
}

static void add_dns(json_t *object, const Sk__DnsConfig *dns)
{
        json_t *shown = add_object(object, "DNSConfig");

        if (!dns)
                return;
        add_texts(shown, "Nameservers", (char *const *)dns->servers, dns->n_servers);
        add_texts(shown, "Search", (char *const *)dns->search, dns->n_search);
        add_texts(shown, "Options", (char *const *)dns->options, dns->n_options);
}

static void add_references(json_t *object, const char *key, const char *id_key,
                           const char *name_key, Sk__FileReference *const *references, size_t n)
{
        json_t *list = n ? add_array(object, key) : NULL;

        for (size_t i = 0; i < n; i++) {
                json_t *shown = append_object(list), *file = add_object(shown, "File");

                add_text_always(file, "Name", references[i]->target);
                add_text_always(file, "UID", references[i]->uid);
                add_text_always(file, "GID", references[i]->gid);
                add_number_always(file, "Mode", references[i]->mode);
                add_text_always(shown, id_key, references[i]->id);
                add_text_always(shown, name_key, references[i]->name);
        }
}

static void add_ulimits(json_t *object, const Sk__ContainerSpec *spec)
{
        json_t *list = spec->n_ulimits ? add_array(object, "Ulimits") : NULL;

        for (size_t i = 0; i < spec->n_ulimits; i++) {
                json_t *shown = append_object(list);

                add_text_always(shown, "Name", spec->ulimits[i]->name);
                add_number_always(shown, "Hard", spec->ulimits[i]->hard);
                add_number_always(shown, "Soft", spec->ulimits[i]->soft);
        }
}

static void add_credential(json_t *object, const Sk__Privileges__CredentialSpec *credential)
{
        json_t *shown = add_object(object, "CredentialSpec");

        add_text(shown, "Config", credential->config);
        add_text(shown, "File", credential->file);
        add_text(shown, "Registry", credential->registry);
}

static void add_selinux(json_t *object, const Sk__Privileges__SeLinux *selinux)
{
        json_t *shown = add_object(object, "SELinuxContext");

        json_object_set_new(shown, "Disable", json_boolean(selinux->disable));
        add_text_always(shown, "User", selinux->user);
        add_text_always(shown, "Role", selinux->role);
        add_text_always(shown, "Type", selinux->type);
        add_text_always(shown, "Level", selinux->level);
}

static void add_privileges(json_t *object, const Sk__Privileges *privileges)
{
        json_t *shown = add_object(object, "Privileges");

        json_object_set_new(shown, "CredentialSpec", json_null());
        json_object_set_new(shown, "SELinuxContext", json_null());
        if (privileges->credential_spec)
                add_credential(shown, privileges->credential_spec);
        if (privileges->selinux)
                add_selinux(shown, privileges->selinux);
        if (privileges->seccomp)
                add_text(add_object(shown, "Seccomp"), "Mode", privileges->seccomp->mode);
        if (!str_is_empty(privileges->apparmor_mode))
                add_text(add_object(shown, "AppArmor"), "Mode", privileges->apparmor_mode);
        add_flag(shown, "NoNewPrivileges", privileges->no_new_privileges);
}

static void add_grace_period(json_t *object, const Sk__ContainerSpec *spec, enum docker_flags flags)
{
        if (spec->stop_grace_period)
                add_number_always(object, "StopGracePeriod", spec->stop_grace_period->ns);
        else if (flags & DOCKER_INSERT_DEFAULTS)
                add_number_always(object, "StopGracePeriod", 10 * NS_PER_S);
}

json_t *container_spec(const Sk__ContainerSpec *spec, enum docker_flags flags)
{
        json_t *shown = json_object();

        add_text_always(shown, "Image", spec->image);
        add_labels(shown, "Labels", spec->labels, spec->n_labels);
        add_texts(shown, "Command", (char *const *)spec->command, spec->n_command);
        add_texts(shown, "Args", (char *const *)spec->args, spec->n_args);
        add_text(shown, "Hostname", spec->hostname);
        add_texts(shown, "Env", (char *const *)spec->env, spec->n_env);
        add_text(shown, "Dir", spec->dir);
        add_text(shown, "User", spec->user);
        add_texts(shown, "Groups", (char *const *)spec->groups, spec->n_groups);
        if (spec->privileges)
                add_privileges(shown, spec->privileges);
        if (spec->init)
                json_object_set_new(shown, "Init", json_boolean(spec->init->enabled));
        add_text(shown, "StopSignal", spec->stop_signal);
        add_flag(shown, "TTY", spec->tty);
        add_flag(shown, "OpenStdin", spec->open_stdin);
        add_flag(shown, "ReadOnly", spec->read_only);
        add_mounts(shown, spec);
        add_grace_period(shown, spec, flags);
        if (spec->health)
                add_health(shown, "Healthcheck", spec->health);
        if (spec->readiness)
                add_health(shown, "Readiness", spec->readiness);
        add_texts(shown, "Hosts", (char *const *)spec->hosts, spec->n_hosts);
        if (spec->dns || flags & DOCKER_INSERT_DEFAULTS)
                add_dns(shown, spec->dns);
        add_references(shown, "Secrets", "SecretID", "SecretName", spec->secrets, spec->n_secrets);
        add_references(shown, "Configs", "ConfigID", "ConfigName", spec->configs, spec->n_configs);
        add_text_always(shown, "Isolation", str_or(spec->isolation, "default"));
        add_labels(shown, "Sysctls", spec->sysctls, spec->n_sysctls);
        add_texts(shown, "CapabilityAdd", (char *const *)spec->capability_add,
                  spec->n_capability_add);
        add_texts(shown, "CapabilityDrop", (char *const *)spec->capability_drop,
                  spec->n_capability_drop);
        add_ulimits(shown, spec);
        add_number(shown, "OomScoreAdj", spec->oom_score_adj);
        /* What docker has not, last. */
        add_texts(shown, "Devices", (char *const *)spec->devices, spec->n_devices);
        return shown;
}
