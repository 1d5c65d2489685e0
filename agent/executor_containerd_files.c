/* Secrets and configs as files: on a file system in memory, one mounted into the container each. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/executor_containerd_mounts.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

static const char *target_of(struct arena *arena, const struct bundle_file *file)
{
        const char *target = str_or(file->reference->target, file->reference->name);

        if (target[0] == '/')
                return target;
        return arena_printf(arena, "%s/%s", file->content.is_secret ? "/run/secrets" : "", target);
}

static int parse_owner(const char *text, int64_t *ret, struct err *err)
{
        *ret = 0;
        if (str_is_empty(text))
                return 0;
        TRY(str_to_int64(text, ret, err));
        if (*ret < 0 || *ret > INT32_MAX)
                return err_set(err, ERR_INVALID, "'%s' is no user or group id", text);
        return 0;
}

/* What is secret of it stays in memory no longer than this takes. */
static int write_content(const char *path, const struct bundle_file *file,
                         const struct expand_task *task, struct err *err)
{
        struct str text = { 0 };
        bool is_sensitive;
        int result = expand_file(&file->content, task, &text, &is_sensitive, err);

        if (result == 0)
                result = file_write_plain(path, str_text(&text), text.length, 0600, err);
        if (text.capacity)
                explicit_bzero(text.text, text.capacity);
        str_done(&text);
        return result;
}

static int add_file(struct mount_list *list, const struct bundle_file *file, size_t number,
                    const struct expand_task *task, struct err *err)
{
        static const char *const options[] = {
                "bind", "ro", "nosuid", "noexec", "nodev", "rprivate"
        };
        struct arena *arena = &list->bundle->arena;
        const char *path = arena_printf(arena, "%s/%zu", list->bundle->memory_folder, number);
        int64_t uid, gid;

        if (!file->content.content)
                return err_set(err, ERR_INVALID, "%s not found: %.64s",
                               file->content.is_secret ? "secret" : "config",
                               file->reference->name);
        TRY(parse_owner(file->reference->uid, &uid, err));
        TRY(parse_owner(file->reference->gid, &gid, err));
        TRY(write_content(path, file, task, err));
        if (chown(path, (uid_t)uid, (gid_t)gid) < 0 ||
            chmod(path, file->reference->mode & 07777) < 0)
                return err_set(err, ERR_UNAVAILABLE, "set the owner of '%s': %s", path,
                               strerror(errno));
        mount_list_add(list, "bind", path, target_of(arena, file), options, COUNT_OF(options));
        return 0;
}

int mount_list_add_files(struct mount_list *list, struct err *err)
{
        struct bundle *bundle = list->bundle;
        const Sk__ContainerSpec *container = bundle->spec->task->container;
        struct expand_file *files =
                arena_alloc(&bundle->arena, (bundle->n_files + 1) * sizeof *files);
        const struct expand_task task = { .values = bundle->values,
                                          .env = (const char *const *)container->env,
                                          .n_env = container->n_env,
                                          .files = files,
                                          .n_files = bundle->n_files };

        if (bundle->n_files == 0)
                return 0;
        for (size_t i = 0; i < bundle->n_files; i++)
                files[i] = bundle->files[i].content;
        /* What an earlier try left may be read-only and of another owner. */
        TRY(file_remove_tree(bundle->memory_folder, err));
        TRY(file_make_folders(bundle->memory_folder, 0700, err));
        for (size_t i = 0; i < bundle->n_files; i++)
                TRY(add_file(list, &bundle->files[i], i, &task, err));
        return 0;
}
