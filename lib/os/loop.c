/* The one loop of a daemon: epoll, with a timerfd, an eventfd and a signalfd among what it watches.
 */
#include "lib/os/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "lib/os/os_error.h"

DEFINE_CLEANUP(struct loop, loop_free)

enum { EVENTS_MAX = 128, HOOKS_MAX = 8 };

struct loop {
        int epoll_fd;
        bool is_stopping, is_in_turn;
        int64_t now_ns, now_boot_ns;

        struct heap timers;
        uint64_t n_timers_set;
        int64_t alarm_boot_ns; /* what the timerfd is set to; may be earlier than the first timer,
                                  never later */
        struct loop_watch alarm;

        /* The turn's events; those of a watch that is removed meanwhile are blanked. */
        struct epoll_event events[EVENTS_MAX];
        int n_events;

        sigset_t signals;
        struct loop_watch signal_watch;
        struct {
                void (*caught)(void *context, int signal);
                void *context;
        } signal_handlers[NSIG];

        _Atomic(struct loop_post *) incoming; /* any thread; newest first */
        struct loop_post *ready;              /* the loop's; oldest first */
        atomic_bool may_sleep;                /* whoever turns it off writes to the eventfd */
        struct loop_watch wake;

        struct {
                void (*hook)(void *context);
                void *context;
        } hooks[HOOKS_MAX];
        int n_hooks;

        void *companion;
};

static int64_t clock_ns(clockid_t clock)
{
        struct timespec now;

        CHECK(clock_gettime(clock, &now) == 0);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void read_clocks(struct loop *loop)
{
        loop->now_ns = clock_ns(CLOCK_REALTIME);
        loop->now_boot_ns = clock_ns(CLOCK_BOOTTIME);
}

/* --- time --- */

int64_t loop_now(const struct loop *loop)
{
        return loop->now_ns;
}

int64_t loop_now_boot(const struct loop *loop)
{
        return loop->now_boot_ns;
}

static struct loop_timer *timer_of(const struct heap_node *node)
{
        return container_of(node, struct loop_timer, node);
}

static bool timer_is_before(const struct heap_node *a, const struct heap_node *b)
{
        const struct loop_timer *x = timer_of(a), *y = timer_of(b);

        return x->at_boot_ns != y->at_boot_ns ? x->at_boot_ns < y->at_boot_ns : x->order < y->order;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t delay_ns)
{
        int64_t now = clock_ns(CLOCK_BOOTTIME);

        loop_timer_cancel(timer);
        if (delay_ns < 0)
                delay_ns = 0;
        timer->at_boot_ns = delay_ns < TIME_NEVER - now ? now + delay_ns : TIME_NEVER;
        timer->order = loop->n_timers_set++;
        timer->loop = loop;
        heap_add(&loop->timers, &timer->node);
}

void loop_timer_cancel(struct loop_timer *timer)
{
        if (loop_timer_is_set(timer))
                heap_remove(&timer->loop->timers, &timer->node);
}

bool loop_timer_is_set(const struct loop_timer *timer)
{
        return timer->node.place != 0;
}

/* Moving a timer to later, as heartbeats do all the time, costs no system call: the alarm then
 * rings for nothing, once. */
static int set_alarm(struct loop *loop, struct err *err)
{
        const struct heap_node *first = heap_first(&loop->timers);
        struct itimerspec at = { 0 };
        int64_t ns;

        if (!first || timer_of(first)->at_boot_ns >= loop->alarm_boot_ns)
                return 0;
        ns = timer_of(first)->at_boot_ns;
        at.it_value.tv_sec = ns / NS_PER_S;
        at.it_value.tv_nsec = ns % NS_PER_S;
        if (timerfd_settime(loop->alarm.fd, TFD_TIMER_ABSTIME, &at, NULL) < 0)
                return os_error(err, errno, "set the loop's timer");
        loop->alarm_boot_ns = ns;
        return 0;
}

static void alarm_ready(void *context, uint32_t epoll_events)
{
        struct loop *loop = context;
        uint64_t count;

        (void)epoll_events;
        /* ECANCELED or EAGAIN: it was set anew meanwhile; then it will ring again. */
        if (read(loop->alarm.fd, &count, sizeof count) == sizeof count)
                loop->alarm_boot_ns = TIME_NEVER;
}

/* Timers that are set while these fire wait for the next turn, or a timer of delay 0 would never
 * let go. */
static bool fire_timers(struct loop *loop)
{
        bool has_fired = false;

        for (;;) {
                struct heap_node *node = heap_first(&loop->timers);
                struct loop_timer *timer = node ? timer_of(node) : NULL;

                if (!timer || timer->at_boot_ns > loop->now_boot_ns)
                        return has_fired;
                heap_remove(&loop->timers, node);
                has_fired = true;
                timer->fire(timer->context);
        }
}

/* --- descriptors --- */

static int watch_control(struct loop *loop, int operation, struct loop_watch *watch,
                         uint32_t epoll_events, struct err *err)
{
        struct epoll_event event = { .events = epoll_events, .data.ptr = watch };

        if (epoll_ctl(loop->epoll_fd, operation, watch->fd, &event) < 0)
                return os_error(err, errno, "watch descriptor %d", watch->fd);
        return 0;
}

int loop_watch_add(struct loop *loop, struct loop_watch *watch, uint32_t epoll_events,
                   struct err *err)
{
        CHECK(!watch->loop);
        TRY(watch_control(loop, EPOLL_CTL_ADD, watch, epoll_events, err));
        watch->loop = loop;
        return 0;
}

int loop_watch_change(struct loop_watch *watch, uint32_t epoll_events, struct err *err)
{
        CHECK(watch->loop);
        return watch_control(watch->loop, EPOLL_CTL_MOD, watch, epoll_events, err);
}

void loop_watch_remove(struct loop_watch *watch)
{
        struct loop *loop = TAKE(watch->loop);

        if (!loop)
                return;
        /* Fails when the descriptor was closed first; a copy of it elsewhere could then still ring
         * for freed memory. */
        CHECK(epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL) == 0);
        for (int i = 0; i < loop->n_events; i++)
                if (loop->events[i].data.ptr == watch)
                        loop->events[i].data.ptr = NULL;
}

static void dispatch_events(struct loop *loop)
{
        for (int i = 0; i < loop->n_events; i++) {
                struct loop_watch *watch = loop->events[i].data.ptr;

                if (watch)
                        watch->ready(watch->context, loop->events[i].events);
        }
        loop->n_events = 0;
}

/* --- signals --- */

static void signal_ready(void *context, uint32_t epoll_events)
{
        struct loop *loop = context;
        struct signalfd_siginfo info;

        (void)epoll_events;
        while (read(loop->signal_watch.fd, &info, sizeof info) == sizeof info)
                if (info.ssi_signo < NSIG && loop->signal_handlers[info.ssi_signo].caught)
                        loop->signal_handlers[info.ssi_signo].caught(
                                loop->signal_handlers[info.ssi_signo].context, (int)info.ssi_signo);
}

int loop_signal(struct loop *loop, int signal, void (*caught)(void *context, int signal),
                void *context, struct err *err)
{
        sigset_t one;

        CHECK(signal > 0 && signal < NSIG);
        sigemptyset(&one);
        sigaddset(&one, signal);
        sigaddset(&loop->signals, signal);
        loop->signal_handlers[signal].caught = caught;
        loop->signal_handlers[signal].context = context;
        pthread_sigmask(SIG_BLOCK, &one, NULL);
        if (signalfd(loop->signal_watch.fd, &loop->signals, 0) < 0)
                return os_error(err, errno, "watch signal %d", signal);
        return 0;
}

/* --- other threads --- */

/* Posts go in by a stack that needs no lock.  The loop says that it may sleep and then looks at the
 * stack; a poster pushes and then looks whether the loop may sleep.  In any order of the four, one
 * of them sees the other. */
void loop_post(struct loop *loop, struct loop_post *post)
{
        static const uint64_t one = 1;
        struct loop_post *newest = atomic_load(&loop->incoming);

        do
                post->next = newest;
        while (!atomic_compare_exchange_weak(&loop->incoming, &newest, post));
        /* The counter cannot be near its limit: each write is preceded by a sleep. */
        if (atomic_load(&loop->may_sleep) && atomic_exchange(&loop->may_sleep, false))
                CHECK(write(loop->wake.fd, &one, sizeof one) == sizeof one);
}

static void wake_ready(void *context, uint32_t epoll_events)
{
        struct loop *loop = context;
        uint64_t count;

        (void)epoll_events;
        CHECK(read(loop->wake.fd, &count, sizeof count) == sizeof count || errno == EAGAIN);
}

/* Moves what came in behind what is ready, oldest first. */
static void take_incoming(struct loop *loop)
{
        struct loop_post *newest = atomic_exchange(&loop->incoming, NULL), *oldest = NULL, *next;
        struct loop_post **end = &loop->ready;

        for (; newest; newest = next) {
                next = newest->next;
                newest->next = oldest;
                oldest = newest;
        }
        while (*end)
                end = &(*end)->next;
        *end = oldest;
}

void loop_post_cancel(struct loop *loop, struct loop_post *post)
{
        take_incoming(loop);
        for (struct loop_post **at = &loop->ready; *at; at = &(*at)->next)
                if (*at == post) {
                        *at = post->next;
                        return;
                }
}

/* What is posted while these run waits for the next turn. */
static bool run_posts(struct loop *loop)
{
        bool has_run = false;

        take_incoming(loop);
        for (struct loop_post *post; (post = loop->ready); has_run = true) {
                loop->ready = post->next;
                post->run(post);
        }
        return has_run;
}

/* --- the turn --- */

static bool has_work(struct loop *loop)
{
        const struct heap_node *first = heap_first(&loop->timers);

        return loop->ready || atomic_load(&loop->incoming) ||
               (first && timer_of(first)->at_boot_ns <= loop->now_boot_ns);
}

static int wait_for_events(struct loop *loop, int timeout_ms, struct err *err)
{
        int n, error;

        if (timeout_ms != 0)
                atomic_store(&loop->may_sleep, true);
        if (has_work(loop))
                timeout_ms = 0;
        /* What is due already needs no alarm: it is seen to before the loop sleeps. */
        if (timeout_ms != 0)
                TRY(set_alarm(loop, err));
        n = epoll_wait(loop->epoll_fd, loop->events, EVENTS_MAX, timeout_ms);
        error = errno;
        atomic_store(&loop->may_sleep, false);
        if (n < 0 && error != EINTR)
                return os_error(err, error, "wait for events");
        loop->n_events = n > 0 ? n : 0;
        read_clocks(loop);
        return 0;
}

int loop_turn(struct loop *loop, int timeout_ms, struct err *err)
{
        bool has_happened;

        CHECK(!loop->is_in_turn);
        TRY(wait_for_events(loop, timeout_ms, err));
        loop->is_in_turn = true;
        has_happened = loop->n_events > 0;
        dispatch_events(loop);
        has_happened |= run_posts(loop);
        has_happened |= fire_timers(loop);
        for (int i = 0; has_happened && i < loop->n_hooks; i++)
                loop->hooks[i].hook(loop->hooks[i].context);
        loop->is_in_turn = false;
        return 0;
}

int loop_run(struct loop *loop, struct err *err)
{
        while (!loop->is_stopping)
                TRY(loop_turn(loop, -1, err));
        loop->is_stopping = false;
        return 0;
}

void loop_stop(struct loop *loop)
{
        loop->is_stopping = true;
}

void loop_after_turn(struct loop *loop, void (*hook)(void *context), void *context)
{
        CHECK(loop->n_hooks < HOOKS_MAX);
        loop->hooks[loop->n_hooks].hook = hook;
        loop->hooks[loop->n_hooks++].context = context;
}

void loop_after_turn_cancel(struct loop *loop, void (*hook)(void *context), void *context)
{
        int n = 0;

        for (int i = 0; i < loop->n_hooks; i++)
                if (loop->hooks[i].hook != hook || loop->hooks[i].context != context)
                        loop->hooks[n++] = loop->hooks[i];
        loop->n_hooks = n;
}

bool loop_is_in_turn(const struct loop *loop)
{
        return loop->is_in_turn;
}

void **loop_companion(struct loop *loop)
{
        return &loop->companion;
}

/* --- life --- */

static int open_own(struct loop *loop, struct loop_watch *watch, int fd,
                    void (*ready)(void *context, uint32_t epoll_events), struct err *err)
{
        if (fd < 0)
                return os_error(err, errno, "make a loop");
        *watch = (struct loop_watch){ .ready = ready, .context = loop, .fd = fd };
        return loop_watch_add(loop, watch, EPOLLIN, err);
}

int loop_new(struct loop **ret_loop, struct err *err)
{
        _cleanup_(loop_freep) struct loop *loop = mem_alloc(sizeof *loop);

        loop->alarm.fd = loop->signal_watch.fd = loop->wake.fd = -1;
        loop->alarm_boot_ns = TIME_NEVER;
        loop->timers.is_before = timer_is_before;
        sigemptyset(&loop->signals);
        loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (loop->epoll_fd < 0)
                return os_error(err, errno, "make a loop");
        TRY(open_own(loop, &loop->alarm, timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK),
                     alarm_ready, err));
        TRY(open_own(loop, &loop->wake, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), wake_ready, err));
        TRY(open_own(loop, &loop->signal_watch,
                     signalfd(-1, &loop->signals, SFD_CLOEXEC | SFD_NONBLOCK), signal_ready, err));
        read_clocks(loop);
        *ret_loop = TAKE(loop);
        return 0;
}

void loop_free(struct loop *loop)
{
        if (!loop)
                return;
        closep(&loop->signal_watch.fd);
        closep(&loop->wake.fd);
        closep(&loop->alarm.fd);
        closep(&loop->epoll_fd);
        heap_done(&loop->timers);
        free(loop);
}
