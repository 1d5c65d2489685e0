/* Steps that wait for their turn. */
#include "tests/unit/test.h"

#include "agent/containerd/chain.h"
#include "lib/base/check.h"

enum { N_CHAINS = 4 };

struct waiter {
        struct chain chain;
        struct chain_queue *queue;
        int n_begun;
        bool has_ended;
};

struct fixture {
        struct loop *loop;
        struct chain_queue queue;
        struct waiter waiters[N_CHAINS];
};

/* Waits once. */
static void step(void *context)
{
        struct waiter *waiter = context;

        if (waiter->n_begun++ == 0)
                chain_wait(&waiter->chain, waiter->queue);
        else
                chain_next(&waiter->chain);
}

static void ended(void *context, const struct err *err)
{
        struct waiter *waiter = context;

        assert_null(err);
        waiter->has_ended = true;
}

static chain_step *const steps[] = { step, NULL };

static void turn(struct fixture *f)
{
        for (int i = 0; i < 5; i++)
                loop_turn(f->loop, 0, NULL);
}

static int setup(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);

        CHECK(loop_new(&f->loop, NULL) == 0);
        for (int i = 0; i < N_CHAINS; i++) {
                f->waiters[i].queue = &f->queue;
                f->waiters[i].chain = (struct chain){ .loop = f->loop, .context = &f->waiters[i] };
                chain_begin(&f->waiters[i].chain, steps, ended);
        }
        turn(f);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        for (int i = 0; i < N_CHAINS; i++)
                chain_cancel(&f->waiters[i].chain, NULL);
        loop_free(f->loop);
        free(f);
        return 0;
}

static int count_ended(const struct fixture *f)
{
        int n = 0;

        for (int i = 0; i < N_CHAINS; i++)
                n += f->waiters[i].has_ended;
        return n;
}

static void nobody_goes_on_before_the_queue_is_woken(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(count_ended(f), 0);
        chain_queue_wake(&f->queue, SIZE_MAX);
        turn(f);
        assert_int_equal(count_ended(f), N_CHAINS);
        assert_null(f->queue.first);
        assert_null(f->queue.last);
}

static void who_came_first_goes_first(void **state)
{
        struct fixture *f = *state;

        chain_queue_wake(&f->queue, 1);
        turn(f);
        assert_true(f->waiters[0].has_ended);
        assert_int_equal(count_ended(f), 1);
        chain_queue_wake(&f->queue, 2);
        turn(f);
        assert_false(f->waiters[3].has_ended);
        assert_int_equal(count_ended(f), 3);
}

static void who_is_cancelled_leaves_the_queue(void **state)
{
        struct fixture *f = *state;

        assert_true(chain_cancel(&f->waiters[0].chain, NULL));
        assert_true(chain_cancel(&f->waiters[2].chain, NULL));
        assert_true(chain_cancel(&f->waiters[3].chain, NULL));
        chain_queue_wake(&f->queue, 1);
        turn(f);
        assert_true(f->waiters[1].has_ended);
        assert_int_equal(count_ended(f), 1);
        assert_null(f->queue.last);
}

static void the_queue_can_be_waited_in_again(void **state)
{
        struct fixture *f = *state;

        chain_queue_wake(&f->queue, SIZE_MAX);
        turn(f);
        f->waiters[1].n_begun = 0;
        chain_begin(&f->waiters[1].chain, steps, ended);
        turn(f);
        assert_ptr_equal(f->queue.first, &f->waiters[1].chain);
        assert_ptr_equal(f->queue.last, &f->waiters[1].chain);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(nobody_goes_on_before_the_queue_is_woken),
                TEST(who_came_first_goes_first),
                TEST(who_is_cancelled_leaves_the_queue),
                TEST(the_queue_can_be_waited_in_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
