/* The executor on containerd: its verbs, and their order. */
#include "agent/executor_containerd.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "agent/executor_containerd_task.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "lib/os/log.h"

/* More starts at once only wait for each other, in the end for longer than a call may take; with
 * fewer, processors idle while the kernel makes namespaces and mounts. */
enum { PULLS_MOST = 3, STARTS_PER_CPU = 32, RESOLVERS = 2 };

static struct executor_containerd *containerd_of(struct executor *executor)
{
        return container_of(executor, struct executor_containerd, executor);
}

void task_path(const struct executor_task *task, const char *name, char ret[static PATH_SIZE])
{
        snprintf(ret, PATH_SIZE, "%s/tasks/%s%s%s", task->executor->options.state_folder, task->id,
                 name ? "/" : "", name ? name : "");
}

void task_run_path(const struct executor_task *task, const char *name, char ret[static PATH_SIZE])
{
        snprintf(ret, PATH_SIZE, "%s/tasks/%s%s%s", task->executor->options.run_folder, task->id,
                 name ? "/" : "", name ? name : "");
}

void executor_containerd_log_folder(const char *state_folder, const char *task_id, char *ret,
                                    size_t size)
{
        snprintf(ret, size, "%s/tasks/%s/logs", state_folder, task_id);
}

/* --- verbs --- */

static void begin_verb(struct executor_task *task, chain_step *const *steps,
                       void (*ended)(void *context, const struct err *err))
{
        task->is_verb_open = true;
        chain_begin(&task->verb, steps, ended);
}

void executor_verb_ended(void *context, const struct err *err)
{
        struct executor_task *task = context;

        task->is_verb_open = false;
        task->events.done(task->context, err);
}

/* The next verb begins when the one before was told to be cancelled and its last work is off the
 * pool. */
static void begin_next(void *context)
{
        struct executor_task *task = context;
        chain_step *const *steps = task->next_verb;

        if (!steps || task->is_cancel_posted || task->verb.is_working)
                return;
        task->next_verb = NULL;
        begin_verb(task, steps, task->next_ended);
}

static void tell_cancelled(struct loop_post *post)
{
        struct executor_task *task = container_of(post, struct executor_task, cancelled);
        struct err err;

        task->is_cancel_posted = false;
        err_set(&err, ERR_CANCELLED, "gave way to a shutdown");
        task->events.done(task->context, &err);
        begin_next(task);
}

/* Stops what the verb waits for; what was made stays, for the next verb to find. */
static void stop_verb(struct executor_task *task, void (*idle)(void *context))
{
        if (task->image_request)
                image_request_cancel(task->image_request);
        task->image_request = NULL;
        if (task->network_request)
                network_forget(task->network_request);
        task->network_request = NULL;
        task->awaits_end = task->awaits_health = false;
        loop_timer_cancel(&task->patience);
        (void)chain_cancel(&task->verb, idle);
        executor_end_turn(task);
}

static void run_verb(struct executor_task *task, chain_step *const *steps,
                     void (*ended)(void *context, const struct err *err))
{
        if (!task->is_verb_open && !task->verb.is_working) {
                begin_verb(task, steps, ended);
                return;
        }
        task->next_verb = steps;
        task->next_ended = ended;
        stop_verb(task, begin_next);
        if (task->is_cancel_posted)
                return;
        task->is_cancel_posted = true;
        task->cancelled.run = tell_cancelled;
        loop_post(task->executor->options.loop, &task->cancelled);
}

static void undone(void *context, const struct err *err)
{
        struct executor_task *task = context;

        (void)err;
        executor_verb_ended(task, &task->verb_err);
}

/* What failed is over: what it took is given back before it is told. */
static void undo(struct executor_task *task, const struct err *err)
{
        task->verb_err = *err;
        chain_begin(&task->verb, executor_undo_steps, undone);
}

static void prepared_so_start(void *context, const struct err *err);

static void make_ended(void *context, const struct err *err)
{
        struct executor_task *task = context;

        executor_end_turn(task);
        if (err && task->is_shim_gone)
                chain_begin(&task->verb, executor_prepare_steps, prepared_so_start);
        else if (err)
                undo(task, err);
        else
                executor_verb_ended(task, NULL);
}

static void prepared_so_start(void *context, const struct err *err)
{
        struct executor_task *task = context;

        if (err)
                undo(task, err);
        else
                chain_begin(&task->verb, executor_start_steps, make_ended);
}

bool executor_may_mount(const struct executor_task *task, Sk__Mount__Type type)
{
        const Sk__ContainerSpec *container = task->spec->task->container;

        for (size_t i = 0; i < container->n_mounts; i++)
                if (container->mounts[i]->type == type)
                        return true;
        return task->is_unwanted;
}

static struct executor_task *open_task(struct executor *base, const struct executor_input *input,
                                       const struct executor_events *events, void *context)
{
        struct executor_containerd *executor = containerd_of(base);
        struct executor_task *task = mem_alloc(sizeof *task);
        struct chain chain = {
                .loop = executor->options.loop,
                .pool = executor->options.pool,
                .client = executor->client,
                .context = task,
        };

        task->executor = executor;
        task->events = *events;
        task->context = context;
        task->verb = task->ending = chain;
        task->snapshots = VEC_OF(const char *);
        executor_take_input(task, input);
        task->has_snapshots = executor_may_mount(task, SK__MOUNT__TYPE__IMAGE);
        if (executor_may_mount(task, SK__MOUNT__TYPE__VOLUME)) /* a plugin may hang */
                task->verb.pool = executor->options.volume_pool;
        map_put(&executor->tasks, task->id, task);
        begin_verb(task, executor_open_steps, executor_verb_ended);
        return task;
}

static void prepare(struct executor_task *task)
{
        run_verb(task, executor_prepare_steps, make_ended);
}

/* A container that an earlier agent prepared is made anew: its secrets, its network and the machine
 * may be gone since.  So is one whose shim all others have left.  One whose process exists already
 * may have been told to run: it is told again, never made again, or it might run twice. */
static void start(struct executor_task *task)
{
        if (task->process == PROCESS_RUNNING)
                run_verb(task, executor_wait_steps, make_ended);
        else if (task->process == PROCESS_CREATED && !task->is_prepared)
                run_verb(task, executor_resume_steps, make_ended);
        else if (task->is_prepared && !shim_place_is_stale(&task->shim))
                run_verb(task, executor_start_steps, make_ended);
        else
                run_verb(task, executor_prepare_steps, prepared_so_start);
}

static void shutdown_task(struct executor_task *task)
{
        run_verb(task, executor_shutdown_steps, executor_verb_ended);
}

static void terminate(struct executor_task *task)
{
        run_verb(task, executor_terminate_steps, executor_verb_ended);
}

static void remove_task(struct executor_task *task)
{
        run_verb(task, executor_remove_steps, executor_verb_ended);
}

/* --- closing --- */

static void wipe_secrets(struct executor_task *task)
{
        for (size_t i = 0; i < task->n_files; i++)
                explicit_bzero((void *)task->files[i].content.content, task->files[i].content.size);
}

/* Freed when nothing of it is on the pool any more. */
static void free_when_idle(void *context)
{
        struct executor_task *task = context;

        if (task->verb.is_working || task->ending.is_working)
                return;
        wipe_secrets(task);
        vec_done(&task->snapshots);
        for (int i = 0; i < N_CHECKS; i++)
                str_done(&task->check_texts[i]);
        arena_done(&task->health_arena);
        arena_done(&task->bundle.arena);
        arena_done(&task->arena);
        free(task);
}

static void close_task(struct executor_task *task)
{
        struct loop *loop = task->executor->options.loop;

        map_remove(&task->executor->tasks, task->id);
        stop_verb(task, free_when_idle);
        (void)chain_cancel(&task->ending, free_when_idle);
        shims_leave(&task->executor->shims, &task->shim);
        if (task->is_cancel_posted)
                loop_post_cancel(loop, &task->cancelled);
        executor_forget_signal(task);
        if (task->wait)
                rpc_request_cancel(task->wait);
        loop_timer_cancel(&task->wait_retry);
        executor_end_health(task);
        executor_close_logs(task);
        free_when_idle(task);
}

static const struct executor_facts *facts(const struct executor_task *task)
{
        return &task->facts;
}

static bool place(struct executor *base, const char *task_id, struct executor_place *ret)
{
        const struct executor_containerd *executor = containerd_of(base);
        const struct executor_task *task = map_find(&executor->tasks, task_id);

        if (!task || task->process != PROCESS_RUNNING)
                return false;
        *ret = (struct executor_place){ .cgroup_root = "/sys/fs/cgroup",
                                        .has_cgroup_v2 = executor->host.has_cgroup_v2,
                                        .pid = task->facts.pid,
                                        .has_own_network = !executor_shares_network(task) };
        snprintf(ret->cgroup, sizeof ret->cgroup, "%s/%s", executor->options.cgroup_parent,
                 task->id);
        return true;
}

/* --- the executor --- */

static void free_executor(struct executor *base)
{
        struct executor_containerd *executor = containerd_of(base);

        CHECK(executor->tasks.n == 0);
        executor_end_watching(executor);
        executor_free_entries(executor);
        worker_pool_free(executor->resolvers);
        keeper_free(executor->keeper);
        images_free(executor->images);
        if (executor->client)
                rpc_client_free(executor->client);
        containerd_server_free(executor->server);
        closep(&executor->lock_fd);
        map_done(&executor->tasks);
        known_users_done(&executor->known_users);
        arena_done(&executor->arena);
        free(executor);
}

static const struct executor_ops ops = {
        .describe = executor_describe,
        .open = open_task,
        .prepare = prepare,
        .start = start,
        .shutdown = shutdown_task,
        .terminate = terminate,
        .remove = remove_task,
        .close = close_task,
        .facts = facts,
        .list = executor_list,
        .place = place,
        .enter = executor_enter,
        .entry_end_input = executor_entry_end_input,
        .entry_resize = executor_entry_resize,
        .entry_finish = executor_entry_finish,
        .entry_leave = executor_entry_leave,
        .free = free_executor,
};

static void copy_options(struct executor_containerd *executor,
                         const struct executor_containerd_options *from)
{
        struct executor_containerd_options *to = &executor->options;
        struct arena *arena = &executor->arena;

        *to = *from;
        to->volume_pool = from->volume_pool ? from->volume_pool : from->pool;
        to->state_folder = arena_strdup(arena, from->state_folder);
        to->run_folder = arena_strdup(arena, from->run_folder);
        to->containerd_address = arena_strdup(arena, from->containerd_address);
        to->containerd_program =
                arena_strdup(arena, str_or(from->containerd_program, "containerd"));
        to->registries_folder =
                arena_strdup(arena, str_or(from->registries_folder, "/etc/skep/registries"));
        to->cgroup_parent = arena_strdup(arena, str_or(from->cgroup_parent, "skep"));
        to->cdi_folders = arena_strdup(arena, str_or(from->cdi_folders, "/etc/cdi,/var/run/cdi"));
        to->dns_server = arena_strdup(arena, from->dns_server);
        to->log_size_max = from->log_size_max ? from->log_size_max : 10 << 20;
        to->log_files_max = from->log_files_max ? from->log_files_max : 5;
        to->pull_silence_ns = from->pull_silence_ns ? from->pull_silence_ns : 60 * NS_PER_S;
        to->disk_high_percent = from->disk_high_percent ? from->disk_high_percent : 85;
        to->disk_low_percent = from->disk_low_percent ? from->disk_low_percent : 80;
}

/* Secrets may touch memory only: a folder of the run folder when that is a tmpfs, else a tmpfs of
 * our own. */
static int make_memory_folder(struct executor_containerd *executor, struct err *err)
{
        const char *folder =
                arena_printf(&executor->arena, "%s/memory", executor->options.run_folder);
        struct statfs status;

        executor->memory_folder = folder;
        TRY(file_make_folders(folder, 0700, err));
        if (statfs(folder, &status) == 0 && status.f_type == TMPFS_MAGIC)
                return 0;
        if (mount("tmpfs", folder, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, "mode=0700") == 0)
                return 0;
        return err_set(err, ERR_PRECONDITION,
                       "secrets need a file system in memory: mount a tmpfs on '%s' (%s)", folder,
                       strerror(errno));
}

static void server_died(void *context, const struct err *err)
{
        (void)context;
        LOG(WARN, "containerd is gone and will be started again", STR("err", err->text));
}

static int start_server(struct executor_containerd *executor, const char **ret_address,
                        struct err *err)
{
        const struct executor_containerd_options *options = &executor->options;
        const char *address = options->containerd_address;

        if (str_is_empty(address)) {
                TRY(containerd_server_new(
                        &(struct containerd_server_options){
                                .loop = options->loop,
                                .program = options->containerd_program,
                                .state_folder = arena_printf(&executor->arena, "%s/containerd",
                                                             options->state_folder),
                                .run_folder = arena_printf(&executor->arena, "%s/containerd",
                                                           options->run_folder),
                                .registries_folder = options->registries_folder,
                                .died = server_died,
                                .context = executor,
                        },
                        &executor->server, err));
                address = containerd_server_address(executor->server);
        }
        *ret_address = address;
        return containerd_client_new(options->loop, address, &executor->client, err);
}

static void keeper_failed(void *context, const struct err *err)
{
        (void)context;
        LOG(WARN, "what containers write while no agent runs may be lost", STR("why", err->text));
}

/* Containers run as well without. */
static void find_keeper(struct executor_containerd *executor)
{
        const struct executor_containerd_options *options = &executor->options;
        const char *socket = arena_printf(&executor->arena, "%s/keeper.sock", options->run_folder);
        struct err err;

        if (options->has_keeper &&
            keeper_new(options->loop, socket, keeper_failed, executor, &executor->keeper, &err) < 0)
                keeper_failed(executor, &err);
}

static int set_up(struct executor_containerd *executor, struct err *err)
{
        const struct executor_containerd_options *options = &executor->options;
        struct arena *arena = &executor->arena;
        const char *tasks = arena_printf(arena, "%s/tasks", options->state_folder);
        const char *load_folder = arena_printf(arena, "%s/load", options->state_folder), *address;

        if (strlen(options->state_folder) > PATH_SIZE / 2 ||
            strlen(options->run_folder) > PATH_SIZE / 2)
                return err_set(err, ERR_INVALID, "the state and run folders' paths are too long");
        TRY(file_make_folders(tasks, 0711, err));
        TRY(file_make_folders(options->run_folder, 0711, err));
        TRY(file_lock(arena_printf(arena, "%s/executor.lock", options->state_folder),
                      &executor->lock_fd, err));
        TRY(file_remove_tree(load_folder, err));
        TRY(make_memory_folder(executor, err));
        TRY(worker_pool_new(options->loop, RESOLVERS, &executor->resolvers, err));
        find_keeper(executor);
        TRY(start_server(executor, &address, err));
        executor->images = images_new(&(struct images_options){
                .loop = options->loop,
                .pool = options->pool,
                .address = address,
                .spool_folder = load_folder,
                .client = executor->client,
                .n_pulls_most = executor->options.n_pulls_most ? (int)executor->options.n_pulls_most
                                                               : PULLS_MOST,
                .silence_ns = options->pull_silence_ns,
        });
        executor_begin_watching(executor);
        return 0;
}

int executor_containerd_new(const struct executor_containerd_options *options,
                            struct executor **ret_executor, struct err *err)
{
        struct executor_containerd *executor = mem_alloc(sizeof *executor);
        int failed;

        executor->executor.ops = &ops;
        executor->lock_fd = -1;
        copy_options(executor, options);
        executor->n_starting_most = options->n_starts_most
                                            ? (int)options->n_starts_most
                                            : (int)(STARTS_PER_CPU * sysconf(_SC_NPROCESSORS_ONLN));
        executor_read_host(&executor->host);
        executor->init_path = executor_find_init();
        failed = set_up(executor, err);
        if (failed) {
                free_executor(&executor->executor);
                return failed;
        }
        *ret_executor = &executor->executor;
        return 0;
}

struct images *executor_containerd_images(struct executor *executor)
{
        return containerd_of(executor)->images;
}

const char *executor_containerd_version(const struct executor *executor)
{
        return container_of(executor, struct executor_containerd, executor)->version;
}
