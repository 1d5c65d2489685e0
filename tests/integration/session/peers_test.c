/* What a dispatcher remembers of others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/dispatcher.h"
#include "api/store.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "tests/integration/session/hand.h"
#include "tests/unit/test.h"

enum { NODES = 2 };

struct fixture {
        char folder[64], metrics[96];
        struct loop *loop;
        struct manager manager;
        struct rpc_identity *api, *dispatcher;
        struct rpc_client *store, *client; /* as skep-api; as another dispatcher */
        struct rpc_stream *sharing;
        char ids[NODES][26];
};

static void open_client(struct fixture *f, const char *daemon, const char *server,
                        const char *address, struct rpc_identity **ret_identity,
                        struct rpc_client **ret)
{
        struct rpc_client_options options = { .server_daemon = server, .address = address };
        char folder[128];

        snprintf(folder, sizeof folder, "%s/identity", f->manager.folder);
        CHECK(rpc_identity_open(folder, daemon, ret_identity, NULL) == 0);
        options.identity = *ret_identity;
        CHECK(rpc_client_new(f->loop, &options, ret, NULL) == 0);
}

static int setup(void **state)
{
        struct fixture *f = mem_alloc(sizeof *f);
        char folder[128], options[128];
        struct hand hand = {};

        snprintf(f->folder, sizeof f->folder, "/tmp/skep-peers-XXXXXX");
        CHECK(mkdtemp(f->folder));
        CHECK(loop_new(&f->loop, NULL) == 0);
        snprintf(folder, sizeof folder, "%s/manager", f->folder);
        snprintf(f->metrics, sizeof f->metrics, "%s/metrics", f->folder);
        snprintf(options, sizeof options, "--metrics unix:%s", f->metrics);
        manager_init(&f->manager, f->loop, folder, NODES);
        manager_start(&f->manager, "store", "");
        manager_start(&f->manager, "dispatcher", options);
        hand_open(&hand, &f->manager, 0); /* waits until the dispatcher listens, and has a view */
        hand_done(&hand);
        for (size_t i = 0; i < NODES; i++)
                manager_node_id(i, f->ids[i]);
        open_client(f, "api", "store", f->manager.store, &f->api, &f->store);
        open_client(f, "dispatcher", "dispatcher", f->manager.dispatcher, &f->dispatcher,
                    &f->client);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        if (f->sharing)
                rpc_stream_cancel(f->sharing);
        rpc_client_free(f->client);
        rpc_client_free(f->store);
        rpc_identity_free(f->api);
        rpc_identity_free(f->dispatcher);
        manager_done(&f->manager);
        loop_free(f->loop);
        file_remove_tree(f->folder, NULL);
        free(f);
        return 0;
}

/* --- the other dispatcher --- */

static void sharing_closed(void *context, const struct err *err)
{
        struct fixture *f = context;

        (void)err;
        f->sharing = NULL;
}

static void share_all_nodes(struct fixture *f)
{
        static const struct rpc_stream_events events = { .closed = sharing_closed };
        Sk__AliveNodes alive = SK__ALIVE_NODES__INIT;
        const char *ids[NODES];

        for (size_t i = 0; i < NODES; i++)
                ids[i] = f->ids[i];
        alive.node_ids = ids;
        alive.n_node_ids = NODES;
        alive.allowance_ns = NS_PER_MINUTE;
        f->sharing =
                rpc_client_stream(f->client, RPC_METHOD(dispatcher, ShareAlive), NULL, &events, f);
        rpc_stream_write(f->sharing, &alive.base);
}

static void remove_node(struct fixture *f, size_t i)
{
        _cleanup_(arena_done) struct arena arena = {};
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;
        Sk__Group group = SK__GROUP__INIT, *groups[] = { &group };
        Sk__Change change = SK__CHANGE__INIT, *changes[] = { &change };
        struct err err;

        change.op = SK__CHANGE__OP__REMOVE;
        change.kind = SK__KIND__KIND_NODE;
        change.id = f->ids[i];
        group.changes = changes;
        group.n_changes = 1;
        request.groups = groups;
        request.n_groups = 1;
        if (manager_call(&f->manager, f->store, RPC_METHOD(store, Commit), &request.base, &arena,
                         NULL, &err) < 0)
                fail_msg("%s", err.text);
}

/* --- what the dispatcher says of itself --- */

static void read_metrics(const struct fixture *f, char *ret, size_t size)
{
        static const char question[] = "GET /metrics HTTP/1.0\r\n\r\n";
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t n = 0;
        ssize_t r;
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof address.sun_path, "%s", f->metrics);
        assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(write(fd, question, sizeof question - 1), sizeof question - 1);
        while (n < size - 1 && (r = read(fd, ret + n, size - 1 - n)) > 0)
                n += (size_t)r;
        ret[n] = 0;
        close(fd);
}

static void wait_for(struct fixture *f, const char *line)
{
        int64_t start = loop_now_boot(f->loop);
        static char metrics[64 * 1024];

        for (;;) {
                read_metrics(f, metrics, sizeof metrics);
                if (strstr(metrics, line))
                        return;
                if (loop_now_boot(f->loop) - start > 10 * NS_PER_S)
                        fail_msg("waited in vain for %s", line);
                loop_turn(f->loop, 20, NULL);
        }
}

static void a_removed_node_is_not_remembered(void **state)
{
        struct fixture *f = *state;

        share_all_nodes(f);
        wait_for(f, "skep_dispatcher_nodes_elsewhere 2\n");
        remove_node(f, 1);
        wait_for(f, "skep_dispatcher_nodes_elsewhere 1\n");
}

static void a_dispatcher_that_fell_silent_is_not_remembered(void **state)
{
        struct fixture *f = *state;

        share_all_nodes(f);
        wait_for(f, "skep_dispatcher_others_heard 1\n");
        wait_for(f, "skep_dispatcher_others_heard 0\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_removed_node_is_not_remembered),
                TEST(a_dispatcher_that_fell_silent_is_not_remembered),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
