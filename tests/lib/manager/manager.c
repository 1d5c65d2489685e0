/* Daemons of a manager, as children. */
#include "tests/lib/manager/manager.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/os/file.h"
#include "tests/lib/identity/identity.h"
#include "tests/lib/manager/bootstrap.h"

enum { ALWAYS_STARTED = 6 }; /* the others are for who needs them */

enum { ARGUMENTS_MAX = 48, CALL_TIMEOUT_S = 30, LOG_MAX = 1 << 20 };

/* name, program, options; %F is the folder, the other capitals are addresses */
static const struct {
        const char *name, *program, *options;
} rows[] = {
        { "store", "manager/store/skep-store",
          "--folder %F/store --bootstrap %F/bootstrap --listen %S --listen %P --advertise %P "
          "--raft-listen %R --raft-advertise %R %J" },
        { "orchestrator", "manager/orchestrator/skep-orchestrator", "--store %S" },
        { "allocator", "manager/allocator/skep-allocator", "--store %S" },
        { "scheduler", "manager/scheduler/skep-scheduler", "--store %S" },
        { "dispatcher", "dispatcher/skep-dispatcher",
          "--store %S --listen %D --listen %T --advertise-port %N" },
        { "api", "manager/api_server/skep-api",
          "--store %S --dispatcher %D --listen %A --ca unix:%F/ca.sock" },
        { "ca", "manager/ca/skep-ca", "--store %S --listen unix:%F/ca.sock" },
        /* Strangers come by TCP: where agents would, if there was a dispatcher. */
        { "join", "manager/join/skep-join",
          "--ca unix:%F/ca.sock --root-certificate %F/identity/root.crt --listen %T" },
};

/* --- identities --- */

/* The same root for all. */
static void copy_root(const char *from, const char *to)
{
        static const char *const files[] = { "root.key", "root.crt", "ca.crt" };
        struct err err;

        manager_check(file_make_folders(to, 0700, &err), &err);
        for (size_t i = 0; i < COUNT_OF(files); i++) {
                _cleanup_(str_done) struct str source = { 0 }, target = { 0 }, content = { 0 };

                str_addf(&source, "%s/%s", from, files[i]);
                str_addf(&target, "%s/%s", to, files[i]);
                if (file_read(source.text, 1 << 16, &content, NULL) == 0)
                        manager_check(file_write_atomic(target.text, content.text, content.length,
                                                        0600, &err),
                                      &err);
        }
}

void manager_node_identity(const struct manager *manager, size_t i, char *ret, size_t size)
{
        _cleanup_(str_done) struct str key = { 0 }, from = { 0 };
        char id[26];

        manager_node_id(i, id);
        snprintf(ret, size, "%s/identity/nodes/%s", manager->folder, id);
        str_addf(&key, "%s/agent.key", ret);
        if (file_exists(key.text))
                return;
        str_addf(&from, "%s/identity", manager->folder);
        copy_root(from.text, ret);
        test_identity_make(ret, MANAGER_CLUSTER, id, "swarm-worker", "agent");
}

static void make_identities(const struct manager *manager)
{
        _cleanup_(str_done) struct str folder = { 0 };

        str_addf(&folder, "%s/identity", manager->folder);
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                test_identity_make(folder.text, MANAGER_CLUSTER, manager->node_id, "swarm-manager",
                                   rows[i].name);
}

static void make_token(struct manager *manager)
{
        _cleanup_(str_done) struct str root = { 0 };
        struct err err;

        manager_read_identity(manager, "root.crt", &root);
        manager_check(trust_make_token(root.text, manager->worker_token, &err), &err);
}

/* Ports that were free a moment ago, all different: they are held until the last is known. */
static void choose_ports(struct manager *manager)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof address;
        int fds[COUNT_OF(manager->ports)];

        CHECK(inet_pton(AF_INET, manager->ip, &address.sin_addr) == 1);
        for (size_t i = 0; i < COUNT_OF(fds); i++) {
                address.sin_port = 0;
                fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                CHECK(bind(fds[i], (struct sockaddr *)&address, size) == 0);
                CHECK(getsockname(fds[i], (struct sockaddr *)&address, &size) == 0);
                manager->ports[i] = ntohs(address.sin_port);
        }
        for (size_t i = 0; i < COUNT_OF(fds); i++)
                close(fds[i]);
}

/* Tests run beside each other, each as the same process of a namespace of its own: what differs
 * is the name of the folder. */
static void choose_address(struct manager *manager)
{
        uint64_t hash = hash_bytes(manager->folder, strlen(manager->folder));

        snprintf(manager->ip, sizeof manager->ip, "127.%u.%u.1", 1 + (unsigned)(hash % 254),
                 (unsigned)(hash / 254 % 256));
        choose_ports(manager);
}

static void name_addresses(struct manager *manager)
{
        char *addresses[] = { manager->agents_address, manager->store_address,
                              manager->raft_address };

        snprintf(manager->node_id, sizeof manager->node_id, "manager%018u", manager->host);
        snprintf(manager->store, sizeof manager->store, "unix:%s/store.sock", manager->folder);
        snprintf(manager->api, sizeof manager->api, "unix:%s/api.sock", manager->folder);
        snprintf(manager->dispatcher, sizeof manager->dispatcher, "unix:%s/dispatcher.sock",
                 manager->folder);
        for (size_t i = 0; i < COUNT_OF(addresses); i++)
                snprintf(addresses[i], sizeof manager->agents_address, "%s:%u", manager->ip,
                         manager->ports[i]);
}

static void name_daemons(struct manager *manager)
{
        manager->n_daemons = COUNT_OF(rows);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                manager->daemons[i].name = rows[i].name;
                manager->daemons[i].program = rows[i].program;
        }
}

static void connect_clients(struct manager *manager)
{
        struct rpc_client_options options = { .server_daemon = "store", .address = manager->store };
        struct rpc_client_options api = { .address = manager->api };
        _cleanup_(str_done) struct str folder = { 0 };
        struct err err;

        str_addf(&folder, "%s/identity", manager->folder);
        manager_check(rpc_identity_open(folder.text, "orchestrator", &manager->identity, &err),
                      &err);
        options.identity = manager->identity;
        manager_check(rpc_client_new(manager->loop, &options, &manager->store_client, &err), &err);
        manager_check(rpc_client_new(manager->loop, &api, &manager->api_client, &err), &err);
}

void manager_init(struct manager *manager, struct loop *loop, const char *folder, size_t n_nodes)
{
        struct err err;

        *manager = (struct manager){ .loop = loop, .host = 1 };
        snprintf(manager->folder, sizeof manager->folder, "%s", folder);
        choose_address(manager);
        name_addresses(manager);
        name_daemons(manager);
        manager_check(file_make_folders(folder, 0700, &err), &err);
        make_identities(manager);
        make_token(manager);
        manager_write_bootstrap(manager, n_nodes);
        connect_clients(manager);
}

void manager_init_another(struct manager *manager, const struct manager *first, unsigned host,
                          const char *folder)
{
        _cleanup_(str_done) struct str from = { 0 }, to = { 0 };

        *manager = (struct manager){ .loop = first->loop, .host = host };
        snprintf(manager->folder, sizeof manager->folder, "%s", folder);
        memcpy(manager->ports, first->ports, sizeof manager->ports);
        snprintf(manager->ip, sizeof manager->ip, "%.*s.%u",
                 (int)(strrchr(first->ip, '.') - first->ip), first->ip, host);
        name_addresses(manager);
        name_daemons(manager);
        snprintf(manager->join, sizeof manager->join, "--join %s", first->store_address);
        str_addf(&from, "%s/identity", first->folder);
        str_addf(&to, "%s/identity", folder);
        copy_root(from.text, to.text);
        make_identities(manager);
        connect_clients(manager);
}

void manager_done(struct manager *manager)
{
        rpc_client_free(manager->api_client);
        rpc_client_free(manager->store_client);
        rpc_identity_free(manager->identity);
        for (size_t i = manager->n_daemons; i-- > 0;) {
                manager_kill(manager, manager->daemons[i].name);
                free(manager->daemons[i].log);
        }
}

/* --- daemons --- */

static size_t find(const struct manager *manager, const char *name)
{
        for (size_t i = 0; i < manager->n_daemons; i++)
                if (str_equal(manager->daemons[i].name, name))
                        return i;
        CHECK(false);
        return 0;
}

static void show_log(const struct manager_daemon *daemon, int status)
{
        _cleanup_(str_done) struct str log = { 0 };

        file_read(daemon->log, LOG_MAX, &log, NULL);
        fprintf(stderr, "skep-%s exited with status %d:\n%s", daemon->name, status, str_text(&log));
}

static void daemon_exited(void *context, int status)
{
        struct manager_daemon *daemon = context;

        if (daemon->is_running && status != 0)
                show_log(daemon, status);
        daemon->is_running = false;
        daemon->status = status;
}

static const char *value_of(const struct manager *manager, char letter)
{
        switch (letter) {
        case 'F':
                return manager->folder;
        case 'S':
                return manager->store;
        case 'D':
                return manager->dispatcher;
        case 'T':
                return manager->agents_address;
        case 'A':
                return manager->api;
        case 'P':
                return manager->store_address;
        case 'R':
                return manager->raft_address;
        case 'J':
                return manager->join;
        case 'N':
                return strchr(manager->agents_address, ':') + 1;
        default:
                CHECK(false);
                return "";
        }
}

/* The options with every %X filled in; in 'arena'. */
static char *fill_in(const struct manager *manager, const char *options, struct arena *arena)
{
        struct str text = { 0 };
        char *filled;

        for (; *options; options++) {
                if (*options == '%' && options[1])
                        str_add(&text, value_of(manager, *++options));
                else
                        str_add_char(&text, *options);
        }
        filled = arena_strdup(arena, str_text(&text));
        str_done(&text);
        return filled;
}

static void add_options(const struct manager *manager, const char *options, const char **argv,
                        size_t *n, struct arena *arena)
{
        char *rest = fill_in(manager, options, arena), *word;

        while ((word = strsep(&rest, " "))) {
                CHECK(*n < ARGUMENTS_MAX - 1);
                if (*word)
                        argv[(*n)++] = word;
        }
}

void manager_start(struct manager *manager, const char *name, const char *options)
{
        size_t i = find(manager, name), n = 0;
        struct manager_daemon *daemon = &manager->daemons[i];
        _cleanup_(arena_done) struct arena arena = { 0 };
        const char *argv[ARGUMENTS_MAX] = { 0 };
        struct process_options process = { .argv = argv };
        struct err err;

        argv[n++] = daemon->program;
        argv[n++] = "--identity";
        argv[n++] = arena_printf(&arena, "%s/identity", manager->folder);
        add_options(manager, rows[i].options, argv, &n, &arena);
        add_options(manager, options, argv, &n, &arena);
        free(daemon->log);
        daemon->log = str_copy(arena_printf(&arena, "%s/%s.log", manager->folder, name));
        process.log_path = daemon->log;
        daemon->process = (struct process){ .exited = daemon_exited, .context = daemon };
        manager_check(process_start(manager->loop, &process, &daemon->process, &err), &err);
        daemon->is_running = true;
}

void manager_start_all(struct manager *manager, const char *options)
{
        for (size_t i = 0; i < ALWAYS_STARTED; i++)
                manager_start(manager, rows[i].name, options);
}

void manager_kill(struct manager *manager, const char *name)
{
        struct manager_daemon *daemon = &manager->daemons[find(manager, name)];

        if (!daemon->is_running)
                return;
        daemon->is_running = false;
        process_signal(&daemon->process, SIGKILL, NULL);
        process_forget(&daemon->process);
        waitpid(daemon->process.pid, NULL, 0);
}

int manager_stop(struct manager *manager, const char *name)
{
        struct manager_daemon *daemon = &manager->daemons[find(manager, name)];
        int64_t start = loop_now_boot(manager->loop);

        process_signal(&daemon->process, SIGTERM, NULL);
        while (daemon->is_running) {
                CHECK(loop_now_boot(manager->loop) - start < CALL_TIMEOUT_S * NS_PER_S);
                loop_turn(manager->loop, 20, NULL);
        }
        return daemon->status;
}

void manager_signal_all(struct manager *manager, int signal)
{
        for (size_t i = 0; i < manager->n_daemons; i++)
                if (manager->daemons[i].is_running)
                        process_signal(&manager->daemons[i].process, signal, NULL);
}

/* --- calls --- */

struct answer {
        struct arena *arena;
        ProtobufCMessage *out;
        struct err err;
        bool is_done;
};

static void answered(void *context, const void *out, const struct err *err)
{
        struct answer *answer = context;

        answer->is_done = true;
        if (err)
                answer->err = *err;
        else
                answer->out = message_copy(answer->arena, out);
}

int manager_call(struct manager *manager, struct rpc_client *client,
                 const struct rpc_method_id *method, const ProtobufCMessage *in,
                 struct arena *arena, ProtobufCMessage **ret_out, struct err *err)
{
        struct answer answer = { .arena = arena };

        rpc_client_call(client, method, in, CALL_TIMEOUT_S * NS_PER_S, true, answered, &answer);
        while (!answer.is_done)
                CHECK(loop_turn(manager->loop, 100, NULL) == 0);
        if (answer.err.code)
                return err_set(err, answer.err.code, "%s", answer.err.text);
        if (ret_out)
                *ret_out = answer.out;
        return 0;
}

void manager_commit(struct manager *manager, const Sk__Change *change)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__Change *changes[] = { (Sk__Change *)change };
        Sk__Group group = SK__GROUP__INIT, *groups[] = { &group };
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;
        struct err err;

        group.changes = changes;
        group.n_changes = 1;
        request.groups = groups;
        request.n_groups = 1;
        manager_check(manager_call(manager, manager->store_client, RPC_METHOD(store, Commit),
                                   &request.base, &arena, NULL, &err),
                      &err);
}
