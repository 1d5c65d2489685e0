/* A node's spec from what was typed, and a node in words. */
#include <string.h>

#include "cli/node.h"
#include "cli/spec_private.h"
#include "cli/when.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/docker/docker.h"

const struct flag node_update_flags[] = {
        { "availability", 0, FLAG_STRING, NULL,
          "Availability of the node (\"active\", \"pause\", \"drain\"); tasks leave a drained node "
          "at "
          "once, or as an update goes when their service says how",
          NULL },
        { "label-add", 0, FLAG_LIST, NULL, "Add or update a node label (\"key=value\")", NULL },
        { "label-rm", 0, FLAG_LIST, NULL, "Remove a node label if exists", NULL },
        { "role", 0, FLAG_STRING, NULL, "Role of the node (\"worker\", \"manager\")", NULL },
        { "wait", 0, FLAG_BOOL, NULL, "With --availability drain: wait until the node is empty",
          NULL },
        { 0 },
};

static int apply_availability(Sk__NodeSpec *spec, const char *word, struct err *err)
{
        static const char *const words[] = { "active", "pause", "drain" };

        for (int i = 0; i < 3; i++)
                if (strcasecmp(word, words[i]) == 0) {
                        spec->availability = (Sk__NodeSpec__Availability)i;
                        return 0;
                }
        return err_set(err, ERR_INVALID,
                       "invalid availability \"%.32s\", only active, pause and drain are supported",
                       word);
}

static int apply_role(Sk__NodeSpec *spec, const char *word, struct err *err)
{
        if (strcasecmp(word, "worker") != 0 && strcasecmp(word, "manager") != 0)
                return err_set(err, ERR_INVALID,
                               "invalid role \"%.32s\", only worker and manager are supported",
                               word);
        spec->desired_role = strcasecmp(word, "worker") == 0 ? SK__NODE_ROLE__NODE_ROLE_WORKER
                                                             : SK__NODE_ROLE__NODE_ROLE_MANAGER;
        return 0;
}

static bool has_label(const Sk__Annotations *annotations, const char *key)
{
        for (size_t i = 0; i < annotations->n_labels; i++)
                if (strcmp(annotations->labels[i]->key, key) == 0)
                        return true;
        return false;
}

int node_spec_apply(struct arena *arena, Sk__NodeSpec *spec, const struct arguments *arguments,
                    struct err *err)
{
        const char *availability = argument(arguments, "availability"),
                   *role = argument(arguments, "role"), *label;
        struct spec_edit edit = { .arena = arena, .err = err };
        Sk__Annotations *annotations =
                SPEC_MAKE(&edit, spec->annotations, Sk__Annotations, SK__ANNOTATIONS__INIT);

        if (availability)
                TRY(apply_availability(spec, availability, err));
        if (role)
                TRY(apply_role(spec, role, err));
        for (size_t i = 0; (label = argument_nth(arguments, "label-rm", i)); i++) {
                if (!has_label(annotations, label))
                        return err_set(err, ERR_NOT_FOUND,
                                       "key %.64s doesn't exist in node's labels", label);
                label_remove(annotations->labels, &annotations->n_labels, label);
        }
        for (size_t i = 0; (label = argument_nth(arguments, "label-add", i)); i++)
                TRY(label_set(&edit, &annotations->labels, &annotations->n_labels, label));
        return 0;
}

/* --- pretty --- */

static void add_joined_at(struct str *out, int64_t time_ns)
{
        str_add(out, "Joined at:             \t");
        add_go_time(out, time_ns);
        str_add_char(out, '\n');
}

static void add_plugins(struct str *out, const Sk__NodeDescription *description, const char *type)
{
        bool is_first = true;

        for (size_t i = 0; i < description->n_plugins; i++) {
                if (!str_equal(description->plugins[i]->type, type))
                        continue;
                if (is_first)
                        str_addf(out, " %s:\t\t%s", type, description->plugins[i]->name);
                else
                        str_addf(out, ", %s", description->plugins[i]->name);
                is_first = false;
        }
        str_add(out, is_first ? "" : "\n");
}

static void add_description(struct str *out, const Sk__NodeDescription *description)
{
        const Sk__Platform *platform = description->platform;
        const Sk__Resources *resources = description->resources;

        str_addf(out, "Platform:\n Operating System:\t%s\n Architecture:\t\t%s\n",
                 platform ? platform->os : "", platform ? platform->architecture : "");
        str_addf(out, "Resources:\n CPUs:\t\t\t%lld\n Memory:\t\t",
                 resources ? (long long)(resources->nano_cpus / 1000000000) : 0LL);
        str_add_bytes_iec(out, resources ? (double)resources->memory_bytes : 0);
        str_add(out, description->n_plugins ? "\nPlugins:\n" : "\n");
        add_plugins(out, description, "Log");
        add_plugins(out, description, "Network");
        add_plugins(out, description, "Volume");
        str_addf(out, "Engine Version:\t\t%s\n", description->engine_version);
        for (size_t i = 0; i < description->n_engine_labels; i++)
                str_addf(out, "%s - %s=%s\n", i ? "" : "Engine Labels:\n",
                         description->engine_labels[i]->key, description->engine_labels[i]->value);
}

void node_pretty(struct str *out, const Sk__Node *node, const char *root_pem)
{
        static const Sk__NodeDescription none = SK__NODE_DESCRIPTION__INIT;
        const Sk__NodeDescription *description = node->description ? node->description : &none;
        const Sk__NodeStatus *status = node->status;
        const Sk__Annotations *annotations = node->spec ? node->spec->annotations : NULL;
        _cleanup_(arena_done) struct arena arena = { 0 };

        str_addf(out, "ID:\t\t\t%s\n", node->id);
        if (annotations && !str_is_empty(annotations->name))
                str_addf(out, "Name:\t\t\t%s\n", annotations->name);
        str_add(out, annotations && annotations->n_labels ? "Labels:\n" : "");
        for (size_t i = 0; annotations && i < annotations->n_labels; i++)
                str_addf(out, " - %s%s%s\n", annotations->labels[i]->key,
                         str_is_empty(annotations->labels[i]->value) ? "" : "=",
                         annotations->labels[i]->value);
        str_addf(out, "Hostname:              \t%s\n", str_or(description->hostname, node->name));
        add_joined_at(out, node->meta ? node->meta->created_at_ns : 0);
        str_addf(out, "Status:\n State:\t\t\t%s\n", capitalised(&arena, docker_node_state(node)));
        if (status && !str_is_empty(status->message))
                str_addf(out, " Message:\t\t%s\n", status->message);
        str_addf(out, " Availability:         \t%s\n Address:\t\t%s\n",
                 capitalised(&arena, docker_availability(node->spec)),
                 status ? status->address : "");
        if (node->identity && node->identity->role == SK__NODE_ROLE__NODE_ROLE_MANAGER && status)
                str_addf(out,
                         "Manager Status:\n Address:\t\t%s\n Raft Status:\t\t%s\n Leader:\t\t%s\n",
                         status->manager_address,
                         status->is_reachable ? "Reachable" : "Unreachable",
                         status->is_leader ? "Yes" : "No");
        add_description(out, description);
        if (!str_is_empty(root_pem))
                str_addf(out,
                         "TLS Info:\n TrustRoot:\n%s\n Issuer Subject:\t%s\n Issuer Public "
                         "Key:\t%s\n",
                         root_pem, description->tls_issuer_subject,
                         description->tls_issuer_public_key);
}
