/* What the executor's tests share: an agent's loop with an executor, and one task. */
#pragma once
#include "tests/unit/test.h"

#include "agent/executor_containerd.h"
#include "lib/base/str.h"

struct bench {
        const char *folder, *image, *cgroup_parent;
        struct loop *loop;
        struct worker_pool *pool;
        struct executor *executor;
        char state_folder[256], run_folder[256];

        struct executor_task *task;
        struct arena arena; /* of the spec */
        Sk__ServiceSpec *spec;
        Sk__TaskAssignment *assignment;
        Sk__SecretEntry *secret; /* NULL: none */
        struct err err;
        int n_changes;
        int n_done, n_seen; /* ends of verbs that came, and that were looked at */
        struct executor_exit exit;
        bool has_exited;
        char progress[256];
        struct str logs;
        int n_listed;
        int64_t disk_high_percent; /* for the next agent; 0: the default */
        bool has_keeper;           /* from the next agent on; main() then is keeper_main(), too */
};

/* Group fixtures: the folder is read from the environment, containerd is ended with the last test.
 */
int bench_start(void **state);
int bench_stop(void **state);
/* Test fixtures: an agent; a task that is removed afterwards. */
int bench_set_up(void **state);
int bench_tear_down(void **state);

void bench_start_agent(struct bench *bench);
void bench_stop_agent(struct bench *bench);
void bench_restart_agent(struct bench *bench); /* and opens the task again */
void bench_kill_containerd(struct bench *bench);

/* Opens a task that runs 'script' by sh. */
void bench_make(struct bench *bench, const char *script);
/* The same in two steps, so that the spec can be changed in between. */
void bench_describe(struct bench *bench, const char *script);
void bench_open(struct bench *bench);

void bench_set_image(struct bench *bench, const char *image); /* name at the test's registry */
void bench_set_command(struct bench *bench, const char *program);
void bench_set_grace(struct bench *bench, int64_t ms);
void bench_set_memory(struct bench *bench, int64_t bytes);
void bench_add_mount(struct bench *bench, Sk__Mount__Type type, const char *source,
                     const char *target); /* at most 8; texts are kept as they are */

/* Runs it to its end; its output. */
const char *bench_output(struct bench *bench);

void bench_begin(struct bench *bench, void (*verb)(struct executor_task *task));
void bench_await_done(struct bench *bench);
void bench_do(struct bench *bench, void (*verb)(struct executor_task *task)); /* and goes well */
void bench_run(struct bench *bench);                                          /* prepare, start */
void bench_await_exit(struct bench *bench);
void bench_wait_ms(struct bench *bench, int64_t ms); /* turning the loop */
void bench_sleep_ms(int64_t ms);
const char *bench_logs(struct bench *bench);
int bench_list(struct bench *bench);

/* Until a condition holds, for a minute at most. */
int64_t bench_clock(void);
#define UNTIL(bench, condition)                                             \
        for (int64_t begin_ = bench_clock(); !(condition);) {               \
                assert_true(bench_clock() - begin_ < INT64_C(60000000000)); \
                assert_int_equal(loop_turn((bench)->loop, 100, NULL), 0);   \
        }

/* How many cgroups tasks have, over all trees, and folders at runc. */
size_t bench_count_remains(struct bench *bench);
