/* The nodes that fit one spec, in the order in which they are to be taken. */
#include "manager/scheduler/ranking.h"

#include <string.h>

#include "lib/base/check.h"

/* This many failures of a spec of late, and a node is taken only when no other is left. */
enum { FAILURES_MANY = 5 };

struct branch {
        const char *value; /* of the label */
        struct branch *parent;
        struct vec children; /* struct branch *, ascending by value; none: a leaf */
        uint64_t n_tasks;    /* of the service, on all nodes below */
        size_t n_candidates; /* left below */
        bool suits;          /* a node below does, whether or not it has room */
        struct heap heap;    /* of a leaf */
};

static bool comes_before_spread(const struct heap_node *a, const struct heap_node *b)
{
        const struct candidate *x = container_of(a, const struct candidate, heap);
        const struct candidate *y = container_of(b, const struct candidate, heap);

        if (x->drawback != y->drawback)
                return x->drawback < y->drawback;
        if (x->n_service != y->n_service)
                return x->n_service < y->n_service;
        if (x->node->usage.n_tasks != y->node->usage.n_tasks)
                return x->node->usage.n_tasks < y->node->usage.n_tasks;
        return strcmp(x->node->id, y->node->id) < 0;
}

static bool comes_before_binpack(const struct heap_node *a, const struct heap_node *b)
{
        const struct candidate *x = container_of(a, const struct candidate, heap);
        const struct candidate *y = container_of(b, const struct candidate, heap);

        if (x->drawback != y->drawback)
                return x->drawback < y->drawback;
        if (x->fill != y->fill)
                return x->fill > y->fill;
        if (x->node->usage.n_tasks != y->node->usage.n_tasks)
                return x->node->usage.n_tasks > y->node->usage.n_tasks;
        return strcmp(x->node->id, y->node->id) < 0;
}

/* Shares in use, of CPU and of memory, added; in ten-thousandths. */
static int64_t fill_of(const struct cached_node *node)
{
        const Sk__Resources *have = node->node->description->resources;
        int64_t fill = 0;

        if (have && have->nano_cpus > 0)
                fill += node->usage.nano_cpus / (have->nano_cpus / 10000 + 1);
        if (have && have->memory_bytes > 0)
                fill += node->usage.memory_bytes / (have->memory_bytes / 10000 + 1);
        return fill;
}

static struct branch *branch_new(struct ranking *ranking, struct branch *parent, const char *value)
{
        struct branch *branch = arena_alloc(ranking->arena, sizeof *branch);

        branch->value = value;
        branch->parent = parent;
        branch->children = VEC_OF(struct branch *);
        branch->heap.is_before = ranking->strategy == SK__PLACEMENT__STRATEGY__BINPACK
                                         ? comes_before_binpack
                                         : comes_before_spread;
        vec_push(&ranking->branches, &branch);
        return branch;
}

/* The child for a label's value; made when there is none. */
static struct branch *child_of(struct ranking *ranking, struct branch *parent, const char *value)
{
        size_t low = 0, high = parent->children.n;
        struct branch **children, *child;

        while (low < high) {
                size_t middle = (low + high) / 2;

                child = VEC_AT(&parent->children, struct branch *, middle);
                if (strcmp(child->value, value) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low < parent->children.n) {
                child = VEC_AT(&parent->children, struct branch *, low);
                if (!strcmp(child->value, value))
                        return child;
        }
        child = branch_new(ranking, parent, value);
        vec_push(&parent->children, &child);
        children = parent->children.data;
        memmove(children + low + 1, children + low, (parent->children.n - 1 - low) * sizeof child);
        children[low] = child;
        return child;
}

static struct branch *leaf_of(struct ranking *ranking, const struct cached_node *node)
{
        struct branch *branch = ranking->root;

        for (size_t i = 0; i < ranking->spec->need.n_spread; i++)
                branch = child_of(ranking, branch,
                                  constraint_label(node->node,
                                                   ranking->spec->need.spread[i].descriptor));
        return branch;
}

static void rank(struct ranking *ranking, struct candidate *candidate)
{
        const struct placement_need *need = &ranking->spec->need;
        const struct cached_node *node = candidate->node;

        candidate->n_service = placement_usage_of_service(&node->usage, need->service);
        candidate->drawback = (uint64_t)candidate->n_failures << 32;
        if (ranking->has_wishes)
                candidate->drawback |= placement_unmet(need, node->node, &node->usage);
        if (ranking->strategy == SK__PLACEMENT__STRATEGY__BINPACK)
                candidate->fill = fill_of(node);
}

static void add_candidate(struct ranking *ranking, struct branch *leaf, struct cached_node *node)
{
        struct candidate *candidate = arena_alloc(ranking->arena, sizeof *candidate);
        uint32_t n_failures = placement_usage_failures(&node->usage, ranking->spec->need.spec,
                                                       view_now(ranking->view));

        candidate->node = node;
        candidate->branch = leaf;
        candidate->n_failures = n_failures < FAILURES_MANY ? 0 : n_failures;
        rank(ranking, candidate);
        heap_add(&leaf->heap, &candidate->heap);
        for (struct branch *branch = leaf; branch; branch = branch->parent)
                branch->n_candidates++;
}

void ranking_init(struct ranking *ranking, const struct view *view, struct scheduler_cache *cache,
                  struct cached_spec *spec, Sk__Placement__Strategy strategy, struct arena *arena)
{
        *ranking = (struct ranking){
                .view = view,
                .spec = spec,
                .strategy = strategy,
                .has_wishes = spec->need.n_wishes || spec->need.n_affinities,
                .arena = arena,
                .branches = VEC_OF(struct branch *),
        };
        ranking->root = branch_new(ranking, NULL, "");
        for (size_t i = 0; i < cache->order.n; i++) {
                struct cached_node *node = VEC_AT(&cache->order, struct cached_node *, i);
                bool suits = cache_suits(spec, node);
                bool fits = suits && !node->is_held &&
                            placement_has_room(&spec->need, node->node, &node->usage);
                uint32_t n_service =
                        spec->need.n_spread
                                ? placement_usage_of_service(&node->usage, spec->need.service)
                                : 0;
                struct branch *leaf;

                if (!fits && !n_service && !(suits && spec->need.has_skew))
                        continue;
                leaf = leaf_of(ranking, node);
                for (struct branch *branch = leaf; branch; branch = branch->parent) {
                        branch->n_tasks += n_service;
                        branch->suits |= suits;
                }
                if (fits)
                        add_candidate(ranking, leaf, node);
        }
}

void ranking_done(struct ranking *ranking)
{
        for (size_t i = 0; i < ranking->branches.n; i++) {
                struct branch *branch = VEC_AT(&ranking->branches, struct branch *, i);

                vec_done(&branch->children);
                heap_done(&branch->heap);
        }
        vec_done(&ranking->branches);
}

/* A child may have fewer tasks than this, when it is to get one more. */
static uint64_t most_tasks(const struct branch *parent, uint64_t max_skew)
{
        uint64_t least = UINT64_MAX;

        for (size_t i = 0; max_skew && i < parent->children.n; i++) {
                const struct branch *child = VEC_AT(&parent->children, struct branch *, i);

                if (child->suits && child->n_tasks < least)
                        least = child->n_tasks;
        }
        return least > UINT64_MAX - max_skew ? UINT64_MAX : least + max_skew;
}

/* The child to try after that at '*at' (parent->children.n: the first). */
static const struct branch *next_child(const struct branch *parent, uint64_t most, size_t *at)
{
        const struct branch *last =
                *at < parent->children.n ? VEC_AT(&parent->children, struct branch *, *at) : NULL;
        const struct branch *best = NULL;
        size_t place = *at;

        for (size_t i = 0; i < parent->children.n; i++) {
                const struct branch *child = VEC_AT(&parent->children, struct branch *, i);
                bool is_later = !last || child->n_tasks > last->n_tasks ||
                                (child->n_tasks == last->n_tasks && i > place);

                if (child->n_candidates && child->n_tasks < most && is_later &&
                    (!best || child->n_tasks < best->n_tasks)) {
                        best = child;
                        *at = i;
                }
        }
        return best;
}

/* The leaf to take from. */
static const struct branch *choose(const struct ranking *ranking, const struct branch *branch,
                                   size_t level)
{
        const struct branch *child, *leaf = NULL;
        size_t at = branch->children.n;
        uint64_t most;

        if (!branch->n_candidates)
                return NULL;
        if (!branch->children.n)
                return branch;
        most = most_tasks(branch, ranking->spec->need.spread[level].max_skew);
        while (!leaf && (child = next_child(branch, most, &at)))
                leaf = choose(ranking, child, level + 1);
        return leaf;
}

/* Mixes two hashes into a number that looks drawn. */
static uint64_t draw(uint64_t a, uint64_t b)
{
        uint64_t x = a ^ (b * UINT64_C(0x9e3779b97f4a7c15));

        x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
        x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
        return x ^ x >> 32;
}

/* Each task draws a number per node; the least wins.  The same task draws the same again. */
static struct candidate *pick_random(const struct branch *leaf, uint64_t task)
{
        struct candidate *best = NULL;
        uint64_t best_drawn = 0;

        for (size_t i = 0; i < leaf->heap.n; i++) {
                struct candidate *candidate =
                        container_of(leaf->heap.nodes[i], struct candidate, heap);
                uint64_t drawn = draw(task, candidate->node->hash);

                if (!best || candidate->drawback < best->drawback ||
                    (candidate->drawback == best->drawback && drawn < best_drawn)) {
                        best = candidate;
                        best_drawn = drawn;
                }
        }
        return best;
}

struct candidate *ranking_pick(struct ranking *ranking, const char *task_id)
{
        const struct branch *branch = choose(ranking, ranking->root, 0);

        if (!branch)
                return NULL;
        if (ranking->strategy == SK__PLACEMENT__STRATEGY__RANDOM)
                return pick_random(branch, placement_hash(task_id));
        return container_of(heap_first(&branch->heap), struct candidate, heap);
}

void ranking_placed(struct ranking *ranking, struct candidate *candidate)
{
        const struct cached_node *node = candidate->node;
        bool has_room = placement_has_room(&ranking->spec->need, node->node, &node->usage);

        rank(ranking, candidate);
        if (has_room)
                heap_moved(&candidate->branch->heap, &candidate->heap);
        else
                heap_remove(&candidate->branch->heap, &candidate->heap);
        for (struct branch *branch = candidate->branch; branch; branch = branch->parent) {
                branch->n_tasks++;
                branch->n_candidates -= !has_room;
        }
}
