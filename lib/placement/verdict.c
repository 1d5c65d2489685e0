/* Why not that node: each node's verdict on one task, with the deficit. */
#include <string.h>

#include "lib/base/vec.h"
#include "lib/placement/placement.h"

static void say_ready(struct str *str, const struct placement_need *need, const Sk__Node *node,
                      const struct placement_usage *usage)
{
        static const char *const availability[] = { "active", "paused", "drained" };
        bool is_ready = node->status && node->status->state == SK__NODE_STATUS__STATE__READY;
        size_t which = node->spec ? (size_t)node->spec->availability : 0;

        (void)need;
        (void)usage;
        if (!is_ready)
                str_add(str, "the node is not ready");
        else if (!node->description)
                str_add(str, "the node has not described itself yet");
        else
                str_addf(str, "the node is %s", which < 3 ? availability[which] : "not active");
}

static void say_resource(struct str *str, const struct placement_need *need, const Sk__Node *node,
                         const struct placement_usage *usage)
{
        const Sk__Resources *have = node->description ? node->description->resources : NULL;
        int64_t cpus = (have ? have->nano_cpus : 0) - usage->nano_cpus;
        int64_t memory = (have ? have->memory_bytes : 0) - usage->memory_bytes;

        if (need->nano_cpus && cpus < need->nano_cpus) {
                str_addf(str, "%.3g CPUs wanted, %.3g free", (double)need->nano_cpus / 1e9,
                         cpus > 0 ? (double)cpus / 1e9 : 0.0);
        } else if (need->memory_bytes && memory < need->memory_bytes) {
                str_add_bytes_iec(str, (double)need->memory_bytes);
                str_add(str, " of memory wanted, ");
                str_add_bytes_iec(str, memory > 0 ? (double)memory : 0.0);
                str_add(str, " free");
        } else {
                str_add(str, "too few generic resources are free");
        }
}

static void say_plugin(struct str *str, const struct placement_need *need, const Sk__Node *node,
                       const struct placement_usage *usage)
{
        (void)node;
        (void)usage;
        str_add(str, "a plugin is missing; wanted:");
        for (size_t i = 0; i < need->n_plugins; i++)
                str_addf(str, " %s/%s", need->plugins[i].type, need->plugins[i].name);
}

static void say_constraint(struct str *str, const struct placement_need *need, const Sk__Node *node,
                           const struct placement_usage *usage)
{
        size_t i = 0;

        (void)usage;
        while (i + 1 < need->n_constraints && constraint_matches(&need->constraints[i], node))
                i++;
        str_add(str, "constraint not satisfied: ");
        constraint_say(str, &need->constraints[i], node);
}

static void say_platform(struct str *str, const struct placement_need *need, const Sk__Node *node,
                         const struct placement_usage *usage)
{
        const Sk__Platform *have = node->description ? node->description->platform : NULL;

        (void)usage;
        str_addf(str, "the node is %s/%s; wanted:", have ? have->os : "unknown",
                 have ? have->architecture : "unknown");
        for (size_t i = 0; i < need->n_platforms; i++)
                str_addf(str, " %s/%s", need->platforms[i].name, need->platforms[i].type);
}

static void say_host_port(struct str *str, const struct placement_need *need, const Sk__Node *node,
                          const struct placement_usage *usage)
{
        const uint32_t *used = usage->ports.data;

        (void)node;
        for (size_t i = 0; i < need->n_ports; i++)
                for (size_t j = 0; j < usage->ports.n; j++)
                        if (need->ports[i] == used[j]) {
                                str_addf(str, "host port %u is in use", need->ports[i] & 0xffff);
                                return;
                        }
}

static void say_max_replicas(struct str *str, const struct placement_need *need,
                             const Sk__Node *node, const struct placement_usage *usage)
{
        (void)node;
        str_addf(str, "%u tasks of the service are here, at most %llu may be",
                 placement_usage_of_service(usage, need->service),
                 (unsigned long long)need->max_replicas);
}

static void say_none(struct str *str, const struct placement_need *need, const Sk__Node *node,
                     const struct placement_usage *usage)
{
        (void)need;
        (void)node;
        (void)usage;
        str_add(str, "fits");
}

static void (*const say[FILTERS + 1])(struct str *, const struct placement_need *, const Sk__Node *,
                                      const struct placement_usage *) = {
        /* clang-format off */
        [FILTER_READY]        = say_ready,
        [FILTER_RESOURCE]     = say_resource,
        [FILTER_PLUGIN]       = say_plugin,
        [FILTER_CONSTRAINT]   = say_constraint,
        [FILTER_PLATFORM]     = say_platform,
        [FILTER_HOST_PORT]    = say_host_port,
        [FILTER_MAX_REPLICAS] = say_max_replicas,
        [FILTER_NONE]         = say_none,
        /* clang-format on */
};

static struct placement_verdict verdict_of(const struct view *view,
                                           const struct placement_need *need, const Sk__Node *node,
                                           struct arena *arena)
{
        struct placement_verdict verdict = { .node_id = node->id, .node_name = node->name };
        struct placement_usage usage;
        struct str text = { 0 };

        placement_usage_init(&usage);
        placement_usage_read(&usage, view, node->id);
        verdict.filter = placement_check(need, node, &usage);
        say[verdict.filter](&text, need, node, &usage);
        verdict.text = arena_strdup(arena, str_text(&text));
        str_done(&text);
        placement_usage_done(&usage);
        return verdict;
}

int placement_verdicts(const struct view *view, const Sk__Task *task, struct arena *arena,
                       struct placement_verdict **ret_verdicts, size_t *ret_n_verdicts,
                       struct err *err)
{
        const Sk__ServiceSpecRevision *revision = view_task_spec(view, task);
        const char *own = task->definition ? task->definition->node_id : "";
        struct view_cursor cursor = { 0 };
        struct placement_verdict *verdicts;
        struct placement_need need;
        const struct object_head *head;
        size_t n = 0;

        if (!revision)
                return err_set(err, ERR_NOT_FOUND, "the spec of task %s is gone", task->id);
        placement_need_read(arena, view, task->definition->spec_id, revision, &need);
        verdicts = arena_alloc(arena, view_count(view, SK__KIND__KIND_NODE) * sizeof *verdicts);
        while ((head = view_each(view, SK__KIND__KIND_NODE, &cursor)))
                if (!*own || !strcmp(own, head->id))
                        verdicts[n++] = verdict_of(view, &need, (const Sk__Node *)head, arena);
        *ret_verdicts = verdicts;
        *ret_n_verdicts = n;
        return 0;
}
