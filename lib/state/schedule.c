/* What a loop decides next. */
#include "lib/state/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/time.h"

enum { DUMPED_KEYS = 100 };

/* After a refusal that no later version explains, and after a decision to be asked again at once
 * that changed nothing. */
static const int64_t RETRY_NS = NS_PER_S, RETRY_SOON_NS = NS_PER_MS;

/* A key that is asked again later, whatever comes first. */
struct delayed_key {
        struct heap_node by_time, by_version;
        int64_t at;
        uint64_t version;
        char text[RECONCILE_KEY_SIZE];
};

/* Groups first_group .. end_group-1 of the plan are this key's. */
struct decided_key {
        size_t first_group, end_group;
        char text[RECONCILE_KEY_SIZE];
};

static bool wakes_before(const struct heap_node *a, const struct heap_node *b)
{
        const struct delayed_key *x = container_of(a, const struct delayed_key, by_time);
        const struct delayed_key *y = container_of(b, const struct delayed_key, by_time);

        return x->at != y->at ? x->at < y->at : strcmp(x->text, y->text) < 0;
}

static bool is_shown_before(const struct heap_node *a, const struct heap_node *b)
{
        const struct delayed_key *x = container_of(a, const struct delayed_key, by_version);
        const struct delayed_key *y = container_of(b, const struct delayed_key, by_version);

        return x->version != y->version ? x->version < y->version : strcmp(x->text, y->text) < 0;
}

void schedule_init(struct schedule *schedule, const struct reconciler *reconciler,
                   const void *config)
{
        *schedule = (struct schedule){
                .reconciler = reconciler,
                .config = config,
                .by_time.is_before = wakes_before,
                .by_version.is_before = is_shown_before,
                .decided = VEC_OF(struct decided_key),
        };
        plan_init(&schedule->plan);
}

static void forget_keys(struct schedule *schedule)
{
        struct delayed_key *key;
        size_t at = 0;

        reconcile_keys_done(&schedule->touched);
        while ((key = map_next(&schedule->delayed, &at))) {
                map_remove(&schedule->delayed, key->text);
                free(key);
        }
        heap_done(&schedule->by_time);
        heap_done(&schedule->by_version);
        schedule->by_time.is_before = wakes_before;
        schedule->by_version.is_before = is_shown_before;
}

void schedule_done(struct schedule *schedule)
{
        forget_keys(schedule);
        map_done(&schedule->delayed);
        vec_done(&schedule->decided);
        plan_done(&schedule->plan);
}

/* --- what touches keys --- */

void schedule_restart(struct schedule *schedule, const struct view *view)
{
        forget_keys(schedule);
        schedule_news(schedule, view, NULL);
}

void schedule_news(struct schedule *schedule, const struct view *view, const Sk__Event *event)
{
        schedule->reconciler->touch(view, event, schedule->config, &schedule->touched);
}

static struct delayed_key *get_delayed(struct schedule *schedule, const char *text)
{
        struct delayed_key *key = map_find(&schedule->delayed, text);

        if (key)
                return key;
        key = mem_alloc(sizeof *key);
        strcpy(key->text, text);
        map_put(&schedule->delayed, key->text, key);
        return key;
}

static void forget_delayed(struct schedule *schedule, const char *text)
{
        struct delayed_key *key = map_find(&schedule->delayed, text);

        if (!key)
                return;
        heap_remove(&schedule->by_time, &key->by_time);
        heap_remove(&schedule->by_version, &key->by_version);
        map_remove(&schedule->delayed, text);
        free(key);
}

static void wake_at(struct schedule *schedule, const char *text, int64_t at)
{
        struct delayed_key *key;

        if (at == TIME_NEVER)
                return;
        key = get_delayed(schedule, text);
        heap_remove(&schedule->by_time, &key->by_time);
        key->at = at;
        heap_add(&schedule->by_time, &key->by_time);
}

static void wake_when_shown(struct schedule *schedule, const char *text, uint64_t version)
{
        struct delayed_key *key = get_delayed(schedule, text);

        heap_remove(&schedule->by_version, &key->by_version);
        key->version = version;
        heap_add(&schedule->by_version, &key->by_version);
}

static struct delayed_key *first_due(const struct schedule *schedule, const struct view *view)
{
        struct heap_node *node = heap_first(&schedule->by_time);

        if (node && container_of(node, struct delayed_key, by_time)->at <= view_now(view))
                return container_of(node, struct delayed_key, by_time);
        node = heap_first(&schedule->by_version);
        if (node &&
            container_of(node, struct delayed_key, by_version)->version <= view_version(view))
                return container_of(node, struct delayed_key, by_version);
        return NULL;
}

static void touch_what_is_due(struct schedule *schedule, const struct view *view)
{
        struct delayed_key *key;

        while ((key = first_due(schedule, view))) {
                reconcile_keys_add(&schedule->touched, "%s", key->text);
                forget_delayed(schedule, key->text);
        }
}

int64_t schedule_wake_at(const struct schedule *schedule)
{
        struct heap_node *node = heap_first(&schedule->by_time);

        return node ? container_of(node, struct delayed_key, by_time)->at : TIME_NEVER;
}

/* --- deciding --- */

bool schedule_has_work(const struct schedule *schedule, const struct view *view)
{
        if (schedule->is_under_way || view_version(view) < schedule->shown_at)
                return false;
        return !reconcile_keys_is_empty(&schedule->touched) || first_due(schedule, view);
}

static int64_t later(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

/* A key that has waited for a version alone is forgotten by being decided; one that sleeps says
 * anew until when. */
static void decide_key(struct schedule *schedule, const struct view *view, const char *text,
                       size_t limit)
{
        struct plan *plan = &schedule->plan;
        struct decided_key decided;

        forget_delayed(schedule, text);
        plan_group(plan);
        plan->wake_at = TIME_NEVER;
        decided.first_group = plan->groups.n - 1;
        schedule->reconciler->decide(view, text, schedule->config, limit, plan);
        plan_close(plan);
        schedule->n_decisions++;
        decided.end_group = plan->groups.n;
        if (decided.end_group == decided.first_group) {
                wake_at(schedule, text, later(plan->wake_at, view_now(view) + RETRY_SOON_NS));
                return;
        }
        wake_at(schedule, text, plan->wake_at);
        strcpy(decided.text, text);
        vec_push(&schedule->decided, &decided);
}

const struct plan *schedule_decide(struct schedule *schedule, const struct view *view, size_t limit,
                                   size_t keys_max)
{
        struct plan *plan = &schedule->plan;
        char text[RECONCILE_KEY_SIZE];

        if (!schedule_has_work(schedule, view))
                return NULL;
        plan_clear(plan);
        vec_clear(&schedule->decided);
        touch_what_is_due(schedule, view);
        for (size_t n = 0; n < keys_max && plan->n_changes < limit; n++) {
                if (!reconcile_keys_take(&schedule->touched, text))
                        break;
                decide_key(schedule, view, text, limit - plan->n_changes);
        }
        if (plan_is_empty(plan))
                return NULL;
        schedule->is_under_way = true;
        schedule->decided_version = view_version(view);
        schedule->decided_at = view_now(view);
        schedule->n_plans++;
        return plan;
}

/* --- how plans end --- */

static void refused(struct schedule *schedule, const char *text, uint64_t wait_version)
{
        schedule->n_conflicts++;
        if (wait_version > schedule->decided_version)
                wake_when_shown(schedule, text, wait_version);
        else
                wake_at(schedule, text, schedule->decided_at + RETRY_NS);
}

void schedule_ended(struct schedule *schedule, uint64_t version, size_t n_results,
                    const Sk__GroupResult *const *results)
{
        CHECK(schedule->is_under_way);
        schedule->is_under_way = false;
        if (version > schedule->shown_at)
                schedule->shown_at = version;
        for (size_t i = 0; results && i < schedule->decided.n; i++) {
                const struct decided_key *key = vec_at(&schedule->decided, i);

                for (size_t g = key->first_group; g < key->end_group && g < n_results; g++)
                        if (results[g]->code)
                                refused(schedule, key->text, results[g]->wait_version);
        }
}

void schedule_failed(struct schedule *schedule)
{
        CHECK(schedule->is_under_way);
        schedule->is_under_way = false;
        for (size_t i = 0; i < schedule->decided.n; i++) {
                const struct decided_key *key = vec_at(&schedule->decided, i);

                reconcile_keys_add(&schedule->touched, "%s", key->text);
        }
}

/* --- for people --- */

void schedule_dump(const struct schedule *schedule, const struct view *view, struct str *str)
{
        const struct delayed_key *key;
        size_t at = 0;

        str_addf(str, "keys touched: %zu\nkeys that wait: %zu\n", schedule->touched.order.n,
                 schedule->delayed.n);
        for (size_t n = 0; n < DUMPED_KEYS && (key = map_next(&schedule->delayed, &at)); n++) {
                str_addf(str, "  %s", key->text);
                if (key->by_version.place)
                        str_addf(str, " until version %llu shows",
                                 (unsigned long long)key->version);
                if (key->by_time.place) {
                        str_add(str, " for ");
                        str_add_duration(str, key->at - view_now(view));
                }
                str_add_char(str, '\n');
        }
}
