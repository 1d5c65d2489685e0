/* What volume plugins could not unmount is tried again, for as long as something is left. */
#include <stdlib.h>

#include "agent/executor_containerd_task.h"
#include "agent/oci/volume_record.h"
#include "lib/base/check.h"
#include "lib/os/log.h"

static const int64_t settle_ns = 20 * NS_PER_S;

struct volume_care {
        struct executor_containerd *executor; /* NULL: it is gone, the work frees this */
        char *folder;
        struct loop_timer timer;
        struct work work;
        bool is_working;
        bool is_wanted; /* once more, by a task that gave its volumes back meanwhile */
        size_t n_left;
};

static void free_care(struct volume_care *care)
{
        free(care->folder);
        free(care);
}

static void settle(struct work *work)
{
        struct volume_care *care = container_of(work, struct volume_care, work);
        size_t n = volume_settle_all(care->folder);

        if (n == 0 && care->n_left > 0)
                LOG(INFO, "all volumes of tasks that are gone are unmounted");
        care->n_left = n;
}

static void settled(struct work *work)
{
        struct volume_care *care = container_of(work, struct volume_care, work);

        care->is_working = false;
        if (!care->executor)
                free_care(care);
        else if (work->was_run && (care->n_left > 0 || care->is_wanted))
                loop_timer_set(care->executor->options.loop, &care->timer, settle_ns);
}

static void settle_again(void *context)
{
        struct volume_care *care = context;

        care->is_working = true;
        care->is_wanted = false;
        care->work = (struct work){ .work = settle, .done = settled };
        worker_submit(care->executor->options.volume_pool, &care->work);
}

struct volume_care *volume_care_new(struct executor_containerd *executor, const char *folder)
{
        struct volume_care *care = mem_alloc(sizeof *care);

        care->executor = executor; /* an earlier agent may have left something */
        care->folder = str_copy(folder);
        care->timer = (struct loop_timer){ .fire = settle_again, .context = care };
        loop_timer_set(executor->options.loop, &care->timer, settle_ns);
        return care;
}

void volume_care_free(struct volume_care *care)
{
        if (!care)
                return;
        loop_timer_cancel(&care->timer);
        care->executor = NULL;
        if (!care->is_working)
                free_care(care);
}

void executor_settle_volumes(void *context)
{
        struct executor_task *task = context;
        struct volume_care *care = task->executor->volumes;

        if (care && executor_may_mount(task, SK__MOUNT__TYPE__VOLUME)) {
                care->is_wanted = true;
                if (!care->is_working && !loop_timer_is_set(&care->timer))
                        loop_timer_set(task->executor->options.loop, &care->timer, settle_ns);
        }
        chain_next(task->process == PROCESS_ENDING ? &task->ending : &task->verb);
}
