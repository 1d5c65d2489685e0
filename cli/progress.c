/* Waiting for a service to become what was asked for. */
#include "cli/progress.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "cli/print.h"
#include "cli/progress_core.h"
#include "lib/base/time.h"

enum { RETRIES_MAX = 20 };

/* One wait: the watch, the clock and ^C on one loop. */
struct waiting {
        struct cli *cli;
        struct progress progress;
        enum progress_verdict verdict;
        struct loop_timer timer;
        struct loop_watch interrupt;
        bool is_quiet, is_interrupted, is_alive;
};

static size_t terminal_width(void)
{
        struct winsize size = { 0 };

        return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* Writes what is new and sets the clock for the next change. */
static bool after(struct waiting *waiting, enum progress_verdict verdict, const struct str *out)
{
        int64_t next = progress_wait_ns(&waiting->progress, loop_now(waiting->cli->loop));

        if (!waiting->is_quiet)
                print_text(out);
        waiting->verdict = verdict;
        if (verdict == PROGRESS_GOES_ON && next >= 0)
                loop_timer_set(waiting->cli->loop, &waiting->timer, next);
        else
                loop_timer_cancel(&waiting->timer);
        waiting->cli->stops = verdict != PROGRESS_GOES_ON;
        return verdict == PROGRESS_GOES_ON;
}

static bool news_came(struct cli *cli, void *context, const void *message)
{
        _cleanup_(str_done) struct str out = { 0 };
        struct waiting *waiting = context;

        waiting->is_alive = true;
        return after(waiting, progress_take(&waiting->progress, message, loop_now(cli->loop), &out),
                     &out);
}

static void time_passed(void *context)
{
        _cleanup_(str_done) struct str out = { 0 };
        struct waiting *waiting = context;

        after(waiting, progress_tick(&waiting->progress, loop_now(waiting->cli->loop), &out), &out);
}

static void interrupted(void *context, uint32_t events)
{
        struct waiting *waiting = context;

        (void)events;
        waiting->is_interrupted = true;
        waiting->cli->stops = true;
}

static void pause_over(void *context)
{
        struct waiting *waiting = context;

        waiting->cli->stops = true;
}

/* The API server went away (a restart, a new leader): waits a moment for it to come back. */
static int wait_to_retry(struct waiting *waiting)
{
        struct loop_timer timer = { .fire = pause_over, .context = waiting };
        struct cli *cli = waiting->cli;
        int result = 0;

        loop_timer_set(cli->loop, &timer, NS_PER_S / 2);
        while (!cli->stops && result == 0)
                result = loop_turn(cli->loop, -1, &cli->err);
        loop_timer_cancel(&timer);
        cli->stops = waiting->is_interrupted;
        return result;
}

static int watch(struct waiting *waiting, const char *service_id)
{
        Sk__WatchServiceRequest request = SK__WATCH_SERVICE_REQUEST__INIT;
        struct cli *cli = waiting->cli;
        int result = 0;

        request.id = service_id;
        for (int n = 0; n < RETRIES_MAX; n++) {
                waiting->is_alive = false;
                result = cli_stream(cli, RPC_METHOD(control, WatchService), &request.base,
                                    news_came, waiting);
                if (cli->stops || result != ERR_UNAVAILABLE)
                        break;
                if (waiting->is_alive)
                        n = 0;
                TRY(wait_to_retry(waiting));
        }
        return result;
}

static int end(struct waiting *waiting, int result, const char *service_id)
{
        struct cli *cli = waiting->cli;

        if (waiting->is_interrupted) {
                printf("Operation continuing in background.\n"
                       "Use `skep service ps %s` to check progress.\n",
                       service_id);
                return 0;
        }
        if (waiting->verdict == PROGRESS_CONVERGED)
                return 0;
        if (waiting->verdict == PROGRESS_FAILED) {
                fprintf(stderr, "%s\n", str_text(&waiting->progress.failure));
                return 1;
        }
        if (result == 0)
                err_set(&cli->err, ERR_UNAVAILABLE, "the watch of the service ended early");
        return cli_fail(cli);
}

static int wait_for(struct cli *cli, const char *service_id, bool is_quiet, bool awaits_run)
{
        struct waiting waiting = { .cli = cli, .is_quiet = is_quiet };
        int result = 0, status;

        waiting.timer = (struct loop_timer){ .fire = time_passed, .context = &waiting };
        waiting.interrupt = (struct loop_watch){ .ready = interrupted,
                                                 .context = &waiting,
                                                 .fd = cli->interrupt_fd };
        progress_init(&waiting.progress, service_id, cli->is_terminal, terminal_width(),
                      loop_now(cli->loop));
        waiting.progress.awaits_run = awaits_run;
        cli->stops = false;
        if (cli->interrupt_fd >= 0) {
                result = loop_watch_add(cli->loop, &waiting.interrupt, EPOLLIN, &cli->err);
                *cli->catches_interrupt = 1;
        }
        if (result == 0)
                result = watch(&waiting, service_id);
        if (cli->interrupt_fd >= 0)
                *cli->catches_interrupt = 0;
        loop_watch_remove(&waiting.interrupt);
        loop_timer_cancel(&waiting.timer);
        status = end(&waiting, result, service_id);
        progress_done(&waiting.progress);
        cli->stops = false;
        return status;
}

int progress_wait(struct cli *cli, const char *service_id, bool is_quiet)
{
        return wait_for(cli, service_id, is_quiet, false);
}

int progress_wait_run(struct cli *cli, const char *service_id, bool is_quiet)
{
        return wait_for(cli, service_id, is_quiet, true);
}
