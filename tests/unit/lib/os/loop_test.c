/* The loop: timers in order, removal within callbacks, signals. */
#include "tests/unit/test.h"

#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "lib/os/loop.h"

static int set_up(void **state)
{
        struct loop *loop = NULL;

        if (loop_new(&loop, NULL) < 0)
                return -1;
        *state = loop;
        return 0;
}

static int tear_down(void **state)
{
        loop_free(*state);
        return 0;
}

static void turn(struct loop *loop, int timeout_ms)
{
        assert_int_equal(loop_turn(loop, timeout_ms, NULL), 0);
}

/* --- time --- */

struct letter_timer {
        struct loop_timer timer;
        struct str *trace;
        char letter;
};

static void add_letter(void *context)
{
        struct letter_timer *timer = context;

        str_add_char(timer->trace, timer->letter);
}

static struct letter_timer letter_timer(struct str *trace, char letter)
{
        return (struct letter_timer){ .timer.fire = add_letter, .trace = trace, .letter = letter };
}

static void set_letter(struct loop *loop, struct letter_timer *timer, int64_t delay_ns)
{
        timer->timer.context = timer;
        loop_timer_set(loop, &timer->timer, delay_ns);
}

static void timers_fire_in_the_order_of_their_times(void **state)
{
        _cleanup_(str_done) struct str trace = { 0 };
        struct letter_timer a = letter_timer(&trace, 'a'), b = letter_timer(&trace, 'b'),
                            c = letter_timer(&trace, 'c');

        /* So far apart that a busy machine sets all before the first is due. */
        set_letter(*state, &c, 100 * NS_PER_MS);
        set_letter(*state, &b, 50 * NS_PER_MS);
        set_letter(*state, &a, 0);
        while (trace.length < 3)
                turn(*state, -1);
        assert_string_equal(trace.text, "abc");
}

static void timers_of_one_time_fire_in_the_order_they_were_set(void **state)
{
        _cleanup_(str_done) struct str trace = { 0 };
        struct letter_timer timers[20];

        for (size_t i = 0; i < COUNT_OF(timers); i++) {
                timers[i] = letter_timer(&trace, (char)('a' + i));
                set_letter(*state, &timers[i], NS_PER_HOUR);
        }
        for (size_t i = 0; i < COUNT_OF(timers); i++)
                timers[i].timer.at_boot_ns =
                        1; /* keeps the heap's shape: all were later than none */
        while (trace.length < COUNT_OF(timers))
                turn(*state, 0);
        assert_string_equal(trace.text, "abcdefghijklmnopqrst");
}

/* The second turn never times out: an alarm that stays with the first timer makes it hang. */
static void a_timer_may_be_set_before_all_others(void **state)
{
        _cleanup_(str_done) struct str trace = { 0 };
        struct letter_timer late = letter_timer(&trace, 'l'), early = letter_timer(&trace, 'e');

        set_letter(*state, &late, NS_PER_HOUR);
        turn(*state, 0);
        set_letter(*state, &early, NS_PER_MS);
        while (trace.length == 0)
                turn(*state, -1);
        assert_string_equal(trace.text, "e");
        loop_timer_cancel(&late.timer);
}

static void a_timer_never_fires_early(void **state)
{
        _cleanup_(str_done) struct str trace = { 0 };
        struct letter_timer a = letter_timer(&trace, 'a');

        set_letter(*state, &a, 3 * NS_PER_MS);
        while (trace.length == 0)
                turn(*state, -1);
        assert_true(loop_now_boot(*state) >= a.timer.at_boot_ns);
}

static void a_cancelled_timer_does_not_fire(void **state)
{
        _cleanup_(str_done) struct str trace = { 0 };
        struct letter_timer a = letter_timer(&trace, 'a'), b = letter_timer(&trace, 'b');

        set_letter(*state, &a, 0);
        set_letter(*state, &b, NS_PER_MS);
        loop_timer_cancel(&a.timer);
        loop_timer_cancel(&a.timer);
        assert_false(loop_timer_is_set(&a.timer));
        while (trace.length == 0)
                turn(*state, -1);
        assert_string_equal(trace.text, "b");
}

static void setting_a_timer_again_moves_it(void **state)
{
        _cleanup_(str_done) struct str trace = { 0 };
        struct letter_timer a = letter_timer(&trace, 'a'), b = letter_timer(&trace, 'b');

        set_letter(*state, &a, 0);
        set_letter(*state, &b, 1);
        set_letter(*state, &a, NS_PER_MS);
        while (trace.length < 2)
                turn(*state, -1);
        assert_string_equal(trace.text, "ba");
}

static void a_timer_beyond_all_time_is_never(void **state)
{
        _cleanup_(str_done) struct str trace = { 0 };
        struct letter_timer a = letter_timer(&trace, 'a');

        set_letter(*state, &a, TIME_NEVER);
        turn(*state, 0);
        assert_int_equal(a.timer.at_boot_ns, TIME_NEVER);
        loop_timer_cancel(&a.timer);
}

struct rearming {
        struct loop_timer timer;
        struct loop *loop;
        int n_fired;
};

static void fire_again(void *context)
{
        struct rearming *timer = context;

        timer->n_fired++;
        loop_timer_set(timer->loop, &timer->timer, 0);
}

static void a_timer_that_sets_itself_fires_once_a_turn(void **state)
{
        struct rearming timer = { .timer.fire = fire_again, .loop = *state };

        timer.timer.context = &timer;
        loop_timer_set(*state, &timer.timer, 0);
        turn(*state, -1);
        turn(*state, -1);
        turn(*state, -1);
        assert_in_range(timer.n_fired, 1, 3);
        loop_timer_cancel(&timer.timer);
}

/* --- descriptors --- */

struct bell {
        struct loop_watch watch;
        struct bell *also_remove;
        int n_rung;
};

static void ring(void *context, uint32_t epoll_events)
{
        struct bell *bell = context;

        (void)epoll_events;
        bell->n_rung++;
        if (!bell->also_remove)
                return;
        loop_watch_remove(&bell->also_remove->watch);
        loop_watch_remove(&bell->watch);
}

static void bell_hang(struct bell *bell, struct loop *loop)
{
        *bell = (struct bell){ .watch.ready = ring, .watch.fd = eventfd(1, EFD_CLOEXEC) };
        bell->watch.context = bell;
        assert_int_equal(loop_watch_add(loop, &bell->watch, EPOLLIN, NULL), 0);
}

static void bell_take_down(struct bell *bell)
{
        loop_watch_remove(&bell->watch);
        close(bell->watch.fd);
}

static void a_ready_descriptor_calls_back(void **state)
{
        struct bell bell;

        bell_hang(&bell, *state);
        turn(*state, -1);
        assert_int_equal(bell.n_rung, 1);
        bell_take_down(&bell);
}

static void a_watch_changed_to_nothing_is_silent(void **state)
{
        struct bell bell;

        bell_hang(&bell, *state);
        assert_int_equal(loop_watch_change(&bell.watch, 0, NULL), 0);
        turn(*state, 0);
        assert_int_equal(bell.n_rung, 0);
        bell_take_down(&bell);
}

static void of_two_that_remove_each_other_only_one_is_called(void **state)
{
        struct bell one, two;

        bell_hang(&one, *state);
        bell_hang(&two, *state);
        one.also_remove = &two;
        two.also_remove = &one;
        turn(*state, -1);
        turn(*state, 0);
        assert_int_equal(one.n_rung + two.n_rung, 1);
        bell_take_down(&one);
        bell_take_down(&two);
}

struct heap_bell {
        struct loop_watch watch;
        struct heap_bell **all;
        int *n_rung;
};

static void free_all(void *context, uint32_t epoll_events)
{
        struct heap_bell *bell = context, **all = bell->all;

        (void)epoll_events;
        (*bell->n_rung)++;
        for (int i = 0; i < 3; i++) {
                loop_watch_remove(&all[i]->watch);
                close(all[i]->watch.fd);
                free(TAKE(all[i]));
        }
}

static void watches_may_be_freed_within_a_callback(void **state)
{
        struct heap_bell *all[3];
        int n_rung = 0;

        for (int i = 0; i < 3; i++) {
                all[i] = mem_alloc(sizeof *all[i]);
                all[i]->all = all;
                all[i]->n_rung = &n_rung;
                all[i]->watch.ready = free_all;
                all[i]->watch.context = all[i];
                all[i]->watch.fd = eventfd(1, EFD_CLOEXEC);
                assert_int_equal(loop_watch_add(*state, &all[i]->watch, EPOLLIN, NULL), 0);
        }
        turn(*state, -1);
        turn(*state, 0);
        assert_int_equal(n_rung, 1);
}

static void watching_a_descriptor_that_is_not_open_is_an_error(void **state)
{
        struct loop_watch watch = { .ready = ring, .fd = -1 };
        struct err err = { 0 };

        assert_int_equal(loop_watch_add(*state, &watch, EPOLLIN, &err), ERR_INTERNAL);
        assert_string_equal(err.text, "watch descriptor -1: Bad file descriptor");
        loop_watch_remove(&watch);
}

/* --- signals --- */

static void note_signal(void *context, int signal)
{
        *(int *)context = signal;
}

static void a_signal_arrives_as_a_call(void **state)
{
        int caught = 0;

        assert_int_equal(loop_signal(*state, SIGUSR1, note_signal, &caught, NULL), 0);
        raise(SIGUSR1);
        assert_int_equal(caught, 0);
        turn(*state, -1);
        assert_int_equal(caught, SIGUSR1);
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_LOOP(timers_fire_in_the_order_of_their_times),
                WITH_LOOP(timers_of_one_time_fire_in_the_order_they_were_set),
                WITH_LOOP(a_timer_may_be_set_before_all_others),
                WITH_LOOP(a_timer_never_fires_early),
                WITH_LOOP(a_cancelled_timer_does_not_fire),
                WITH_LOOP(setting_a_timer_again_moves_it),
                WITH_LOOP(a_timer_beyond_all_time_is_never),
                WITH_LOOP(a_timer_that_sets_itself_fires_once_a_turn),
                WITH_LOOP(a_ready_descriptor_calls_back),
                WITH_LOOP(a_watch_changed_to_nothing_is_silent),
                WITH_LOOP(of_two_that_remove_each_other_only_one_is_called),
                WITH_LOOP(watches_may_be_freed_within_a_callback),
                WITH_LOOP(watching_a_descriptor_that_is_not_open_is_an_error),
                WITH_LOOP(a_signal_arrives_as_a_call),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
