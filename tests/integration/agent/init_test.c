/* A real skep-agent that begins a swarm; its daemons are programs that only sleep. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/node/daemons.h"
#include "api/node.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/os/loop.h"
#include "lib/rpc/client.h"
#include "tests/unit/test.h"

#define PROGRAM "agent/skep-agent"

struct bench {
        char folder[64], state[96], run[96], programs[96], address[128], journal[128];
        struct loop *loop;
        struct rpc_client *client;
        pid_t pid;
};

/* --- life --- */

static void make_programs(const struct bench *bench)
{
        static const char text[] = "#!/bin/sh\nexec sleep 300\n";
        char path[160];

        CHECK(file_make_folders(bench->programs, 0700, NULL) == 0);
        for (const struct daemon_row *row = daemon_rows; row->name; row++) {
                snprintf(path, sizeof path, "%s/skep-%s", bench->programs, row->name);
                CHECK(file_write_atomic(path, text, strlen(text), 0700, NULL) == 0);
        }
}

static void start_agent(struct bench *bench)
{
        const char *const argv[] = {
                PROGRAM,         "--state-folder", bench->state,   "--run-folder",
                bench->run,      "--listen",       bench->address, "--executor",
                "fake",          "--backend",      "spawn",        "--program-folder",
                bench->programs, "--hostname",     "here",         NULL
        };
        char log[96];
        int fd;

        snprintf(log, sizeof log, "%s/log", bench->folder);
        bench->pid = fork();
        CHECK(bench->pid >= 0);
        if (bench->pid)
                return;
        fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, 1);
        dup2(fd, 2);
        execv(PROGRAM, (char **)argv);
        _exit(127);
}

static int setup(void **state)
{
        struct bench *bench = mem_alloc(sizeof *bench);

        snprintf(bench->folder, sizeof bench->folder, "/tmp/skep-init-test-XXXXXX");
        CHECK(mkdtemp(bench->folder));
        snprintf(bench->state, sizeof bench->state, "%s/state", bench->folder);
        snprintf(bench->run, sizeof bench->run, "%s/run", bench->folder);
        snprintf(bench->programs, sizeof bench->programs, "%s/bin", bench->folder);
        snprintf(bench->address, sizeof bench->address, "unix:%s/node.sock", bench->folder);
        snprintf(bench->journal, sizeof bench->journal, "%s/agent/journal", bench->state);
        make_programs(bench);
        CHECK(loop_new(&bench->loop, NULL) == 0);
        CHECK(rpc_client_new(bench->loop, &(struct rpc_client_options){ .address = bench->address },
                             &bench->client, NULL) == 0);
        *state = bench;
        return 0;
}

static int teardown(void **state)
{
        struct bench *bench = *state;
        int status = 0;

        kill(bench->pid, SIGTERM);
        CHECK(waitpid(bench->pid, &status, 0) == bench->pid);
        rpc_client_free(bench->client);
        loop_free(bench->loop);
        file_remove_tree(bench->folder, NULL);
        free(bench);
        return status ? -1 : 0;
}

/* --- asking --- */

struct asked {
        struct err err;
        char state[32];
        size_t n_running;
        bool is_done;
};

static void answered(void *context, const void *out, const struct err *err)
{
        struct asked *asked = context;
        const ProtobufCMessage *message = out;

        asked->is_done = true;
        asked->err = err ? *err : (struct err){ 0 };
        if (message && message->descriptor == &sk__get_node_info_response__descriptor) {
                const Sk__GetNodeInfoResponse *info = out;

                snprintf(asked->state, sizeof asked->state, "%s", info->state);
                for (size_t i = 0; i < info->n_daemons; i++)
                        asked->n_running += info->daemons[i]->is_running;
        }
}

static struct asked ask(struct bench *bench, const struct rpc_method_id *method,
                        const ProtobufCMessage *in, int seconds)
{
        struct asked asked = { 0 };

        rpc_client_call(bench->client, method, in, seconds * NS_PER_S, true, answered, &asked);
        while (!asked.is_done)
                CHECK(loop_turn(bench->loop, -1, NULL) == 0);
        return asked;
}

static struct asked info(struct bench *bench)
{
        Sk__GetNodeInfoRequest request = SK__GET_NODE_INFO_REQUEST__INIT;

        return ask(bench, RPC_METHOD(node_agent, GetNodeInfo), &request.base, 30);
}

static struct asked init(struct bench *bench, int seconds)
{
        Sk__InitSwarmRequest request = SK__INIT_SWARM_REQUEST__INIT;

        request.advertise_address = "127.0.0.1";
        return ask(bench, RPC_METHOD(node_agent, InitSwarm), &request.base, seconds);
}

static struct asked leave(struct bench *bench)
{
        Sk__LeaveSwarmRequest request = SK__LEAVE_SWARM_REQUEST__INIT;

        request.force = true;
        return ask(bench, RPC_METHOD(node_agent, LeaveSwarm), &request.base, 30);
}

/* --- the tests --- */

static void a_swarm_that_could_not_be_started_is_forgotten(void **state)
{
        struct bench *bench = *state;
        struct asked asked;
        char identity[128];

        /* A folder where the journal has to be: the task side cannot start. */
        CHECK(file_make_folders(bench->journal, 0700, NULL) == 0);
        start_agent(bench);
        snprintf(identity, sizeof identity, "%s/identity", bench->state);
        for (int i = 0; i < 2; i++) {
                asked = init(bench, 30);
                assert_non_null(strstr(asked.err.text, "journal"));
                asked = info(bench);
                assert_string_equal(asked.state, "inactive");
                assert_int_equal(asked.n_running, 0);
                assert_false(file_exists(identity));
        }
        assert_int_equal(rmdir(bench->journal), 0);
        asked = init(bench, 1);
        assert_int_equal(asked.err.code, ERR_DEADLINE); /* the API only sleeps */
        assert_string_equal(info(bench).state, "active");
        assert_int_equal(leave(bench).err.code, 0);
        assert_string_equal(info(bench).state, "inactive");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_swarm_that_could_not_be_started_is_forgotten,
                                                setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
