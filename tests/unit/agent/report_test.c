/* Which statuses are told when. */
#include "agent/report.h"

#include "tests/unit/test.h"

static void what_changes_while_in_flight_waits_for_the_next_batch(void **state)
{
        struct report_queue queue;
        struct report report = {};

        (void)state;
        report_queue_init(&queue);
        report_add(&queue, &report);
        assert_true(report_take(&queue, 10));
        report_add(&queue, &report);
        assert_false(report_take(&queue, 10));
        report_acknowledge(&queue, 1);
        assert_true(report_take(&queue, 10));
        assert_int_equal(queue.sequence, 2);
        report_queue_done(&queue);
}

static void there_is_no_empty_batch(void **state)
{
        struct report_queue queue;
        struct report report = {};

        (void)state;
        report_queue_init(&queue);
        report_add(&queue, &report);
        report_forget(&queue, &report);
        assert_false(report_take(&queue, 10));
        report_queue_done(&queue);
}

static void many_changes_of_one_task_are_one_report(void **state)
{
        struct report_queue queue;
        struct report report = {};

        (void)state;
        report_queue_init(&queue);
        report_add(&queue, &report);
        report_add(&queue, &report);
        report_take(&queue, 10);
        assert_int_equal(queue.in_flight.n, 1);
        report_queue_done(&queue);
}

static void a_batch_lost_with_its_session_is_told_again(void **state)
{
        struct report_queue queue;
        struct report reports[3] = {};

        (void)state;
        report_queue_init(&queue);
        for (int i = 0; i < 3; i++)
                report_add(&queue, &reports[i]);
        report_take(&queue, 2);
        report_restart(&queue);
        report_take(&queue, 10);
        assert_int_equal(queue.in_flight.n, 3);
        report_queue_done(&queue);
}

static void an_old_acknowledgement_changes_nothing(void **state)
{
        struct report_queue queue;
        struct report report = {};

        (void)state;
        report_queue_init(&queue);
        report_add(&queue, &report);
        report_take(&queue, 10);
        report_acknowledge(&queue, 7);
        assert_true(report.is_in_flight);
        report_queue_done(&queue);
}

static void a_forgotten_task_is_not_told(void **state)
{
        struct report_queue queue;
        struct report reports[2] = {};

        (void)state;
        report_queue_init(&queue);
        report_add(&queue, &reports[0]);
        report_add(&queue, &reports[1]);
        report_forget(&queue, &reports[0]);
        report_take(&queue, 10);
        assert_int_equal(queue.in_flight.n, 1);
        assert_ptr_equal(VEC_AT(&queue.in_flight, struct report *, 0), &reports[1]);
        report_queue_done(&queue);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_changes_while_in_flight_waits_for_the_next_batch),
                cmocka_unit_test(there_is_no_empty_batch),
                cmocka_unit_test(many_changes_of_one_task_are_one_report),
                cmocka_unit_test(a_batch_lost_with_its_session_is_told_again),
                cmocka_unit_test(an_old_acknowledgement_changes_nothing),
                cmocka_unit_test(a_forgotten_task_is_not_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
