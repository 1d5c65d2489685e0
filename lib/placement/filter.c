/* The filters, as a table. */
#include "lib/placement/placement.h"

#include <string.h>
#include <strings.h>

#include "lib/base/check.h"

static bool fits_ready(const struct placement_need *need, const Sk__Node *node,
                       const struct placement_usage *usage)
{
        (void)need;
        (void)usage;
        return node->status && node->status->state == SK__NODE_STATUS__STATE__READY &&
               node->description && node->spec &&
               node->spec->availability == SK__NODE_SPEC__AVAILABILITY__ACTIVE;
}

static bool fits_resource(const struct placement_need *need, const Sk__Node *node,
                          const struct placement_usage *usage)
{
        const Sk__Resources *have = node->description ? node->description->resources : NULL;
        Sk__GenericResource **claims;
        struct arena arena = { 0 };
        size_t n_claims;
        bool fits;

        if (need->nano_cpus && (have ? have->nano_cpus : 0) - usage->nano_cpus < need->nano_cpus)
                return false;
        if (need->memory_bytes &&
            (have ? have->memory_bytes : 0) - usage->memory_bytes < need->memory_bytes)
                return false;
        if (!need->n_generic)
                return true;
        fits = placement_claim(need, node, usage, &arena, &claims, &n_claims);
        arena_done(&arena);
        return fits;
}

static bool node_has_plugin(const Sk__NodeDescription *node, const struct placement_plugin *plugin)
{
        bool type_is_known = false;

        for (size_t i = 0; i < node->n_plugins; i++) {
                if (strcmp(node->plugins[i]->type, plugin->type))
                        continue;
                if (!strcmp(node->plugins[i]->name, plugin->name))
                        return true;
                type_is_known = true;
        }
        /* A node that names no log or network driver at all does not report them. */
        return !type_is_known && strcmp(plugin->type, "Volume") != 0;
}

static bool fits_plugin(const struct placement_need *need, const Sk__Node *node,
                        const struct placement_usage *usage)
{
        (void)usage;
        for (size_t i = 0; i < need->n_plugins; i++)
                if (!node->description || !node_has_plugin(node->description, &need->plugins[i]))
                        return false;
        return true;
}

static bool fits_constraint(const struct placement_need *need, const Sk__Node *node,
                            const struct placement_usage *usage)
{
        (void)usage;
        for (size_t i = 0; i < need->n_constraints; i++)
                if (!constraint_matches(&need->constraints[i], node))
                        return false;
        return true;
}

static bool fits_platform(const struct placement_need *need, const Sk__Node *node,
                          const struct placement_usage *usage)
{
        const Sk__Platform *have = node->description ? node->description->platform : NULL;

        (void)usage;
        for (size_t i = 0; i < need->n_platforms && have; i++) {
                const char *architecture = placement_arch(need->platforms[i].type);
                const char *os = need->platforms[i].name;

                if ((!*architecture ||
                     !strcasecmp(architecture, placement_arch(have->architecture))) &&
                    (!*os || !strcasecmp(os, have->os)))
                        return true;
        }
        return !need->n_platforms;
}

static bool fits_host_port(const struct placement_need *need, const Sk__Node *node,
                           const struct placement_usage *usage)
{
        const uint32_t *used = usage->ports.data;

        (void)node;
        for (size_t i = 0; i < need->n_ports; i++)
                for (size_t j = 0; j < usage->ports.n; j++)
                        if (need->ports[i] == used[j])
                                return false;
        return true;
}

static bool fits_max_replicas(const struct placement_need *need, const Sk__Node *node,
                              const struct placement_usage *usage)
{
        (void)node;
        return !need->max_replicas ||
               placement_usage_of_service(usage, need->service) < need->max_replicas;
}

/* In the order they are asked; 'by_usage': does the answer change with the tasks on the node?  The
 * sentences are docker's. */
static const struct filter {
        bool (*fits)(const struct placement_need *, const Sk__Node *,
                     const struct placement_usage *);
        bool by_usage;
        const char *before,
                *after; /* around "1 node" or "3 nodes"; after NULL: no number is said */
} filters[] = {
        /* clang-format off */
        [FILTER_READY]        = { fits_ready,        false, "", " not available for new tasks" },
        [FILTER_RESOURCE]     = { fits_resource,     true,  "insufficient resources on ", "" },
        [FILTER_PLUGIN]       = { fits_plugin,       false, "missing plugin on ", "" },
        [FILTER_CONSTRAINT]   = { fits_constraint,   false, "scheduling constraints not satisfied on ", "" },
        [FILTER_PLATFORM]     = { fits_platform,     false, "unsupported platform on ", "" },
        [FILTER_HOST_PORT]    = { fits_host_port,    true,  "host-mode port already in use on ", "" },
        [FILTER_MAX_REPLICAS] = { fits_max_replicas, true,  "max replicas per node limit exceed", NULL },
        /* clang-format on */
};
_Static_assert(COUNT_OF(filters) == FILTERS, "one row per filter");

enum placement_filter placement_check(const struct placement_need *need, const Sk__Node *node,
                                      const struct placement_usage *usage)
{
        enum placement_filter filter = 0;

        while (filter < FILTERS && filters[filter].fits(need, node, usage))
                filter++;
        return filter;
}

static bool half_fits(const struct placement_need *need, const Sk__Node *node,
                      const struct placement_usage *usage, bool by_usage)
{
        for (size_t i = 0; i < FILTERS; i++)
                if (filters[i].by_usage == by_usage && !filters[i].fits(need, node, usage))
                        return false;
        return true;
}

bool placement_suits(const struct placement_need *need, const Sk__Node *node)
{
        return half_fits(need, node, NULL, false);
}

bool placement_has_room(const struct placement_need *need, const Sk__Node *node,
                        const struct placement_usage *usage)
{
        return half_fits(need, node, usage, true);
}

static void explain_one(struct str *str, const struct filter *filter, uint32_t n)
{
        str_add(str, filter->before);
        if (filter->after)
                str_addf(str, n == 1 ? "%u node%s" : "%u nodes%s", n, filter->after);
}

void placement_explain(struct str *str, const uint32_t n_refused[FILTERS])
{
        uint32_t left[FILTERS];
        const char *between = " (";

        memcpy(left, n_refused, sizeof left);
        str_add(str, "no suitable node");
        for (;;) {
                enum placement_filter most = 0;

                for (enum placement_filter i = 1; i < FILTERS; i++)
                        if (left[i] > left[most])
                                most = i;
                if (!left[most])
                        break;
                str_add(str, between);
                explain_one(str, &filters[most], left[most]);
                left[most] = 0;
                between = "; ";
        }
        if (*between == ';')
                str_add(str, ")");
}

const char *placement_filter_name(enum placement_filter filter)
{
        static const char *const names[] = {
                [FILTER_READY] = "ready",           [FILTER_RESOURCE] = "resources",
                [FILTER_PLUGIN] = "plugins",        [FILTER_CONSTRAINT] = "constraints",
                [FILTER_PLATFORM] = "platform",     [FILTER_HOST_PORT] = "host ports",
                [FILTER_MAX_REPLICAS] = "replicas", [FILTER_NONE] = "",
        };

        return names[filter];
}
