/* The loops: lib/state/schedule drives them as it does in the daemons, over mirrors that lag. */
#include "tests/sim/cluster/internal.h"

#include "lib/base/check.h"

enum { LIMIT = 64, KEYS = 32 };

static void step(struct sim *sim, void *context, uint64_t epoch);

static void step_after(struct sim_loop *loop, int64_t delay_ns)
{
        if (!loop->is_step_due)
                sim_after(loop->sim, delay_ns, step, loop, loop->epoch);
        loop->is_step_due = true;
}

static void wake(struct sim *sim, void *context, uint64_t epoch)
{
        struct sim_loop *loop = context;

        (void)sim;
        if (epoch == loop->epoch)
                step_after(loop, 0);
}

/* The loop asks for a new lease: what was under way is void, and it decides on no view older than
 * that. */
static void plan_was_lost(struct sim *sim, void *context, uint64_t epoch)
{
        struct sim_loop *loop = context;

        if (epoch != loop->epoch)
                return;
        loop->plan = NULL;
        schedule_failed(&loop->schedule);
        loop->schedule.shown_at = view_version(sim->world.view);
        step_after(loop, sim_between(sim, 1, 500));
}

/* The store's answer, on its way back to the loop. */
struct answer {
        struct sim_loop *loop;
        struct news *news;
};

static void answer_arrives(struct sim *sim, void *context, uint64_t epoch)
{
        struct answer *answer = context;
        struct sim_loop *loop = answer->loop;
        const struct applied *applied = &answer->news->applied;

        (void)sim;
        if (epoch == loop->epoch) {
                loop->plan = NULL;
                schedule_ended(&loop->schedule, answer->news->version, applied->n_groups,
                               (const Sk__GroupResult *const *)applied->results);
                step_after(loop, 0);
        }
        news_unref(answer->news);
}

static void commit(struct sim *sim, void *context, uint64_t epoch)
{
        struct sim_loop *loop = context;
        struct answer *answer;

        if (epoch != loop->epoch)
                return;
        if (sim_has_faults(sim) && sim_one_in(sim, 20)) {
                sim->result.n_lost_plans++;
                sim_after(sim, sim_between(sim, 1, 1000), plan_was_lost, loop, epoch);
                return;
        }
        answer = arena_alloc(&sim->arena, sizeof *answer);
        answer->loop = loop;
        answer->news = sim_commit(sim, loop->plan);
        if (sim_has_faults(sim) && sim_one_in(sim, 20)) {
                sim->result.n_lost_plans++;
                sim_after(sim, sim_between(sim, 1, 1000), plan_was_lost, loop, epoch);
                epoch = UINT64_MAX;
        }
        sim_after(sim, sim_between(sim, 1, 20), answer_arrives, answer, epoch);
}

static void step(struct sim *sim, void *context, uint64_t epoch)
{
        struct sim_loop *loop = context;
        int64_t at;

        if (epoch != loop->epoch)
                return;
        loop->is_step_due = false;
        view_set_now(loop->mirror, sim->world.now);
        if (loop->plan)
                return;
        loop->plan = schedule_decide(&loop->schedule, loop->mirror, LIMIT, KEYS);
        at = schedule_wake_at(&loop->schedule);
        if (loop->plan)
                sim_after(sim, sim_between(sim, 1, 20), commit, loop, loop->epoch);
        else if (schedule_has_work(&loop->schedule, loop->mirror))
                step_after(loop, NS_PER_MS);
        else if (at != TIME_NEVER && view_version(loop->mirror) >= loop->schedule.shown_at)
                sim_after(sim, at > sim->world.now ? at - sim->world.now : 0, wake, loop,
                          loop->epoch);
}

/* --- news --- */

struct delivery {
        struct sim_loop *loop;
        struct news *news;
};

static void deliver(struct sim *sim, void *context, uint64_t epoch)
{
        struct delivery *delivery = context;
        struct sim_loop *loop = delivery->loop;
        const struct news *news = delivery->news;
        struct err err;

        (void)sim;
        for (size_t i = 0; epoch == loop->epoch && i < news->applied.n_events; i++) {
                const Sk__Event *event = news->applied.events[i];

                if (event->op == SK__EVENT__OP__REMOVE)
                        view_remove(loop->mirror, event->kind, event->id);
                else
                        CHECK(view_put(loop->mirror, event, &err) == 0);
        }
        if (epoch == loop->epoch) {
                view_set_version(loop->mirror, news->version, sim->world.now);
                for (size_t i = 0; i < news->applied.n_events; i++)
                        schedule_news(&loop->schedule, loop->mirror, news->applied.events[i]);
                step_after(loop, 0);
        }
        news_unref(delivery->news);
}

void loop_news(struct sim_loop *loop, struct news *news)
{
        struct sim *sim = loop->sim;
        struct delivery *delivery = arena_alloc(&sim->arena, sizeof *delivery);
        int64_t at = sim->world.now + sim_between(sim, 1, sim_one_in(sim, 50) ? 2000 : 20);

        if (at < loop->delivered_at)
                at = loop->delivered_at;
        loop->delivered_at = at;
        delivery->loop = loop;
        delivery->news = news;
        sim_after(sim, at - sim->world.now, deliver, delivery, loop->epoch);
}

/* --- life --- */

static void begin(struct sim_loop *loop)
{
        loop->mirror = sim_mirror_new(loop->sim);
        schedule_init(&loop->schedule, loop->reconciler, &loop->config);
        schedule_restart(&loop->schedule, loop->mirror);
        step_after(loop, 0);
}

void loop_init(struct sim *sim, struct sim_loop *loop, const struct reconciler *reconciler)
{
        *loop = (struct sim_loop){
                .sim = sim,
                .reconciler = reconciler,
                .config.cache = scheduler_cache_new(),
        };
        begin(loop);
}

static void end(struct sim_loop *loop)
{
        schedule_done(&loop->schedule);
        view_free(loop->mirror);
}

void loop_done(struct sim_loop *loop)
{
        end(loop);
        scheduler_cache_free(loop->config.cache);
}

void loop_restart(struct sim_loop *loop)
{
        end(loop);
        loop->epoch++;
        loop->plan = NULL;
        loop->is_step_due = false;
        begin(loop);
}
