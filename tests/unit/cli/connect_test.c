/* What a person is told when nobody answers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "tests/unit/test.h"

/* A folder for sockets with a short path, and a socket in it that is bound but refuses. */
struct place {
        char folder[32], api[64], node[64];
        int fd;
        struct cli cli;
        struct loop_timer timer;
};

static int bind_at(const char *address)
{
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        memcpy(name.sun_path, address + 5, strlen(address + 5));
        assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof name), 0);
        return fd;
}

static int setup(void **state)
{
        struct place *place = mem_alloc(sizeof *place);

        memcpy(place->folder, "/tmp/skep.XXXXXX", sizeof "/tmp/skep.XXXXXX");
        assert_non_null(mkdtemp(place->folder));
        snprintf(place->api, sizeof place->api, "unix:%s/api.sock", place->folder);
        snprintf(place->node, sizeof place->node, "unix:%s/node.sock", place->folder);
        place->cli = (struct cli){ .api_address = place->api, .node_address = place->node };
        place->fd = -1;
        assert_int_equal(loop_new(&place->cli.loop, &place->cli.err), 0);
        *state = place;
        return 0;
}

static int teardown(void **state)
{
        struct place *place = *state;

        unlink(place->api + 5);
        unlink(place->node + 5);
        rmdir(place->folder);
        if (place->fd >= 0)
                close(place->fd);
        loop_free(place->cli.loop);
        free(place);
        return 0;
}

static void is_told(struct place *place, const char *words)
{
        assert_int_equal(cli_check_there(&place->cli, RPC_METHOD(control, ListNodes)),
                         ERR_UNAVAILABLE);
        if (!strstr(place->cli.err.text, words))
                fail_msg("%s", place->cli.err.text);
}

static void a_socket_that_is_not_there_is_named(void **state)
{
        struct place *place = *state;

        is_told(place, "Cannot connect to the Skep API at unix:/tmp/skep.");
}

static void over_a_network_certificates_are_needed(void **state)
{
        struct place *place = *state;

        place->cli.api_address = "10.0.0.1:2381";
        is_told(place, "Cannot connect to Skep at 10.0.0.1:2381: over a network it speaks only to "
                       "who shows a client certificate, which skep cannot yet. Use the socket of a "
                       "manager, here by ssh: 'ssh -nNT -L /tmp/skep.sock:/run/skep/api.sock "
                       "MANAGER' and 'skep -H unix:/tmp/skep.sock'");
}

static void a_node_without_api_is_no_manager(void **state)
{
        struct place *place = *state;

        place->fd = bind_at(place->node);
        assert_int_equal(listen(place->fd, 1), 0);
        is_told(place, "This node is not a swarm manager.");
        place->cli.api_address = "unix:/nowhere/api.sock"; /* another machine's, says who asks */
        is_told(place, "Cannot connect to the Skep API at unix:/nowhere/api.sock.");
}

static void who_may_not_connect_is_told_the_group(void **state)
{
        struct place *place = *state;

        assert_int_equal(cli_unreachable(&place->cli, false, EACCES), ERR_UNAVAILABLE);
        assert_non_null(strstr(place->cli.err.text, "be root, or a member of the group skep"));
}

static void a_socket_that_refuses_is_named_when_patience_ends(void **state)
{
        struct place *place = *state;

        place->fd = bind_at(place->api);
        is_told(place, "Cannot connect to the Skep API at ");
}

static void comes_up(void *context)
{
        struct place *place = context;

        assert_int_equal(listen(place->fd, 1), 0);
}

static void a_daemon_that_comes_back_is_waited_for(void **state)
{
        struct place *place = *state;

        place->fd = bind_at(place->api);
        place->cli.patience_ns = 60 * NS_PER_S;
        place->timer = (struct loop_timer){ .fire = comes_up, .context = place };
        loop_timer_set(place->cli.loop, &place->timer, NS_PER_S / 50);
        assert_int_equal(cli_check_there(&place->cli, RPC_METHOD(control, ListNodes)), 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(a_socket_that_is_not_there_is_named),
                T(over_a_network_certificates_are_needed),
                T(a_node_without_api_is_no_manager),
                T(who_may_not_connect_is_told_the_group),
                T(a_socket_that_refuses_is_named_when_patience_ends),
                T(a_daemon_that_comes_back_is_waited_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
