/* Who shares a shim with whom. */
#include "tests/unit/test.h"

#include "agent/containerd/shims.h"

static void start(struct shim_place *place)
{
        shim_place_begin_start(place);
        shim_place_end_start(place);
}

static void containers_share_a_shim_until_it_is_full(void **state)
{
        struct shim_place places[SHIM_TASKS_MOST + 1];
        struct shims shims = { 0 };

        (void)state;
        for (int i = 0; i <= SHIM_TASKS_MOST; i++)
                shims_take_place(&shims, i == 0 ? "first" : "second", &places[i]);
        assert_string_equal(shim_place_group(&places[SHIM_TASKS_MOST - 1]), "first");
        assert_string_equal(shim_place_group(&places[SHIM_TASKS_MOST]), "second");
        for (int i = 0; i <= SHIM_TASKS_MOST; i++)
                shims_leave(&shims, &places[i]);
}

static void a_shim_that_all_have_left_is_stale_for_one_that_waits(void **state)
{
        struct shims shims = { 0 };
        struct shim_place ran, waits;

        (void)state;
        shims_take_place(&shims, "first", &ran);
        shims_take_place(&shims, "first", &waits);
        start(&ran);
        assert_false(shim_place_is_stale(&waits));
        shims_leave(&shims, &ran);
        assert_true(shim_place_is_stale(&waits));
        shims_leave(&shims, &waits);
}

static void nobody_takes_a_place_in_a_stale_shim(void **state)
{
        struct shims shims = { 0 };
        struct shim_place ran, waits, late;

        (void)state;
        shims_take_place(&shims, "first", &ran);
        shims_take_place(&shims, "first", &waits);
        start(&ran);
        shims_leave(&shims, &ran);
        shims_take_place(&shims, "second", &late);
        assert_string_equal(shim_place_group(&late), "second");
        shims_leave(&shims, &waits);
        shims_leave(&shims, &late);
}

static void nobody_joins_a_shim_that_all_are_about_to_leave(void **state)
{
        struct shims shims = { 0 };
        struct shim_place ended, runs, late;

        (void)state;
        shims_take_place(&shims, "first", &ended);
        shims_take_place(&shims, "first", &runs);
        start(&ended);
        start(&runs);
        shim_place_will_leave(&ended);
        shims_take_place(&shims, "second", &late);
        assert_string_equal(shim_place_group(&late), "first");
        shims_leave(&shims, &late);
        shim_place_will_leave(&runs);
        shims_take_place(&shims, "second", &late);
        assert_string_equal(shim_place_group(&late), "second");
        shims_leave(&shims, &late);
        shims_leave(&shims, &ended);
        shims_leave(&shims, &runs);
}

static void nobody_leaves_while_another_starts(void **state)
{
        struct shims shims = { 0 };
        struct shim_place ran, starts;

        (void)state;
        shims_take_place(&shims, "first", &ran);
        shims_take_place(&shims, "first", &starts);
        start(&ran);
        shim_place_begin_start(&starts);
        assert_false(shim_place_may_leave(&ran));
        assert_true(shim_place_may_leave(&starts));
        shim_place_end_start(&starts);
        assert_true(shim_place_may_leave(&ran));
        shims_leave(&shims, &ran);
        shims_leave(&shims, &starts);
}

static void the_first_start_is_alone(void **state)
{
        struct shims shims = { 0 };
        struct shim_place first, second;

        (void)state;
        shims_take_place(&shims, "first", &first);
        shims_take_place(&shims, "first", &second);
        shim_place_begin_start(&first);
        assert_false(shim_place_may_start(&second));
        shim_place_end_start(&first);
        assert_true(shim_place_may_start(&second));
        shims_leave(&shims, &first);
        shims_leave(&shims, &second);
}

static void who_leaves_is_told_whether_others_stay(void **state)
{
        struct shims shims = { 0 };
        struct shim_place first, second, none = { 0 };

        (void)state;
        shims_take_place(&shims, "first", &first);
        shims_take_place(&shims, "first", &second);
        assert_false(shims_leave(&shims, &first));
        assert_true(shims_leave(&shims, &second));
        assert_true(shims_leave(&shims, &none));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(containers_share_a_shim_until_it_is_full),
                cmocka_unit_test(a_shim_that_all_have_left_is_stale_for_one_that_waits),
                cmocka_unit_test(nobody_takes_a_place_in_a_stale_shim),
                cmocka_unit_test(nobody_joins_a_shim_that_all_are_about_to_leave),
                cmocka_unit_test(nobody_leaves_while_another_starts),
                cmocka_unit_test(the_first_start_is_alone),
                cmocka_unit_test(who_leaves_is_told_whether_others_stay),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
