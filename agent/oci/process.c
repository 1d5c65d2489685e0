/* What runs in the container: arguments, environment, user, rights. */
#include <limits.h>
#include <strings.h>
#include <string.h>

#include "agent/oci/parts.h"
#include "lib/base/check.h"
#include "lib/base/str.h"

static const char default_path[] =
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* Where the program that reaps zombies appears, as in docker's containers. */
static const char init_target[] = "/sbin/docker-init";

static void append_words(json_t *array, const char *const *words, size_t n)
{
        for (size_t i = 0; i < n; i++)
                json_array_append_new(array, json_string(words[i]));
}

/* Docker's rule: 'command' replaces the image's entrypoint and cmd, 'args' alone only the cmd. */
static int arguments(const struct oci_input *input, json_t *ret, struct err *err)
{
        const Sk__ContainerSpec *container = input->spec->task->container;
        const struct oci_image *image = input->image;
        const char *const *args = (const char *const *)container->args;

        if (container->init && container->init->enabled) {
                if (!input->init_path)
                        return err_set(err, ERR_INVALID,
                                       "the service asks for an init process, but this node has "
                                       "neither docker-init nor tini: install the package 'tini'");
                append_words(ret, (const char *const[]){ init_target, "--" }, 2);
        }
        if (container->n_command > 0) {
                append_words(ret, (const char *const *)container->command, container->n_command);
                append_words(ret, args, container->n_args);
                return 0;
        }
        append_words(ret, image->entrypoint.words, image->entrypoint.n);
        if (container->n_args > 0)
                append_words(ret, args, container->n_args);
        else
                append_words(ret, image->command.words, image->command.n);
        if (container->n_args + image->command.n + image->entrypoint.n == 0)
                return err_set(err, ERR_INVALID,
                               "no command specified: neither the image nor the service names one");
        return 0;
}

static size_t key_length(const char *variable)
{
        return (size_t)(strchrnul(variable, '=') - variable);
}

void oci_set_variable(json_t *env, const char *variable)
{
        size_t length = key_length(variable), i;
        json_t *known;

        json_array_foreach(env, i, known)
        {
                const char *text = json_string_value(known);

                if (key_length(text) != length || strncmp(text, variable, length) != 0)
                        continue;
                if (variable[length])
                        json_array_set_new(env, i, json_string(variable));
                else
                        json_array_remove(env, i);
                return;
        }
        if (length > 0 && variable[length])
                json_array_append_new(env, json_string(variable));
}

static json_t *environment(const struct oci_input *input)
{
        json_t *env = json_array();

        oci_set_variable(env, default_path);
        json_array_append_new(env, json_sprintf("HOSTNAME=%s", input->hostname));
        if (input->spec->task->container->tty)
                oci_set_variable(env, "TERM=xterm");
        for (size_t i = 0; i < input->image->env.n; i++)
                oci_set_variable(env, input->image->env.words[i]);
        for (size_t i = 0; i < input->n_env; i++)
                oci_set_variable(env, input->env[i]);
        return env;
}

json_t *oci_user_section(const struct oci_user *user)
{
        json_t *groups = json_array();

        for (size_t i = 0; i < user->n_groups; i++)
                json_array_append_new(groups, json_integer(user->groups[i]));
        return json_pack("{s:I,s:I,s:o}", "uid", (json_int_t)user->uid, "gid",
                         (json_int_t)user->gid, "additionalGids", groups);
}

json_t *oci_capability_sets(uint64_t capabilities, bool is_root)
{
        json_t *list = json_array(), *sets = json_object();

        for (unsigned i = 0; oci_capability_name(i); i++) {
                if (capabilities >> i & 1)
                        json_array_append_new(list, json_string(oci_capability_name(i)));
        }
        json_object_set(sets, "bounding", list);
        if (is_root) {
                json_object_set(sets, "effective", list);
                json_object_set(sets, "permitted", list);
        }
        json_decref(list);
        return sets;
}

static const char *const ulimit_names[] = {
        "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
        "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack",
};

static int add_ulimit(json_t *ret, const Sk__Ulimit *ulimit, struct err *err)
{
        char type[32] = "RLIMIT_";
        size_t i = 0;

        while (i < COUNT_OF(ulimit_names) && strcasecmp(ulimit_names[i], ulimit->name) != 0)
                i++;
        if (i == COUNT_OF(ulimit_names))
                return err_set(err, ERR_INVALID, "invalid ulimit type: %.32s", ulimit->name);
        if (ulimit->soft < -1 || ulimit->hard < -1)
                return err_set(err, ERR_INVALID, "invalid ulimit %.32s: negative", ulimit->name);
        if (ulimit->hard != -1 && (ulimit->soft == -1 || ulimit->soft > ulimit->hard))
                return err_set(err, ERR_INVALID,
                               "ulimit soft limit must be less than or equal to hard limit: "
                               "%lld > %lld",
                               (long long)ulimit->soft, (long long)ulimit->hard);
        for (size_t at = 0; ulimit_names[i][at]; at++)
                type[7 + at] = (char)(ulimit_names[i][at] - 'a' + 'A');
        json_array_append_new(ret, json_pack("{s:s,s:I,s:I}", "type", type, "soft",
                                             (json_int_t)ulimit->soft, "hard",
                                             (json_int_t)ulimit->hard));
        return 0;
}

static int ulimits(const Sk__ContainerSpec *container, json_t *ret, struct err *err)
{
        for (size_t i = 0; i < container->n_ulimits; i++)
                TRY(add_ulimit(ret, container->ulimits[i], err));
        return 0;
}

/* "user:role:type:level"; runc refuses it on a node without SELinux. */
static void add_selinux(const Sk__Privileges *privileges, json_t *process)
{
        const Sk__Privileges__SeLinux *selinux = privileges ? privileges->selinux : NULL;

        if (!selinux || selinux->disable ||
            !(selinux->user[0] || selinux->role[0] || selinux->type[0] || selinux->level[0]))
                return;
        json_object_set_new(process, "selinuxLabel",
                            json_sprintf("%s:%s:%s:%s", str_or(selinux->user, "system_u"),
                                         str_or(selinux->role, "system_r"),
                                         str_or(selinux->type, "container_t"),
                                         str_or(selinux->level, "s0")));
}

static int fill_process(const struct oci_input *input, uint64_t capabilities, json_t *process,
                        struct err *err)
{
        const Sk__ContainerSpec *container = input->spec->task->container;
        const char *folder = str_or(container->dir, str_or(input->image->working_folder, "/"));
        json_t *args = json_array(), *rlimits = json_array();

        json_object_set_new(process, "args", args);
        json_object_set_new(process, "rlimits", rlimits);
        TRY(arguments(input, args, err));
        TRY(ulimits(container, rlimits, err));
        if (folder[0] != '/')
                return err_set(err, ERR_INVALID,
                               "the working directory '%.200s' is invalid, it needs to be an "
                               "absolute path",
                               folder);
        if (container->oom_score_adj < -1000 || container->oom_score_adj > 1000)
                return err_set(err, ERR_INVALID,
                               "invalid value %lld, range for oom score adj is [-1000, 1000]",
                               (long long)container->oom_score_adj);
        json_object_set_new(process, "cwd", json_string(folder));
        json_object_set_new(process, "env", environment(input));
        json_object_set_new(process, "user", oci_user_section(input->user));
        json_object_set_new(process, "terminal", json_boolean(container->tty));
        json_object_set_new(process, "capabilities",
                            oci_capability_sets(capabilities, input->user->uid == 0));
        json_object_set_new(process, "oomScoreAdj", json_integer(container->oom_score_adj));
        json_object_set_new(process, "noNewPrivileges",
                            json_boolean(container->privileges &&
                                         container->privileges->no_new_privileges));
        add_selinux(container->privileges, process);
        return 0;
}

int oci_process_section(const struct oci_input *input, uint64_t capabilities, json_t **ret,
                        struct err *err)
{
        json_t *process = json_object();
        int failed = fill_process(input, capabilities, process, err);

        if (failed) {
                json_decref(process);
                return failed;
        }
        *ret = process;
        return 0;
}
