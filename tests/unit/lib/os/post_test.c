/* Work posted by other threads, and what a turn is. */
#include "tests/unit/test.h"

#include <pthread.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
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

struct letter_post {
        struct loop_post post;
        struct str *trace;
        struct loop *repeat_on;
        char letter;
};

static void post_letter(struct loop_post *post)
{
        struct letter_post *letter = container_of(post, struct letter_post, post);

        str_add_char(letter->trace, letter->letter);
        if (letter->repeat_on)
                loop_post(letter->repeat_on, post);
}

static void posts_run_in_the_order_posted(void **state)
{
        _cleanup_(str_done) struct str trace = { 0 };
        struct letter_post posts[5];

        for (size_t i = 0; i < COUNT_OF(posts); i++) {
                posts[i] = (struct letter_post){
                        { .run = post_letter }, &trace, NULL, (char)('a' + i)
                };
                loop_post(*state, &posts[i].post);
        }
        turn(*state, -1);
        assert_string_equal(trace.text, "abcde");
}

static void a_post_that_posts_itself_runs_once_a_turn(void **state)
{
        _cleanup_(str_done) struct str trace = { 0 };
        struct letter_post post = { { .run = post_letter }, &trace, *state, 'a' };

        loop_post(*state, &post.post);
        turn(*state, -1);
        turn(*state, -1);
        assert_string_equal(trace.text, "aa");
        loop_post_cancel(*state, &post.post);
}

static void a_cancelled_post_does_not_run(void **state)
{
        _cleanup_(str_done) struct str trace = { 0 };
        struct letter_post a = { { .run = post_letter }, &trace, NULL, 'a' };
        struct letter_post b = { { .run = post_letter }, &trace, NULL, 'b' };
        struct letter_post c = { { .run = post_letter }, &trace, NULL, 'c' };

        loop_post(*state, &a.post);
        loop_post(*state, &b.post);
        loop_post(*state, &c.post);
        loop_post_cancel(*state, &b.post);
        loop_post_cancel(*state, &b.post);
        turn(*state, -1);
        assert_string_equal(trace.text, "ac");
}

enum { N_POSTERS = 4, N_POSTS = 20000 };

struct counted_post {
        struct loop_post post;
        struct counter *counter;
        int number;
};

struct counter {
        struct loop *loop;
        struct counted_post posts[N_POSTS];
        int n_run;
        bool is_in_order;
};

static void count(struct loop_post *post)
{
        struct counted_post *counted = container_of(post, struct counted_post, post);
        struct counter *counter = counted->counter;

        counter->is_in_order &= counter->n_run == counted->number;
        counter->n_run++;
}

static void *post_many(void *context)
{
        struct counter *counter = context;

        for (int i = 0; i < N_POSTS; i++) {
                counter->posts[i] = (struct counted_post){ { .run = count }, counter, i };
                loop_post(counter->loop, &counter->posts[i].post);
        }
        return NULL;
}

/* Never a time-out: a wake-up that is lost makes this hang. */
static void no_post_of_any_thread_is_lost(void **state)
{
        struct counter *counters = mem_alloc_array(N_POSTERS, sizeof *counters);
        pthread_t threads[N_POSTERS];
        bool are_in_order = true;

        for (int i = 0; i < N_POSTERS; i++) {
                counters[i].loop = *state;
                counters[i].is_in_order = true;
                assert_int_equal(pthread_create(&threads[i], NULL, post_many, &counters[i]), 0);
        }
        for (int n_run = 0; n_run < N_POSTERS * N_POSTS;) {
                turn(*state, -1);
                n_run = 0;
                for (int i = 0; i < N_POSTERS; i++)
                        n_run += counters[i].n_run;
        }
        for (int i = 0; i < N_POSTERS; i++) {
                pthread_join(threads[i], NULL);
                are_in_order &= counters[i].is_in_order;
        }
        assert_true(are_in_order);
        free(counters);
}

struct stopper {
        struct loop_post post;
        struct loop *loop;
        int n_run;
};

static void stop(struct loop_post *post)
{
        struct stopper *stopper = container_of(post, struct stopper, post);

        stopper->n_run++;
        loop_stop(stopper->loop);
}

static void the_loop_runs_until_it_is_stopped(void **state)
{
        struct stopper stopper = { { .run = stop }, *state, 0 };

        loop_post(*state, &stopper.post);
        assert_int_equal(loop_run(*state, NULL), 0);
        loop_post(*state, &stopper.post);
        assert_int_equal(loop_run(*state, NULL), 0);
        assert_int_equal(stopper.n_run, 2);
}

static void count_turn(void *context)
{
        (*(int *)context)++;
}

static void hooks_run_after_turns_in_which_something_happened(void **state)
{
        _cleanup_(str_done) struct str trace = { 0 };
        struct letter_post post = { { .run = post_letter }, &trace, NULL, 'a' };
        int n_turns = 0;

        loop_after_turn(*state, count_turn, &n_turns);
        turn(*state, 0);
        assert_int_equal(n_turns, 0);
        loop_post(*state, &post.post);
        turn(*state, 0);
        assert_int_equal(n_turns, 1);
}

static void a_cancelled_hook_does_not_run(void **state)
{
        _cleanup_(str_done) struct str trace = { 0 };
        struct letter_post post = { { .run = post_letter }, &trace, NULL, 'a' };
        int first = 0, second = 0, third = 0;

        loop_after_turn(*state, count_turn, &first);
        loop_after_turn(*state, count_turn, &second);
        loop_after_turn(*state, count_turn, &third);
        loop_after_turn_cancel(*state, count_turn, &second);
        loop_after_turn_cancel(*state, count_turn, &second);
        loop_post(*state, &post.post);
        turn(*state, 0);
        assert_int_equal(first, 1);
        assert_int_equal(second, 0);
        assert_int_equal(third, 1);
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_LOOP(posts_run_in_the_order_posted),
                WITH_LOOP(a_post_that_posts_itself_runs_once_a_turn),
                WITH_LOOP(a_cancelled_post_does_not_run),
                WITH_LOOP(no_post_of_any_thread_is_lost),
                WITH_LOOP(the_loop_runs_until_it_is_stopped),
                WITH_LOOP(hooks_run_after_turns_in_which_something_happened),
                WITH_LOOP(a_cancelled_hook_does_not_run),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
