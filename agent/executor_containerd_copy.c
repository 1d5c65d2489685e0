/* Files that people copy out of a container and into it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/executor_containerd_enter.h"
#include "agent/executor_containerd_inside.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/copy/pack.h"
#include "lib/copy/unpack.h"
#include "lib/message/message.h"

enum { COPIES_MAX = 8 };

struct entry_copy {
        const Sk__CopySpec *spec;
        const char *path;           /* what is asked for, from the root */
        int root_fd;                /* the container's */
        int place_fd;               /* what goes out */
        struct copy_destination to; /* what goes in */
        struct copy_plan plan;
        int pipe_fd, notes_fd; /* this side's ends: of the archive, and of what is worth a word */
};

/* The container's own links lead where they lead for the container. */
static struct copy_root container_root(const struct entry_copy *copy)
{
        return (struct copy_root){ .fd = copy->root_fd, .resolve = RESOLVE_IN_ROOT };
}

/* --- looking --- */

static int not_there(const struct entry_copy *copy, const char *path, struct err *err)
{
        return err_set(err, ERR_NOT_FOUND, "Could not find the file %.200s in container %.128s",
                       path, copy->spec->called);
}

static int look_out(struct entry_copy *copy, struct err *err)
{
        const struct copy_root root = container_root(copy);

        copy->place_fd =
                copy_open_place(&root, copy->path, copy->spec->follow_link ? 0 : O_NOFOLLOW);
        if (copy->place_fd >= 0)
                return 0;
        if (errno == ENOENT || errno == ENOTDIR)
                return not_there(copy, copy->spec->path, err);
        return copy_failed(err, errno, "open %.200s", copy->spec->path);
}

static int check_writable(const struct entry_copy *copy, int folder_fd, struct err *err)
{
        struct statx folder, root;
        struct statvfs file_system;

        if (fstatvfs(folder_fd, &file_system) < 0 || !(file_system.f_flag & ST_RDONLY))
                return 0;
        if (statx(folder_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &folder) == 0 &&
            statx(copy->root_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &root) == 0 &&
            folder.stx_mnt_id == root.stx_mnt_id)
                return err_set(err, ERR_PRECONDITION, "container rootfs is marked read-only");
        return err_set(err, ERR_PRECONDITION, "mounted volume is marked read-only");
}

static int plan_in(struct entry_copy *copy, struct arena *arena, struct err *err)
{
        const struct copy_root root = container_root(copy);
        const Sk__CopySpec *spec = copy->spec;
        mode_t mode;

        TRY(copy_find_destination(&root, copy->path, arena, &copy->to, &mode, err));
        if (S_ISCHR(mode) || S_ISBLK(mode))
                return err_set(err, ERR_PRECONDITION,
                               "destination \"%.128s:%.200s\" must be a directory or a regular "
                               "file: got a device",
                               spec->called, spec->path);
        if (str_is_empty(spec->name) && !copy->to.is_folder)
                return err_set(err, ERR_PRECONDITION,
                               "destination \"%.128s:%.200s\" must be a directory", spec->called,
                               spec->path);
        copy->plan = copy_plan(arena, &copy->to);
        return 0;
}

static int look_in(struct entry_copy *copy, struct arena *arena, struct err *err)
{
        const struct copy_root root = container_root(copy);
        _cleanup_(closep) int folder = -1;

        TRY(plan_in(copy, arena, err));
        folder = copy_open_place(&root, copy->plan.folder, 0);
        if (folder < 0)
                return not_there(copy, copy->plan.folder, err);
        closep(&folder);
        folder = copy_open_place(&root, copy->plan.folder, O_DIRECTORY);
        if (folder < 0)
                return err_set(err, ERR_PRECONDITION, "extraction point is not a directory");
        return check_writable(copy, folder, err);
}

static int look_on_pool(void *context, struct err *err)
{
        struct executor_entry *entry = context;
        struct entry_copy *copy = entry->copy;

        TRY(inside_open_root(entry->container_pid, entry->task_id, &copy->root_fd, err));
        return copy->spec->is_in ? look_in(copy, &entry->arena, err) : look_out(copy, err);
}

static void look(void *context)
{
        struct executor_entry *entry = context;

        chain_work(&entry->chain, look_on_pool);
}

/* --- beginning --- */

static int open_pipes(struct entry_copy *copy, int *ret_pipe, int *ret_notes, struct err *err)
{
        int pipe_fds[2], notes[2], ours = copy->spec->is_in ? 0 : 1;

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return copy_failed(err, errno, "make a pipe");
        copy->pipe_fd = pipe_fds[ours];
        *ret_pipe = pipe_fds[!ours];
        if (pipe2(notes, O_CLOEXEC | O_NONBLOCK) < 0 ||
            fcntl(pipe_fds[!ours], F_SETFL, O_NONBLOCK) < 0) {
                close(pipe_fds[!ours]);
                return copy_failed(err, errno, "make a pipe");
        }
        copy->notes_fd = notes[1];
        *ret_notes = notes[0];
        return 0;
}

static void begin(void *context)
{
        struct executor_entry *entry = context;
        struct entry_copy *copy = entry->copy;
        int theirs, notes;
        struct err err;

        if (entry->is_left) {
                err_set(&err, ERR_CANCELLED, "nobody is interested any more");
                chain_fail(&entry->chain, &err);
        } else if (open_pipes(copy, &theirs, &notes, &err) < 0) {
                chain_fail(&entry->chain, &err);
        } else {
                entry->events.started(entry->context, copy->spec->is_in ? theirs : -1,
                                      copy->spec->is_in ? -1 : theirs, notes);
                chain_next(&entry->chain);
        }
}

/* --- copying --- */

static void note_skipped(const struct entry_copy *copy, size_t n)
{
        char text[80];
        int length = snprintf(text, sizeof text, "%zu device node%s left out\n", n,
                              n == 1 ? " was" : "s were");

        if (n > 0)
                (void)!write(copy->notes_fd, text, (size_t)length);
}

static int unpack(const struct entry_copy *copy, struct err *err)
{
        const bool is_archive = str_is_empty(copy->spec->name);
        const struct copy_unpacking what = {
                .root = container_root(copy),
                .folder = copy->plan.folder,
                .from = is_archive ? NULL : copy->spec->name,
                .to = copy->plan.name,
                .destination = is_archive ? NULL : &copy->to,
                .keeps_owners = copy->spec->keeps_owners,
        };
        size_t n_skipped = 0;

        TRY(copy_unpack(&what, copy->pipe_fd, &n_skipped, err));
        note_skipped(copy, n_skipped);
        return 0;
}

static int pack(const struct entry_copy *copy, struct arena *arena, struct err *err)
{
        const char *name = copy_path_base(arena, copy->path);

        return copy_pack(copy->place_fd, str_equal(name, "/") ? "." : name, copy->pipe_fd, err);
}

/* Whoever holds the other end sees the end of it, or leaves by closing that. */
static int copy_on_pool(void *context, struct err *err)
{
        struct executor_entry *entry = context;
        struct entry_copy *copy = entry->copy;
        int result = copy->spec->is_in ? unpack(copy, err) : pack(copy, &entry->arena, err);

        closep(&copy->pipe_fd);
        closep(&copy->notes_fd);
        copy->pipe_fd = copy->notes_fd = -1;
        return result;
}

static void do_copy(void *context)
{
        struct executor_entry *entry = context;

        chain_work(&entry->chain, copy_on_pool);
}

chain_step *const entry_copy_steps[] = { look, begin, do_copy, NULL };

/* --- the copy --- */

int entry_take_copy(struct executor_entry *entry, const Sk__CopySpec *spec, struct err *err)
{
        struct executor_containerd *executor = entry->executor;
        struct entry_copy *copy;

        if (executor->n_copies >= COPIES_MAX)
                return err_set(err, ERR_EXHAUSTED,
                               "%d copies are under way on this node: try again", COPIES_MAX);
        if (!executor->copiers)
                TRY(worker_pool_new(executor->options.loop, COPIES_MAX, &executor->copiers, err));
        executor->n_copies++;
        entry->chain.pool = executor->copiers;
        entry->copy = copy = arena_alloc(&entry->arena, sizeof *copy);
        copy->spec = (const Sk__CopySpec *)message_copy(&entry->arena, &spec->base);
        copy->path = copy_path_in(&entry->arena, "/", copy->spec->path);
        copy->root_fd = copy->place_fd = copy->pipe_fd = copy->notes_fd = -1;
        return 0;
}

void entry_end_copy(struct executor_entry *entry)
{
        struct entry_copy *copy = entry->copy;

        if (!copy)
                return;
        entry->executor->n_copies--;
        closep(&copy->root_fd);
        closep(&copy->place_fd);
        closep(&copy->pipe_fd);
        closep(&copy->notes_fd);
}
