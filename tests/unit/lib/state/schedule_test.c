/* The driving logic of reconcilers: which keys are asked, and when. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/time.h"
#include "lib/state/schedule.h"
#include "tests/lib/build_objects.h"

/* A reconciler that notes what it is asked and does what the test says. */
struct script {
        struct world world;
        struct schedule schedule;
        char asked[256]; /* keys, each followed by a space */
        int64_t wake_at; /* TIME_NEVER */
        size_t n_groups; /* to plan, of one removal each */
};

static void touch(const struct view *view, const Sk__Event *event, const void *config,
                  struct reconcile_keys *keys)
{
        (void)view;
        (void)config;
        if (event) {
                reconcile_keys_add(keys, "%s", event->id);
                return;
        }
        reconcile_keys_add(keys, "b");
        reconcile_keys_add(keys, "a");
}

static void decide(const struct view *view, const char *key, const void *config, size_t limit,
                   struct plan *plan)
{
        struct script *script = (struct script *)config;

        (void)view;
        (void)limit;
        strcat(strcat(script->asked, key), " ");
        for (size_t i = 0; i < script->n_groups; i++) {
                plan_group(plan);
                plan_remove(plan, SK__KIND__KIND_TASK, key);
        }
        plan_wake(plan, script->wake_at);
}

static const struct reconciler reconciler = { .name = "test", .touch = touch, .decide = decide };

static int set_up(void **state)
{
        struct script *script = calloc(1, sizeof *script);

        world_init(&script->world);
        script->wake_at = TIME_NEVER;
        schedule_init(&script->schedule, &reconciler, script);
        *state = script;
        return 0;
}

static int tear_down(void **state)
{
        struct script *script = *state;

        schedule_done(&script->schedule);
        world_done(&script->world);
        free(script);
        return 0;
}

static const struct plan *decide_now(struct script *script)
{
        script->asked[0] = 0;
        return schedule_decide(&script->schedule, script->world.view, 100, 100);
}

static void news_of(struct script *script, const char *id)
{
        Sk__Event event = SK__EVENT__INIT;

        event.id = id;
        schedule_news(&script->schedule, script->world.view, &event);
}

static void show(struct script *script, uint64_t version)
{
        view_set_version(script->world.view, version, script->world.now);
}

/* The plan under way ends: its second group (key "b") is refused with this version to wait for. */
static void refuse_b(struct script *script, uint64_t version, uint64_t wait_version)
{
        Sk__GroupResult fine = SK__GROUP_RESULT__INIT, refused = SK__GROUP_RESULT__INIT;
        const Sk__GroupResult *results[] = { &fine, &refused };

        refused.code = -ERR_CONFLICT;
        refused.wait_version = wait_version;
        schedule_ended(&script->schedule, version, 2, results);
}

static void nothing_touched_means_nothing_to_do(void **state)
{
        struct script *script = *state;

        assert_false(schedule_has_work(&script->schedule, script->world.view));
        assert_null(decide_now(script));
        assert_int_equal(schedule_wake_at(&script->schedule), TIME_NEVER);
}

static void touched_keys_are_asked_once_and_in_order(void **state)
{
        struct script *script = *state;

        schedule_restart(&script->schedule, script->world.view);
        news_of(script, "a");
        news_of(script, "0");
        assert_null(decide_now(script));
        assert_string_equal(script->asked, "0 a b ");
        assert_null(decide_now(script));
        assert_string_equal(script->asked, "");
}

static void while_a_plan_is_under_way_nothing_is_decided(void **state)
{
        struct script *script = *state;

        script->n_groups = 1;
        schedule_restart(&script->schedule, script->world.view);
        assert_int_equal(decide_now(script)->n_changes, 2);
        news_of(script, "c");
        assert_false(schedule_has_work(&script->schedule, script->world.view));
        assert_null(decide_now(script));
        schedule_ended(&script->schedule, 0, 0, NULL);
        assert_true(schedule_has_work(&script->schedule, script->world.view));
}

static void the_next_decision_waits_until_the_last_one_shows(void **state)
{
        struct script *script = *state;

        script->n_groups = 1;
        news_of(script, "a");
        decide_now(script);
        schedule_ended(&script->schedule, 7, 0, NULL);
        news_of(script, "a");
        show(script, 6);
        assert_null(decide_now(script));
        show(script, 7);
        assert_non_null(decide_now(script));
}

static void a_refused_key_is_asked_when_the_view_shows_why(void **state)
{
        struct script *script = *state;

        script->n_groups = 1;
        schedule_restart(&script->schedule, script->world.view);
        decide_now(script);
        refuse_b(script, 5, 9);
        show(script, 8);
        assert_false(schedule_has_work(&script->schedule, script->world.view));
        show(script, 9);
        decide_now(script);
        assert_string_equal(script->asked, "b ");
        assert_int_equal(script->schedule.n_conflicts, 1);
}

static void a_refusal_that_the_view_had_shown_is_not_asked_at_once(void **state)
{
        struct script *script = *state;

        script->n_groups = 1;
        show(script, 20);
        schedule_restart(&script->schedule, script->world.view);
        decide_now(script);
        refuse_b(script, 0, 9);
        assert_false(schedule_has_work(&script->schedule, script->world.view));
        world_wait(&script->world, NS_PER_S);
        decide_now(script);
        assert_string_equal(script->asked, "b ");
}

static void keys_of_a_lost_plan_are_asked_again(void **state)
{
        struct script *script = *state;

        script->n_groups = 1;
        schedule_restart(&script->schedule, script->world.view);
        decide_now(script);
        schedule_failed(&script->schedule);
        decide_now(script);
        assert_string_equal(script->asked, "a b ");
}

static void a_sleeping_key_is_asked_when_its_time_has_come(void **state)
{
        struct script *script = *state;
        int64_t at = script->world.now + 10 * NS_PER_S;

        script->wake_at = at;
        news_of(script, "a");
        decide_now(script);
        assert_int_equal(schedule_wake_at(&script->schedule), at);
        world_wait(&script->world, 10 * NS_PER_S - 1);
        assert_false(schedule_has_work(&script->schedule, script->world.view));
        world_wait(&script->world, 1);
        script->wake_at = TIME_NEVER;
        decide_now(script);
        assert_string_equal(script->asked, "a ");
        assert_int_equal(schedule_wake_at(&script->schedule), TIME_NEVER);
}

static void news_wakes_a_sleeping_key_and_its_new_answer_counts(void **state)
{
        struct script *script = *state;

        script->wake_at = script->world.now + 10 * NS_PER_S;
        news_of(script, "a");
        decide_now(script);
        script->wake_at = TIME_NEVER;
        news_of(script, "a");
        decide_now(script);
        assert_int_equal(schedule_wake_at(&script->schedule), TIME_NEVER);
}

static void a_key_that_wants_to_be_asked_at_once_for_nothing_waits_a_little(void **state)
{
        struct script *script = *state;

        script->wake_at = 0;
        news_of(script, "a");
        decide_now(script);
        assert_false(schedule_has_work(&script->schedule, script->world.view));
        assert_int_equal(schedule_wake_at(&script->schedule), script->world.now + NS_PER_MS);
}

static void a_full_plan_leaves_the_other_keys_for_the_next(void **state)
{
        struct script *script = *state;

        script->n_groups = 3;
        schedule_restart(&script->schedule, script->world.view);
        assert_int_equal(schedule_decide(&script->schedule, script->world.view, 2, 100)->groups.n,
                         3);
        assert_string_equal(script->asked, "a ");
        schedule_ended(&script->schedule, 0, 0, NULL);
        decide_now(script);
        assert_string_equal(script->asked, "b ");
}

static void only_so_many_keys_are_looked_at_in_a_turn(void **state)
{
        struct script *script = *state;

        schedule_restart(&script->schedule, script->world.view);
        assert_null(schedule_decide(&script->schedule, script->world.view, 100, 1));
        assert_string_equal(script->asked, "a ");
        assert_true(schedule_has_work(&script->schedule, script->world.view));
}

static void a_restart_forgets_sleepers_and_touches_everything(void **state)
{
        struct script *script = *state;

        script->wake_at = script->world.now + NS_PER_S;
        news_of(script, "z");
        decide_now(script);
        schedule_restart(&script->schedule, script->world.view);
        assert_int_equal(schedule_wake_at(&script->schedule), TIME_NEVER);
        decide_now(script);
        assert_string_equal(script->asked, "a b ");
}

static void people_see_what_waits_and_for_what(void **state)
{
        struct script *script = *state;
        struct str str = { 0 };

        script->wake_at = script->world.now + 10 * NS_PER_S;
        news_of(script, "a");
        decide_now(script);
        news_of(script, "z");
        schedule_dump(&script->schedule, script->world.view, &str);
        assert_string_equal(str.text, "keys touched: 1\nkeys that wait: 1\n  a for 10s\n");
        str_done(&str);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(nothing_touched_means_nothing_to_do),
                TEST(touched_keys_are_asked_once_and_in_order),
                TEST(while_a_plan_is_under_way_nothing_is_decided),
                TEST(the_next_decision_waits_until_the_last_one_shows),
                TEST(a_refused_key_is_asked_when_the_view_shows_why),
                TEST(a_refusal_that_the_view_had_shown_is_not_asked_at_once),
                TEST(keys_of_a_lost_plan_are_asked_again),
                TEST(a_sleeping_key_is_asked_when_its_time_has_come),
                TEST(news_wakes_a_sleeping_key_and_its_new_answer_counts),
                TEST(a_key_that_wants_to_be_asked_at_once_for_nothing_waits_a_little),
                TEST(a_full_plan_leaves_the_other_keys_for_the_next),
                TEST(only_so_many_keys_are_looked_at_in_a_turn),
                TEST(people_see_what_waits_and_for_what),
                TEST(a_restart_forgets_sleepers_and_touches_everything),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
