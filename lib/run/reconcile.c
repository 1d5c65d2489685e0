/* Drives a decision procedure against the store: the shell around lib/state/schedule. */
#include "lib/run/reconcile.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lib/base/time.h"
#include "lib/os/log.h"
#include "lib/run/backoff.h"
#include "lib/run/committer.h"
#include "lib/run/lease.h"
#include "lib/state/schedule.h"

enum { CHANGES_PER_PLAN = 4096, KEYS_PER_TURN = 2048 };
static const int64_t COMMIT_NS = NS_PER_MINUTE;

struct reconcile {
        struct daemon *daemon;
        const struct reconciler *reconciler;
        struct rpc_client *store;
        struct mirror *mirror;
        struct committer *committer;
        struct lease *lease;
        struct schedule schedule;
        struct mirror_wait granted; /* the view shows what was true when the lease was granted */
        struct mirror_wait shown;   /* ... and what the last plan did */
        struct loop_timer step, backoff_timer;
        struct backoff backoff;
        bool is_acting; /* the lease is held, and the view shows all that came before it */
        uint64_t n_failures;
};

/* --- deciding --- */

static void step_soon(void *context)
{
        struct reconcile *reconcile = context;

        loop_timer_set(reconcile->daemon->loop, &reconcile->step, 0);
}

/* Whether the plan that failed is still to be applied nobody knows.  Under a new lease it cannot
 * be, and the view is waited for that shows whether it was. */
static void renew_lease(void *context)
{
        struct reconcile *reconcile = context;

        lease_renew(reconcile->lease);
}

static void failed(struct reconcile *reconcile, const struct err *err)
{
        reconcile->n_failures++;
        LOG(WARN, "a plan could not be committed", STR("loop", reconcile->reconciler->name),
            STR("error", err->text));
        schedule_failed(&reconcile->schedule);
        loop_timer_set(reconcile->daemon->loop, &reconcile->backoff_timer,
                       backoff_next(&reconcile->backoff));
}

static void log_refusals(const struct reconcile *reconcile, const struct commit_outcome *outcome)
{
        for (size_t i = 0; outcome->results && i < outcome->n_groups; i++) {
                const Sk__GroupResult *result = outcome->results[i];

                if (result->code == -ERR_CONFLICT)
                        LOG(DEBUG, "someone was first", STR("loop", reconcile->reconciler->name),
                            STR("what", result->message));
                else if (result->code)
                        LOG(WARN, "the store refused a change",
                            STR("loop", reconcile->reconciler->name),
                            STR("error", result->message));
        }
}

static void committed(void *context, const struct commit_outcome *outcome)
{
        struct reconcile *reconcile = context;

        if (outcome->err) {
                failed(reconcile, outcome->err);
                return;
        }
        backoff_reset(&reconcile->backoff);
        log_refusals(reconcile, outcome);
        schedule_ended(&reconcile->schedule, outcome->version, outcome->n_groups, outcome->results);
        mirror_wait(reconcile->mirror, &reconcile->shown, outcome->version);
}

/* The local clock tells when sleepers wake: the store that stamps time is this machine's, as we
 * hold its lease.  Before the last plan shows nobody is asked, due or not. */
static void set_alarm(struct reconcile *reconcile)
{
        int64_t at = schedule_wake_at(&reconcile->schedule), now;

        if (at == TIME_NEVER ||
            view_version(mirror_view(reconcile->mirror)) < reconcile->schedule.shown_at)
                return;
        now = loop_now(reconcile->daemon->loop);
        loop_timer_set(reconcile->daemon->loop, &reconcile->step, at > now ? at - now : 0);
}

static void step(void *context)
{
        struct reconcile *reconcile = context;
        struct view *view = mirror_view(reconcile->mirror);
        const struct plan *plan;

        if (!reconcile->is_acting || loop_timer_is_set(&reconcile->backoff_timer))
                return;
        view_set_now(view, loop_now(reconcile->daemon->loop));
        plan = schedule_decide(&reconcile->schedule, view, CHANGES_PER_PLAN, KEYS_PER_TURN);
        if (plan)
                committer_submit(reconcile->committer, plan, COMMIT_NS, committed, reconcile);
        else if (schedule_has_work(&reconcile->schedule, view))
                step_soon(reconcile);
        else if (!reconcile->schedule.is_under_way)
                set_alarm(reconcile);
}

/* --- news --- */

static void changed(void *context, const Sk__Event *const *events, size_t n_events, bool is_restart)
{
        struct reconcile *reconcile = context;
        const struct view *view = mirror_view(reconcile->mirror);

        daemon_ready(reconcile->daemon);
        if (!reconcile->is_acting)
                return;
        if (is_restart)
                schedule_restart(&reconcile->schedule, view);
        for (size_t i = 0; i < n_events; i++)
                schedule_news(&reconcile->schedule, view, events[i]);
        step_soon(reconcile);
}

/* --- the lease --- */

static void may_act(void *context)
{
        struct reconcile *reconcile = context;

        reconcile->is_acting = true;
        schedule_restart(&reconcile->schedule, mirror_view(reconcile->mirror));
        step_soon(reconcile);
}

static void lease_changed(void *context, bool is_held, uint64_t epoch, uint64_t version)
{
        struct reconcile *reconcile = context;

        reconcile->is_acting = false;
        mirror_wait_cancel(&reconcile->granted);
        LOG(INFO, is_held ? "acting" : "standing by", STR("loop", reconcile->reconciler->name),
            INT("epoch", (int64_t)epoch));
        if (!is_held)
                return;
        committer_set_epoch(reconcile->committer, epoch);
        mirror_wait(reconcile->mirror, &reconcile->granted, version);
}

/* --- life --- */

static void add_metrics(void *context, struct str *str)
{
        const struct reconcile *reconcile = context;
        const struct schedule *schedule = &reconcile->schedule;

        str_addf(str, "# TYPE skep_loop_acting gauge\nskep_loop_acting %d\n", reconcile->is_acting);
        str_addf(str,
                 "# TYPE skep_loop_decisions_total counter\nskep_loop_decisions_total %" PRIu64
                 "\n",
                 schedule->n_decisions);
        str_addf(str, "# TYPE skep_loop_plans_total counter\nskep_loop_plans_total %" PRIu64 "\n",
                 schedule->n_plans);
        str_addf(str,
                 "# TYPE skep_loop_conflicts_total counter\nskep_loop_conflicts_total %" PRIu64
                 "\n",
                 schedule->n_conflicts);
        str_addf(str,
                 "# TYPE skep_loop_failures_total counter\nskep_loop_failures_total %" PRIu64 "\n",
                 reconcile->n_failures);
        str_addf(str, "# TYPE skep_loop_keys_touched gauge\nskep_loop_keys_touched %zu\n",
                 schedule->touched.order.n);
        str_addf(str, "# TYPE skep_loop_keys_delayed gauge\nskep_loop_keys_delayed %zu\n",
                 schedule->delayed.n);
        mirror_metrics(reconcile->mirror, str);
        committer_metrics(reconcile->committer, str);
}

/* What an operator asks first: does it act, on what, and what does it wait for? */
static void add_state(void *context, struct str *str)
{
        const struct reconcile *reconcile = context;
        const struct schedule *schedule = &reconcile->schedule;
        const struct view *view = mirror_view(reconcile->mirror);

        str_addf(str, "loop: %s, %s\n", reconcile->reconciler->name,
                 reconcile->is_acting              ? "acting"
                 : lease_is_held(reconcile->lease) ? "waits for its view"
                                                   : "standing by");
        str_addf(str, "view: version %" PRIu64 ", %s\n", view_version(view),
                 mirror_is_connected(reconcile->mirror) ? "connected" : "no news from the store");
        if (schedule->is_under_way)
                str_addf(str, "plan: %zu groups, %zu changes on their way\n",
                         schedule->plan.groups.n, schedule->plan.n_changes);
        else if (view_version(view) < schedule->shown_at)
                str_addf(str, "plan: until the view shows version %" PRIu64 "\n",
                         schedule->shown_at);
        schedule_dump(schedule, view, str);
}

static void stop(void *context)
{
        struct reconcile *reconcile = context;

        lease_free(reconcile->lease);
        reconcile->is_acting = false;
        committer_free(reconcile->committer);
        mirror_free(reconcile->mirror);
        rpc_client_free(reconcile->store);
        loop_timer_cancel(&reconcile->step);
        loop_timer_cancel(&reconcile->backoff_timer);
        schedule_done(&reconcile->schedule);
        free(reconcile);
}

static int connect_to_store(struct reconcile *reconcile, const char *address, struct err *err)
{
        struct daemon *daemon = reconcile->daemon;
        const struct reconciler *reconciler = reconcile->reconciler;
        const struct rpc_client_options store = {
                .address = address,
                .identity = daemon->identity,
                .server_daemon = "store",
        };

        TRY(rpc_client_new(daemon->loop, &store, &reconcile->store, err));
        TRY(committer_new(&(struct committer_options){ .loop = daemon->loop,
                                                       .store = reconcile->store,
                                                       .loop_name = reconciler->name },
                          &reconcile->committer, err));
        TRY(mirror_new(&(struct mirror_options){ .loop = daemon->loop,
                                                 .store = reconcile->store,
                                                 .kinds = reconciler->kinds,
                                                 .n_kinds = reconciler->n_kinds,
                                                 .gather_ns = MIRROR_GATHER_NS,
                                                 .changed = changed,
                                                 .context = reconcile },
                       &reconcile->mirror, err));
        return lease_new(&(struct lease_options){ .loop = daemon->loop,
                                                  .store = reconcile->store,
                                                  .loop_name = reconciler->name,
                                                  .node_id = rpc_identity_node_id(daemon->identity),
                                                  .changed = lease_changed,
                                                  .context = reconcile },
                         &reconcile->lease, err);
}

int reconcile_start(struct daemon *daemon, const char *store, const struct reconciler *reconciler,
                    const void *config, struct err *err)
{
        struct reconcile *reconcile = mem_alloc(sizeof *reconcile);
        int result;

        reconcile->daemon = daemon;
        reconcile->reconciler = reconciler;
        schedule_init(&reconcile->schedule, reconciler, config);
        reconcile->granted = (struct mirror_wait){ .reached = may_act, .context = reconcile };
        reconcile->shown = (struct mirror_wait){ .reached = step_soon, .context = reconcile };
        reconcile->step = (struct loop_timer){ .fire = step, .context = reconcile };
        reconcile->backoff_timer = (struct loop_timer){ .fire = renew_lease, .context = reconcile };
        result = connect_to_store(reconcile, store, err);
        if (result < 0) {
                stop(reconcile);
                return result;
        }
        daemon_add_metrics(daemon, add_metrics, reconcile);
        daemon_add_dump(daemon, add_state, reconcile);
        daemon_at_stop(daemon, stop, reconcile);
        return 0;
}
