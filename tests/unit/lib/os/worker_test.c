/* The pool: everything submitted comes back exactly once. */
#include "tests/unit/test.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/os/worker.h"

struct sum {
        struct work work;
        int a, b, result, n_done;
        int *n_done_of_all;
        sem_t *has_begun, *may_end;
};

static void add_up(struct work *work)
{
        struct sum *sum = container_of(work, struct sum, work);

        if (sum->has_begun)
                sem_post(sum->has_begun);
        if (sum->may_end)
                sem_wait(sum->may_end);
        sum->result = sum->a + sum->b;
}

static void note_done(struct work *work)
{
        struct sum *sum = container_of(work, struct sum, work);

        sum->n_done++;
        if (sum->n_done_of_all)
                ++*sum->n_done_of_all;
}

static void free_sum(struct work *work)
{
        struct sum *sum = container_of(work, struct sum, work);

        ++*sum->n_done_of_all;
        free(sum);
}

struct fixture {
        struct loop *loop;
        struct worker_pool *pool;
};

static int set_up_with(void **state, int n_threads)
{
        struct fixture *fixture = mem_alloc(sizeof *fixture);

        *state = fixture;
        if (loop_new(&fixture->loop, NULL) < 0)
                return -1;
        return worker_pool_new(fixture->loop, n_threads, &fixture->pool, NULL);
}

static int set_up_one(void **state)
{
        return set_up_with(state, 1);
}

static int set_up_four(void **state)
{
        return set_up_with(state, 4);
}

static int tear_down(void **state)
{
        struct fixture *fixture = *state;

        worker_pool_free(fixture->pool);
        loop_free(fixture->loop);
        free(fixture);
        return 0;
}

static void turn(struct fixture *fixture)
{
        assert_int_equal(loop_turn(fixture->loop, -1, NULL), 0);
}

static void work_comes_back_with_its_result(void **state)
{
        struct fixture *fixture = *state;
        struct sum sum = { .work = { .work = add_up, .done = note_done }, .a = 2, .b = 3 };

        worker_submit(fixture->pool, &sum.work);
        while (!sum.n_done)
                turn(fixture);
        assert_true(sum.work.was_run);
        assert_int_equal(sum.result, 5);
}

struct mask {
        struct work work;
        bool is_blocked, is_done;
};

static void look_at_mask(struct work *work)
{
        sigset_t now;

        pthread_sigmask(SIG_BLOCK, NULL, &now);
        container_of(work, struct mask, work)->is_blocked = sigismember(&now, SIGTERM) == 1;
}

static void note_mask(struct work *work)
{
        container_of(work, struct mask, work)->is_done = true;
}

static void a_worker_takes_no_signals(void **state)
{
        struct fixture *fixture = *state;
        struct mask mask = { .work = { .work = look_at_mask, .done = note_mask } };

        worker_submit(fixture->pool, &mask.work);
        while (!mask.is_done)
                turn(fixture);
        assert_true(mask.is_blocked);
}

static void everything_submitted_is_done_once(void **state)
{
        enum { N = 20000 };
        struct fixture *fixture = *state;
        struct sum *sums = mem_alloc_array(N, sizeof *sums);
        int n_done = 0, n_right = 0;

        for (int i = 0; i < N; i++) {
                sums[i] = (struct sum){ .work = { .work = add_up, .done = note_done },
                                        .a = i,
                                        .b = 1 };
                sums[i].n_done_of_all = &n_done;
                worker_submit(fixture->pool, &sums[i].work);
        }
        while (n_done < N)
                turn(fixture);
        for (int i = 0; i < N; i++)
                n_right += sums[i].n_done == 1 && sums[i].result == i + 1;
        assert_int_equal(n_right, N);
        free(sums);
}

static void work_may_be_freed_when_it_is_done(void **state)
{
        struct fixture *fixture = *state;
        int n_done = 0;

        for (int i = 0; i < 100; i++) {
                struct sum *sum = mem_alloc(sizeof *sum);

                sum->work = (struct work){ .work = add_up, .done = free_sum };
                sum->n_done_of_all = &n_done;
                worker_submit(fixture->pool, &sum->work);
        }
        while (n_done < 100)
                turn(fixture);
        assert_int_equal(n_done, 100);
}

/* The first begins, the second waits behind it, and nothing runs the loop before the pool goes. */
static void freeing_the_pool_ends_what_runs_and_drops_what_waits(void **state)
{
        struct fixture *fixture = *state;
        sem_t has_begun, may_end;
        struct sum first = { .work = { .work = add_up, .done = note_done }, .a = 1 };
        struct sum second = { .work = { .work = add_up, .done = note_done }, .a = 1 };

        sem_init(&has_begun, 0, 0);
        sem_init(&may_end, 0, 0);
        first.has_begun = &has_begun;
        first.may_end = second.may_end = &may_end;
        worker_submit(fixture->pool, &first.work);
        worker_submit(fixture->pool, &second.work);
        sem_wait(&has_begun);
        sem_post(&may_end);
        sem_post(&may_end);
        worker_pool_free(TAKE(fixture->pool));
        assert_true(first.work.was_run);
        assert_int_equal(first.n_done, 1);
        assert_int_equal(second.n_done, 1);
        assert_int_equal(second.result, second.work.was_run);
        assert_int_equal(loop_turn(fixture->loop, 0, NULL), 0);
}

static void a_pool_may_go_with_much_waiting(void **state)
{
        enum { N = 1000 };
        struct fixture *fixture = *state;
        int n_done = 0;

        for (int i = 0; i < N; i++) {
                struct sum *sum = mem_alloc(sizeof *sum);

                sum->work = (struct work){ .work = add_up, .done = free_sum };
                sum->n_done_of_all = &n_done;
                worker_submit(fixture->pool, &sum->work);
        }
        worker_pool_free(TAKE(fixture->pool));
        assert_int_equal(n_done, N);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(work_comes_back_with_its_result, set_up_one,
                                                tear_down),
                cmocka_unit_test_setup_teardown(a_worker_takes_no_signals, set_up_one, tear_down),
                cmocka_unit_test_setup_teardown(everything_submitted_is_done_once, set_up_four,
                                                tear_down),
                cmocka_unit_test_setup_teardown(work_may_be_freed_when_it_is_done, set_up_four,
                                                tear_down),
                cmocka_unit_test_setup_teardown(
                        freeing_the_pool_ends_what_runs_and_drops_what_waits, set_up_one,
                        tear_down),
                cmocka_unit_test_setup_teardown(a_pool_may_go_with_much_waiting, set_up_four,
                                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
