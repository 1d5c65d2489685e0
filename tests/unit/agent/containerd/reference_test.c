/* What an image's name says. */
#include "tests/unit/test.h"

#include "agent/containerd/images.h"
#include "lib/base/check.h"

static void the_first_part_is_a_registry_when_it_looks_like_one(void **state)
{
        static const char *const cases[][2] = {
                { "nginx", "docker.io" },
                { "nginx:1.25", "docker.io" },
                { "team/app", "docker.io" },
                { "localhost/app", "localhost" },
                { "127.0.0.1:5000/app:v1", "127.0.0.1:5000" },
                { "reg.example/team/app@sha256:00", "reg.example" },
                { "[::1]:5000/app", "[::1]:5000" },
        };
        char registry[64];

        (void)state;
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
                image_registry(cases[i][0], registry, sizeof registry);
                assert_string_equal(registry, cases[i][1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_first_part_is_a_registry_when_it_looks_like_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
