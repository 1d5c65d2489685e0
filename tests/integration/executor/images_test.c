/* Images: where they come from, and how they go. */
#include "tests/integration/executor/bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"

struct answer {
        bool has_come;
        struct err err;
        char reference[200];
        size_t n, n_dated;
        struct image_load *load;
        int fd;
};

static struct images *images(struct bench *bench)
{
        return executor_containerd_images(bench->executor);
}

static const char *ask(const char *name)
{
        const char *value = getenv(name);

        CHECK(value);
        return value;
}

static void prepare(struct bench *bench, const char *image)
{
        bench->spec->task->container->image = image;
        bench_open(bench);
        bench_begin(bench, bench->executor->ops->prepare);
        bench_await_done(bench);
}

static void listed(void *context, const Sk__ListImagesResponse *list, const struct err *err)
{
        struct answer *answer = context;

        assert_null(err);
        answer->has_come = true;
        answer->n = list->n_images;
        for (size_t i = 0; i < list->n_images; i++)
                answer->n_dated += list->images[i]->created_at_ns > 0;
}

static struct answer list_images(struct bench *bench)
{
        struct answer answer = { 0 };
        struct arena arena = { 0 };

        image_list(images(bench), &arena, listed, &answer);
        UNTIL(bench, answer.has_come);
        arena_done(&arena);
        return answer;
}

static size_t count(struct bench *bench)
{
        return list_images(bench).n;
}

static void removed(void *context, const Sk__RemoveImageResponse *response, const struct err *err)
{
        struct answer *answer = context;

        answer->has_come = true;
        answer->err = err ? *err : (struct err){ 0 };
        answer->n = response ? response->n_untagged : 0;
}

static void remove_image(struct bench *bench, const char *reference, struct answer *answer)
{
        struct arena arena = { 0 };

        *answer = (struct answer){ 0 };
        image_remove(images(bench), reference, &arena, removed, answer);
        UNTIL(bench, answer->has_come);
        arena_done(&arena);
}

static void an_image_is_pulled_by_its_digest(void **state)
{
        struct bench *bench = *state;
        const char *image =
                arena_printf(&bench->arena, "%s@%s", bench->image, ask("SKEP_TEST_DIGEST"));

        bench_describe(bench, "exit 4");
        prepare(bench, image);
        assert_int_equal(bench->err.code, ERR_OK);
        assert_string_equal(bench->executor->ops->facts(bench->task)->image_digest,
                            ask("SKEP_TEST_DIGEST"));
        bench_do(bench, bench->executor->ops->start);
        bench_await_exit(bench);
        assert_int_equal(bench->exit.exit_code, 4);
}

static void a_digest_nobody_has_is_no_such_image(void **state)
{
        struct bench *bench = *state;
        char digest[80] = "sha256:";

        memset(digest + 7, '0', 64);
        bench_describe(bench, "true");
        prepare(bench, arena_printf(&bench->arena, "%s@%s", bench->image, digest));
        assert_int_equal(bench->err.code, ERR_NOT_FOUND);
}

static void a_registry_that_wants_a_password_gets_it(void **state)
{
        struct bench *bench = *state;
        Sk__RegistryAuth auth = SK__REGISTRY_AUTH__INIT;

        bench_describe(bench, "true");
        prepare(bench, ask("SKEP_TEST_LOCKED_IMAGE"));
        assert_int_equal(bench->err.code, ERR_NOT_FOUND);
        bench->executor->ops->close(bench->task);
        auth.username = "anna";
        auth.password = "wrong";
        bench->spec->task->container->registry_auth = &auth;
        prepare(bench, ask("SKEP_TEST_LOCKED_IMAGE"));
        assert_int_equal(bench->err.code, ERR_NOT_FOUND);
        bench->executor->ops->close(bench->task);
        auth.password = "secret";
        prepare(bench, ask("SKEP_TEST_LOCKED_IMAGE"));
        assert_int_equal(bench->err.code, ERR_OK);
}

static void a_registry_that_says_nothing_is_given_up(void **state)
{
        struct bench *bench = *state;
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof address;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        CHECK(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 10) == 0);
        CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
        bench_describe(bench, "true");
        prepare(bench, arena_printf(&bench->arena, "127.0.0.1:%d/x:1", ntohs(address.sin_port)));
        close(fd);
        assert_int_equal(bench->err.code, ERR_UNAVAILABLE);
        assert_non_null(strstr(bench->err.text, "the registry does not answer"));
        assert_non_null(strstr(bench->progress, "pulling 127.0.0.1:"));
}

static void a_registry_that_is_not_there_is_told(void **state)
{
        struct bench *bench = *state;

        bench_describe(bench, "true");
        prepare(bench, "127.0.0.1:1/x:1");
        assert_int_equal(bench->err.code, ERR_UNAVAILABLE);
        assert_non_null(strstr(bench->err.text, "connection refused"));
}

static void what_is_here_will_do_when_a_pull_fails(void **state)
{
        struct bench *bench = *state;
        struct answer answer;

        bench_describe(bench, "true");
        prepare(bench, ask("SKEP_TEST_LOCKED_IMAGE"));
        assert_int_equal(bench->err.code, ERR_OK);
        remove_image(bench, ask("SKEP_TEST_LOCKED_IMAGE"), &answer);
        assert_int_equal(answer.err.code, ERR_OK);
}

static void images_are_listed_and_removed(void **state)
{
        struct bench *bench = *state;
        struct answer answer;
        size_t before;

        bench_describe(bench, "true");
        prepare(bench, bench->image);
        answer = list_images(bench);
        before = answer.n;
        assert_int_equal(answer.n_dated, before);
        assert_true(before > 0);
        remove_image(bench, bench->image, &answer);
        assert_int_equal(answer.err.code, ERR_OK);
        assert_int_equal(answer.n, 1);
        assert_int_equal(count(bench), before - 1);
        remove_image(bench, bench->image, &answer);
        assert_int_equal(answer.err.code, ERR_NOT_FOUND);
}

static void write_more(void *context)
{
        struct answer *answer = context;
        char buffer[65536];
        ssize_t n = read(answer->fd, buffer, sizeof buffer);

        if (n > 0)
                image_load_write(answer->load, buffer, (size_t)n);
        else
                image_load_finish(answer->load);
}

static void loaded(void *context, const char *const *references, size_t n, const struct err *err)
{
        struct answer *answer = context;

        answer->has_come = true;
        answer->err = err ? *err : (struct err){ 0 };
        answer->n = n;
        if (n > 0)
                snprintf(answer->reference, sizeof answer->reference, "%s", references[0]);
}

static void load(struct bench *bench, const char *path, struct answer *answer)
{
        static const struct image_load_events load_events = { write_more, loaded };

        *answer = (struct answer){ .fd = open(path, O_RDONLY | O_CLOEXEC) };
        CHECK(answer->fd >= 0);
        answer->load = image_load_new(images(bench), &load_events, answer);
        write_more(answer);
        UNTIL(bench, answer->has_come);
        image_load_free(answer->load);
        close(answer->fd);
}

static void a_saved_image_is_loaded_and_runs(void **state)
{
        struct bench *bench = *state;
        struct answer answer;

        load(bench, ask("SKEP_TEST_TAR"), &answer);
        assert_int_equal(answer.err.code, ERR_OK);
        assert_int_equal(answer.n, 1);
        assert_string_equal(answer.reference, "127.0.0.1:1/loaded:v1");
        bench_describe(bench, "exit 9");
        prepare(bench, answer.reference);
        assert_int_equal(bench->err.code, ERR_OK);
        bench_do(bench, bench->executor->ops->start);
        bench_await_exit(bench);
        assert_int_equal(bench->exit.exit_code, 9);
}

static void what_is_no_image_is_refused(void **state)
{
        struct bench *bench = *state;
        struct answer answer;

        load(bench, "/bin/busybox", &answer);
        assert_int_equal(answer.err.code, ERR_INVALID);
}

static void only_unused_images_make_room(void **state)
{
        struct bench *bench = *state;
        struct answer answer;

        load(bench, ask("SKEP_TEST_TAR"), &answer);
        bench_make(bench, "sleep 1000");
        bench_run(bench);
        assert_true(count(bench) >= 2);
        bench->disk_high_percent = 1;
        bench_restart_agent(bench);
        bench->disk_high_percent = 0;
        UNTIL(bench, count(bench) == 1);
        bench_wait_ms(bench, 500);
        assert_int_equal(count(bench), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(an_image_is_pulled_by_its_digest),
                TEST(a_digest_nobody_has_is_no_such_image),
                TEST(a_registry_that_wants_a_password_gets_it),
                TEST(a_registry_that_says_nothing_is_given_up),
                TEST(a_registry_that_is_not_there_is_told),
                TEST(what_is_here_will_do_when_a_pull_fails),
                TEST(images_are_listed_and_removed),
                TEST(a_saved_image_is_loaded_and_runs),
                TEST(what_is_no_image_is_refused),
                TEST(only_unused_images_make_room),
        };

        return cmocka_run_group_tests(tests, bench_start, bench_stop);
}
