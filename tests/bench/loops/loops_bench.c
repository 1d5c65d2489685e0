/* From a service in the store to all its tasks placed: store, orchestrator, allocator and
 * scheduler, as they are, on this machine.
 *
 *         bazel run --config=opt //tests/bench/loops:loops_bench -- [TASKS [NODES]] */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/os/file.h"
#include "lib/run/committer.h"
#include "lib/run/mirror.h"
#include "tests/lib/build_objects.h"
#include "tests/lib/identity/identity.h"

enum { PLAN_CHANGES = 4000 };

static const char *const programs[] = { "store", "orchestrator", "allocator", "scheduler" };

/* One of those who write, with its own certificate. */
struct writer {
        struct rpc_identity *identity;
        struct rpc_client *client;
        struct committer *committer;
        const char *name;
};

struct bench {
        char folder[64], store[96], identities[96];
        struct loop *loop;
        pid_t pids[COUNT_OF(programs)];
        struct writer ca, dispatcher, api;
        struct mirror *mirror;
        struct world world; /* what is to be written */
        size_t n_tasks, n_nodes, n_made, n_allocated, n_placed, n_committing;
};

/* --- the daemons --- */

static char *path(struct bench *bench, const char *name)
{
        return arena_printf(&bench->world.arena, "%s/%s", bench->folder, name);
}

static void write_bootstrap(struct bench *bench)
{
        struct arena *arena = &bench->world.arena;
        Sk__LogCommit commit = SK__LOG_COMMIT__INIT, *commits[] = { &commit };
        Sk__LogEntry entry = SK__LOG_ENTRY__INIT;
        const Sk__Cluster *cluster = a_cluster(&bench->world);
        struct plan plan;
        struct plan_change *change;
        uint8_t *data;
        size_t size;

        plan_init(&plan);
        change = plan_create(&plan, SK__KIND__KIND_CLUSTER, cluster->id);
        change->name = cluster->name;
        plan_set_part(change, PART_CLUSTER_spec, &cluster->spec->base);
        commit.request = plan_pack(&plan, arena);
        commit.writer = ROLE_STORE;
        entry.commits = commits;
        entry.n_commits = 1;
        message_pack(arena, &entry.base, &data, &size);
        CHECK(file_write_atomic(path(bench, "bootstrap"), data, size, 0600, NULL) == 0);
        plan_done(&plan);
}

static void start(struct bench *bench, size_t i)
{
        char *program =
                arena_printf(&bench->world.arena, "manager/%s/skep-%s", programs[i], programs[i]);
        char *metrics =
                arena_printf(&bench->world.arena, "unix:%s/%s.metrics", bench->folder, programs[i]);
        char *argv[] = { program,
                         (char *)"--metrics",
                         metrics,
                         (char *)"--identity",
                         bench->identities,
                         (char *)(i ? "--store" : "--listen"),
                         bench->store,
                         (char *)(i ? NULL : "--folder"),
                         path(bench, "data"),
                         (char *)"--bootstrap",
                         path(bench, "bootstrap"),
                         NULL };
        char *log = path(bench, programs[i]);
        int fd;

        bench->pids[i] = fork();
        CHECK(bench->pids[i] >= 0);
        if (bench->pids[i])
                return;
        fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execv(program, argv);
        _exit(127);
}

static double cpu_seconds(pid_t pid)
{
        char name[64], text[1024] = "";
        unsigned long user = 0, system = 0;
        FILE *file;

        snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
        file = fopen(name, "re");
        if (file) {
                CHECK(fread(text, 1, sizeof text - 1, file) > 0);
                fclose(file);
        }
        sscanf(strchr(text, ')') ? strchr(text, ')') : ") ",
               ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
        return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* --- writing --- */

static void writer_open(struct bench *bench, struct writer *writer, const char *name)
{
        const struct rpc_client_options store = { .address = bench->store,
                                                  .server_daemon = "store" };
        struct rpc_client_options options = store;

        writer->name = name;
        test_identity_make(bench->identities, "cluster1", "node1", "swarm-manager", name);
        CHECK(rpc_identity_open(bench->identities, name, &writer->identity, NULL) == 0);
        options.identity = writer->identity;
        CHECK(rpc_client_new(bench->loop, &options, &writer->client, NULL) == 0);
        CHECK(committer_new(&(struct committer_options){ .loop = bench->loop,
                                                         .store = writer->client },
                            &writer->committer, NULL) == 0);
}

static void writer_close(struct writer *writer)
{
        committer_free(writer->committer);
        rpc_client_free(writer->client);
        rpc_identity_free(writer->identity);
}

static void committed(void *context, const struct commit_outcome *outcome)
{
        struct bench *bench = context;

        if (outcome->err || outcome->results) {
                fprintf(stderr, "%s\n",
                        outcome->err ? outcome->err->text : outcome->results[0]->message);
                abort();
        }
        bench->n_committing--;
}

static void turn(struct bench *bench)
{
        struct err err;

        CHECK(loop_turn(bench->loop, 100, &err) == 0);
}

static void submit(struct bench *bench, struct writer *writer, struct plan *plan)
{
        bench->n_committing++;
        committer_submit(writer->committer, plan, NS_PER_MINUTE, committed, bench);
        plan_clear(plan);
        while (bench->n_committing)
                turn(bench);
}

/* Adds these parts (bits) of an object to the newest group. */
static void add_object(struct plan *plan, Sk__Kind kind, const struct object_head *object,
                       unsigned parts, bool creates)
{
        struct plan_change *change =
                creates ? plan_create(plan, kind, object->id) : plan_update(plan, kind, object->id);

        change->name = creates ? object->name : NULL;
        for (size_t i = 0; i < OBJECT_PARTS_MAX; i++)
                if (parts & 1u << i)
                        plan_set_part(change, i, object_part(object, object_kind(kind), i));
}

static void write_nodes(struct bench *bench, struct writer *writer, unsigned parts, bool creates)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *node;
        struct plan plan;

        plan_init(&plan);
        while ((node = view_each(bench->world.view, SK__KIND__KIND_NODE, &cursor))) {
                plan_group(&plan);
                add_object(&plan, SK__KIND__KIND_NODE, node, parts, creates);
                if (plan.n_changes >= PLAN_CHANGES)
                        submit(bench, writer, &plan);
        }
        if (!plan_is_empty(&plan))
                submit(bench, writer, &plan);
        plan_done(&plan);
}

/* Service and spec in one group, as skep-api does: a spec that no service names is reaped. */
static void write_service(struct bench *bench, const Sk__Service *service)
{
        const struct object_head *spec =
                view_find(bench->world.view, SK__KIND__KIND_SERVICE_SPEC, service->spec->spec_id);
        struct plan plan;

        plan_init(&plan);
        add_object(&plan, SK__KIND__KIND_SERVICE_SPEC, spec, 1, true);
        add_object(&plan, SK__KIND__KIND_SERVICE, (const struct object_head *)service, 1, true);
        submit(bench, &bench->api, &plan);
        plan_done(&plan);
}

/* --- watching --- */

static void changed(void *context, const Sk__Event *const *events, size_t n_events, bool is_restart)
{
        struct bench *bench = context;

        (void)is_restart;
        for (size_t i = 0; i < n_events; i++)
                for (size_t k = 0; k < events[i]->n_parts; k++) {
                        unsigned part = events[i]->parts[k]->index;

                        bench->n_made += part == PART_TASK_definition;
                        bench->n_allocated += part == PART_TASK_allocation;
                        bench->n_placed += part == PART_TASK_placement;
                }
}

static void watch(struct bench *bench)
{
        Sk__KindMask mask = SK__KIND_MASK__INIT;

        mask.kind = SK__KIND__KIND_TASK;
        mask.parts = 0x7;
        CHECK(mirror_new(&(struct mirror_options){ .loop = bench->loop,
                                                   .store = bench->api.client,
                                                   .kinds = &mask,
                                                   .n_kinds = 1,
                                                   .changed = changed,
                                                   .context = bench },
                         &bench->mirror, NULL) == 0);
        while (!mirror_is_complete(bench->mirror))
                turn(bench);
}

/* --- the run --- */

static double seconds_until(struct bench *bench, const size_t *count, int64_t start)
{
        while (*count < bench->n_tasks)
                turn(bench);
        return (double)(loop_now_boot(bench->loop) - start) / (double)NS_PER_S;
}

static void measure(struct bench *bench, const Sk__Service *service)
{
        double before[COUNT_OF(programs)], total = 0, n = (double)bench->n_tasks, seconds;
        int64_t start;

        for (size_t i = 0; i < COUNT_OF(programs); i++)
                before[i] = cpu_seconds(bench->pids[i]);
        turn(bench);
        start = loop_now_boot(bench->loop);
        write_service(bench, service);
        seconds = seconds_until(bench, &bench->n_made, start);
        printf("made: %.0f tasks/s\n", n / seconds);
        seconds = seconds_until(bench, &bench->n_placed, start);
        printf("made, allocated, placed: %.0f tasks/s\n", n / seconds);
        for (size_t i = 0; i < COUNT_OF(programs); i++) {
                double used = cpu_seconds(bench->pids[i]) - before[i];

                printf("%s: %.3f CPU-ms/task\n", programs[i], used * 1000 / n);
                total += used;
        }
        printf("all: %.3f CPU-ms/task\n", total * 1000 / n);
}

static void set_up(struct bench *bench)
{
        world_init(&bench->world);
        CHECK(mkdtemp(strcpy(bench->folder, "/tmp/loops_bench.XXXXXX")));
        snprintf(bench->store, sizeof bench->store, "unix:%s/store.sock", bench->folder);
        snprintf(bench->identities, sizeof bench->identities, "%s/identity", bench->folder);
        CHECK(loop_new(&bench->loop, NULL) == 0);
        for (size_t i = 0; i < COUNT_OF(programs); i++)
                test_identity_make(bench->identities, "cluster1", "node1", "swarm-manager",
                                   programs[i]);
        write_bootstrap(bench);
        for (size_t i = 0; i < COUNT_OF(programs); i++)
                start(bench, i);
        writer_open(bench, &bench->ca, "ca");
        writer_open(bench, &bench->dispatcher, "dispatcher");
        writer_open(bench, &bench->api, "api");
}

static void tear_down(struct bench *bench)
{
        for (size_t i = 0; i < COUNT_OF(programs); i++)
                kill(bench->pids[i], SIGKILL);
        for (size_t i = 0; i < COUNT_OF(programs); i++)
                waitpid(bench->pids[i], NULL, 0);
        mirror_free(bench->mirror);
        writer_close(&bench->ca);
        writer_close(&bench->dispatcher);
        writer_close(&bench->api);
        loop_free(bench->loop);
        file_remove_tree(bench->folder, NULL);
        world_done(&bench->world);
}

int main(int argc, char **argv)
{
        struct bench bench = { .n_tasks = 20000, .n_nodes = 1000 };
        const Sk__Service *service;

        if (argc > 1)
                bench.n_tasks = strtoul(argv[1], NULL, 10);
        if (argc > 2)
                bench.n_nodes = strtoul(argv[2], NULL, 10);
        set_up(&bench);
        for (size_t i = 0; i < bench.n_nodes; i++)
                a_node(&bench.world, arena_printf(&bench.world.arena, "n%zu", i));
        service = a_service(&bench.world, "web", bench.n_tasks);
        write_nodes(&bench, &bench.ca, 1u << PART_NODE_spec | 1u << PART_NODE_identity, true);
        write_nodes(&bench, &bench.dispatcher, 1u << PART_NODE_status | 1u << PART_NODE_description,
                    false);
        watch(&bench);
        printf("tasks: %zu\nnodes: %zu\n", bench.n_tasks, bench.n_nodes);
        measure(&bench, service);
        tear_down(&bench);
        return 0;
}
