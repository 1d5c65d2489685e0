/* Programs that people run inside a container, beside its own: from the first word to the last. */
#include "agent/executor_containerd_enter.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/containerd/tasks.pb-c.h"
#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/str.h"
#include "lib/message/message.h"
#include "lib/os/file.h"

#define ENTRY_PREFIX "exec-"

static const int64_t timeout_ns = ENTRY_TIMEOUT_NS;

/* The executor's no more; no-op the second time. */
static void forget(struct executor_entry *entry)
{
        if (entry->back)
                *entry->back = entry->next;
        if (entry->next)
                entry->next->back = entry->back;
        entry->back = NULL;
        entry->next = NULL;
}

static void free_entry(struct executor_entry *entry)
{
        char path[PATH_SIZE];

        for (int i = 0; i < ENTRY_FILES; i++) {
                closep(&entry->fds[i]);
                entry_file_path(entry, i, path);
                unlink(path);
        }
        closep(&entry->pidfd);
        if (entry->resizing)
                rpc_request_cancel(entry->resizing);
        if (entry->closing)
                rpc_request_cancel(entry->closing);
        entry_end_copy(entry);
        forget(entry);
        arena_done(&entry->arena);
        free(entry);
}

static void entry_over(void *context, const struct err *err)
{
        struct executor_entry *entry = context;

        if (err)
                entry->err = *err;
        if (!entry->is_left)
                entry->events.ended(entry->context, entry->exit_code,
                                    entry->err.code ? &entry->err : NULL);
        free_entry(entry);
}

/* --- from outside --- */

static void resized(void *context, const void *out, const struct err *err)
{
        struct executor_entry *entry = context;

        (void)out;
        (void)err;
        entry->resizing = NULL;
        if (entry->resizes_again)
                executor_entry_resize(entry, entry->width, entry->height);
}

/* One at a time; of those that come meanwhile the last counts. */
void executor_entry_resize(struct executor_entry *entry, uint32_t width, uint32_t height)
{
        Ctd__Tasks__ResizePtyRequest in = CTD__TASKS__RESIZE_PTY_REQUEST__INIT;

        entry->width = width;
        entry->height = height;
        entry->resizes_again = entry->resizing != NULL;
        if (entry->resizing || !entry->has_started || entry->has_exited || !entry->exec->tty)
                return;
        in.container_id = entry->task_id;
        in.exec_id = entry->exec_id;
        in.width = width;
        in.height = height;
        entry->resizing =
                rpc_client_call(entry->executor->client, CONTAINERD_METHOD(tasks, tasks, ResizePty),
                                &in.base, timeout_ns, false, resized, entry);
}

static void input_closed(void *context, const void *out, const struct err *err)
{
        struct executor_entry *entry = context;

        (void)out;
        (void)err;
        entry->closing = NULL;
}

void executor_entry_end_input(struct executor_entry *entry)
{
        Ctd__Tasks__CloseIORequest in = CTD__TASKS__CLOSE_IOREQUEST__INIT;

        if (entry->closing || !entry->has_started || entry->has_exited)
                return;
        in.container_id = entry->task_id;
        in.exec_id = entry->exec_id;
        in.stdin = true;
        entry->closing =
                rpc_client_call(entry->executor->client, CONTAINERD_METHOD(tasks, tasks, CloseIO),
                                &in.base, timeout_ns, false, input_closed, entry);
}

void executor_entry_finish(struct executor_entry *entry)
{
        if (!entry->awaits_reader)
                return;
        entry->awaits_reader = false;
        chain_next(&entry->chain);
}

void executor_entry_leave(struct executor_entry *entry)
{
        entry->is_left = true;
        if (entry->has_started && !entry->has_exited)
                entry_kill(entry);
        executor_entry_finish(entry);
}

/* --- beginning --- */

static struct executor_entry *new_entry(struct executor_containerd *executor, const char *task_id)
{
        struct executor_entry *entry = mem_alloc(sizeof *entry);

        entry->executor = executor;
        entry->task_id = arena_strdup(&entry->arena, task_id);
        entry->folder = arena_printf(&entry->arena, "%s/tasks/%s", executor->options.run_folder,
                                     entry->task_id);
        for (int i = 0; i < ENTRY_FILES; i++)
                entry->fds[i] = -1;
        entry->pidfd = -1;
        entry->chain = (struct chain){
                .loop = executor->options.loop,
                .pool = executor->options.pool,
                .client = executor->client,
                .context = entry,
        };
        entry->next = executor->entries;
        entry->back = &executor->entries;
        if (entry->next)
                entry->next->back = &entry->next;
        executor->entries = entry;
        return entry;
}

static void refuse(void *context)
{
        struct executor_entry *entry = context;

        chain_fail(&entry->chain, &entry->err);
}

struct executor_entry *executor_enter(struct executor *base, const Sk__EnterStart *start_,
                                      const struct executor_entry_events *events, void *context)
{
        static chain_step *const refusal[] = { refuse, NULL };
        struct executor_containerd *executor =
                container_of(base, struct executor_containerd, executor);
        const struct executor_task *task = map_find(&executor->tasks, start_->task);
        struct executor_entry *entry = new_entry(executor, start_->task);
        char id[ID_SIZE];

        entry->events = *events;
        entry->context = context;
        os_random_id(id);
        snprintf(entry->exec_id, sizeof entry->exec_id, ENTRY_PREFIX "%s", id);
        if (!task || task->process != PROCESS_RUNNING)
                err_set(&entry->err, ERR_PRECONDITION, "task %.64s is not running", start_->task);
        else if (start_->what_case == SK__ENTER_START__WHAT_COPY)
                (void)entry_take_copy(entry, start_->copy, &entry->err);
        else if (start_->what_case != SK__ENTER_START__WHAT_EXEC)
                err_set(&entry->err, ERR_UNIMPLEMENTED, "this node cannot do that");
        if (entry->err.code) {
                chain_begin(&entry->chain, refusal, entry_over);
                return entry;
        }
        entry->container_pid = task->facts.pid;
        if (entry->copy) {
                chain_begin(&entry->chain, entry_copy_steps, entry_over);
                return entry;
        }
        entry->exec = (const Sk__ExecSpec *)message_copy(&entry->arena, &start_->exec->base);
        if (entry->exec->size) {
                entry->width = entry->exec->size->width;
                entry->height = entry->exec->size->height;
        }
        chain_begin(&entry->chain, entry_steps, entry_over);
        return entry;
}

/* "exec-ID-out" tells of one. */
static void end_old_entry(struct executor_task *task, const char *name)
{
        struct executor_entry *entry;

        if (!str_starts_with(name, ENTRY_PREFIX) || !str_ends_with(name, "-out") ||
            strlen(name) >= sizeof entry->exec_id)
                return;
        entry = new_entry(task->executor, task->id);
        memcpy(entry->exec_id, name, strlen(name) - strlen("-out"));
        entry->is_left = true;
        chain_begin(&entry->chain, entry_old_steps, entry_over);
}

void executor_end_old_entries(struct executor_task *task)
{
        char path[PATH_SIZE];
        const struct dirent *found;
        DIR *folder;

        task_run_path(task, NULL, path);
        folder = opendir(path);
        while (folder && (found = readdir(folder)))
                end_old_entry(task, found->d_name);
        if (folder)
                closedir(folder);
}

static void free_when_idle(void *context)
{
        free_entry(context);
}

/* What is on a pool is freed when it comes back from there. */
void executor_free_entries(struct executor_containerd *executor)
{
        struct executor_entry *entry;

        while ((entry = executor->entries)) {
                forget(entry);
                if (chain_cancel(&entry->chain, free_when_idle))
                        free_entry(entry);
        }
        worker_pool_free(executor->copiers);
}
