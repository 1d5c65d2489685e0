/* Running a private containerd. */
#include "agent/containerd/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/containerd/client.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "lib/os/process.h"

enum { LOG_SIZE_MAX = 8 << 20, PROC_TEXT_MAX = 65536 };

static const int64_t first_pause_ns = 100 * NS_PER_MS, longest_pause_ns = 10 * NS_PER_S,
                     steady_ns = 60 * NS_PER_S;

struct containerd_server {
        struct loop *loop;
        char *program, *state_folder, *run_folder, *registries_folder;
        char *config_path, *pid_path, *socket_path, *log_path, *address, *bundles;
        void (*died)(void *context, const struct err *err);
        void *context;
        struct process process;
        bool is_running;
        int64_t started_at_boot_ns, pause_ns;
        struct loop_timer timer;
};

/* Only what is needed: overlayfs for layers, the CRI for its images (it resolves, pulls and
 * unpacks), no other snapshotter, no container restarts of containerd's own, nobody else's CNI or
 * NRI. */
static const char config_format[] =
        "# Written by skep-agent at every start; changes are lost.\n"
        "version = 2\n"
        "root = \"%s/root\"\n"
        "state = \"%s/state\"\n"
        "required_plugins = [\"io.containerd.grpc.v1.cri\"]\n"
        "disabled_plugins = [\n"
        "  \"io.containerd.snapshotter.v1.aufs\", \"io.containerd.snapshotter.v1.btrfs\",\n"
        "  \"io.containerd.snapshotter.v1.devmapper\", \"io.containerd.snapshotter.v1.native\",\n"
        "  \"io.containerd.snapshotter.v1.zfs\", \"io.containerd.internal.v1.opt\",\n"
        "  \"io.containerd.internal.v1.restart\", \"io.containerd.tracing.processor.v1.otlp\",\n"
        "]\n"
        "[grpc]\n"
        "  address = \"%s\"\n"
        "[debug]\n"
        "  level = \"warn\"\n"
        "[plugins.\"io.containerd.grpc.v1.cri\"]\n"
        "  stream_server_address = \"127.0.0.1\"\n"
        "  [plugins.\"io.containerd.grpc.v1.cri\".cni]\n"
        "    conf_dir = \"%s/no-cni\"\n"
        "    bin_dir = \"%s/no-cni\"\n"
        "  [plugins.\"io.containerd.grpc.v1.cri\".containerd]\n"
        "    snapshotter = \"overlayfs\"\n"
        "  [plugins.\"io.containerd.grpc.v1.cri\".registry]\n"
        "    config_path = \"%s\"\n"
        "[plugins.\"io.containerd.nri.v1.nri\"]\n"
        "  disable = true\n";

static int check_path(const char *path, struct err *err)
{
        if (path[0] == '/' && !strpbrk(path, "\"\\\n"))
                return 0;
        return err_set(err, ERR_INVALID, "the path '%s' must be absolute, without quotes", path);
}

static int write_config(const struct containerd_server *server, struct err *err)
{
        struct str config = { 0 };
        int failed;

        TRY(check_path(server->state_folder, err));
        TRY(check_path(server->run_folder, err));
        TRY(check_path(server->registries_folder, err));
        TRY(file_make_folders(server->state_folder, 0711, err));
        TRY(file_make_folders(server->run_folder, 0711, err));
        str_addf(&config, config_format, server->state_folder, server->run_folder,
                 server->socket_path, server->run_folder, server->run_folder,
                 server->registries_folder);
        failed = file_write_atomic(server->config_path, config.text, config.length, 0600, err);
        str_done(&config);
        return failed;
}

/* Is this process a containerd with our configuration?  (A pid may mean another one by now.) */
static bool is_ours(const struct containerd_server *server, pid_t pid)
{
        _cleanup_(str_done) struct str line = { 0 };
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
        if (file_read(path, PROC_TEXT_MAX, &line, NULL) < 0 || line.length == 0)
                return false;
        return memmem(line.text, line.length, server->config_path,
                      strlen(server->config_path) + 1) != NULL;
}

/* The pid that an earlier agent wrote down; 0 when there is none to adopt. */
static pid_t find_running(const struct containerd_server *server)
{
        struct str text = { 0 };
        int64_t pid = 0;

        if (file_read(server->pid_path, 32, &text, NULL) < 0)
                return 0;
        if (str_to_int64(str_text(&text), &pid, NULL) < 0 || pid < 2 || pid > INT32_MAX ||
            !is_ours(server, (pid_t)pid))
                pid = 0;
        str_done(&text);
        return (pid_t)pid;
}

static int launch(struct containerd_server *server, struct err *err)
{
        const char *const argv[] = { server->program, "--config", server->config_path, NULL };
        struct process_options options = {
                .argv = argv,
                .log_path = server->log_path,
                .new_session = true,
        };
        char pid[32];

        TRY(process_start(server->loop, &options, &server->process, err));
        server->is_running = true;
        snprintf(pid, sizeof pid, "%d", (int)server->process.pid);
        return file_write_atomic(server->pid_path, pid, strlen(pid), 0600, err);
}

static void try_later(struct containerd_server *server)
{
        if (loop_now_boot(server->loop) - server->started_at_boot_ns > steady_ns)
                server->pause_ns = first_pause_ns;
        loop_timer_set(server->loop, &server->timer, server->pause_ns);
        server->pause_ns *= 2;
        if (server->pause_ns > longest_pause_ns)
                server->pause_ns = longest_pause_ns;
}

static void process_exited(void *context, int status)
{
        struct containerd_server *server = context;
        struct err err;

        server->is_running = false;
        if (status >= 0 && WIFEXITED(status))
                err_set(&err, ERR_UNAVAILABLE, "containerd ended with status %d, see %s",
                        WEXITSTATUS(status), server->log_path);
        else if (status >= 0)
                err_set(&err, ERR_UNAVAILABLE, "containerd was ended by signal %d",
                        WTERMSIG(status));
        else
                err_set(&err, ERR_UNAVAILABLE, "containerd ended, see %s", server->log_path);
        try_later(server);
        server->died(server->context, &err);
}

static int adopt_or_launch(struct containerd_server *server, struct err *err)
{
        pid_t pid = find_running(server);

        server->process = (struct process){ .exited = process_exited, .context = server };
        server->started_at_boot_ns = loop_now_boot(server->loop);
        if (pid > 0 && process_adopt(server->loop, pid, &server->process, NULL) == 0) {
                server->is_running = true;
                return 0;
        }
        return launch(server, err);
}

static void start_again(void *context)
{
        struct containerd_server *server = context;
        struct err err;

        if (adopt_or_launch(server, &err) == 0 || server->is_running)
                return;
        try_later(server);
        server->died(server->context, &err);
}

static char *join(const char *folder, const char *name)
{
        struct str str = { 0 };

        str_addf(&str, "%s/%s", folder, name);
        return str_take(&str);
}

int containerd_server_new(const struct containerd_server_options *options,
                          struct containerd_server **ret_server, struct err *err)
{
        struct containerd_server *server = mem_alloc(sizeof *server);
        int failed;

        server->loop = options->loop;
        server->program = str_copy(options->program);
        server->state_folder = str_copy(options->state_folder);
        server->run_folder = str_copy(options->run_folder);
        server->registries_folder = str_copy(options->registries_folder);
        server->config_path = join(options->state_folder, "config.toml");
        server->log_path = join(options->state_folder, "containerd.log");
        server->pid_path = join(options->run_folder, "containerd.pid");
        server->socket_path = join(options->run_folder, "containerd.sock");
        server->address = join("unix:", server->socket_path + 1);
        server->bundles = join(options->run_folder,
                               "state/io.containerd.runtime.v2.task/" CONTAINERD_NAMESPACE);
        server->died = options->died;
        server->context = options->context;
        server->pause_ns = first_pause_ns;
        server->timer = (struct loop_timer){ .fire = start_again, .context = server };
        failed = write_config(server, err);
        if (!failed)
                failed = adopt_or_launch(server, err);
        if (failed) {
                containerd_server_free(server);
                return failed;
        }
        *ret_server = server;
        return 0;
}

void containerd_server_free(struct containerd_server *server)
{
        if (!server)
                return;
        loop_timer_cancel(&server->timer);
        if (server->is_running)
                process_forget(&server->process);
        free(server->program);
        free(server->state_folder);
        free(server->run_folder);
        free(server->registries_folder);
        free(server->config_path);
        free(server->log_path);
        free(server->pid_path);
        free(server->socket_path);
        free(server->address);
        free(server->bundles);
        free(server);
}

const char *containerd_server_address(const struct containerd_server *server)
{
        return server->address;
}

const char *containerd_server_bundles(const struct containerd_server *server)
{
        return server->bundles;
}

void containerd_server_replace(struct containerd_server *server)
{
        if (server->is_running)
                (void)process_signal(&server->process, SIGKILL, NULL);
}

/* containerd holds the file open and appends: what is in it is moved out, the file stays. */
void containerd_server_trim_log(const struct containerd_server *server)
{
        _cleanup_(freep) char *kept = NULL;
        _cleanup_(str_done) struct str text = { 0 };
        struct stat status;

        if (stat(server->log_path, &status) < 0 || status.st_size < LOG_SIZE_MAX ||
            asprintf(&kept, "%s.1", server->log_path) < 0)
                return;
        if (file_read(server->log_path, 4 * (size_t)LOG_SIZE_MAX, &text, NULL) == 0)
                (void)file_write_atomic(kept, text.text, text.length, 0600, NULL);
        if (truncate(server->log_path, 0) < 0)
                LOG(WARN, "containerd's log grows on", STR("path", server->log_path),
                    STR("why", strerror(errno)));
}
