/* Room for who is more important: when a task waits because no node has room for it, tasks of lower
 * priority are shut down on the one node where that costs least.
 *
 * Each waiting task is thought through, the most important first, on nodes as they will be: without
 * what was told to stop, and with the waiting tasks that found their room before it.  So nobody is
 * evicted twice for one task, and nobody for a task that only has to wait until others have
 * stopped. Nothing is remembered: as long as the victims stop, the room that they will leave is
 * seen. */
#include <string.h>

#include "lib/base/map.h"
#include "manager/orchestrator/work.h"

enum { EVICTIONS_MAX = 64 /* in one decision */ };

/* A node as it will be. */
struct room {
        const Sk__Node *node;
        struct placement_usage usage;
        struct vec coming; /* const struct placement_need *: found their room here */
        bool is_read;
};

struct preempt {
        const struct view *view;
        struct plan *plan;
        size_t limit;
        struct room *rooms; /* ascending by node id */
        size_t n_rooms;
        struct vec waiting;  /* struct waiting */
        struct map needs;    /* struct placement_need, by spec id */
        struct map victims;  /* const Sk__Task, by id: told to go by this decision */
        struct map hopeless; /* struct placement_need, by spec id: nobody's going helps */
        size_t n_evictions;
};

struct waiting {
        const Sk__Task *task;
        const struct placement_need *need;
        const struct placement_branches *branches; /* NULL: no skew is limited */
};

/* Who goes so that a task fits on a node: the first 'n' of 'tasks'. */
struct eviction {
        struct room *room;
        const Sk__Task **tasks;
        size_t n;
        int32_t highest; /* priority of the most important of them */
};

static int32_t priority_of_spec(const struct view *view, const char *spec_id)
{
        const Sk__ServiceSpecObject *object = spec_id ? view_service_spec(view, spec_id) : NULL;
        const Sk__ServiceSpec *spec = object && object->spec ? object->spec->spec : NULL;

        return spec && spec->task && spec->task->placement ? spec->task->placement->priority : 0;
}

static int32_t priority_of(const struct view *view, const Sk__Task *task)
{
        return priority_of_spec(view, task->definition->spec_id);
}

/* --- who waits --- */

static const struct placement_need *need_of(struct preempt *preempt, const Sk__Task *task)
{
        const Sk__ServiceSpecRevision *revision = view_task_spec(preempt->view, task);
        struct placement_need *need = map_find(&preempt->needs, task->definition->spec_id);

        if (need || !revision)
                return need;
        need = arena_alloc(&preempt->plan->arena, sizeof *need);
        placement_need_read(&preempt->plan->arena, preempt->view, task->definition->spec_id,
                            revision, need);
        map_put(&preempt->needs, need->spec_id, need);
        return need;
}

/* The scheduler has looked, and found no node. */
static bool was_refused(const Sk__Task *task)
{
        return task->definition && task_is_wanted(task) && !task_is_over(task) && task->placement &&
               str_is_empty(task->placement->node_id) &&
               !str_is_empty(task->placement->explanation);
}

static int compare_waiting(const void *a, const void *b)
{
        const struct waiting *x = a, *y = b;

        if (x->need->priority != y->need->priority)
                return x->need->priority > y->need->priority ? -1 : 1;
        return strcmp(x->task->id, y->task->id);
}

/* Services with a spec that is more important than the least important one.  Beside canaries tasks
 * are made from older specs, too. */
static void find_important(const struct view *view, struct map *services)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *head;
        int32_t least = INT32_MAX;

        while ((head = view_each(view, SK__KIND__KIND_SERVICE_SPEC, &cursor))) {
                int32_t priority = priority_of_spec(view, head->id);

                least = priority < least ? priority : least;
        }
        cursor = (struct view_cursor){ 0 };
        while ((head = view_each(view, SK__KIND__KIND_SERVICE_SPEC, &cursor))) {
                const Sk__ServiceSpecObject *object = (const Sk__ServiceSpecObject *)head;
                const char *service_id = object->spec ? object->spec->service_id : "";

                if (priority_of_spec(view, head->id) > least && !map_find(services, service_id))
                        map_put(services, service_id, (void *)object);
        }
}

static void find_waiting(struct preempt *preempt)
{
        const struct view *view = preempt->view;
        struct view_cursor services = { 0 };
        const struct object_head *head;
        struct map important = { 0 };

        find_important(view, &important);
        while ((head = view_each(view, SK__KIND__KIND_SERVICE, &services))) {
                struct view_cursor tasks = { 0 };
                const Sk__Task *task;

                while (map_find(&important, head->id) &&
                       (task = view_each_service_task(view, head->id, &tasks))) {
                        const struct placement_need *need =
                                was_refused(task) ? need_of(preempt, task) : NULL;

                        if (need)
                                vec_push(&preempt->waiting,
                                         &(struct waiting){ .task = task, .need = need });
                }
        }
        map_done(&important);
        if (preempt->waiting.n)
                vec_sort(&preempt->waiting, compare_waiting);
}

/* --- nodes as they will be --- */

/* Told to go, by whomever. */
static bool is_going(const void *context, const Sk__Task *task)
{
        const struct preempt *preempt = context;

        return !task_is_wanted(task) || map_find(&preempt->victims, task->id);
}

static void add_coming(struct room *room, struct arena *arena, const struct placement_need *need)
{
        Sk__GenericResource **claims = NULL;
        size_t n_claims = 0;

        placement_claim(need, room->node, &room->usage, arena, &claims, &n_claims);
        placement_usage_add(&room->usage, need, claims, n_claims);
}

static void read_room(struct preempt *preempt, struct room *room,
                      bool (*is_gone)(const void *context, const Sk__Task *task),
                      const void *context)
{
        placement_usage_read_without(&room->usage, preempt->view, room->node->id, is_gone, context);
        for (size_t i = 0; i < room->coming.n; i++)
                add_coming(room, &preempt->plan->arena,
                           VEC_AT(&room->coming, const struct placement_need *, i));
}

static void make_rooms(struct preempt *preempt)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *head;

        preempt->rooms =
                arena_alloc(&preempt->plan->arena, view_count(preempt->view, SK__KIND__KIND_NODE) *
                                                           sizeof *preempt->rooms);
        while ((head = view_each(preempt->view, SK__KIND__KIND_NODE, &cursor))) {
                struct room *room = &preempt->rooms[preempt->n_rooms++];

                room->node = (const Sk__Node *)head;
                room->coming = VEC_OF(const struct placement_need *);
                placement_usage_init(&room->usage);
        }
}

/* Nobody's going makes a branch less full. */
static bool is_skewed(const struct waiting *waiting, const struct room *room)
{
        struct str why = { 0 };
        bool skewed = waiting->branches &&
                      placement_skewed(waiting->branches, waiting->need, room->node, &why);

        str_done(&why);
        return skewed;
}

static bool may_take(const struct waiting *waiting, const struct room *room)
{
        const char *own = waiting->task->definition->node_id;

        return (!*own || !strcmp(own, room->node->id)) &&
               placement_suits(waiting->need, room->node) && !is_skewed(waiting, room);
}

static void come(struct preempt *preempt, struct room *room, const struct waiting *waiting)
{
        add_coming(room, &preempt->plan->arena, waiting->need);
        vec_push(&room->coming, &waiting->need);
}

/* Will there be room anyway? */
static bool finds_room(struct preempt *preempt, const struct waiting *waiting)
{
        for (size_t i = 0; i < preempt->n_rooms; i++) {
                struct room *room = &preempt->rooms[i];

                if (!may_take(waiting, room))
                        continue;
                if (!room->is_read)
                        read_room(preempt, room, is_going, preempt);
                room->is_read = true;
                if (!placement_has_room(waiting->need, room->node, &room->usage))
                        continue;
                come(preempt, room, waiting);
                return true;
        }
        return false;
}

/* --- who has to go --- */

/* Of the candidates those that are in, beside all that goes anyway. */
struct without {
        const struct preempt *preempt;
        const Sk__Task **tasks;
        bool *is_in;
        size_t n;
};

static bool is_without(const void *context, const Sk__Task *task)
{
        const struct without *without = context;

        for (size_t i = 0; i < without->n; i++)
                if (without->tasks[i] == task)
                        return without->is_in[i];
        return is_going(without->preempt, task);
}

static bool helps(struct preempt *preempt, struct room *room, const struct waiting *waiting,
                  const struct without *without)
{
        read_room(preempt, room, is_without, without);
        room->is_read = false;
        return placement_has_room(waiting->need, room->node, &room->usage);
}

struct candidate {
        const Sk__Task *task;
        int32_t priority;
};

/* The least important first; of equals the youngest, which lose the least. */
static int compare_candidates(const void *a, const void *b)
{
        const struct candidate *x = a, *y = b;
        int64_t x_at = x->task->meta ? x->task->meta->created_at_ns : 0;
        int64_t y_at = y->task->meta ? y->task->meta->created_at_ns : 0;

        if (x->priority != y->priority)
                return x->priority < y->priority ? -1 : 1;
        if (x_at != y_at)
                return x_at > y_at ? -1 : 1;
        return strcmp(x->task->id, y->task->id);
}

static struct vec candidates_on(const struct preempt *preempt, const struct room *room,
                                int32_t below)
{
        struct vec candidates = VEC_OF(struct candidate);
        struct view_cursor cursor = { 0 };
        const Sk__Task *task;

        while ((task = view_each_node_task(preempt->view, room->node->id, &cursor))) {
                int32_t priority = priority_of(preempt->view, task);

                if (priority < below && task_state(task) >= SK__TASK_STATE__TASK_ASSIGNED &&
                    !task_is_over(task) && !is_going(preempt, task))
                        vec_push(&candidates, &(struct candidate){ task, priority });
        }
        if (candidates.n)
                vec_sort(&candidates, compare_candidates);
        return candidates;
}

/* As few as it takes: one alone when that is enough, else whoever can stay stays, the most
 * important first. */
static void choose(struct preempt *preempt, struct room *room, const struct waiting *waiting,
                   struct without *without)
{
        memset(without->is_in, 0, without->n * sizeof *without->is_in);
        for (size_t i = 0; i < without->n; i++) {
                without->is_in[i] = true;
                if (helps(preempt, room, waiting, without))
                        return;
                without->is_in[i] = false;
        }
        memset(without->is_in, 1, without->n * sizeof *without->is_in);
        for (size_t i = without->n; i-- > 0;) {
                without->is_in[i] = false;
                without->is_in[i] = !helps(preempt, room, waiting, without);
        }
}

/* False when nobody's going helps here. */
static bool evict_on(struct preempt *preempt, struct room *room, const struct waiting *waiting,
                     struct eviction *ret)
{
        struct vec candidates = candidates_on(preempt, room, waiting->need->priority);
        const struct candidate *all = candidates.data;
        struct arena *arena = &preempt->plan->arena;
        struct without without = {
                .preempt = preempt,
                .tasks = arena_alloc(arena, candidates.n * sizeof *without.tasks),
                .is_in = arena_alloc(arena, candidates.n * sizeof *without.is_in),
        };
        bool is_enough = false;

        /* One level of importance after the other, until there is room. */
        while (!is_enough && without.n < candidates.n) {
                int32_t level = all[without.n].priority;

                for (; without.n < candidates.n && all[without.n].priority == level; without.n++) {
                        without.tasks[without.n] = all[without.n].task;
                        without.is_in[without.n] = true;
                }
                ret->highest = level;
                is_enough = helps(preempt, room, waiting, &without);
        }
        if (is_enough) {
                choose(preempt, room, waiting, &without);
                *ret = (struct eviction){ room, without.tasks, 0, ret->highest };
                for (size_t i = 0; i < without.n; i++)
                        if (without.is_in[i])
                                ret->tasks[ret->n++] = without.tasks[i];
        }
        vec_done(&candidates);
        return is_enough;
}

static bool is_cheaper(const struct eviction *a, const struct eviction *b)
{
        return a->highest != b->highest ? a->highest < b->highest : a->n < b->n;
}

static void evict(struct preempt *preempt, const struct waiting *waiting,
                  const struct eviction *eviction)
{
        struct plan *plan = preempt->plan;
        const Sk__Service *service =
                view_service(preempt->view, waiting->task->definition->service_id);
        char name[256];
        const char *reason;

        task_slot_name(waiting->task, service ? service->name : "", name, sizeof name);
        reason = arena_printf(&plan->arena, "%s, of priority %d, needs the room", name,
                              (int)waiting->need->priority);
        preempt->n_evictions++;
        plan_group(plan);
        for (size_t i = 0; i < eviction->n; i++) {
                plan_desire(plan, eviction->tasks[i], SK__TASK_STATE__TASK_SHUTDOWN, reason);
                map_put(&preempt->victims, eviction->tasks[i]->id, (void *)eviction->tasks[i]);
        }
        /* It must still wait, and be wanted. */
        plan_require_unchanged(plan, SK__KIND__KIND_TASK, (const struct object_head *)waiting->task,
                               PART_TASK_placement);
        plan_require_unchanged(plan, SK__KIND__KIND_TASK, (const struct object_head *)waiting->task,
                               PART_TASK_definition);
        read_room(preempt, eviction->room, is_going, preempt);
        eviction->room->is_read = true;
        come(preempt, eviction->room, waiting);
}

static void search(struct preempt *preempt, const struct waiting *waiting)
{
        struct eviction best = { 0 }, found = { 0 };

        for (size_t i = 0; i < preempt->n_rooms; i++)
                if (may_take(waiting, &preempt->rooms[i]) &&
                    evict_on(preempt, &preempt->rooms[i], waiting, &found) &&
                    (!best.room || is_cheaper(&found, &best)))
                        best = found;
        if (best.room)
                evict(preempt, waiting, &best);
        else if (!*waiting->task->definition->node_id)
                map_put(&preempt->hopeless, waiting->need->spec_id, (void *)waiting->need);
}

static void look_at_waiting(struct preempt *preempt)
{
        for (size_t i = 0; i < preempt->waiting.n; i++) {
                struct waiting *waiting = vec_at(&preempt->waiting, i);

                if (map_find(&preempt->hopeless, waiting->need->spec_id))
                        continue;
                if (waiting->need->has_skew && !*waiting->task->definition->node_id)
                        waiting->branches = placement_branches_read(preempt->view, waiting->need,
                                                                    &preempt->plan->arena);
                if (finds_room(preempt, waiting))
                        continue;
                /* Only after what changed something: a search in vain would be as vain again. */
                if (preempt->n_evictions == EVICTIONS_MAX ||
                    preempt->plan->n_changes >= preempt->limit) {
                        plan_wake(preempt->plan, view_now(preempt->view));
                        return;
                }
                search(preempt, waiting);
        }
}

void preempt_decide(const struct view *view, size_t limit, struct plan *plan)
{
        struct preempt preempt = {
                .view = view,
                .plan = plan,
                .limit = limit,
                .waiting = VEC_OF(struct waiting),
        };

        find_waiting(&preempt);
        if (preempt.waiting.n) {
                make_rooms(&preempt);
                look_at_waiting(&preempt);
        }
        for (size_t i = 0; i < preempt.n_rooms; i++) {
                placement_usage_done(&preempt.rooms[i].usage);
                vec_done(&preempt.rooms[i].coming);
        }
        vec_done(&preempt.waiting);
        map_done(&preempt.needs);
        map_done(&preempt.victims);
        map_done(&preempt.hopeless);
}
