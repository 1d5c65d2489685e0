/* A bench for executors. */
#include "tests/integration/executor/bench.h"

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/logs/read.h"
#include "lib/base/check.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/os/file.h"

int64_t bench_clock(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* --- the agent --- */

void bench_start_agent(struct bench *bench)
{
        struct executor_containerd_options options = {
                .loop = bench->loop,
                .pool = bench->pool,
                .state_folder = bench->state_folder,
                .run_folder = bench->run_folder,
                .registries_folder = bench->folder,
                .cgroup_parent = bench->cgroup_parent,
                .pull_silence_ns = 3 * NS_PER_S,
                .disk_high_percent = bench->disk_high_percent,
                .disk_low_percent = bench->disk_high_percent,
                .has_keeper = bench->has_keeper,
        };
        struct err err;

        if (executor_containerd_new(&options, &bench->executor, &err) < 0)
                fail_msg("%s", err.text);
}

void bench_stop_agent(struct bench *bench)
{
        if (bench->task)
                bench->executor->ops->close(bench->task);
        bench->task = NULL;
        bench->executor->ops->free(bench->executor);
        bench->executor = NULL;
}

void bench_restart_agent(struct bench *bench)
{
        bench_stop_agent(bench);
        bench_start_agent(bench);
        bench_open(bench);
}

void bench_kill_containerd(struct bench *bench)
{
        struct str text = { 0 };
        char path[300];
        int64_t pid;

        snprintf(path, sizeof path, "%s/containerd/containerd.pid", bench->run_folder);
        assert_int_equal(file_read(path, 32, &text, NULL), 0);
        assert_int_equal(str_to_int64(text.text, &pid, NULL), 0);
        assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
        str_done(&text);
}

int bench_start(void **state)
{
        struct bench *bench = mem_alloc(sizeof *bench);

        bench->folder = getenv("SKEP_TEST_FOLDER");
        bench->image = getenv("SKEP_TEST_IMAGE");
        CHECK(bench->folder && bench->image);
        bench->cgroup_parent = strrchr(bench->folder, '/') + 1;
        snprintf(bench->state_folder, sizeof bench->state_folder, "%s/state", bench->folder);
        snprintf(bench->run_folder, sizeof bench->run_folder, "%s/run", bench->folder);
        CHECK(loop_new(&bench->loop, NULL) == 0);
        CHECK(worker_pool_new(bench->loop, 4, &bench->pool, NULL) == 0);
        *state = bench;
        return 0;
}

int bench_stop(void **state)
{
        struct bench *bench = *state;

        worker_pool_free(bench->pool);
        loop_free(bench->loop);
        str_done(&bench->logs);
        free(bench);
        return 0;
}

int bench_set_up(void **state)
{
        bench_start_agent(*state);
        return 0;
}

size_t bench_count_remains(struct bench *bench)
{
        struct arena *arena = &bench->arena;
        const char *const patterns[] = {
                arena_printf(arena, "/sys/fs/cgroup/%s/*/", bench->cgroup_parent),
                arena_printf(arena, "/sys/fs/cgroup/*/%s/*/", bench->cgroup_parent),
                arena_printf(arena, "%s/runc/k8s.io/*", bench->run_folder),
        };
        size_t n = 0;

        for (size_t i = 0; i < COUNT_OF(patterns); i++) {
                glob_t found = { 0 };

                glob(patterns[i], 0, NULL, &found);
                n += found.gl_pathc;
                globfree(&found);
        }
        return n;
}

int bench_tear_down(void **state)
{
        struct bench *bench = *state;
        size_t n_remains;

        if (!bench->executor)
                bench_start_agent(bench);
        if (!bench->task && bench->spec)
                bench_open(bench);
        if (bench->task)
                bench_do(bench, bench->executor->ops->remove);
        bench_stop_agent(bench);
        n_remains = bench_count_remains(bench);
        arena_done(&bench->arena);
        bench->spec = NULL;
        bench->secret = NULL;
        assert_int_equal(n_remains, 0);
        return 0;
}

/* --- the task --- */

void bench_describe(struct bench *bench, const char *script)
{
        struct arena *arena = &bench->arena;
        Sk__ContainerSpec *container = arena_alloc(arena, sizeof *container);
        const char **args = arena_alloc(arena, 3 * sizeof *args);
        char *id = arena_alloc(arena, 26);

        bench->spec = arena_alloc(arena, sizeof *bench->spec);
        sk__service_spec__init(bench->spec);
        bench->spec->task = arena_alloc(arena, sizeof *bench->spec->task);
        sk__task_spec__init(bench->spec->task);
        sk__container_spec__init(container);
        bench->spec->task->container = container;
        args[0] = "/bin/sh";
        args[1] = "-c";
        args[2] = arena_strdup(arena, script);
        container->image = bench->image;
        container->command = args;
        container->n_command = 3;
        os_random_id(id);
        bench->assignment = arena_alloc(arena, sizeof *bench->assignment);
        sk__task_assignment__init(bench->assignment);
        bench->assignment->id = id;
        bench->assignment->definition = arena_alloc(arena, sizeof *bench->assignment->definition);
        sk__task_definition__init(bench->assignment->definition);
        bench->assignment->definition->service_id = "serviceid";
        bench->assignment->definition->slot = 1;
}

static void done(void *context, const struct err *err)
{
        struct bench *bench = context;

        bench->n_done++;
        bench->err = err ? *err : (struct err){ 0 };
}

static void exited(void *context, const struct executor_exit *exit)
{
        struct bench *bench = context;

        bench->has_exited = true;
        bench->exit = *exit;
}

static void progressed(void *context, const char *message)
{
        struct bench *bench = context;

        snprintf(bench->progress, sizeof bench->progress, "%s", message);
}

static void changed(void *context)
{
        struct bench *bench = context;

        bench->n_changes++;
}

static const struct executor_events events = { done, exited, progressed, changed };

void bench_open(struct bench *bench)
{
        const Sk__SecretEntry *secrets[] = { bench->secret };
        struct executor_input input = {
                .assignment = bench->assignment,
                .spec = bench->spec,
                .service_name = "web",
                .node_id = "nodeid",
                .node_hostname = "node-1",
                .secrets = secrets,
                .n_secrets = bench->secret != NULL,
        };

        bench->has_exited = false;
        bench->n_done = bench->n_seen = 0;
        bench->task = bench->executor->ops->open(bench->executor, &input, &events, bench);
        bench_await_done(bench);
        assert_int_equal(bench->err.code, ERR_OK);
}

void bench_make(struct bench *bench, const char *script)
{
        bench_describe(bench, script);
        bench_open(bench);
}

/* The task must take its handle anew: what it is made from is read at open. */
static void reopen(struct bench *bench)
{
        bench->executor->ops->close(bench->task);
        bench_open(bench);
}

void bench_add_mount(struct bench *bench, Sk__Mount__Type type, const char *source,
                     const char *target)
{
        Sk__ContainerSpec *container = bench->spec->task->container;
        Sk__Mount **mounts = arena_alloc(&bench->arena, 8 * sizeof *mounts);

        for (size_t i = 0; i < container->n_mounts; i++)
                mounts[i] = container->mounts[i];
        mounts[container->n_mounts] = arena_alloc(&bench->arena, sizeof **mounts);
        sk__mount__init(mounts[container->n_mounts]);
        mounts[container->n_mounts]->type = type;
        mounts[container->n_mounts]->source = source;
        mounts[container->n_mounts]->target = target;
        container->mounts = mounts;
        container->n_mounts++;
}

void bench_set_image(struct bench *bench, const char *image)
{
        const char *slash = strchr(bench->image, '/');

        bench->spec->task->container->image =
                arena_printf(&bench->arena, "%.*s/%s", (int)(slash - bench->image), bench->image,
                             image);
        reopen(bench);
}

void bench_set_command(struct bench *bench, const char *program)
{
        bench->spec->task->container->command[0] = program;
        reopen(bench);
}

void bench_set_grace(struct bench *bench, int64_t ms)
{
        Sk__ContainerSpec__Duration *grace = arena_alloc(&bench->arena, sizeof *grace);

        sk__container_spec__duration__init(grace);
        grace->ns = ms * NS_PER_MS;
        bench->spec->task->container->stop_grace_period = grace;
        reopen(bench);
}

void bench_set_memory(struct bench *bench, int64_t bytes)
{
        Sk__Resources *limits = arena_alloc(&bench->arena, sizeof *limits);

        sk__resources__init(limits);
        limits->memory_bytes = bytes;
        bench->spec->task->limits = limits;
        reopen(bench);
}

/* --- verbs --- */

void bench_begin(struct bench *bench, void (*verb)(struct executor_task *task))
{
        verb(bench->task);
}

void bench_await_done(struct bench *bench)
{
        int wanted = bench->n_seen + 1;

        UNTIL(bench, bench->n_done >= wanted);
        bench->n_seen = wanted;
}

void bench_do(struct bench *bench, void (*verb)(struct executor_task *task))
{
        bench_begin(bench, verb);
        bench_await_done(bench);
        if (bench->err.code != ERR_OK)
                fail_msg("%s", bench->err.text);
}

void bench_run(struct bench *bench)
{
        bench_do(bench, bench->executor->ops->prepare);
        bench_do(bench, bench->executor->ops->start);
}

const char *bench_output(struct bench *bench)
{
        bench_open(bench);
        bench_run(bench);
        bench_await_exit(bench);
        return bench_logs(bench);
}

void bench_await_exit(struct bench *bench)
{
        UNTIL(bench, bench->has_exited);
}

void bench_wait_ms(struct bench *bench, int64_t ms)
{
        int64_t begin = bench_clock();

        while (bench_clock() - begin < ms * NS_PER_MS)
                assert_int_equal(loop_turn(bench->loop, 10, NULL), 0);
}

void bench_sleep_ms(int64_t ms)
{
        nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * NS_PER_MS }, NULL);
}

/* --- logs --- */

struct reading {
        struct bench *bench;
        struct log_reader *reader;
        bool has_ended;
};

static void got_lines(void *context, const struct log_line *lines, size_t n)
{
        struct reading *reading = context;

        for (size_t i = 0; i < n; i++) {
                str_add_bytes(&reading->bench->logs, lines[i].data, lines[i].size);
                str_add_char(&reading->bench->logs, '\n');
        }
        log_reader_more(reading->reader);
}

static void reading_ended(void *context, const struct err *err)
{
        struct reading *reading = context;

        assert_null(err);
        reading->has_ended = true;
}

/* All of it: follows until the container's log has ended. */
const char *bench_logs(struct bench *bench)
{
        static const struct log_reader_events reader_events = { got_lines, reading_ended };
        struct reading reading = { .bench = bench };
        Sk__LogOptions options = SK__LOG_OPTIONS__INIT;
        char folder[300];

        options.tail = -1;
        options.follow = true;
        str_clear(&bench->logs);
        executor_containerd_log_folder(bench->state_folder, bench->assignment->id, folder,
                                       sizeof folder);
        reading.reader = log_reader_new(bench->loop, bench->pool, folder, &options, &reader_events,
                                        &reading);
        log_reader_more(reading.reader);
        UNTIL(bench, reading.has_ended);
        log_reader_free(reading.reader);
        return str_text(&bench->logs);
}

static void listed(void *context, const char *const *task_ids, size_t n, const struct err *err)
{
        struct bench *bench = context;

        (void)task_ids;
        assert_null(err);
        bench->n_listed = (int)n;
}

int bench_list(struct bench *bench)
{
        bench->n_listed = -1;
        bench->executor->ops->list(bench->executor, listed, bench);
        UNTIL(bench, bench->n_listed >= 0);
        return bench->n_listed;
}
