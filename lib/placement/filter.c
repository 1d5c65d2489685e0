/* The filters: one function each. */
#include "lib/placement/placement.h"

#include <string.h>
#include <strings.h>

#include "lib/base/check.h"

/* One node as one task sees it; 'usage' is NULL for filters that rest on the node alone. */
struct look {
        const struct placement_need *need;
        const Sk__Node *node;
        const struct placement_usage *usage;
};

/* May the task run there?  If not, and 'why' is not NULL, it is told what is missing. */
typedef bool filter_function(const struct look *look, struct str *why);

static bool fits_ready(const struct look *look, struct str *why)
{
        static const char *const availabilities[] = { "active", "paused", "drained" };
        const Sk__Node *node = look->node;
        bool is_ready = node->status && node->status->state == SK__NODE_STATUS__STATE__READY;
        size_t which = node->spec ? (size_t)node->spec->availability : 3;

        if (is_ready && node->description && which == SK__NODE_SPEC__AVAILABILITY__ACTIVE)
                return true;
        if (!why)
                return false;
        if (!is_ready)
                str_add(why, "the node is not ready");
        else if (!node->description)
                str_add(why, "the node has not described itself yet");
        else
                str_addf(why, "the node is %s", which < 3 ? availabilities[which] : "not active");
        return false;
}

static void say_cpus(struct str *why, int64_t wanted, int64_t free)
{
        str_addf(why, "%.3g CPUs wanted, %.3g free", (double)wanted / 1e9,
                 free > 0 ? (double)free / 1e9 : 0.0);
}

static void say_memory(struct str *why, int64_t wanted, int64_t free)
{
        str_add_bytes_iec(why, (double)wanted);
        str_add(why, " of memory wanted, ");
        str_add_bytes_iec(why, free > 0 ? (double)free : 0.0);
        str_add(why, " free");
}

static bool fits_resource(const struct look *look, struct str *why)
{
        const struct placement_need *need = look->need;
        const Sk__Resources *have =
                look->node->description ? look->node->description->resources : NULL;
        int64_t cpus = (have ? have->nano_cpus : 0) - look->usage->nano_cpus;
        int64_t memory = (have ? have->memory_bytes : 0) - look->usage->memory_bytes;
        const struct placement_generic *missing;
        int64_t n_free;

        if (need->nano_cpus && cpus < need->nano_cpus) {
                if (why)
                        say_cpus(why, need->nano_cpus, cpus);
                return false;
        }
        if (need->memory_bytes && memory < need->memory_bytes) {
                if (why)
                        say_memory(why, need->memory_bytes, memory);
                return false;
        }
        missing =
                need->n_generic ? placement_missing(need, look->node, look->usage, &n_free) : NULL;
        if (missing && why)
                str_addf(why, "%lld %s wanted, %lld free", (long long)missing->count, missing->kind,
                         (long long)n_free);
        return !missing;
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

static bool fits_plugin(const struct look *look, struct str *why)
{
        const Sk__NodeDescription *description = look->node->description;

        for (size_t i = 0; i < look->need->n_plugins; i++) {
                const struct placement_plugin *plugin = &look->need->plugins[i];

                if (description && node_has_plugin(description, plugin))
                        continue;
                if (why)
                        str_addf(why, "the plugin %s/%s is missing", plugin->type, plugin->name);
                return false;
        }
        return true;
}

static bool has_device(const Sk__NodeDescription *node, const char *name)
{
        for (size_t i = 0; node && i < node->n_plugins; i++)
                if (!strcmp(node->plugins[i]->type, "Device") &&
                    !strcmp(node->plugins[i]->name, name))
                        return true;
        return false;
}

static bool fits_device(const struct look *look, struct str *why)
{
        for (size_t i = 0; i < look->need->n_devices; i++) {
                if (has_device(look->node->description, look->need->devices[i]))
                        continue;
                if (why)
                        str_addf(why, "the node has no device %s", look->need->devices[i]);
                return false;
        }
        return true;
}

static bool fits_constraint(const struct look *look, struct str *why)
{
        for (size_t i = 0; i < look->need->n_constraints; i++) {
                const struct constraint *constraint = &look->need->constraints[i];

                if (constraint_matches(constraint, look->node))
                        continue;
                if (why) {
                        str_add(why, "constraint not satisfied: ");
                        constraint_say(why, constraint, look->node);
                }
                return false;
        }
        return true;
}

static bool is_platform(const struct placement_plugin *wanted, const Sk__Platform *have)
{
        const char *architecture = placement_arch(wanted->type), *os = wanted->name;

        return (!*architecture || !strcasecmp(architecture, placement_arch(have->architecture))) &&
               (!*os || !strcasecmp(os, have->os));
}

static bool fits_platform(const struct look *look, struct str *why)
{
        const struct placement_need *need = look->need;
        const Sk__Platform *have =
                look->node->description ? look->node->description->platform : NULL;

        for (size_t i = 0; i < need->n_platforms && have; i++)
                if (is_platform(&need->platforms[i], have))
                        return true;
        if (need->n_platforms && why) {
                str_addf(why, "the node is %s/%s, the image is for", have ? have->os : "unknown",
                         have ? have->architecture : "unknown");
                for (size_t i = 0; i < need->n_platforms; i++)
                        str_addf(why, "%s %s/%s", i ? "," : "",
                                 str_or(need->platforms[i].name, "any"),
                                 str_or(need->platforms[i].type, "any"));
        }
        return !need->n_platforms;
}

static bool fits_host_port(const struct look *look, struct str *why)
{
        for (size_t i = 0; i < look->need->n_ports; i++) {
                if (!placement_usage_has_port(look->usage, look->need->ports[i]))
                        continue;
                if (why)
                        str_addf(why, "host port %u is in use", look->need->ports[i] & 0xffff);
                return false;
        }
        return true;
}

static bool fits_max_replicas(const struct look *look, struct str *why)
{
        uint64_t most = look->need->max_replicas;
        uint32_t n = most ? placement_usage_of_service(look->usage, look->need->service) : 0;

        if (!most || n < most)
                return true;
        if (why)
                str_addf(why, "%u tasks of the service are here, at most %llu may be", n,
                         (unsigned long long)most);
        return false;
}

static bool affinity_holds(const struct affinity *affinity, const struct placement_usage *usage)
{
        return traits_have(&usage->traits, affinity->trait) == affinity->is_equal;
}

static bool fits_affinity(const struct look *look, struct str *why)
{
        const struct placement_need *need = look->need;

        for (size_t i = 0; i < need->n_affinities; i++) {
                const struct affinity *affinity = &need->affinities[i];

                if (affinity->is_soft || affinity_holds(affinity, look->usage))
                        continue;
                if (why)
                        str_addf(why, "affinity not satisfied: %.200s, %s task is here",
                                 affinity->text, affinity->is_equal ? "no such" : "such a");
                return false;
        }
        for (size_t i = 0; look->usage->forbidden.n && i < need->n_traits; i++) {
                if (!traits_have(&look->usage->forbidden, need->traits[i]))
                        continue;
                if (why)
                        str_add(why, "a task here has an affinity against it");
                return false;
        }
        return true;
}

/* Rests on other nodes: whoever sees them asks placement_skewed(). */
static bool fits_skew(const struct look *look, struct str *why)
{
        (void)look;
        (void)why;
        return true;
}

/* As skew: known to the scheduler, which keeps room that is about to become free. */
static bool fits_held(const struct look *look, struct str *why)
{
        return fits_skew(look, why);
}

uint32_t placement_unmet(const struct placement_need *need, const Sk__Node *node,
                         const struct placement_usage *usage)
{
        uint32_t n = 0;

        for (size_t i = 0; i < need->n_wishes; i++)
                n += !constraint_matches(&need->wishes[i], node);
        for (size_t i = 0; i < need->n_affinities; i++)
                n += need->affinities[i].is_soft && !affinity_holds(&need->affinities[i], usage);
        return n;
}

enum rests_on { RESTS_ON_NODE, RESTS_ON_TASKS, RESTS_ON_CLUSTER };

static const struct filter {
        filter_function *fits;
        const char *word, *before, *after;
} filters[] = {
#define ROW(name, rests_on, word, before, after) { fits_##name, word, before, after },
        PLACEMENT_FILTERS(ROW)
#undef ROW
};

enum placement_filter placement_check(const struct placement_need *need, const Sk__Node *node,
                                      const struct placement_usage *usage, struct str *why)
{
        const struct look look = { need, node, usage };
        enum placement_filter filter = 0;

        while (filter < FILTERS && filters[filter].fits(&look, why))
                filter++;
        return filter;
}

/* The halves are written out: nothing is asked more often. */
bool placement_suits(const struct placement_need *need, const Sk__Node *node)
{
        const struct look look = { need, node, NULL };

#define ROW(name, rests_on, word, before, after)                               \
        if (RESTS_ON_##rests_on == RESTS_ON_NODE && !fits_##name(&look, NULL)) \
                return false;
        PLACEMENT_FILTERS(ROW)
#undef ROW
        return true;
}

bool placement_has_room(const struct placement_need *need, const Sk__Node *node,
                        const struct placement_usage *usage)
{
        const struct look look = { need, node, usage };

#define ROW(name, rests_on, word, before, after)                                \
        if (RESTS_ON_##rests_on == RESTS_ON_TASKS && !fits_##name(&look, NULL)) \
                return false;
        PLACEMENT_FILTERS(ROW)
#undef ROW
        return true;
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
        return filter < FILTERS ? filters[filter].word : "";
}
