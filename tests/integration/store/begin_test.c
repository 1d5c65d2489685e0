/* A store that begins a cluster. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/store.h"
#include "lib/base/check.h"
#include "lib/os/file.h"
#include "tests/lib/manager/manager.h"
#include "tests/unit/test.h"

enum { NODES = 15000 }; /* the first entry is on its way for a while */

/* Who asks before the first entry is applied is not told that there is nothing. */
static void what_is_read_first_is_the_cluster(void **state)
{
        Sk__ReadRequest request = SK__READ_REQUEST__INIT;
        struct manager manager;
        struct rpc_client_options options = { .server_daemon = "store" };
        struct rpc_client *client;
        struct loop *loop;
        struct arena arena = { 0 };
        char folder[] = "/tmp/skep-begin-XXXXXX", path[64];
        ProtobufCMessage *out;
        struct err err;

        (void)state;
        CHECK(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/m", folder);
        CHECK(loop_new(&loop, NULL) == 0);
        manager_init(&manager, loop, path, NODES);
        manager_start(&manager, "store", "");
        while (!file_exists(manager.store + strlen("unix:")))
                CHECK(loop_turn(loop, 1, NULL) == 0);
        options.identity = manager.identity;
        options.address = manager.store;
        CHECK(rpc_client_new(loop, &options, &client, NULL) == 0);
        request.kind = SK__KIND__KIND_CLUSTER;
        request.parts = 1;
        assert_int_equal(manager_call(&manager, client, RPC_METHOD(store, Read), &request.base,
                                      &arena, &out, &err),
                         0);
        assert_int_equal(((const Sk__ReadResponse *)out)->n_objects, 1);
        arena_done(&arena);
        rpc_client_free(client);
        manager_done(&manager);
        loop_free(loop);
        file_remove_tree(folder, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_read_first_is_the_cluster),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
