/* What to show of a service on its way to what was asked for. */
#include "cli/progress_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/columns.h"
#include "cli/progress_part.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "lib/state/task_life.h"

enum {
        BARS_MAX = 20, /* as docker: more slots than this are not shown one by one */
        STATE_WIDTH = 9,
        BAR_WIDTH_MAX = 50,
        BAR_WIDTH_LEAST = 10,
};

/* A global service may have no node to run on: until then its tasks may not be there yet. */
#define NO_TASKS_GRACE_NS (2 * NS_PER_S)

void progress_init(struct progress *progress, const char *name, bool is_terminal, size_t width,
                   int64_t now_ns)
{
        *progress = (struct progress){ .name = name,
                                       .is_terminal = is_terminal,
                                       .width = width ? width : 80,
                                       .lines = VEC_OF(char *),
                                       .started_at_ns = now_ns,
                                       .monitor_ns = 5 * NS_PER_S };
}

void progress_done(struct progress *progress)
{
        for (size_t i = 0; i < progress->lines.n; i++)
                free(VEC_AT(&progress->lines, char *, i));
        vec_done(&progress->lines);
        str_done(&progress->failure);
}

/* --- lines --- */

/* Puts a line where it stands; without a terminal a line is written when it changed. */
void progress_line(struct progress *progress, size_t at, const char *text, struct str *out)
{
        char **place;

        while (progress->lines.n <= at)
                *(char **)vec_add(&progress->lines) = NULL;
        place = vec_at(&progress->lines, at);
        if (!progress->is_terminal && text[0] && !str_equal(*place, text))
                str_addf(out, "%s\n", text);
        free(*place);
        *place = str_copy(text);
}

void progress_cut(struct progress *progress, size_t n)
{
        while (progress->lines.n > n) {
                char *text;

                vec_pop(&progress->lines, &text);
                free(text);
        }
}

/* Draws all lines over those that were drawn before. */
void progress_draw(struct progress *progress, struct str *out)
{
        size_t n = 0;

        if (!progress->is_terminal)
                return;
        if (progress->n_drawn)
                str_addf(out, "\x1b[%zuA", progress->n_drawn);
        for (size_t i = 0; i < progress->lines.n; i++) {
                const char *text = VEC_AT(&progress->lines, char *, i);

                if (str_is_empty(text))
                        continue;
                str_add(out, "\x1b[2K");
                /* The last column stays free: a terminal that wraps when it is full, or shows the
                 * ellipsis two columns wide, would leave a line behind with each drawing. */
                add_ellipsis(out, text, progress->width - 1);
                str_add_char(out, '\n');
                n++;
        }
        for (size_t i = n; i < progress->n_drawn; i++)
                str_add(out, "\x1b[2K\n");
        if (progress->n_drawn > n)
                str_addf(out, "\x1b[%zuA", progress->n_drawn - n);
        progress->n_drawn = n;
}

/* --- what is told of a service --- */

static bool is_global(const Sk__WatchServiceResponse *news)
{
        const Sk__ServiceSpec *spec = news->service ? news->service->spec : NULL;

        return spec && (spec->mode_case == SK__SERVICE_SPEC__MODE_GLOBAL ||
                        spec->mode_case == SK__SERVICE_SPEC__MODE_GLOBAL_JOB);
}

/* The state of the update that goes to the revision wanted now; one that is about an older revision
 * says nothing. */
static const Sk__UpdateStatus *update_status(const Sk__WatchServiceResponse *news)
{
        const Sk__Service *service = news->service ? news->service->service : NULL;
        const Sk__UpdateStatus *update =
                service && service->progress ? service->progress->update : NULL;

        if (!update || !update->state || !service->spec)
                return NULL;
        if (!str_is_empty(update->spec_id) && !str_equal(update->spec_id, service->spec->spec_id))
                return NULL;
        /* It was resumed since it was paused. */
        if ((update->state == SK__UPDATE_STATUS__STATE__PAUSED ||
             update->state == SK__UPDATE_STATUS__STATE__ROLLBACK_PAUSED) &&
            update->resumed_at_ns != service->spec->resumed_at_ns)
                return NULL;
        return update;
}

static bool is_rollback(const Sk__WatchServiceResponse *news)
{
        const Sk__UpdateStatus *update = update_status(news);
        const Sk__Service *service = news->service ? news->service->service : NULL;

        return (update && update->state >= SK__UPDATE_STATUS__STATE__ROLLBACK_STARTED) ||
               (service && service->spec && service->spec->is_rollback);
}

/* "running   [====>  ]" */
static void add_bar(struct str *out, Sk__TaskState state, size_t room)
{
        static const Sk__TaskState steps[] = {
                SK__TASK_STATE__TASK_NEW,       SK__TASK_STATE__TASK_PENDING,
                SK__TASK_STATE__TASK_ASSIGNED,  SK__TASK_STATE__TASK_ACCEPTED,
                SK__TASK_STATE__TASK_PREPARING, SK__TASK_STATE__TASK_READY,
                SK__TASK_STATE__TASK_STARTING,  SK__TASK_STATE__TASK_RUNNING,
        };
        size_t n_steps = sizeof steps / sizeof *steps, done = 0, width = BAR_WIDTH_LEAST, filled;

        while (done < n_steps && steps[done] <= state)
                done++;
        if (room > width + STATE_WIDTH + 4)
                width = room - STATE_WIDTH - 4;
        if (width > BAR_WIDTH_MAX)
                width = BAR_WIDTH_MAX;
        filled = width * done / n_steps;
        str_addf(out, "%-*s [", STATE_WIDTH, task_state_name(state));
        for (size_t i = 0; i < filled; i++)
                str_add_char(out, '=');
        str_addf(out, ">%*s]", (int)(width - filled), "");
}

static void first_line(struct str *out, const char *text)
{
        add_one_line(out, text, strcspn(text, "\r\n"));
}

static void slot_line(struct progress *progress, const Sk__WatchServiceResponse__Slot *slot,
                      const char *label, struct str *line)
{
        bool is_up = slot && slot->is_current && slot->state == SK__TASK_STATE__TASK_RUNNING;

        str_clear(line);
        str_addf(line, "%s: ", label);
        if (slot && !str_is_empty(slot->err) && !is_up)
                first_line(line, slot->err);
        else if (slot && progress->is_terminal && slot->is_current &&
                 slot->state <= SK__TASK_STATE__TASK_RUNNING)
                add_bar(line, slot->state, progress->width - strlen(label) - 3);
        else
                str_add_char(line, ' ');
}

static const Sk__WatchServiceResponse__Slot *find_slot(const Sk__WatchServiceResponse *news,
                                                       uint64_t number)
{
        for (size_t i = 0; i < news->n_slots; i++)
                if (news->slots[i]->slot == number)
                        return news->slots[i];
        return NULL;
}

/* One line per slot, or per node of a global service (there only on a terminal or with an error, as
 * docker does).  Returns how many lines there are now. */
size_t progress_slots(struct progress *progress, const Sk__WatchServiceResponse *news, size_t at,
                      struct str *out)
{
        _cleanup_(str_done) struct str line = { 0 };
        char label[64];

        if (news->wanted > BARS_MAX)
                return at;
        for (uint64_t n = 1; n <= news->wanted && !is_global(news); n++, at++) {
                snprintf(label, sizeof label, "%llu/%llu", (unsigned long long)n,
                         (unsigned long long)news->wanted);
                slot_line(progress, find_slot(news, n), label, &line);
                /* Without a terminal a slot is told of at first and when something is wrong. */
                if (progress->is_terminal || at >= progress->lines.n ||
                    line.text[line.length - 1] != ' ')
                        progress_line(progress, at, str_text(&line), out);
        }
        for (size_t i = 0; i < news->n_slots && is_global(news); i++, at++) {
                snprintf(label, sizeof label, "%.12s", news->slots[i]->node_id);
                slot_line(progress, news->slots[i], label, &line);
                if (progress->is_terminal || line.text[line.length - 1] != ' ')
                        progress_line(progress, at, str_text(&line), out);
                else
                        progress_line(progress, at, "", out);
        }
        return at;
}

/* So many tasks are tried before a person says that the others shall follow; 0: all follow. */
static uint64_t canaries_of(const Sk__WatchServiceResponse *news)
{
        const Sk__Service *service = news->service ? news->service->service : NULL;
        const Sk__UpdateConfig *update =
                news->service && news->service->spec ? news->service->spec->update : NULL;

        if (!update || !service || !service->spec || service->spec->is_promoted ||
            service->spec->is_rollback || !update_status(news) || update->canary >= news->wanted)
                return 0;
        return update->canary;
}

static bool is_waiting_for_person(const Sk__WatchServiceResponse *news)
{
        const Sk__UpdateStatus *update = update_status(news);

        return canaries_of(news) && str_starts_with(update->message, "update waits");
}

/* Are tasks on their way to where they would be placed today, or asked to go? */
static bool is_rebalancing(const Sk__WatchServiceResponse *news)
{
        const Sk__Service *service = news->service ? news->service->service : NULL;
        const Sk__Rebalance *asked = service && service->spec ? service->spec->rebalance : NULL;
        const Sk__RebalanceProgress *so_far =
                service && service->progress ? service->progress->rebalance : NULL;

        return (so_far && !so_far->is_over) || (asked && (!so_far || so_far->at_ns < asked->at_ns));
}

static void show_overall(struct progress *progress, const Sk__WatchServiceResponse *news,
                         struct str *out)
{
        uint64_t running = news->running < news->wanted ? news->running : news->wanted;
        const Sk__UpdateStatus *update = update_status(news);
        bool is_back = is_rollback(news);
        char line[600];

        if (is_back) {
                /* Who asked for it: the update itself says so in its message, a person does not. */
                snprintf(line, sizeof line, "rollback: %s",
                         update && str_starts_with(update->message, "update rolled back")
                                 ? update->message
                                 : "manually requested rollback");
                if (progress->lines.n == 0 || str_is_empty(VEC_AT(&progress->lines, char *, 0)))
                        progress_line(progress, 0, line, out);
        } else {
                progress_line(progress, 0, "", out);
        }
        snprintf(line, sizeof line, "overall progress: %s%llu out of %llu tasks%s",
                 is_back ? "rolling back update: " : "", (unsigned long long)running,
                 (unsigned long long)news->wanted,
                 canaries_of(news)      ? " (canaries)"
                 : is_rebalancing(news) ? " (rebalancing)"
                                        : "");
        progress_line(progress, 1, line, out);
}

/* --- verdicts --- */

enum progress_verdict progress_fail(struct progress *progress, const char *what, const char *why)
{
        str_clear(&progress->failure);
        str_addf(&progress->failure, "%s%s", what, why);
        return PROGRESS_FAILED;
}

static void show_verify(struct progress *progress, int64_t now_ns, struct str *out)
{
        int64_t left = progress->stable_since_ns + progress->monitor_ns - now_ns;
        char line[300];
        /* Below all others, wherever that is. */
        size_t at = progress->lines.n ? progress->lines.n - 1 : 0;

        if (!progress->is_stable && progress->has_failed_once)
                snprintf(line, sizeof line, "verify: Detected task failure");
        else if (!progress->is_stable)
                line[0] = '\0';
        else if (left <= 0 && progress->waits)
                snprintf(line, sizeof line,
                         "verify: Service %.150s waits after its canaries: see 'skep service "
                         "promote' and 'rollback'",
                         progress->name);
        else if (left <= 0)
                snprintf(line, sizeof line, "verify: Service %.150s converged", progress->name);
        else
                snprintf(line, sizeof line,
                         "verify: Waiting %lld seconds to verify that tasks are stable...",
                         (long long)((left + NS_PER_S - 1) / NS_PER_S));
        progress_line(progress, at, line, out);
}

static enum progress_verdict verdict(const struct progress *progress, int64_t now_ns)
{
        return progress->is_stable && now_ns - progress->stable_since_ns >= progress->monitor_ns
                       ? PROGRESS_CONVERGED
                       : PROGRESS_GOES_ON;
}

static bool is_there(const struct progress *progress, const Sk__WatchServiceResponse *news,
                     int64_t now_ns)
{
        if (is_global(news) && !news->wanted &&
            now_ns - progress->started_at_ns < NO_TASKS_GRACE_NS)
                return false;
        if (is_waiting_for_person(news))
                return true;
        return news->running >= news->wanted && !is_rebalancing(news);
}

static enum progress_verdict check_update(struct progress *progress,
                                          const Sk__WatchServiceResponse *news)
{
        const Sk__UpdateStatus *update = update_status(news);

        if (news->is_gone)
                return progress_fail(progress, "no such service: ", progress->name);
        if (update && update->state == SK__UPDATE_STATUS__STATE__PAUSED)
                return progress_fail(progress, "service update paused: ", update->message);
        if (update && update->state == SK__UPDATE_STATUS__STATE__ROLLBACK_PAUSED)
                return progress_fail(progress, "service rollback paused: ", update->message);
        return PROGRESS_GOES_ON;
}

enum progress_verdict progress_take(struct progress *progress, const Sk__WatchServiceResponse *news,
                                    int64_t now_ns, struct str *out)
{
        const Sk__ServiceSpec *spec = news->service ? news->service->spec : NULL;
        bool was_stable = progress->is_stable;
        char *verify = NULL;
        size_t n;

        if (check_update(progress, news) == PROGRESS_FAILED)
                return PROGRESS_FAILED;
        if (progress_is_job(news))
                return progress_take_job(progress, news, out);
        /* The last line is the verification's; the others are laid out anew above it. */
        if (progress->is_known)
                vec_pop(&progress->lines, &verify);
        progress->is_known = true;
        if (spec && spec->update && spec->update->monitor_ns)
                progress->monitor_ns = spec->update->monitor_ns;
        show_overall(progress, news, out);
        n = progress_slots(progress, news, 2, out);
        progress_cut(progress, n);
        *(char **)vec_add(&progress->lines) = verify;
        progress->is_stable = is_there(progress, news, now_ns);
        progress->waits = is_waiting_for_person(news);
        if (progress->is_stable && !was_stable)
                progress->stable_since_ns = now_ns;
        if (was_stable && !progress->is_stable)
                progress->has_failed_once = true;
        show_verify(progress, now_ns, out);
        progress_draw(progress, out);
        return verdict(progress, now_ns);
}

enum progress_verdict progress_tick(struct progress *progress, int64_t now_ns, struct str *out)
{
        if (!progress->is_known)
                return PROGRESS_GOES_ON;
        show_verify(progress, now_ns, out);
        progress_draw(progress, out);
        return verdict(progress, now_ns);
}

int64_t progress_wait_ns(const struct progress *progress, int64_t now_ns)
{
        int64_t left = progress->stable_since_ns + progress->monitor_ns - now_ns;

        if (!progress->is_stable)
                return -1;
        /* To the moment the number of whole seconds changes. */
        return left <= 0 ? 0 : (left - 1) % NS_PER_S + 1;
}
