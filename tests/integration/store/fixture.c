/* Starting, killing and damaging a store. */
#include "tests/integration/store/fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/os/file.h"
#include "tests/lib/identity/identity.h"
#include "tests/unit/test.h"

#define PROGRAM "manager/store/skep-store"

static const char *path(const struct fixture *fixture, const char *name, char *ret, size_t size)
{
        snprintf(ret, size, "%s/%s", fixture->folder, name);
        return ret;
}

/* --- life --- */

/* What `swarm init` writes: a cluster, created by the store's role.  Its log is cut often. */
static void write_bootstrap(const struct fixture *fixture)
{
        Sk__ClusterSpec spec = SK__CLUSTER_SPEC__INIT;
        struct arena arena = { 0 };
        Sk__Part part = SK__PART__INIT, *parts[] = { &part };
        Sk__Change change = SK__CHANGE__INIT, *changes[] = { &change };
        Sk__Group group = SK__GROUP__INIT, *groups[] = { &group };
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;
        Sk__LogCommit commit = SK__LOG_COMMIT__INIT, *commits[] = { &commit };
        Sk__LogEntry entry = SK__LOG_ENTRY__INIT;
        char name[128];
        uint8_t *data;
        size_t size;

        change.op = SK__CHANGE__OP__CREATE;
        change.kind = SK__KIND__KIND_CLUSTER;
        change.id = (char *)"cluster000000000000000000";
        change.name = (char *)"default";
        spec.snapshot_interval = 200;
        spec.log_entries_for_slow_followers = 10;
        message_pack(&arena, &spec.base, &part.data.data, &part.data.len);
        change.parts = parts;
        change.n_parts = 1;
        group.changes = changes;
        group.n_changes = 1;
        request.groups = groups;
        request.n_groups = 1;
        commit.request = &request;
        commit.writer = ROLE_STORE;
        entry.commits = commits;
        entry.n_commits = 1;
        message_pack(&arena, &entry.base, &data, &size);
        CHECK(file_write_atomic(path(fixture, "bootstrap", name, sizeof name), data, size, 0600,
                                NULL) == 0);
        arena_done(&arena);
}

static void connect_client(struct fixture *fixture, const char *node)
{
        struct rpc_client_options options = { .server_daemon = "store",
                                              .address = fixture->address };
        char id[128];

        path(fixture, "id", id, sizeof id);
        test_identity_make(id, "cluster1", node, "swarm-manager", "store");
        test_identity_make(id, "cluster1", node, "swarm-manager", "orchestrator");
        CHECK(rpc_identity_open(id, "orchestrator", &fixture->identity, NULL) == 0);
        options.identity = fixture->identity;
        CHECK(rpc_client_new(fixture->loop, &options, &fixture->client, NULL) == 0);
}

static struct fixture *fixture_new(void)
{
        struct fixture *fixture = mem_alloc(sizeof *fixture);

        snprintf(fixture->folder, sizeof fixture->folder, "/tmp/skep-store-test-XXXXXX");
        CHECK(mkdtemp(fixture->folder));
        snprintf(fixture->address, sizeof fixture->address, "unix:%s/s", fixture->folder);
        snprintf(fixture->raft_address, sizeof fixture->raft_address, "unix:%s/r", fixture->folder);
        return fixture;
}

int fixture_setup(void **state)
{
        struct fixture *fixture = fixture_new();

        write_bootstrap(fixture);
        CHECK(loop_new(&fixture->loop, NULL) == 0);
        connect_client(fixture, FIRST_NODE);
        *state = fixture;
        return 0;
}

static void copy_root(const struct fixture *from, const struct fixture *to, const char *name)
{
        _cleanup_(str_done) struct str text = { 0 };
        char source[128], target[128];

        CHECK(file_read(path(from, name, source, sizeof source), 1 << 16, &text, NULL) == 0);
        CHECK(file_write_atomic(path(to, name, target, sizeof target), text.text, text.length, 0600,
                                NULL) == 0);
}

struct fixture *fixture_join(struct fixture *first, const char *node)
{
        struct fixture *fixture = fixture_new();
        char id[128];

        fixture->loop = first->loop;
        snprintf(fixture->join, sizeof fixture->join, "%s", first->address);
        CHECK(file_make_folders(path(fixture, "id", id, sizeof id), 0700, NULL) == 0);
        copy_root(first, fixture, "id/root.key");
        copy_root(first, fixture, "id/root.crt");
        connect_client(fixture, node);
        return fixture;
}

void fixture_leave(struct fixture *fixture)
{
        fixture_kill(fixture);
        rpc_client_free(fixture->client);
        rpc_identity_free(fixture->identity);
        file_remove_tree(fixture->folder, NULL);
        free(fixture);
}

int fixture_teardown(void **state)
{
        struct fixture *fixture = *state;
        struct loop *loop = fixture->loop;

        fixture_leave(fixture);
        loop_free(loop);
        return 0;
}

void fixture_start(struct fixture *fixture, const char *const more_arguments[])
{
        char data[128], bootstrap[128], id[128], log[128];
        const char *argv[32] = { PROGRAM,
                                 "--folder",
                                 path(fixture, "data", data, sizeof data),
                                 "--bootstrap",
                                 path(fixture, "bootstrap", bootstrap, sizeof bootstrap),
                                 "--identity",
                                 path(fixture, "id", id, sizeof id),
                                 "--listen",
                                 fixture->address,
                                 "--advertise",
                                 fixture->address,
                                 "--raft-listen",
                                 fixture->raft_address,
                                 "--raft-advertise",
                                 fixture->raft_address,
                                 "--join",
                                 fixture->join };
        size_t n = 17;
        int fd;

        for (; more_arguments && *more_arguments; more_arguments++)
                argv[n++] = *more_arguments;
        path(fixture, "log", log, sizeof log);
        fixture->pid = fork();
        CHECK(fixture->pid >= 0);
        if (fixture->pid)
                return;
        fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, 1);
        dup2(fd, 2);
        execv(PROGRAM, (char **)argv);
        _exit(127);
}

/* What it said last, a sanitizer's report among it, would go with its folder. */
static void check_runs(struct fixture *fixture)
{
        _cleanup_(str_done) struct str text = { 0 };
        char log[128];
        int status;

        if (waitpid(fixture->pid, &status, WNOHANG) == 0)
                return;
        fixture->pid = 0;
        if (file_read(path(fixture, "log", log, sizeof log), 16 << 20, &text, NULL) == 0)
                fprintf(stderr, "%s", str_text(&text));
        fail_msg("the store ended by itself: status 0x%x", (unsigned)status);
}

void fixture_kill(struct fixture *fixture)
{
        if (!fixture->pid)
                return;
        check_runs(fixture);
        kill(fixture->pid, SIGKILL);
        fixture_wait_exit(fixture);
}

int fixture_wait_exit(struct fixture *fixture)
{
        int status;

        CHECK(waitpid(fixture->pid, &status, 0) == fixture->pid);
        fixture->pid = 0;
        return status;
}

/* --- calls --- */

struct answer {
        struct arena *arena;
        ProtobufCMessage *out;
        bool is_done;
        int code;
};

static void answered(void *context, const void *out, const struct err *err)
{
        struct answer *answer = context;

        answer->is_done = true;
        answer->code = err ? err->code : 0;
        if (!err)
                answer->out = message_copy(answer->arena, out);
}

/* A store that is starting, or was just killed, is asked again. */
int fixture_call(struct fixture *fixture, const struct rpc_method_id *method,
                 const ProtobufCMessage *in, struct arena *arena, ProtobufCMessage **ret_out)
{
        struct answer answer;

        do {
                answer = (struct answer){ .arena = arena };
                rpc_client_call(fixture->client, method, in, 20 * NS_PER_S, true, answered,
                                &answer);
                while (!answer.is_done)
                        CHECK(loop_turn(fixture->loop, 100, NULL) == 0);
                if (fixture->pid)
                        check_runs(fixture);
        } while (answer.code == ERR_UNAVAILABLE);
        if (ret_out)
                *ret_out = answer.out;
        return answer.code;
}

const Sk__ReadResponse *fixture_read_all(struct fixture *fixture, Sk__Kind kind,
                                         struct arena *arena)
{
        Sk__ReadRequest request = SK__READ_REQUEST__INIT;
        ProtobufCMessage *out;

        request.kind = kind;
        request.parts = 15;
        CHECK(fixture_call(fixture, RPC_METHOD(store, Read), &request.base, arena, &out) == 0);
        return (const Sk__ReadResponse *)out;
}

/* --- damage --- */

static bool flip_in(const char *file, long offset)
{
        _cleanup_(closep) int fd = open(file, O_RDWR);
        off_t size = lseek(fd, 0, SEEK_END), at = offset < 0 ? size + offset : offset;
        char byte;

        if (fd < 0 || at < 0 || at >= size)
                return false;
        CHECK(pread(fd, &byte, 1, at) == 1);
        byte ^= 0x10;
        CHECK(pwrite(fd, &byte, 1, at) == 1);
        return true;
}

bool fixture_flip(struct fixture *fixture, const char *suffix, long offset)
{
        char folder[128], file[512];
        const struct dirent *entry;
        bool found = false;
        DIR *dir;

        dir = opendir(path(fixture, "data/db", folder, sizeof folder));
        CHECK(dir);
        while (!found && (entry = readdir(dir))) {
                snprintf(file, sizeof file, "%s/%s", folder, entry->d_name);
                found = str_ends_with(entry->d_name, suffix) && flip_in(file, offset);
        }
        closedir(dir);
        return found;
}
