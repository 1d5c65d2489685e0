/* Who is late. */
#include "dispatcher/heartbeat.h"

#include "tests/unit/test.h"

#include "lib/base/mem.h"

static int setup(void **state)
{
        struct heartbeats *heartbeats = mem_alloc(sizeof *heartbeats);

        heartbeats_init(heartbeats);
        *state = heartbeats;
        return 0;
}

static int teardown(void **state)
{
        heartbeats_done(*state);
        free(*state);
        return 0;
}

static const char *late(struct heartbeats *heartbeats, int64_t now)
{
        static char node_id[64];

        return heartbeats_take_late(heartbeats, now, node_id) ? node_id : "";
}

static void a_node_is_late_when_its_allowance_is_over(void **state)
{
        heartbeats_heard(*state, "a", 100, 30);
        assert_string_equal(late(*state, 129), "");
        assert_string_equal(late(*state, 130), "a");
}

static void a_heartbeat_gives_new_time(void **state)
{
        heartbeats_heard(*state, "a", 100, 30);
        heartbeats_heard(*state, "a", 120, 30);
        assert_string_equal(late(*state, 140), "");
        assert_int_equal(heartbeats_next(*state), 150);
}

static void new_time_for_one_is_no_time_for_another(void **state)
{
        heartbeats_heard(*state, "a", 100, 30);
        heartbeats_heard(*state, "b", 101, 30);
        heartbeats_heard(*state, "a", 120, 30);
        assert_string_equal(late(*state, 131), "b");
}

static void a_late_node_is_told_once(void **state)
{
        heartbeats_heard(*state, "a", 100, 30);
        late(*state, 130);
        assert_string_equal(late(*state, 1000), "");
}

static void the_longest_silent_is_told_first(void **state)
{
        heartbeats_heard(*state, "b", 100, 30);
        heartbeats_heard(*state, "a", 105, 30);
        assert_string_equal(late(*state, 200), "b");
        assert_string_equal(late(*state, 200), "a");
}

static void a_node_that_is_expected_gets_its_time_once(void **state)
{
        heartbeats_expect(*state, "a", 100, 30);
        heartbeats_expect(*state, "a", 120, 30);
        assert_string_equal(late(*state, 130), "a");
}

static void who_is_expected_or_heard_is_in_the_table_until_late(void **state)
{
        heartbeats_expect(*state, "a", 100, 30);
        heartbeats_heard(*state, "b", 200, 30);
        assert_true(heartbeats_has(*state, "a"));
        assert_true(heartbeats_has(*state, "b"));
        late(*state, 130);
        assert_false(heartbeats_has(*state, "a"));
}

static void a_shorter_allowance_never_brings_lateness_forward(void **state)
{
        heartbeats_heard(*state, "a", 100, 60);
        heartbeats_heard(*state, "a", 110, 10);
        assert_string_equal(late(*state, 130), "");
}

static void a_forgotten_node_is_never_late(void **state)
{
        heartbeats_heard(*state, "a", 100, 30);
        heartbeats_forget(*state, "a");
        assert_int_equal(heartbeats_next(*state), TIME_NEVER);
}

static void nobody_is_late_for_what_we_slept_through(void **state)
{
        heartbeats_heard(*state, "a", 100, 30);
        heartbeats_heard(*state, "b", 100, 300);
        heartbeats_postpone(*state, 200);
        assert_string_equal(late(*state, 199), "");
        assert_string_equal(late(*state, 200), "a");
        assert_int_equal(heartbeats_next(*state), 400);
}

static void few_agents_are_heard_every_second(void **state)
{
        (void)state;
        assert_int_equal(heartbeat_period(10, 5 * NS_PER_S), NS_PER_S);
}

static void many_agents_share_a_thousand_heartbeats_a_second(void **state)
{
        (void)state;
        assert_int_equal(heartbeat_period(3000, 5 * NS_PER_S), 3 * NS_PER_S);
}

static void no_agent_is_heard_less_often_than_the_setting_says(void **state)
{
        (void)state;
        assert_int_equal(heartbeat_period(100000, 0), 5 * NS_PER_S);
        assert_int_equal(heartbeat_period(10, NS_PER_S / 2), NS_PER_S / 2);
}

static void no_record_makes_a_period_that_nobody_can_keep(void **state)
{
        (void)state;
        assert_int_equal(heartbeat_period(1, 1), NS_PER_S / 2);
        assert_int_equal(heartbeat_period(1, -1), NS_PER_S);
        assert_int_equal(heartbeat_period(1, INT64_MIN), NS_PER_S);
        assert_int_equal(heartbeat_period(1, INT64_MAX), NS_PER_S);
}

static void the_more_nodes_move_the_longer_it_takes(void **state)
{
        (void)state;
        assert_true(heartbeat_moving(0) > 0);
        assert_true(heartbeat_moving(1000) - heartbeat_moving(0) >= 10 * NS_PER_S);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_node_is_late_when_its_allowance_is_over),
                TEST(a_heartbeat_gives_new_time),
                TEST(new_time_for_one_is_no_time_for_another),
                TEST(a_late_node_is_told_once),
                TEST(the_longest_silent_is_told_first),
                TEST(a_node_that_is_expected_gets_its_time_once),
                TEST(who_is_expected_or_heard_is_in_the_table_until_late),
                TEST(a_shorter_allowance_never_brings_lateness_forward),
                TEST(a_forgotten_node_is_never_late),
                TEST(nobody_is_late_for_what_we_slept_through),
                cmocka_unit_test(few_agents_are_heard_every_second),
                cmocka_unit_test(many_agents_share_a_thousand_heartbeats_a_second),
                cmocka_unit_test(no_agent_is_heard_less_often_than_the_setting_says),
                cmocka_unit_test(no_record_makes_a_period_that_nobody_can_keep),
                cmocka_unit_test(the_more_nodes_move_the_longer_it_takes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
