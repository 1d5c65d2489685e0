/* The executor and its machine: what it is and has, whether containerd answers, which containers
 * are there. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <linux/magic.h>
#include <unistd.h>

#include "agent/executor_containerd_devices.h"
#include "agent/executor_containerd_task.h"
#include "api/containerd/containers.pb-c.h"
#include "api/containerd/version.pb-c.h"
#include "agent/plugin/plugin.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"
#include "lib/message/message.h"
#include "lib/os/file.h"
#include "lib/os/log.h"

static const int64_t ping_ns = 10 * NS_PER_S, ping_again_ns = NS_PER_S,
                     ping_timeout_ns = 10 * NS_PER_S, list_timeout_ns = 60 * NS_PER_S,
                     look_ns = 10 * NS_PER_S;

enum { SILENT_MOST = 3, OS_RELEASE_MAX = 65536 };

/* --- the machine --- */

/* Machine names of uname as Go's compilers call them, which is what images say. */
static const struct {
        const char *machine, *go_name;
} architectures[] = {
        { "x86_64", "amd64" },    { "aarch64", "arm64" },   { "armv7l", "arm" },
        { "riscv64", "riscv64" }, { "ppc64le", "ppc64le" }, { "s390x", "s390x" },
};

void executor_read_host(struct oci_host *ret)
{
        struct statfs status;
        struct utsname name;

        *ret = (struct oci_host){ 0 };
        uname(&name);
        snprintf(ret->architecture, sizeof ret->architecture, "%.15s", name.machine);
        for (size_t i = 0; i < COUNT_OF(architectures); i++) {
                if (str_equal(name.machine, architectures[i].machine))
                        snprintf(ret->architecture, sizeof ret->architecture, "%s",
                                 architectures[i].go_name);
        }
        ret->has_cgroup_v2 =
                statfs("/sys/fs/cgroup", &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
        ret->can_limit_swap = ret->has_cgroup_v2 ||
                              file_exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes");
        for (unsigned i = 0; i < 64; i++) {
                if (prctl(PR_CAPBSET_READ, i) == 1)
                        ret->capabilities |= UINT64_C(1) << i;
        }
}

const char *executor_find_init(void)
{
        static const char *const paths[] = { "/usr/libexec/docker/docker-init",
                                             "/usr/bin/docker-init", "/usr/bin/tini-static" };

        for (size_t i = 0; i < COUNT_OF(paths); i++) {
                if (access(paths[i], X_OK) == 0)
                        return paths[i];
        }
        return NULL;
}

/* "Debian GNU/Linux 12 (bookworm)" */
static const char *read_operating_system(struct arena *arena)
{
        _cleanup_(str_done) struct str text = { 0 };
        static const char key[] = "PRETTY_NAME=\"";
        const char *found;
        size_t length;

        if (file_read("/etc/os-release", OS_RELEASE_MAX, &text, NULL) < 0)
                return "Linux";
        found = strstr(str_text(&text), key);
        if (!found)
                return "Linux";
        found += strlen(key);
        length = strcspn(found, "\"\n");
        return str_is_utf8(found, length) ? arena_printf(arena, "%.*s", (int)length, found)
                                          : "Linux";
}

static void add_plugins(struct arena *arena, Sk__NodeDescription *ret)
{
        static const struct {
                const char *type, *name;
        } plugins[] = { { "Log", "fluentd" },   { "Log", "gelf" },       { "Log", "journald" },
                        { "Log", "json-file" }, { "Log", "local" },      { "Log", "none" },
                        { "Log", "syslog" },    { "Network", "bridge" }, { "Network", "host" },
                        { "Volume", "local" } };

        const char **volume_drivers = plugin_names(PLUGIN_FOLDER, arena);
        size_t n = 0;

        while (volume_drivers[n])
                n++;
        ret->plugins = arena_alloc(arena, (COUNT_OF(plugins) + n) * sizeof *ret->plugins);
        for (size_t i = 0; i < COUNT_OF(plugins); i++) {
                ret->plugins[i] = arena_alloc(arena, sizeof **ret->plugins);
                sk__plugin__init(ret->plugins[i]);
                ret->plugins[i]->type = plugins[i].type;
                ret->plugins[i]->name = plugins[i].name;
        }
        ret->n_plugins = COUNT_OF(plugins);
        for (size_t i = 0; i < n; i++) {
                Sk__Plugin *plugin = arena_alloc(arena, sizeof *plugin);

                sk__plugin__init(plugin);
                plugin->type = "Volume";
                plugin->name = volume_drivers[i];
                ret->plugins[ret->n_plugins++] = plugin;
        }
}

/* --- looking at what others change: on the pool, as files may lie anywhere --- */

struct seen {
        struct arena arena;
        Sk__NodeDescription description; /* operating system and plugins */
};

struct node_look {
        struct executor_containerd *executor; /* NULL: it is gone, the work frees this */
        char *cdi_folders;
        struct loop_timer timer;
        struct work work;
        bool is_working;
        struct seen now, next;
};

static void free_look(struct node_look *look)
{
        arena_done(&look->now.arena);
        arena_done(&look->next.arena);
        free(look->cdi_folders);
        free(look);
}

static void look(struct work *work)
{
        struct node_look *look = container_of(work, struct node_look, work);
        Sk__NodeDescription *seen = &look->next.description;

        sk__node_description__init(seen);
        seen->operating_system = read_operating_system(&look->next.arena);
        add_plugins(&look->next.arena, seen);
        devices_describe(look->cdi_folders, &look->next.arena, seen);
}

static void looked(struct work *work)
{
        struct node_look *look = container_of(work, struct node_look, work);

        look->is_working = false;
        if (!look->executor) {
                free_look(look);
                return;
        }
        if (!work->was_run)
                return;
        arena_done(&look->now.arena);
        look->now = look->next;
        look->next = (struct seen){ 0 };
        loop_timer_set(look->executor->options.loop, &look->timer, look_ns);
}

static void look_again(void *context)
{
        struct node_look *look = context;

        look->is_working = true;
        worker_submit(look->executor->options.pool, &look->work);
}

/* The first look is taken at once: what a node says first is whole. */
static void begin_looking(struct executor_containerd *executor)
{
        struct node_look *new = mem_alloc(sizeof *new);

        new->executor = executor;
        new->cdi_folders = str_copy(executor->options.cdi_folders);
        new->timer = (struct loop_timer){ .fire = look_again, .context = new };
        new->work = (struct work){ .work = look, .done = looked, .was_run = true };
        executor->look = new;
        look(&new->work);
        looked(&new->work);
}

static void end_looking(struct executor_containerd *executor)
{
        struct node_look *look = TAKE(executor->look);

        if (!look)
                return;
        loop_timer_cancel(&look->timer);
        look->executor = NULL;
        if (!look->is_working)
                free_look(look);
}

void executor_describe(struct executor *base, struct arena *arena, Sk__NodeDescription *ret)
{
        struct executor_containerd *executor =
                container_of(base, struct executor_containerd, executor);
        struct utsname name;
        struct sysinfo info;

        uname(&name);
        sysinfo(&info);
        *ret = *(const Sk__NodeDescription *)message_copy(arena,
                                                          &executor->look->now.description.base);
        ret->hostname = arena_strdup(arena, name.nodename);
        ret->platform = arena_alloc(arena, sizeof *ret->platform);
        sk__platform__init(ret->platform);
        ret->platform->os = "linux";
        ret->platform->architecture = arena_strdup(arena, name.machine);
        ret->resources = arena_alloc(arena, sizeof *ret->resources);
        sk__resources__init(ret->resources);
        ret->resources->nano_cpus = sysconf(_SC_NPROCESSORS_ONLN) * NS_PER_S;
        ret->resources->memory_bytes = (int64_t)info.totalram * info.mem_unit;
        ret->kernel_version = arena_strdup(arena, name.release);
        ret->runtime_version = arena_strdup(arena, executor->version);
}

/* --- does containerd answer? --- */

static void name_networks(struct executor_containerd *executor);

static void pinged(void *context, const void *out, const struct err *err)
{
        struct executor_containerd *executor = context;
        const Ctd__Version__VersionResponse *answer = out;

        executor->ping_request = NULL;
        loop_timer_set(executor->options.loop, &executor->ping, err ? ping_again_ns : ping_ns);
        if (!err) {
                executor->n_silent = 0;
                snprintf(executor->version, sizeof executor->version, "containerd %.40s",
                         answer->version);
                name_networks(executor);
                return;
        }
        /* Containers are not touched by this; one that hangs would leave them without care for
         * ever. */
        if (++executor->n_silent < SILENT_MOST || !executor->server)
                return;
        executor->n_silent = 0;
        LOG(WARN, "containerd does not answer and is replaced", STR("err", err->text));
        containerd_server_replace(executor->server);
}

static void ping(void *context)
{
        struct executor_containerd *executor = context;
        Ctd__Types__Empty in = CTD__TYPES__EMPTY__INIT;

        executor->ping_request =
                rpc_client_call(executor->client, CONTAINERD_METHOD(version, version, Version),
                                &in.base, ping_timeout_ns, true, pinged, executor);
}

/* --- which containers are there? --- */

struct listing {
        struct executor_containerd *executor;
        struct listing *next;
        struct chain chain;
        struct arena arena;
        struct vec ids;
        void (*listed)(void *context, const char *const *task_ids, size_t n, const struct err *err);
        void *context;
};

static void free_listing(void *context)
{
        struct listing *listing = context;

        vec_done(&listing->ids);
        arena_done(&listing->arena);
        free(listing);
}

static void add_id(struct listing *listing, const char *id)
{
        const char *copy = arena_strdup(&listing->arena, id);

        vec_push(&listing->ids, &copy);
}

/* Also what is no container any more. */
static int list_folders(void *context, struct err *err)
{
        struct listing *listing = context;
        char path[PATH_SIZE];
        struct dirent *entry;
        DIR *folder;

        snprintf(path, sizeof path, "%s/tasks", listing->executor->options.state_folder);
        folder = opendir(path);
        if (!folder)
                return err_set(err, ERR_UNAVAILABLE, "cannot read '%s'", path);
        while ((entry = readdir(folder))) {
                if (entry->d_name[0] != '.')
                        add_id(listing, entry->d_name);
        }
        closedir(folder);
        return 0;
}

static void look_at_folders(void *context)
{
        struct listing *listing = context;

        chain_work(&listing->chain, list_folders);
}

static void got_container(void *context, const void *out)
{
        struct listing *listing = context;
        const Ctd__Containers__ListMessage *message = out;

        if (message->container)
                add_id(listing, message->container->id);
}

static void ask_for_containers(void *context)
{
        struct listing *listing = context;
        Ctd__Containers__ListRequest in = CTD__CONTAINERS__LIST_REQUEST__INIT;
        const char *filters[] = { "labels.\"skep.task\"" };

        in.filters = filters;
        in.n_filters = 1;
        chain_stream(&listing->chain, CONTAINERD_METHOD(containers, containers, ListStream),
                     &in.base, list_timeout_ns, got_container);
}

static void got_snapshots(void *context, const void *out)
{
        struct listing *listing = context;
        const Ctd__Snapshots__ListResponse *answer = out;

        for (size_t i = 0; i < answer->n_info; i++)
                for (size_t k = 0; k < answer->info[i]->n_labels; k++)
                        if (str_equal(answer->info[i]->labels[k]->key, "skep.task"))
                                add_id(listing, answer->info[i]->labels[k]->value);
}

/* They are made before the folder is. */
static void ask_for_snapshots(void *context)
{
        struct listing *listing = context;
        Ctd__Snapshots__ListRequest in = CTD__SNAPSHOTS__LIST_REQUEST__INIT;
        const char *filters[] = { "labels.\"skep.task\"" };

        in.snapshotter = CONTAINERD_SNAPSHOTTER;
        in.filters = filters;
        in.n_filters = 1;
        chain_stream(&listing->chain, CONTAINERD_METHOD(snapshots, snapshots, List), &in.base,
                     list_timeout_ns, got_snapshots);
}

static void unlink_listing(struct listing *listing)
{
        struct listing **at = &listing->executor->listings;

        while (*at != listing)
                at = &(*at)->next;
        *at = listing->next;
}

static int compare_ids(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What has a container has a folder and a snapshot, too. */
static void forget_doubles(struct vec *ids)
{
        const char **all = ids->data;
        size_t n = 0;

        if (ids->n)
                qsort(all, ids->n, sizeof *all, compare_ids);
        for (size_t i = 0; i < ids->n; i++)
                if (!n || strcmp(all[n - 1], all[i]) != 0)
                        all[n++] = all[i];
        ids->n = n;
}

static void listed(void *context, const struct err *err)
{
        struct listing *listing = context;

        unlink_listing(listing);
        forget_doubles(&listing->ids);
        listing->listed(listing->context, listing->ids.data, err ? 0 : listing->ids.n, err);
        free_listing(listing);
}

void executor_list(struct executor *base,
                   void (*told)(void *context, const char *const *task_ids, size_t n,
                                const struct err *err),
                   void *context)
{
        static chain_step *const steps[] = { ask_for_containers, ask_for_snapshots, look_at_folders,
                                             NULL };
        struct executor_containerd *executor =
                container_of(base, struct executor_containerd, executor);
        struct listing *listing = mem_alloc(sizeof *listing);

        listing->executor = executor;
        listing->ids = VEC_OF(const char *);
        listing->listed = told;
        listing->context = context;
        listing->chain = (struct chain){
                .loop = executor->options.loop,
                .pool = executor->options.pool,
                .client = executor->client,
                .context = listing,
        };
        listing->next = executor->listings;
        executor->listings = listing;
        chain_begin(&listing->chain, steps, listed);
}

/* What an earlier agent attached stays attached until its task is removed.  A task that gave its
 * network back while containerd listed it needs none. */
static void keep_networks(void *context, const char *const *task_ids, size_t n,
                          const struct err *err)
{
        struct executor_containerd *executor = context;

        executor->has_named_networks = !err;
        if (err) {
                LOG(WARN,
                    "the networks of earlier tasks could not be found and are looked for again",
                    STR("err", err->text));
                return;
        }
        for (size_t i = 0; i < n; i++) {
                const struct executor_task *task = map_find(&executor->tasks, task_ids[i]);

                if (!task || !task->is_clean)
                        network_keep(executor->options.network, task_ids[i]);
        }
        network_complete(executor->options.network);
}

static void name_networks(struct executor_containerd *executor)
{
        if (!executor->options.network || executor->has_named_networks)
                return;
        executor->has_named_networks = true;
        executor_list(&executor->executor, keep_networks, executor);
}

void executor_begin_watching(struct executor_containerd *executor)
{
        executor->ping = (struct loop_timer){ .fire = ping, .context = executor };
        ping(executor);
        begin_looking(executor);
        executor->volumes = volume_care_new(executor, arena_printf(&executor->arena, "%s/volumes",
                                                                   executor->options.state_folder));
        if (executor->server)
                executor->disk = disk_care_new(executor);
}

void executor_end_watching(struct executor_containerd *executor)
{
        loop_timer_cancel(&executor->ping);
        end_looking(executor);
        volume_care_free(TAKE(executor->volumes));
        disk_care_free(executor->disk);
        if (executor->ping_request)
                rpc_request_cancel(executor->ping_request);
        while (executor->listings) {
                struct listing *listing = executor->listings;

                executor->listings = listing->next;
                if (chain_cancel(&listing->chain, free_listing))
                        free_listing(listing);
        }
}
