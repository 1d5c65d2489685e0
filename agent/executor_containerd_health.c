/* Looking after a container: probes, one at a time for its health and one for its readiness.  An
 * unhealthy container is made to end. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/executor_containerd_probe.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "lib/os/log.h"

enum { CHECK_FILE_MAX = 4 << 20, RECORD_MAX = 1 << 20 };

struct check {
        struct executor_task *task;
        enum check_kind kind;
        struct arena arena;
        struct health health;
        struct probe_request request;
        struct probe *probe;        /* NULL: none is under way */
        struct loop_timer timer;    /* until the next probe */
        struct loop_timer patience; /* of an unhealthy container */
};

/* By enum check_kind: what to do, and what is written down for the next agent. */
static const struct {
        const char *file, *record, *name;
} kinds[] = {
        [CHECK_HEALTH] = { BUNDLE_HEALTH_FILE, "health", "probe" },
        [CHECK_READINESS] = { BUNDLE_READINESS_FILE, "readiness", "readiness" },
};

static void await_probe(struct check *check);

/* --- what is known of it, for people and for the next agent --- */

/* The run folder lies in memory and is emptied by a reboot, as the container's processes are: no
 * need to wait for a disk. */
static int write_record(const char *path, const void *data, size_t size, struct err *err)
{
        _cleanup_(closep) int fd = -1;
        char temporary[PATH_SIZE + 8];

        snprintf(temporary, sizeof temporary, "%s.new", path);
        fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || write(fd, data, size) != (ssize_t)size || rename(temporary, path) < 0)
                return err_set(err, ERR_UNAVAILABLE, "write '%s': %m", path);
        return 0;
}

static void save(struct check *check)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        char path[PATH_SIZE];
        uint8_t *data;
        size_t size;
        struct err err;

        health_write(&check->health, &arena, &data, &size);
        task_run_path(check->task, kinds[check->kind].record, path);
        if (write_record(path, data, size, &err) < 0)
                LOG(WARN, "what is known of a container's health is not kept",
                    STR("task", check->task->id), STR("err", err.text));
}

static void show(struct executor_task *task)
{
        const struct check *health = task->checks[CHECK_HEALTH];
        const struct check *readiness = task->checks[CHECK_READINESS];

        arena_clear(&task->health_arena);
        task->facts.health = health ? health_status(&health->health, &task->health_arena) : NULL;
        task->facts.readiness =
                readiness ? health_status(&readiness->health, &task->health_arena) : NULL;
        task->facts.is_unwell = health && health->health.verdict != HEALTH_HEALTHY;
        task->facts.is_unready = readiness && readiness->health.verdict != HEALTH_HEALTHY;
}

/* --- the verdict --- */

static void kill_unhealthy(void *context)
{
        struct check *check = context;

        executor_send_signal(check->task, SIGKILL, true);
}

/* As a shutdown would: its stop signal, then KILL. */
static void end_unhealthy(struct check *check)
{
        struct executor_task *task = check->task;
        const Sk__ContainerSpec__Duration *grace = task->spec->task->container->stop_grace_period;

        LOG(WARN, "a container is unhealthy and will be stopped", STR("task", task->id));
        task->cause = "dockerexec: unhealthy container";
        executor_send_signal(task, task->stop_signal ? task->stop_signal : SIGTERM, false);
        check->patience = (struct loop_timer){ .fire = kill_unhealthy, .context = check };
        loop_timer_set(task->executor->options.loop, &check->patience,
                       grace && grace->ns >= 0 ? grace->ns : 10 * NS_PER_S);
}

static bool is_lost(const struct check *check)
{
        return check->kind == CHECK_HEALTH && check->health.verdict == HEALTH_UNHEALTHY;
}

static void go_on(struct check *check)
{
        if (is_lost(check))
                end_unhealthy(check);
        else
                await_probe(check);
}

static void probed(void *context, const struct probe_end *end)
{
        struct check *check = context;
        struct executor_task *task = check->task;
        bool has_news = false;

        check->probe = NULL;
        if (task->process != PROCESS_RUNNING)
                return;
        if (!end->is_void) {
                has_news =
                        health_probed(&check->health, &end->result, end->output, end->output_size,
                                      loop_now_boot(task->executor->options.loop));
                save(check);
        }
        go_on(check);
        if (!has_news)
                return;
        show(task);
        if (task->awaits_health && check->kind == CHECK_HEALTH &&
            check->health.verdict == HEALTH_HEALTHY) {
                task->awaits_health = false;
                chain_next(&task->verb);
        }
        task->events.changed(task->context);
}

/* --- probes --- */

static void begin_probe(void *context)
{
        struct check *check = context;

        check->probe = probe_begin(&check->request);
}

static void await_probe(struct check *check)
{
        struct loop *loop = check->task->executor->options.loop;

        check->timer.fire = begin_probe;
        loop_timer_set(loop, &check->timer, health_pause(&check->health, loop_now_boot(loop)));
}

/* --- beginning and ending --- */

static void free_check(struct check *check)
{
        health_done(&check->health);
        arena_done(&check->arena);
        free(check);
}

void executor_read_health(struct executor_task *task)
{
        char path[PATH_SIZE];

        for (int i = 0; i < N_CHECKS; i++) {
                task_path(task, kinds[i].file, path);
                if (file_read(path, CHECK_FILE_MAX, &task->check_texts[i], NULL) < 0)
                        str_clear(&task->check_texts[i]);
        }
}

int executor_make_probe_fifos(const struct executor_task *task, struct err *err)
{
        char prefix[32];

        for (int i = 0; i < N_CHECKS; i++) {
                snprintf(prefix, sizeof prefix, "%s-", kinds[i].name);
                if (task->check_texts[i].length > 0)
                        TRY(executor_make_fifos(task, prefix, err));
        }
        return 0;
}

/* Goes on where an earlier agent stopped.  If that left no word, the container is well until proved
 * otherwise. */
static void adopt(struct check *check)
{
        _cleanup_(str_done) struct str record = { 0 };
        char path[PATH_SIZE];

        task_run_path(check->task, kinds[check->kind].record, path);
        if (file_read(path, RECORD_MAX, &record, NULL) < 0 ||
            health_read(&check->health, record.text, record.length, NULL) < 0)
                check->health.verdict = HEALTH_HEALTHY;
}

static struct check *new_check(struct executor_task *task, enum check_kind kind, struct err *err)
{
        struct check *check = mem_alloc(sizeof *check);
        const struct str *text = &task->check_texts[kind];
        struct oci_health settings;
        const char *process;
        int failed =
                health_parse(text->text, text->length, &check->arena, &settings, &process, err);

        if (failed) {
                free_check(check);
                return NULL;
        }
        check->task = task;
        check->kind = kind;
        check->timer.context = check;
        health_begin(&check->health, &settings, loop_now_boot(task->executor->options.loop));
        check->health.may_recover = kind == CHECK_READINESS;
        check->request = (struct probe_request){
                .task = task,
                .name = kinds[kind].name,
                .settings = &check->health.settings,
                .process = process,
                .ended = probed,
                .context = check,
        };
        return check;
}

static void begin_check(struct executor_task *task, enum check_kind kind, bool is_adopted)
{
        struct check *check;
        struct err err;

        if (task->checks[kind] || task->check_texts[kind].length == 0)
                return;
        check = new_check(task, kind, &err);
        if (!check) {
                LOG(WARN, "a container's health is not looked after", STR("task", task->id),
                    STR("err", err.text));
                return;
        }
        task->checks[kind] = check;
        if (is_adopted)
                adopt(check);
        else
                save(check);
        go_on(check);
}

void executor_begin_health(struct executor_task *task, bool is_adopted)
{
        for (int i = 0; i < N_CHECKS; i++)
                begin_check(task, (enum check_kind)i, is_adopted);
        show(task);
}

/* What was last known of it stays to be told. */
void executor_end_health(struct executor_task *task)
{
        struct check *check;

        for (int i = 0; i < N_CHECKS; i++) {
                check = TAKE(task->checks[i]);
                if (!check)
                        continue;
                if (check->probe)
                        probe_cancel(check->probe);
                loop_timer_cancel(&check->timer);
                loop_timer_cancel(&check->patience);
                free_check(check);
        }
        task->facts.is_unwell = task->facts.is_unready = false;
}
