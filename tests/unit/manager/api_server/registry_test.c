/* What a registry says is taken with care: one that answers each request alike. */
#include "manager/api_server/registry.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "tests/unit/test.h"

/* A registry for one request, in a process of its own. */
static pid_t serve_once(const char *digest, struct image_name *ret)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof address;
        char request[4096], answer[512];
        int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
        pid_t pid;

        CHECK(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
        CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
        *ret = (struct image_name){ .repository = "web", .tag = "1" };
        snprintf(ret->registry, sizeof ret->registry, "127.0.0.1:%u", ntohs(address.sin_port));
        snprintf(answer, sizeof answer,
                 "HTTP/1.1 200 OK\r\nDocker-Content-Digest: %s\r\nConnection: close\r\n\r\n",
                 digest);
        pid = fork();
        if (pid == 0) {
                alarm(10);
                fd = accept(listener, NULL, NULL);
                CHECK(read(fd, request, sizeof request) > 0);
                CHECK(write(fd, answer, strlen(answer)) == (ssize_t)strlen(answer));
                close(fd);
                _exit(0);
        }
        close(listener);
        return pid;
}

static int resolve(const char *digest, char ret[static 80])
{
        const struct registry_options options = { .timeout_ns = 5 * NS_PER_S };
        struct image_name image;
        pid_t pid = serve_once(digest, &image);
        struct err err;
        int r = registry_resolve(&options, &image, ret, &err);

        waitpid(pid, NULL, 0);
        return r;
}

#define HALF "0123456789abcdef0123456789abcdef"

static void only_a_digest_is_taken_for_one(void **state)
{
        static const char *const bad[] = {
                "sha256:" HALF "0123456789abcdef/123456789abcde\xff",
                "sha256:" HALF "0123456789ABCDEF0123456789ABCDEF",
                ("sha256:" HALF),
                "",
        };
        char digest[80] = "";

        (void)state;
        assert_int_equal(resolve("sha256:" HALF HALF, digest), 0);
        assert_string_equal(digest, "sha256:" HALF HALF);
        for (size_t i = 0; i < COUNT_OF(bad); i++)
                assert_int_equal(resolve(bad[i], digest), ERR_UNAVAILABLE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_a_digest_is_taken_for_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
