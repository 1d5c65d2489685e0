/* More who connect than there are descriptors. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "tests/integration/rpc/fixture.h"

enum { CROWD = 48, LIMIT = 256 };

/* Descriptors of nothing, until there is no further one. */
static size_t take_all(int fds[LIMIT])
{
        size_t n = 0;

        while (n < LIMIT && (fds[n] = dup(STDERR_FILENO)) >= 0)
                n++;
        return n;
}

static void give_back(const int *fds, size_t n)
{
        for (size_t i = 0; i < n; i++)
                close(fds[i]);
}

static bool is_hung_up_on(int fd)
{
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        char byte;

        return poll(&poll_fd, 1, 10000) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

static void who_comes_when_no_descriptor_is_left_is_hung_up_on_and_the_next_is_served(void **state)
{
        struct fixture *fixture = *state;
        struct sockaddr_in address = { .sin_family = AF_INET };
        const struct rlimit limit = { .rlim_cur = LIMIT, .rlim_max = LIMIT };
        struct answer answer;
        int crowd[CROWD], rest[LIMIT];
        size_t n_rest;

        fixture_serve(fixture, RPC_MUTUAL_TLS, false, NULL);
        fixture_connect(fixture, "api");
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        address.sin_port = htons((uint16_t)rpc_server_port(fixture->server));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        for (int i = 0; i < CROWD; i++)
                CHECK((crowd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
        n_rest = take_all(rest);
        for (int i = 0; i < CROWD - 1; i++)
                CHECK(connect(crowd[i], (struct sockaddr *)&address, sizeof address) == 0);
        close(rest[--n_rest]);
        CHECK(connect(crowd[CROWD - 1], (struct sockaddr *)&address, sizeof address) == 0);
        assert_true(is_hung_up_on(crowd[CROWD - 1]));

        give_back(crowd, CROWD);
        give_back(rest, n_rest);
        fixture_call(fixture, RPC_METHOD(echo, Say), &(Sk__EchoRequest)SK__ECHO_REQUEST__INIT,
                     5 * NS_PER_S, &answer);
        assert_string_equal(answer.err.text, "");
}

static void the_spared_descriptors_serve_who_comes_from_this_machine(void **state)
{
        const struct rlimit limit = { .rlim_cur = LIMIT, .rlim_max = LIMIT };
        struct answer answer;
        int rest[LIMIT];
        size_t n_rest;

        fixture_serve(*state, RPC_LOCAL_ADMIN, true, NULL);
        fixture_connect(*state, NULL);
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        n_rest = take_all(rest);
        for (int i = 0; i < 8; i++)
                close(rest[--n_rest]);
        fixture_call(*state, RPC_METHOD(echo, Say), &(Sk__EchoRequest)SK__ECHO_REQUEST__INIT,
                     5 * NS_PER_S, &answer);
        give_back(rest, n_rest);
        assert_string_equal(answer.err.text, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(who_comes_when_no_descriptor_is_left_is_hung_up_on_and_the_next_is_served),
                TEST(the_spared_descriptors_serve_who_comes_from_this_machine),
        };

        return cmocka_run_group_tests_name("crowd", tests, NULL, NULL);
}
