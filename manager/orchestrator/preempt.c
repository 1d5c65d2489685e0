/* Room for who is more important: when a task waits because no node has room for it, tasks of lower
 * priority are shut down on the one node where that costs least.
 *
 * Each waiting task is thought through, the most important first, on nodes as they will be: without
 * what was told to stop, and with the waiting tasks that found their room before it.  So nobody is
 * evicted twice for one task, and nobody for a task that only has to wait until others have
 * stopped. Nothing is remembered: as long as the victims stop, the room that they will leave is
 * seen. */
#include <string.h>

#include "manager/orchestrator/preempt.h"

/* In one decision.  Rooms are counted so that other keys need not wait for seconds. */
enum { EVICTIONS_MAX = 64, ROOMS_SEARCHED_MAX = 50000 };

/* A spec of tasks that wait. */
struct asker {
        struct placement_need need;
        struct placement_branches *branches; /* as they will be; NULL: no skew is limited */
        uint32_t *refused; /* by room: there is none in it as it was with this change; 0: unknown */
        bool is_hopeless;  /* nobody's going helps */
};

struct waiting {
        const Sk__Task *task;
        struct asker *asker;
        size_t first, end; /* rooms it may have */
};

int32_t preempt_priority(const struct view *view, const char *spec_id)
{
        const Sk__ServiceSpecObject *object = spec_id ? view_service_spec(view, spec_id) : NULL;
        const Sk__ServiceSpec *spec = object && object->spec ? object->spec->spec : NULL;

        return spec && spec->task && spec->task->placement ? spec->task->placement->priority : 0;
}

/* --- who waits --- */

static struct asker *asker_of(struct preempt *preempt, const Sk__Task *task)
{
        const Sk__ServiceSpecRevision *revision = view_task_spec(preempt->view, task);
        struct asker *asker = map_find(&preempt->askers, task->definition->spec_id);
        struct arena *arena = &preempt->plan->arena;

        if (asker || !revision)
                return asker;
        asker = arena_alloc(arena, sizeof *asker);
        placement_need_read(arena, preempt->view, task->definition->spec_id, revision,
                            &asker->need);
        if (asker->need.has_skew)
                asker->branches = placement_branches_read(preempt->view, &asker->need, arena);
        asker->refused = arena_alloc(arena, view_count(preempt->view, SK__KIND__KIND_NODE) *
                                                    sizeof *asker->refused);
        map_put(&preempt->askers, asker->need.spec_id, asker);
        return asker;
}

/* The scheduler has looked, and found no node. */
static bool was_refused(const Sk__Task *task)
{
        return task->definition && task_is_wanted(task) && !task_is_over(task) && task->placement &&
               str_is_empty(task->placement->node_id) &&
               !str_is_empty(task->placement->explanation);
}

/* Of equals those of one spec after the other: what was thought through for one holds for the next.
 */
static int compare_waiting(const void *a, const void *b)
{
        const struct waiting *x = a, *y = b;

        if (x->asker->need.priority != y->asker->need.priority)
                return x->asker->need.priority > y->asker->need.priority ? -1 : 1;
        if (x->asker != y->asker)
                return strcmp(x->asker->need.spec_id, y->asker->need.spec_id);
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
                int32_t priority = preempt_priority(view, head->id);

                least = priority < least ? priority : least;
        }
        cursor = (struct view_cursor){ 0 };
        while ((head = view_each(view, SK__KIND__KIND_SERVICE_SPEC, &cursor))) {
                const Sk__ServiceSpecObject *object = (const Sk__ServiceSpecObject *)head;
                const char *service_id = object->spec ? object->spec->service_id : "";

                if (preempt_priority(view, head->id) > least && !map_find(services, service_id))
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
                        struct asker *asker = was_refused(task) ? asker_of(preempt, task) : NULL;

                        if (asker)
                                vec_push(&preempt->waiting,
                                         &(struct waiting){ .task = task, .asker = asker });
                }
        }
        map_done(&important);
        if (preempt->waiting.n)
                vec_sort(&preempt->waiting, compare_waiting);
}

/* --- nodes as they will be --- */

/* Told to go, by whomever. */
bool preempt_is_going(const void *context, const Sk__Task *task)
{
        const struct preempt *preempt = context;

        return !task_is_wanted(task) || map_find(&preempt->victims, task->id);
}

static void add_coming(const struct room *room, struct arena *arena,
                       const struct placement_need *need, struct placement_usage *usage)
{
        Sk__GenericResource **claims = NULL;
        size_t n_claims = 0;

        placement_claim(need, room->node, usage, arena, &claims, &n_claims);
        placement_usage_add(usage, need, claims, n_claims);
}

void preempt_read_usage(struct preempt *preempt, const struct room *room,
                        bool (*is_gone)(const void *context, const Sk__Task *task),
                        const void *context, struct placement_usage *ret)
{
        placement_usage_read_without(ret, preempt->view, room->node->id, is_gone, context);
        for (size_t i = 0; i < room->coming.n; i++)
                add_coming(room, &preempt->plan->arena,
                           VEC_AT(&room->coming, const struct placement_need *, i), ret);
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
                room->change = 1;
                room->coming = VEC_OF(const struct placement_need *);
                placement_usage_init(&room->usage);
        }
}

/* A task of a global service has the one on its node, when that is there. */
static void find_rooms(const struct preempt *preempt, struct waiting *waiting)
{
        const char *own = waiting->task->definition->node_id;
        size_t low = 0, high = preempt->n_rooms;

        waiting->end = preempt->n_rooms;
        if (!*own)
                return;
        while (low < high) {
                size_t middle = (low + high) / 2;

                if (strcmp(preempt->rooms[middle].node->id, own) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        waiting->first = low;
        waiting->end = low < preempt->n_rooms && !strcmp(preempt->rooms[low].node->id, own)
                               ? low + 1
                               : low;
}

/* Nobody's going makes a branch less full. */
static bool may_take(const struct waiting *waiting, const struct room *room)
{
        const struct asker *asker = waiting->asker;

        return placement_suits(&asker->need, room->node) &&
               !(asker->branches && !*waiting->task->definition->node_id &&
                 placement_skewed(asker->branches, room->node, NULL));
}

static void come(struct preempt *preempt, struct room *room, const struct waiting *waiting)
{
        const struct placement_need *need = &waiting->asker->need;
        struct asker *asker;

        add_coming(room, &preempt->plan->arena, need, &room->usage);
        vec_push(&room->coming, &need);
        room->change++;
        for (size_t at = 0; (asker = map_next(&preempt->askers, &at));)
                if (asker->branches && asker->need.service == need->service)
                        placement_branches_add(asker->branches, room->node);
}

static bool has_room(struct preempt *preempt, const struct asker *asker, struct room *room)
{
        if (!room->is_read)
                preempt_read_usage(preempt, room, preempt_is_going, preempt, &room->usage);
        room->is_read = true;
        return placement_has_room(&asker->need, room->node, &room->usage);
}

/* Will there be room anyway? */
static bool finds_room(struct preempt *preempt, const struct waiting *waiting)
{
        struct asker *asker = waiting->asker;

        for (size_t i = waiting->first; i < waiting->end; i++) {
                struct room *room = &preempt->rooms[i];

                if (asker->refused[i] == room->change || !may_take(waiting, room))
                        continue;
                if (has_room(preempt, asker, room)) {
                        come(preempt, room, waiting);
                        return true;
                }
                asker->refused[i] = room->change;
        }
        return false;
}

/* --- who goes --- */

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
                              (int)waiting->asker->need.priority);
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
        preempt_read_usage(preempt, eviction->room, preempt_is_going, preempt,
                           &eviction->room->usage);
        eviction->room->is_read = true;
        come(preempt, eviction->room, waiting);
}

static void search(struct preempt *preempt, const struct waiting *waiting)
{
        struct eviction best = { 0 };

        for (size_t i = waiting->first; i < waiting->end; i++) {
                struct room *room = &preempt->rooms[i];

                if (may_take(waiting, room) &&
                    evict_on(preempt, room, &waiting->asker->need, &best) &&
                    (!best.room || is_cheaper(&room->offer, &best)))
                        best = room->offer;
        }
        if (best.room)
                evict(preempt, waiting, &best);
        else if (!*waiting->task->definition->node_id)
                waiting->asker->is_hopeless = true;
}

static bool is_enough(const struct preempt *preempt)
{
        return preempt->n_evictions == EVICTIONS_MAX ||
               preempt->plan->n_changes >= preempt->limit ||
               (preempt->n_evictions && preempt->n_rooms_searched >= ROOMS_SEARCHED_MAX);
}

static void look_at_waiting(struct preempt *preempt)
{
        for (size_t i = 0; i < preempt->waiting.n; i++) {
                struct waiting *waiting = vec_at(&preempt->waiting, i);

                if (waiting->asker->is_hopeless)
                        continue;
                find_rooms(preempt, waiting);
                if (finds_room(preempt, waiting))
                        continue;
                /* Only after what changed something: a search in vain would be as vain again. */
                if (is_enough(preempt)) {
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

        placement_usage_init(&preempt.usage);
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
        placement_usage_done(&preempt.usage);
        map_done(&preempt.askers);
        map_done(&preempt.victims);
}
