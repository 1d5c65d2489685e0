/* What devices by CDI put into a container. */
#include <string.h>

#include "agent/oci/parts.h"
#include "lib/base/str.h"

/* The array or object under the key, made when missing. */
static json_t *member(json_t *object, const char *key, json_t *(*make)(void))
{
        json_t *found = json_object_get(object, key);

        if (found)
                return found;
        found = make();
        json_object_set_new(object, key, found);
        return found;
}

static void add_node(const struct cdi_node *node, json_t *linux_section)
{
        json_t *device = json_pack("{s:s,s:s}", "path", node->path, "type", node->type);
        json_t *resources = member(linux_section, "resources", json_object);
        bool is_pipe = *node->type == 'p';

        if (!is_pipe) {
                json_object_set_new(device, "major", json_integer(node->major));
                json_object_set_new(device, "minor", json_integer(node->minor));
                json_array_append_new(member(resources, "devices", json_array),
                                      json_pack("{s:b,s:s,s:I,s:I,s:s}", "allow", 1, "type",
                                                *node->type == 'u' ? "c" : node->type, "major",
                                                (json_int_t)node->major, "minor",
                                                (json_int_t)node->minor, "access",
                                                node->permissions));
        }
        if (node->mode >= 0)
                json_object_set_new(device, "fileMode", json_integer(node->mode & 0777));
        if (node->uid >= 0)
                json_object_set_new(device, "uid", json_integer(node->uid));
        if (node->gid >= 0)
                json_object_set_new(device, "gid", json_integer(node->gid));
        json_array_append_new(member(linux_section, "devices", json_array), device);
}

static void add_mount(const struct cdi_mount *mount, json_t *mounts)
{
        static const char *const usual[] = { "rbind", "nosuid", "nodev" };
        bool has_options = mount->n_options > 0;

        json_array_append_new(mounts,
                              json_pack("{s:s,s:s,s:s,s:o}", "destination", mount->path, "type",
                                        "bind", "source", mount->host_path, "options",
                                        oci_strings(has_options ? mount->options : usual,
                                                    has_options ? mount->n_options : 3)));
}

static void add_hook(const struct cdi_hook *hook, json_t *hooks)
{
        json_t *one = json_pack("{s:s,s:o,s:o}", "path", hook->path, "args",
                                oci_strings(hook->args, hook->n_args), "env",
                                oci_strings(hook->env, hook->n_env));

        if (hook->timeout)
                json_object_set_new(one, "timeout", json_integer(hook->timeout));
        json_array_append_new(member(hooks, hook->name, json_array), one);
}

static void apply(const struct cdi_edits *edits, json_t *root)
{
        json_t *process = json_object_get(root, "process");

        for (size_t i = 0; i < edits->n_env; i++)
                oci_set_variable(json_object_get(process, "env"), edits->env[i]);
        for (size_t i = 0; i < edits->n_nodes; i++)
                add_node(&edits->nodes[i], json_object_get(root, "linux"));
        for (size_t i = 0; i < edits->n_mounts; i++)
                add_mount(&edits->mounts[i], json_object_get(root, "mounts"));
        for (size_t i = 0; i < edits->n_hooks; i++)
                add_hook(&edits->hooks[i], member(root, "hooks", json_object));
        for (size_t i = 0; i < edits->n_gids; i++)
                json_array_append_new(json_object_get(json_object_get(process, "user"),
                                                      "additionalGids"),
                                      json_integer(edits->gids[i]));
}

static bool is_of_same_file(const struct cdi_device *a, const struct cdi_device *b)
{
        return a->shared.env == b->shared.env && a->shared.nodes == b->shared.nodes &&
               a->shared.mounts == b->shared.mounts && a->shared.hooks == b->shared.hooks;
}

void oci_apply_devices(const struct oci_input *input, json_t *root)
{
        for (size_t i = 0; i < input->n_devices; i++) {
                bool was_shared = false;

                for (size_t k = 0; k < i; k++)
                        was_shared |= is_of_same_file(&input->devices[k], &input->devices[i]);
                if (!was_shared)
                        apply(&input->devices[i].shared, root);
                apply(&input->devices[i].own, root);
        }
}
