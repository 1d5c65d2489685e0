/* Remembering what images say of users. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "agent/oci/known_users.h"
#include "lib/base/mem.h"

static void what_was_kept_is_found(void **state)
{
        struct known_users known = { 0 };
        char passwd[] = "root:x:0:0::/:/bin/sh\n";
        const struct image_users users = { passwd, "" }, *found;

        (void)state;
        assert_null(known_users_find(&known, "sha256:a"));
        known_users_keep(&known, "sha256:a", &users);
        memset(passwd, 'x', sizeof passwd - 1);
        found = known_users_find(&known, "sha256:a");
        assert_non_null(found);
        assert_string_equal(found->passwd, "root:x:0:0::/:/bin/sh\n");
        assert_string_equal(found->group, "");
        assert_null(known_users_find(&known, "sha256:b"));
        known_users_done(&known);
        assert_null(known_users_find(&known, "sha256:a"));
}

static void long_texts_are_not_kept(void **state)
{
        _cleanup_(freep) char *text = mem_alloc(KNOWN_USERS_SIZE_MOST + 2);
        struct known_users known = { 0 };
        const struct image_users users = { text, "" };

        (void)state;
        memset(text, 'a', KNOWN_USERS_SIZE_MOST + 1);
        known_users_keep(&known, "sha256:a", &users);
        assert_null(known_users_find(&known, "sha256:a"));
        text[KNOWN_USERS_SIZE_MOST] = 0;
        known_users_keep(&known, "sha256:a", &users);
        assert_non_null(known_users_find(&known, "sha256:a"));
        known_users_done(&known);
}

static void there_is_an_end_to_what_is_kept(void **state)
{
        struct known_users known = { 0 };
        const struct image_users users = { "", "" };
        char image[32];

        (void)state;
        for (int i = 0; i < 10 * KNOWN_USERS_IMAGES_MOST; i++) {
                snprintf(image, sizeof image, "sha256:%d", i);
                known_users_keep(&known, image, &users);
                assert_non_null(known_users_find(&known, image));
                assert_true(known.images.n <= KNOWN_USERS_IMAGES_MOST);
        }
        known_users_done(&known);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_kept_is_found),
                cmocka_unit_test(long_texts_are_not_kept),
                cmocka_unit_test(there_is_an_end_to_what_is_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
