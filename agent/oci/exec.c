/* What else runs in a container: its own process with another program. */
#include <string.h>

#include "agent/oci/parts.h"
#include "lib/base/str.h"

static void set_arguments(json_t *process, const Sk__ExecSpec *exec)
{
        json_t *args = json_array();

        for (size_t i = 0; i < exec->n_args; i++)
                json_array_append_new(args, json_string(exec->args[i]));
        json_object_set_new(process, "args", args);
}

static void set_environment(json_t *process, const Sk__ExecSpec *exec)
{
        json_t *env = json_object_get(process, "env");

        if (!json_is_array(env)) {
                json_object_set_new(process, "env", json_array());
                env = json_object_get(process, "env");
        }
        if (exec->tty)
                oci_set_variable(env, "TERM=xterm");
        for (size_t i = 0; i < exec->n_env; i++)
                oci_set_variable(env, exec->env[i]);
}

/* Another user has the same bounds; all there is goes to who asks for it. */
static void set_rights(json_t *process, const Sk__ExecSpec *exec, const struct oci_user *user,
                       const struct oci_host *host)
{
        json_t *sets = json_object_get(process, "capabilities"), *name;
        const json_t *uid = json_object_get(json_object_get(process, "user"), "uid");
        bool is_root = user ? user->uid == 0 : json_integer_value(uid) == 0;
        uint64_t capabilities = 0;
        size_t i;

        json_array_foreach(json_object_get(sets, "bounding"), i, name)
        {
                for (unsigned n = 0; oci_capability_name(n); n++)
                        if (str_equal(oci_capability_name(n), json_string_value(name)))
                                capabilities |= (uint64_t)1 << n;
        }
        if (exec->privileged)
                capabilities = host->capabilities;
        json_object_set_new(process, "capabilities", oci_capability_sets(capabilities, is_root));
        if (user)
                json_object_set_new(process, "user", oci_user_section(user));
}

static int change(json_t *process, const Sk__ExecSpec *exec, const struct oci_user *user,
                  const struct oci_host *host, struct err *err)
{
        if (!json_is_object(process))
                return err_set(err, ERR_DATA_LOSS, "the container's configuration is damaged");
        if (exec->n_args == 0 || str_is_empty(exec->args[0]))
                return err_set(err, ERR_INVALID, "No exec command specified");
        if (!str_is_empty(exec->dir) && exec->dir[0] != '/')
                return err_set(err, ERR_INVALID,
                               "the working directory '%.200s' is invalid, it needs to be an "
                               "absolute path",
                               exec->dir);
        set_arguments(process, exec);
        set_environment(process, exec);
        set_rights(process, exec, user, host);
        if (!str_is_empty(exec->dir))
                json_object_set_new(process, "cwd", json_string(exec->dir));
        json_object_set_new(process, "terminal", json_boolean(exec->tty));
        json_object_del(process, "consoleSize");
        return 0;
}

int oci_exec_build(const char *spec, size_t spec_size, const Sk__ExecSpec *exec,
                   const struct oci_user *user, const struct oci_host *host, struct arena *arena,
                   const char **ret_json, struct err *err)
{
        json_t *root = json_loadb(spec, spec_size, 0, NULL);
        json_t *process = json_object_get(root, "process");
        int failed = change(process, exec, user, host, err);
        char *text = failed ? NULL : json_dumps(process, JSON_COMPACT);

        if (text)
                *ret_json = arena_strdup(arena, text);
        else if (!failed)
                failed = err_set(err, ERR_INVALID, "what is asked for cannot be written as JSON");
        free(text);
        json_decref(root);
        return failed;
}
