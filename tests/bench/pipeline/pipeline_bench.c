/* From 'service create' to RUNNING: a real manager's daemons over mutual TLS, fsyncs and all, and
 * simulated agents in a process of their own.
 *
 *         tests/bench/run pipeline --agents 200 --tasks 20000 --services 100 --folder /tmp/pipeline
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "api/control.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "tests/lib/manager/manager.h"

enum { PROCESSES_MAX = MANAGER_DAEMONS_MAX + 1 };

struct bench {
        struct loop *loop;
        struct manager manager;
        const char *folder, *options;
        size_t n_agents, n_tasks, n_services;
        size_t n_at_once; /* of an update afterwards; 0: there is none */
        int timeout_s;
        pid_t agents;
        int progress; /* what the agents write */
        struct loop_watch watch;
        char line[256];
        size_t line_length;
        size_t n_connected, n_running;
        int64_t at_ns; /* of the last line */
};

/* What the processes used so far. */
struct usage {
        double cpu_ms[PROCESSES_MAX];
        double pss_mb[PROCESSES_MAX];
        uint64_t n_fsyncs, n_bytes, n_entries;
};

static int64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* --- agents --- */

static void take_line(struct bench *bench)
{
        long long at;

        bench->line[bench->line_length] = 0;
        bench->line_length = 0;
        if (sscanf(bench->line, "%zu %zu %lld", &bench->n_connected, &bench->n_running, &at) == 3)
                bench->at_ns = at;
}

static void progress_came(void *context, uint32_t events)
{
        struct bench *bench = context;
        char buffer[4096];
        ssize_t n = read(bench->progress, buffer, sizeof buffer);

        (void)events;
        if (n <= 0) {
                fprintf(stderr, "the agents are gone\n");
                loop_watch_remove(&bench->watch);
                return;
        }
        for (ssize_t i = 0; i < n; i++) {
                if (buffer[i] == '\n')
                        take_line(bench);
                else if (bench->line_length < sizeof bench->line - 1)
                        bench->line[bench->line_length++] = buffer[i];
        }
}

static void start_agents(struct bench *bench)
{
        char count[32];
        int fds[2];

        snprintf(count, sizeof count, "%zu", bench->n_agents);
        CHECK(pipe2(fds, O_CLOEXEC) == 0);
        bench->agents = fork();
        CHECK(bench->agents >= 0);
        if (bench->agents == 0) {
                prctl(PR_SET_PDEATHSIG, SIGTERM);
                dup2(fds[1], 1);
                execl("tests/bench/pipeline/pipeline_agents", "pipeline_agents", bench->folder,
                      bench->manager.agents_address, "0", count, NULL);
                perror("tests/bench/pipeline/pipeline_agents");
                _exit(127);
        }
        close(fds[1]);
        bench->progress = fds[0];
        bench->watch = (struct loop_watch){ .ready = progress_came,
                                            .context = bench,
                                            .fd = bench->progress };
        CHECK(loop_watch_add(bench->loop, &bench->watch, EPOLLIN, NULL) == 0);
}

static bool until(struct bench *bench, const size_t *value, size_t wanted, const char *what,
                  int timeout_s)
{
        int64_t start = now_ns(), said = start;

        while (*value < wanted) {
                CHECK(loop_turn(bench->loop, 100, NULL) == 0);
                if (now_ns() - said > 5 * NS_PER_S) {
                        fprintf(stderr, "... %zu of %zu %s\n", *value, wanted, what);
                        said = now_ns();
                }
                if (now_ns() - start > timeout_s * NS_PER_S) {
                        fprintf(stderr, "gave up: %zu of %zu %s\n", *value, wanted, what);
                        return false;
                }
        }
        return true;
}

/* --- what is used --- */

static double read_cpu_ms(pid_t pid)
{
        _cleanup_(str_done) struct str stat = { 0 };
        unsigned long user = 0, system = 0;
        char path[64];
        const char *at;

        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        if (file_read(path, 4096, &stat, NULL) < 0)
                return 0;
        at = strrchr(str_text(&stat), ')');
        if (at)
                sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                       &system);
        return (double)(user + system) * 1000 / (double)sysconf(_SC_CLK_TCK);
}

static double read_pss_mb(pid_t pid)
{
        _cleanup_(str_done) struct str rollup = { 0 };
        unsigned long kb = 0;
        char path[64];
        const char *at;

        snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
        if (file_read(path, 65536, &rollup, NULL) < 0)
                return 0;
        at = strstr(str_text(&rollup), "\nPss:");
        if (at)
                sscanf(at, "\nPss: %lu", &kb);
        return (double)kb / 1024;
}

static pid_t process_of(const struct bench *bench, size_t i)
{
        return i < bench->manager.n_daemons ? bench->manager.daemons[i].process.pid : bench->agents;
}

static const char *name_of(const struct bench *bench, size_t i)
{
        return i < bench->manager.n_daemons ? bench->manager.daemons[i].name : "agents";
}

static struct usage measure(struct bench *bench)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__GetStoreStatusRequest request = SK__GET_STORE_STATUS_REQUEST__INIT;
        const Sk__GetStoreStatusResponse *status;
        struct usage usage = { 0 };
        ProtobufCMessage *out;
        struct err err;

        for (size_t i = 0; i <= bench->manager.n_daemons; i++) {
                usage.cpu_ms[i] = read_cpu_ms(process_of(bench, i));
                usage.pss_mb[i] = read_pss_mb(process_of(bench, i));
        }
        if (manager_call(&bench->manager, bench->manager.store_client,
                         RPC_METHOD(store, GetStoreStatus), &request.base, &arena, &out,
                         &err) < 0) {
                fprintf(stderr, "%s\n", err.text);
                return usage;
        }
        status = (const Sk__GetStoreStatusResponse *)out;
        usage.n_fsyncs = status->n_fsyncs;
        usage.n_bytes = status->n_bytes;
        usage.n_entries = status->applied_index;
        return usage;
}

/* --- services --- */

/* The i-th service, made, or with 'round' made anew. */
static bool put_service(struct bench *bench, size_t i, uint64_t replicas, uint64_t round)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__CreateServiceRequest request = SK__CREATE_SERVICE_REQUEST__INIT;
        Sk__UpdateServiceRequest again = SK__UPDATE_SERVICE_REQUEST__INIT;
        Sk__UpdateConfig update = SK__UPDATE_CONFIG__INIT;
        int result;
        Sk__ServiceSpec spec = SK__SERVICE_SPEC__INIT;
        Sk__Annotations annotations = SK__ANNOTATIONS__INIT;
        Sk__TaskSpec task = SK__TASK_SPEC__INIT;
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT;
        Sk__ReplicatedService replicated = SK__REPLICATED_SERVICE__INIT;
        struct err err;

        annotations.name = arena_printf(&arena, "service%zu", i);
        container.image = "img:1";
        task.container = &container;
        replicated.replicas = replicas;
        spec.annotations = &annotations;
        spec.task = &task;
        spec.mode_case = SK__SERVICE_SPEC__MODE_REPLICATED;
        spec.replicated = &replicated;
        update.parallelism = bench->n_at_once;
        spec.update = bench->n_at_once ? &update : NULL;
        task.force_update = round;
        request.spec = &spec;
        again.id = annotations.name;
        again.spec = &spec;
        result = round ? manager_call(&bench->manager, bench->manager.api_client,
                                      RPC_METHOD(control, UpdateService), &again.base, &arena, NULL,
                                      &err)
                       : manager_call(&bench->manager, bench->manager.api_client,
                                      RPC_METHOD(control, CreateService), &request.base, &arena,
                                      NULL, &err);
        if (result < 0)
                fprintf(stderr, "service: %s\n", err.text);
        return result == 0;
}

static bool put_services(struct bench *bench, uint64_t round)
{
        size_t each = bench->n_tasks / bench->n_services, rest = bench->n_tasks % bench->n_services;

        for (size_t i = 0; i < bench->n_services; i++)
                if (!put_service(bench, i, i ? each : each + rest, round))
                        return false;
        return true;
}

static size_t count_updated(struct bench *bench)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__ListServicesRequest request = SK__LIST_SERVICES_REQUEST__INIT;
        const Sk__ListServicesResponse *list;
        ProtobufCMessage *out = NULL;
        size_t n = 0;
        struct err err;

        request.without_specs = true;
        if (manager_call(&bench->manager, bench->manager.api_client,
                         RPC_METHOD(control, ListServices), &request.base, &arena, &out, &err) < 0)
                return 0;
        list = (const Sk__ListServicesResponse *)out;
        for (size_t i = 0; i < list->n_services; i++) {
                const Sk__ServiceProgress *progress = list->services[i]->service->progress;

                n += progress && progress->update &&
                     progress->update->state == SK__UPDATE_STATUS__STATE__COMPLETED;
        }
        return n;
}

/* All services anew, until each says that its update is complete. */
static bool update_services(struct bench *bench)
{
        struct usage before = measure(bench), after;
        int64_t start = now_ns(), looked = start;
        double s;

        if (!put_services(bench, 1))
                return false;
        for (size_t n = 0; n < bench->n_services;) {
                loop_turn(bench->loop, 100, NULL);
                if (now_ns() - looked < 200 * NS_PER_MS)
                        continue;
                n = count_updated(bench);
                looked = now_ns();
                if (looked - start > bench->timeout_s * NS_PER_S) {
                        fprintf(stderr, "gave up: %zu of %zu services updated\n", n,
                                bench->n_services);
                        return false;
                }
        }
        s = (double)(now_ns() - start) / 1e9;
        printf("update_seconds: %.2f s\n", s);
        printf("update_tasks_per_second: %.0f tasks/s\n", (double)bench->n_tasks / s);
        after = measure(bench);
        for (size_t i = 0; i < bench->manager.n_daemons; i++)
                printf("update_cpu_ms_per_task_%s: %.4f ms\n", name_of(bench, i),
                       (after.cpu_ms[i] - before.cpu_ms[i]) / (double)bench->n_tasks);
        return true;
}

/* --- telling --- */

static void print(const struct bench *bench, const struct usage *before, const struct usage *after,
                  double seconds)
{
        double n = (double)bench->n_tasks, cpu = 0, pss = 0;

        printf("tasks_per_second: %.0f tasks/s\n", n / seconds);
        printf("seconds: %.2f s\n", seconds);
        for (size_t i = 0; i <= bench->manager.n_daemons; i++) {
                double used = after->cpu_ms[i] - before->cpu_ms[i];
                bool is_manager = i < bench->manager.n_daemons;

                cpu += is_manager ? used : 0;
                pss += is_manager ? after->pss_mb[i] : 0;
                printf("cpu_ms_per_task_%s: %.4f ms\n", name_of(bench, i), used / n);
                printf("pss_mb_%s: %.1f MB\n", name_of(bench, i), after->pss_mb[i]);
        }
        printf("cpu_ms_per_task: %.4f ms\n", cpu / n);
        printf("pss_mb_total: %.1f MB\n", pss);
        printf("bytes_per_task_store: %.0f B\n", (double)(after->n_bytes - before->n_bytes) / n);
        printf("fsyncs: %llu\n", (unsigned long long)(after->n_fsyncs - before->n_fsyncs));
        printf("log_entries: %llu\n", (unsigned long long)(after->n_entries - before->n_entries));
}

/* What the restarted manager says it has; false when it does not answer yet. */
static bool ask_info(struct bench *bench, uint64_t *ret_services, uint64_t *ret_running)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        Sk__GetInfoRequest request = SK__GET_INFO_REQUEST__INIT;
        ProtobufCMessage *out = NULL;
        const Sk__GetInfoResponse *info;
        struct err err;

        if (manager_call(&bench->manager, bench->manager.api_client, RPC_METHOD(control, GetInfo),
                         &request.base, &arena, &out, &err) < 0)
                return false;
        info = (const Sk__GetInfoResponse *)out;
        *ret_services = info->services_total;
        *ret_running = info->tasks_running;
        return true;
}

/* Everything dies at once, agents too; what comes back must be what was acknowledged.  Nodes are
 * not yet judged down when it is asked, so every task still counts as running. */
static bool survives_death_of_all(struct bench *bench)
{
        uint64_t services = 0, running = 0;
        int64_t start;

        kill(bench->agents, SIGKILL);
        waitpid(bench->agents, NULL, 0);
        bench->agents = 0;
        for (size_t i = 0; i < bench->manager.n_daemons; i++)
                manager_kill(&bench->manager, bench->manager.daemons[i].name);
        start = now_ns();
        manager_start_all(&bench->manager, bench->options);
        while (now_ns() - start < 60 * NS_PER_S) {
                if (ask_info(bench, &services, &running) && services == bench->n_services &&
                    running == bench->n_tasks)
                        break;
                loop_turn(bench->loop, 20, NULL);
        }
        printf("restart_seconds: %.2f s\n", (double)(now_ns() - start) / 1e9);
        printf("services_after_restart: %llu\n", (unsigned long long)services);
        printf("tasks_after_restart: %llu\n", (unsigned long long)running);
        return services == bench->n_services && running == bench->n_tasks;
}

static bool run(struct bench *bench)
{
        struct usage before, after;
        int64_t start;

        manager_start_all(&bench->manager, bench->options);
        start_agents(bench);
        if (!until(bench, &bench->n_connected, bench->n_agents, "agents connected",
                   60 + (int)(bench->n_agents / 20)))
                return false;
        for (int64_t settled = now_ns() + NS_PER_S; now_ns() < settled;)
                loop_turn(bench->loop, 50, NULL);
        before = measure(bench);
        start = now_ns();
        if (!put_services(bench, 0) ||
            !until(bench, &bench->n_running, bench->n_tasks, "tasks running", bench->timeout_s))
                return false;
        after = measure(bench);
        print(bench, &before, &after, (double)(bench->at_ns - start) / 1e9);
        if (bench->n_at_once && !update_services(bench))
                return false;
        return survives_death_of_all(bench);
}

static void stop(struct bench *bench)
{
        if (bench->agents) {
                kill(bench->agents, SIGTERM);
                waitpid(bench->agents, NULL, 0);
        }
        manager_done(&bench->manager);
        loop_free(bench->loop);
}

static void prepare(struct bench *bench)
{
        _cleanup_(str_done) struct str store = { 0 };
        char identity[512];

        str_addf(&store, "%s/store", bench->folder);
        file_remove_tree(store.text, NULL);
        manager_init(&bench->manager, bench->loop, bench->folder, bench->n_agents);
        for (size_t i = 0; i < bench->n_agents; i++)
                manager_node_identity(&bench->manager, i, identity, sizeof identity);
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "agents", required_argument, NULL, 'a' },
                { "tasks", required_argument, NULL, 't' },
                { "services", required_argument, NULL, 's' },
                { "folder", required_argument, NULL, 'f' },
                { "update", required_argument, NULL, 'u' },
                { "timeout", required_argument, NULL, 'w' },
                { "daemon-options", required_argument, NULL, 'o' },
                { 0 },
        };
        struct bench bench = { .n_agents = 200,
                               .n_tasks = 20000,
                               .n_services = 100,
                               .folder = "/tmp/skep-bench-pipeline",
                               .options = "--log-level warn",
                               .timeout_s = 120 };
        struct rlimit files = { 65536, 65536 };
        bool is_done;
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (option == 'a')
                        bench.n_agents = strtoul(optarg, NULL, 10);
                else if (option == 't')
                        bench.n_tasks = strtoul(optarg, NULL, 10);
                else if (option == 's')
                        bench.n_services = strtoul(optarg, NULL, 10);
                else if (option == 'f')
                        bench.folder = optarg;
                else if (option == 'u')
                        bench.n_at_once = strtoul(optarg, NULL, 10);
                else if (option == 'w')
                        bench.timeout_s = atoi(optarg);
                else if (option == 'o')
                        bench.options = optarg;
                else
                        return 2;
        }
        log_configure("pipeline_bench", LOG_WARN, false);
        setrlimit(RLIMIT_NOFILE, &files);
        CHECK(loop_new(&bench.loop, NULL) == 0);
        prepare(&bench);
        is_done = run(&bench);
        stop(&bench);
        return is_done ? 0 : 1;
}
