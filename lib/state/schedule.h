/* What a loop decides next: the driving logic of a reconciler, without clock, store or loop.
 *
 * Keys that news touched are decided, the least first, into one plan.  While that plan is on its
 * way nothing is decided; then the view must show what was accepted.  The key of a group that met a
 * conflict is asked again when the view shows the version the store named; a key that asked to be
 * woken, when its time has come.
 *
 *         touched ──decide──► plan (on its way) ──ended──► until the view shows it ──► touched ...
 *            ▲                  │ wake_at      │ conflict
 *            └──── sleeping ◄───┘              └──► waiting for a version ──►─┘
 */
#pragma once
#include "lib/base/str.h"
#include "lib/state/reconciler.h"

struct schedule {
        const struct reconciler *reconciler;
        const void *config;
        struct reconcile_keys touched;
        struct map delayed;              /* struct delayed_key, by its text */
        struct heap by_time, by_version; /* each delayed key is in one or both */
        struct vec decided;              /* of the plan on its way: struct decided_key */
        struct plan plan;
        bool is_under_way;
        uint64_t decided_version; /* the view on which the plan on its way was decided */
        int64_t decided_at;
        uint64_t shown_at; /* decide only on a view of this version or later */
        uint64_t n_decisions, n_plans, n_conflicts; /* since the start */
};

void schedule_init(struct schedule *schedule, const struct reconciler *reconciler,
                   const void *config);
void schedule_done(struct schedule *schedule);

/* Forgets all keys and touches everything: at the start, with a new lease, after a restart of the
 * watch.  A plan on its way stays on its way. */
void schedule_restart(struct schedule *schedule, const struct view *view);

/* News that the view shows already. */
void schedule_news(struct schedule *schedule, const struct view *view, const Sk__Event *event);

/* Decides touched keys until there are about 'limit' changes, or 'keys_max' were looked at.  NULL:
 * nothing to commit (yet); else the plan, which is on its way until schedule_ended() or
 * schedule_failed() and borrowed till then. */
const struct plan *schedule_decide(struct schedule *schedule, const struct view *view, size_t limit,
                                   size_t keys_max);

/* Could schedule_decide() do something now? */
bool schedule_has_work(const struct schedule *schedule, const struct view *view);

/* When, by view time, a sleeping key has to be looked at; TIME_NEVER. */
int64_t schedule_wake_at(const struct schedule *schedule);

/* Adds, as text for people, which keys are touched and which sleep until when (some of them). */
void schedule_dump(const struct schedule *schedule, const struct view *view, struct str *str);

/* The plan ended: 'version' as the store answered; one result per group, NULL when all were
 * accepted. */
void schedule_ended(struct schedule *schedule, uint64_t version, size_t n_results,
                    const Sk__GroupResult *const *results);

/* Nothing is known of the plan: its keys are touched again. */
void schedule_failed(struct schedule *schedule);
