/* Users and groups, looked up in an image's files. */
#include "tests/unit/test.h"

#include "agent/oci/user.h"
#include "lib/base/check.h"
#include "lib/base/str.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "daemon:x:2:2::/:/sbin/nologin\n"
                             "app:x:1000:1001:App:/home/app:/bin/sh\n"
                             "broken\n"
                             "1234:x:77:78::/:/bin/sh";
static const char group[] = "root:x:0:root\n"
                            "wheel:x:10:root,app\n"
                            "app:x:1001:\n"
                            "audio:x:29:app,daemon";

struct fixture {
        struct arena arena;
        struct oci_user user;
        struct err err;
        struct str groups;
};

static int find_with(struct fixture *f, const char *user, const char *const *groups, size_t n)
{
        int failed;

        arena_clear(&f->arena);
        failed = oci_user_find(user, groups, n, passwd, group, &f->arena, &f->user, &f->err);
        str_clear(&f->groups);
        for (size_t i = 0; !failed && i < f->user.n_groups; i++)
                str_addf(&f->groups, "%s%u", i ? "," : "", f->user.groups[i]);
        return failed;
}

static int find(struct fixture *f, const char *user)
{
        return find_with(f, user, NULL, 0);
}

static int set_up(void **state)
{
        *state = mem_alloc(sizeof(struct fixture));
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        arena_done(&f->arena);
        str_done(&f->groups);
        free(f);
        return 0;
}

static void nobody_said_is_root_with_its_groups(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(find(f, ""), 0);
        assert_int_equal(f->user.uid, 0);
        assert_string_equal(str_text(&f->groups), "0,10");
}

static void a_name_brings_its_groups(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(find(f, "app"), 0);
        assert_int_equal(f->user.uid, 1000);
        assert_int_equal(f->user.gid, 1001);
        assert_string_equal(str_text(&f->groups), "1001,10,29");
}

static void a_number_that_has_a_name_is_that_user(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(find(f, "1000"), 0);
        assert_string_equal(str_text(&f->groups), "1001,10,29");
}

static void a_number_nobody_has_needs_no_entry(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(find(f, "4711"), 0);
        assert_int_equal(f->user.uid, 4711);
        assert_int_equal(f->user.gid, 0);
}

static void a_name_of_digits_wins_over_the_number(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(find(f, "1234"), 0);
        assert_int_equal(f->user.uid, 77);
}

static void a_group_said_replaces_the_users_own(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(find(f, "app:audio"), 0);
        assert_int_equal(f->user.gid, 29);
        assert_string_equal(str_text(&f->groups), "29");
        assert_int_equal(find(f, "5:6"), 0);
        assert_int_equal(f->user.gid, 6);
}

static void further_groups_are_added_once(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(find_with(f, "root", (const char *const[]){ "wheel", "29", "0" }, 3), 0);
        assert_string_equal(str_text(&f->groups), "0,10,29");
}

static void names_nobody_has_are_told(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(find(f, "nobody"), ERR_INVALID);
        assert_string_equal(f->err.text,
                            "unable to find user nobody: no matching entries in passwd file");
        assert_int_equal(find(f, "app:none"), ERR_INVALID);
        assert_string_equal(f->err.text,
                            "unable to find group none: no matching entries in group file");
        assert_int_equal(find(f, "99999999999"), ERR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(nobody_said_is_root_with_its_groups),
                TEST(a_name_brings_its_groups),
                TEST(a_number_that_has_a_name_is_that_user),
                TEST(a_number_nobody_has_needs_no_entry),
                TEST(a_name_of_digits_wins_over_the_number),
                TEST(a_group_said_replaces_the_users_own),
                TEST(further_groups_are_added_once),
                TEST(names_nobody_has_are_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
