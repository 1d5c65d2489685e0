/* Real containers: create -> RUNNING, scale, killed -> replaced, and the memory of it, on a swarm
 * that runs in this process namespace.
 *
 *         start_bench skep|dockerd ADDRESS IMAGE N_CREATES SCALE CPU_FILE
 *
 * The image's process is called "tail"; CPU_FILE tells the processor time of all that runs here, in
 * ns.  Prints "key: value unit" lines. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "tests/bench/start/cluster.h"

enum { SAMPLES_MAX = 1000, N_KILLS = 100, PROC_TEXT_MAX = 65536 };

struct samples {
        double ms[SAMPLES_MAX];
        int n;
        int64_t cpu_ns; /* when it began */
};

struct bench {
        struct cluster *cluster;
        const char *cpu_path;
        int n_creates;
        uint64_t scale;
};

static int64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static double ms_since(int64_t start_ns)
{
        return (double)(now_ns() - start_ns) / 1e6;
}

/* Of all but us: a machine that is shared makes times longer, but hardly processor time. */
static int64_t cpu_ns(const struct bench *bench)
{
        _cleanup_(str_done) struct str text = { 0 };
        struct rusage own;

        if (file_read(bench->cpu_path, PROC_TEXT_MAX, &text, NULL) < 0)
                return 0;
        getrusage(RUSAGE_SELF, &own);
        return strtoll(str_text(&text), NULL, 10) -
               (own.ru_utime.tv_sec + own.ru_stime.tv_sec) * NS_PER_S -
               (own.ru_utime.tv_usec + own.ru_stime.tv_usec) * NS_PER_US;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static void tell(const struct bench *bench, const char *what, struct samples *samples)
{
        const struct cluster *cluster = bench->cluster;
        double cpu_ms = (double)(cpu_ns(bench) - samples->cpu_ns) / 1e6, load = 0;

        qsort(samples->ms, samples->n, sizeof *samples->ms, compare);
        printf("%s_%s_ms_p50: %.1f ms\n", cluster->name, what, samples->ms[samples->n / 2]);
        printf("%s_%s_ms_p95: %.1f ms\n", cluster->name, what, samples->ms[samples->n * 95 / 100]);
        printf("%s_%s_cpu_ms_each: %.1f ms\n", cluster->name, what, cpu_ms / samples->n);
        if (getloadavg(&load, 1) == 1)
                printf("%s_%s_load_average: %.1f\n", cluster->name, what, load);
        fflush(stdout);
}

/* --- processes --- */

typedef void process_visit(void *context, const char *pid, const char *comm);

static void each_process(process_visit *visit, void *context)
{
        DIR *proc = opendir("/proc");
        struct dirent *entry;

        while (proc && (entry = readdir(proc))) {
                _cleanup_(str_done) struct str comm = { 0 };
                char path[300];

                if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
                        continue;
                snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
                if (file_read(path, PROC_TEXT_MAX, &comm, NULL) == 0 && comm.length)
                        visit(context, entry->d_name, comm.text);
        }
        if (proc)
                closedir(proc);
}

static void count_payload(void *context, const char *pid, const char *comm)
{
        (void)pid;
        *(int *)context += strcmp(comm, "tail\n") == 0;
}

struct memory {
        uint64_t daemons_kb, shims_kb;
};

static void add_memory(void *context, const char *pid, const char *comm)
{
        struct memory *memory = context;
        _cleanup_(str_done) struct str rollup = { 0 };
        bool is_shim = str_starts_with(comm, "containerd-shim");
        const char *pss;
        char path[300];

        if (!is_shim && !str_starts_with(comm, "skep-") && !str_starts_with(comm, "containerd") &&
            !str_starts_with(comm, "docker"))
                return;
        if (str_starts_with(comm, "docker-registry"))
                return;
        snprintf(path, sizeof path, "/proc/%s/smaps_rollup", pid);
        if (file_read(path, PROC_TEXT_MAX, &rollup, NULL) < 0)
                return;
        pss = strstr(str_text(&rollup), "\nPss:");
        *(is_shim ? &memory->shims_kb : &memory->daemons_kb) +=
                pss ? strtoull(pss + 5, NULL, 10) : 0;
}

/* --- waiting --- */

static int wait_gone(struct err *err)
{
        int64_t until = now_ns() + CLUSTER_PATIENCE_S * NS_PER_S;

        for (;;) {
                int n = 0;

                each_process(count_payload, &n);
                if (n == 0)
                        return 0;
                if (now_ns() > until)
                        return err_set(err, ERR_DEADLINE, "%d containers do not end", n);
                nanosleep(&(struct timespec){ .tv_nsec = 100 * NS_PER_MS }, NULL);
        }
}

/* --- what is measured --- */

static int measure_creates(struct bench *bench, int n, const char *what, struct err *err)
{
        struct cluster *cluster = bench->cluster;
        struct samples samples = { .cpu_ns = cpu_ns(bench) };
        struct cluster_task task;
        char name[64];

        for (int i = 0; i < n && i < SAMPLES_MAX; i++) {
                int64_t start = now_ns();

                snprintf(name, sizeof name, "%s-%d", what, i);
                TRY(cluster->ops->create(cluster, name, 1, err));
                TRY(cluster->ops->wait(cluster, name, 1, NULL, &task, err));
                samples.ms[samples.n++] = ms_since(start);
        }
        if (n > 1)
                tell(bench, what, &samples);
        for (int i = 0; i < samples.n; i++) {
                snprintf(name, sizeof name, "%s-%d", what, i);
                TRY(cluster->ops->remove(cluster, name, err));
        }
        return wait_gone(err);
}

static void tell_memory(const struct cluster *cluster, uint64_t n)
{
        struct memory memory = { 0 };

        sleep(3);
        each_process(add_memory, &memory);
        printf("%s_memory_at_%llu_pss_mb: %.0f MB\n", cluster->name, (unsigned long long)n,
               (double)(memory.daemons_kb + memory.shims_kb) / 1024);
        printf("%s_memory_at_%llu_shims_pss_mb: %.0f MB\n", cluster->name, (unsigned long long)n,
               (double)memory.shims_kb / 1024);
        fflush(stdout);
}

/* 1 -> 50 -> 'most'; the rate is that of all, without the time between. */
static int measure_scale(struct bench *bench, struct err *err)
{
        struct cluster *cluster = bench->cluster;
        const uint64_t most = bench->scale;
        const uint64_t steps[] = { 1, 50 < most ? 50 : most, most };
        struct cluster_task task;
        double s = 0, cpu = 0;

        TRY(cluster->ops->create(cluster, "scaled", 1, err));
        TRY(cluster->ops->wait(cluster, "scaled", 1, NULL, &task, err));
        for (int i = 1; i < 3 && steps[i] > steps[i - 1]; i++) {
                int64_t start = now_ns(), cpu_start = cpu_ns(bench);

                TRY(cluster->ops->scale(cluster, "scaled", steps[i], err));
                TRY(cluster->ops->wait(cluster, "scaled", steps[i], NULL, &task, err));
                s += ms_since(start) / 1e3;
                cpu += (double)(cpu_ns(bench) - cpu_start) / 1e6;
                tell_memory(cluster, steps[i]);
        }
        printf("%s_scale_tasks_per_second: %.1f /s\n", cluster->name, (double)(most - 1) / s);
        printf("%s_scale_cpu_ms_each: %.1f ms\n", cluster->name, cpu / (double)(most - 1));
        TRY(cluster->ops->remove(cluster, "scaled", err));
        return wait_gone(err);
}

static int measure_replaces(struct bench *bench, struct err *err)
{
        struct cluster *cluster = bench->cluster;
        struct samples samples = { .cpu_ns = cpu_ns(bench) };
        struct cluster_task task;

        TRY(cluster->ops->create(cluster, "killed", 1, err));
        TRY(cluster->ops->wait(cluster, "killed", 1, NULL, &task, err));
        while (samples.n < N_KILLS) {
                char before[sizeof task.id];
                int64_t start;

                nanosleep(&(struct timespec){ .tv_nsec = 300 * NS_PER_MS }, NULL);
                snprintf(before, sizeof before, "%s", task.id);
                start = now_ns();
                if (task.pid < 2 || kill((pid_t)task.pid, SIGKILL) < 0)
                        return err_set(err, ERR_NOT_FOUND, "task %s has no process", before);
                TRY(cluster->ops->wait(cluster, "killed", 1, before, &task, err));
                samples.ms[samples.n++] = ms_since(start);
        }
        tell(bench, "replace", &samples);
        TRY(cluster->ops->remove(cluster, "killed", err));
        return wait_gone(err);
}

static int measure(struct bench *bench, struct err *err)
{
        TRY(measure_creates(bench, 1, "warm", err)); /* fetches the image */
        TRY(measure_creates(bench, bench->n_creates, "start", err));
        TRY(measure_replaces(bench, err));
        return measure_scale(bench, err);
}

int main(int argc, char **argv)
{
        struct bench bench = { 0 };
        struct err err;
        int failed;

        if (argc != 7) {
                fprintf(stderr, "start_bench skep|dockerd ADDRESS IMAGE CREATES SCALE CPU_FILE\n");
                return 1;
        }
        bench.n_creates = atoi(argv[4]);
        bench.scale = strtoull(argv[5], NULL, 10);
        bench.cpu_path = argv[6];
        failed = str_equal(argv[1], "skep")
                         ? cluster_skep_new(argv[2], argv[3], &bench.cluster, &err)
                         : cluster_docker_new(argv[2], argv[3], &bench.cluster, &err);
        if (!failed)
                failed = measure(&bench, &err);
        if (failed)
                fprintf(stderr, "%s: %s\n", argv[1], err.text);
        if (bench.cluster)
                bench.cluster->ops->free(bench.cluster);
        return failed ? 1 : 0;
}
