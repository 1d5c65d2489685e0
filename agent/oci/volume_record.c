/* Records of volumes. */
#include "agent/oci/volume_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/oci/volume.h"
#include "agent/plugin/plugin.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/base/vec.h"
#include "lib/message/message.h"
#include "lib/os/file.h"
#include "lib/os/log.h"

enum { RECORD_MAX = 1 << 20, USERS_MAX = 1 << 20 };

#define USERS_FILE "volumes-used"
#define LEFT "left-"

/* --- one volume --- */

/* One that an earlier version made has no record: it is as plain as can be. */
static void describe_plain(const char *path, struct arena *arena, Sk__NodeVolume *volume)
{
        struct stat status;

        sk__node_volume__init(volume);
        if (stat(path, &status) == 0)
                volume->created_at_ns = status.st_mtim.tv_sec * NS_PER_S + status.st_mtim.tv_nsec;
        volume->driver = arena_strdup(arena, "local");
}

static bool is_local(const Sk__NodeVolume *volume)
{
        return str_equal(str_or(volume->driver, "local"), "local");
}

static struct plugin plugin_of(const Sk__NodeVolume *volume)
{
        return (struct plugin){ PLUGIN_FOLDER, volume->driver };
}

int volume_read(const char *folder, const char *name, struct arena *arena, Sk__NodeVolume **ret,
                struct err *err)
{
        const char *path = arena_printf(arena, "%s/%s/_data", folder, name);
        const char *record = arena_printf(arena, "%s/%s/volume", folder, name);
        _cleanup_(str_done) struct str text = { 0 };
        ProtobufCMessage *message;
        Sk__NodeVolume *volume = arena_alloc(arena, sizeof *volume);
        int failed;

        if (!volume_is_name(name) || (!file_exists(path) && !file_exists(record)))
                return err_set(err, ERR_NOT_FOUND, "get %.200s: no such volume", name);
        describe_plain(path, arena, volume);
        failed = file_read(record, RECORD_MAX, &text, err);
        if (failed && failed != ERR_NOT_FOUND)
                return failed;
        if (!failed) {
                TRY(message_unpack(arena, &sk__node_volume__descriptor, (const uint8_t *)text.text,
                                   text.length, &message, err));
                volume = (Sk__NodeVolume *)message;
        }
        volume->name = arena_strdup(arena, name);
        volume->mountpoint = is_local(volume) ? path : "";
        *ret = volume;
        return 0;
}

static int check_options(const Sk__NodeVolume *wanted, struct err *err)
{
        Sk__Mount__VolumeOptions options = SK__MOUNT__VOLUME_OPTIONS__INIT;

        options.driver_options = wanted->options;
        options.n_driver_options = wanted->n_options;
        return wanted->n_options ? volume_check_options(wanted->name, &options, err) : 0;
}

/* What the driver itself must do first. */
static int make(const char *folder, const Sk__NodeVolume *wanted, struct arena *arena,
                struct err *err)
{
        struct plugin plugin = plugin_of(wanted);
        const char *path;

        if (!volume_is_name(wanted->name))
                return volume_make(folder, wanted->name, NULL, arena, &path, err);
        if (is_local(wanted))
                return check_options(wanted, err);
        if (plugin_create(&plugin, wanted->name, wanted->options, wanted->n_options, arena, err) <
            0)
                return err_prefix(err, "create %.200s", wanted->name);
        return 0;
}

int volume_create(const char *folder, const Sk__NodeVolume *wanted, int64_t now_ns,
                  struct arena *arena, Sk__NodeVolume **ret, struct err *err)
{
        Sk__NodeVolume record = *wanted;
        const char *path, *file = arena_printf(arena, "%s/%s/volume", folder, wanted->name);
        uint8_t *data;
        size_t size;
        int failed = volume_read(folder, wanted->name, arena, ret, err);

        if (failed && failed != ERR_NOT_FOUND)
                return failed;
        if (!failed) {
                if (!str_equal((*ret)->driver, str_or(wanted->driver, "local")))
                        return err_set(err, ERR_EXISTS,
                                       "create %.200s: conflict: volume name must be unique",
                                       wanted->name);
                return 0;
        }
        record.driver = str_or(wanted->driver, "local");
        record.created_at_ns = now_ns;
        record.mountpoint = record.name = "";
        message_pack(arena, &record.base, &data, &size);
        if (size > RECORD_MAX)
                return err_set(err, ERR_INVALID,
                               "create %.200s: its labels and options are more than 1 MiB",
                               wanted->name);
        TRY(make(folder, wanted, arena, err));
        TRY(file_make_folders(arena_printf(arena, "%s/%s", folder, wanted->name), 0711, err));
        TRY(file_write_atomic(file, data, size, 0600, err));
        if (is_local(wanted))
                TRY(volume_make(folder, wanted->name, NULL, arena, &path, err));
        return volume_read(folder, wanted->name, arena, ret, err);
}

/* --- who uses them --- */

int volume_note_users(const char *task_folder, const char *const *names, size_t n, struct err *err)
{
        _cleanup_(str_done) struct str text = { 0 }, path = { 0 };

        if (n == 0)
                return 0;
        for (size_t i = 0; i < n; i++)
                str_addf(&text, "%s\n", names[i]);
        str_addf(&path, "%s/" USERS_FILE, task_folder);
        return file_write_atomic(path.text, text.text, text.length, 0600, err);
}

/* A local one is mounted by nobody but the container. */
static int unmount(const char *folder, const char *name, const char *id, struct arena *arena,
                   struct err *err)
{
        Sk__NodeVolume *volume;
        struct plugin plugin;
        int failed = volume_read(folder, name, arena, &volume, err);

        if (failed)
                return failed == ERR_NOT_FOUND ? 0 : failed;
        if (is_local(volume))
                return 0;
        plugin = plugin_of(volume);
        return plugin_unmount(&plugin, name, id, err);
}

/* FOLDER/NAME/left-ID says that the plugin has it mounted for a task that is gone. */
static void note_left(const char *folder, const char *name, const char *id, struct arena *arena)
{
        const char *path = arena_printf(arena, "%s/%s/" LEFT "%s", folder, name, id);
        struct err err;

        if (file_write_atomic(path, "", 0, 0600, &err) < 0)
                LOG(WARN, "nobody will unmount a volume again", STR("volume", name),
                    STR("err", err.text));
}

/* One thread at a time unmounts what is left, or takes it back. */
static void lock(int folder)
{
        while (flock(folder, LOCK_EX) < 0 && errno == EINTR)
                ;
}

void volume_keep(const char *folder, const char *name, const char *id)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(closep) int found = open(arena_printf(&arena, "%s/%s", folder, name),
                                           O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (found < 0)
                return;
        lock(found);
        (void)unlinkat(found, arena_printf(&arena, LEFT "%s", id), 0);
}

/* It may have been taken back since the folder was read. */
static bool settle(int found, const char *folder, const char *name, const char *left,
                   struct arena *arena)
{
        bool is_over;

        lock(found);
        is_over = faccessat(found, left, F_OK, 0) < 0 ||
                  unmount(folder, name, left + strlen(LEFT), arena, NULL) == 0;
        if (is_over)
                (void)unlinkat(found, left, 0);
        (void)flock(found, LOCK_UN);
        return is_over;
}

size_t volume_settle(const char *folder, const char *name)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        DIR *found = opendir(arena_printf(&arena, "%s/%s", folder, name));
        const struct dirent *entry;
        size_t n = 0;

        while (found && (entry = readdir(found)))
                n += str_starts_with(entry->d_name, LEFT) &&
                     !settle(dirfd(found), folder, name, entry->d_name, &arena);
        if (found)
                closedir(found);
        return n;
}

size_t volume_settle_all(const char *folder)
{
        DIR *found = opendir(folder);
        const struct dirent *entry;
        size_t n = 0;

        while (found && (entry = readdir(found)))
                if (volume_is_name(entry->d_name))
                        n += volume_settle(folder, entry->d_name);
        if (found)
                closedir(found);
        return n;
}

int volume_forget_users(const char *task_folder, const char *folder, const char *id,
                        struct err *err)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(str_done) struct str text = { 0 };
        const char *path = arena_printf(&arena, "%s/" USERS_FILE, task_folder);
        char *rest, *name;
        int failed = 0;

        if (file_read(path, USERS_MAX, &text, NULL) < 0)
                return 0;
        rest = arena_strdup(&arena, str_text(&text));
        while ((name = strsep(&rest, "\n")))
                if (name[0] && unmount(folder, name, id, &arena, err) < 0) {
                        failed = err->code;
                        note_left(folder, name, id, &arena);
                }
        (void)unlink(path);
        return failed;
}

struct use {
        const char *volume, *task;
};

static void read_uses(const char *tasks_folder, const char *task, struct arena *arena,
                      struct vec *uses)
{
        const char *path = arena_printf(arena, "%s/%s/" USERS_FILE, tasks_folder, task);
        _cleanup_(str_done) struct str text = { 0 };
        char *rest, *name;

        if (file_read(path, USERS_MAX, &text, NULL) < 0)
                return;
        rest = arena_strdup(arena, str_text(&text));
        while ((name = strsep(&rest, "\n")))
                if (name[0])
                        vec_push(uses, &(struct use){ name, arena_strdup(arena, task) });
}

static int by_volume(const void *a, const void *b)
{
        return strcmp(((const struct use *)a)->volume, ((const struct use *)b)->volume);
}

/* By volume. */
static struct vec find_uses(const char *tasks_folder, struct arena *arena)
{
        struct vec uses = VEC_OF(struct use);
        DIR *folder = opendir(tasks_folder);
        const struct dirent *entry;

        while (folder && (entry = readdir(folder)))
                if (entry->d_name[0] != '.')
                        read_uses(tasks_folder, entry->d_name, arena, &uses);
        if (folder)
                closedir(folder);
        if (uses.n)
                qsort(uses.data, uses.n, sizeof(struct use), by_volume);
        return uses;
}

static size_t first_use(const struct vec *uses, const char *volume)
{
        size_t low = 0, high = uses->n;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (strcmp(VEC_AT(uses, struct use, middle).volume, volume) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void add_users(Sk__NodeVolume *volume, const struct vec *uses, struct arena *arena)
{
        const struct use *all = uses->data;
        size_t first = first_use(uses, volume->name), end = first;
        const char **tasks;

        while (end < uses->n && str_equal(all[end].volume, volume->name))
                end++;
        tasks = arena_alloc(arena, (end - first + 1) * sizeof *tasks);
        volume->n_tasks = 0;
        while (first < end)
                tasks[volume->n_tasks++] = all[first++].task;
        volume->tasks = tasks;
}

/* --- all of them --- */

static int by_name(const void *a, const void *b)
{
        return strcmp((*(Sk__NodeVolume *const *)a)->name, (*(Sk__NodeVolume *const *)b)->name);
}

int volume_list(const char *folder, const char *tasks_folder, struct arena *arena,
                Sk__ListVolumesResponse *ret, struct err *err)
{
        _cleanup_(vec_done) struct vec all = VEC_OF(Sk__NodeVolume *), uses = VEC_OF(struct use);
        DIR *found = opendir(folder);
        const struct dirent *entry;
        Sk__NodeVolume *volume;

        if (!found && errno != ENOENT)
                return err_set(err, ERR_UNAVAILABLE, "read '%s': %m", folder);
        uses = find_uses(tasks_folder, arena);
        while (found && all.n < VOLUMES_MAX && (entry = readdir(found))) {
                if (volume_read(folder, entry->d_name, arena, &volume, NULL) < 0)
                        continue;
                add_users(volume, &uses, arena);
                vec_push(&all, &volume);
        }
        if (found)
                closedir(found);
        ret->volumes = arena_alloc(arena, (all.n + 1) * sizeof *ret->volumes);
        ret->n_volumes = all.n;
        for (size_t i = 0; i < all.n; i++)
                ret->volumes[i] = VEC_AT(&all, Sk__NodeVolume *, i);
        qsort(ret->volumes, all.n, sizeof *ret->volumes, by_name);
        return 0;
}

int volume_remove(const char *folder, const char *tasks_folder, const char *name, struct err *err)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        _cleanup_(vec_done) struct vec uses = VEC_OF(struct use);
        _cleanup_(str_done) struct str users = { 0 };
        Sk__NodeVolume *volume;
        struct plugin plugin;

        TRY(volume_read(folder, name, &arena, &volume, err));
        uses = find_uses(tasks_folder, &arena);
        add_users(volume, &uses, &arena);
        for (size_t i = 0; i < volume->n_tasks; i++)
                str_addf(&users, "%s%s", i ? " " : "", volume->tasks[i]);
        if (volume->n_tasks)
                return err_set(err, ERR_PRECONDITION, "remove %.200s: volume is in use - [%s]",
                               name, str_text(&users));
        plugin = plugin_of(volume);
        (void)volume_settle(folder, name);
        if (!is_local(volume) && plugin_remove(&plugin, name, err) < 0)
                return err_prefix(err, "remove %.200s", name);
        return file_remove_tree(arena_printf(&arena, "%s/%s", folder, name), err);
}
