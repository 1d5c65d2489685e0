/* Child processes: started by posix_spawn (which does not copy a large daemon's page tables),
 * watched by pidfd. */
#include "lib/os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/os/os_error.h"

/* As waitpid would have put it. */
static int wait_status(const siginfo_t *info)
{
        if (info->si_code == CLD_EXITED)
                return W_EXITCODE(info->si_status & 0xff, 0);
        return W_EXITCODE(0, info->si_status) | (info->si_code == CLD_DUMPED ? WCOREFLAG : 0);
}

static void pidfd_ready(void *context, uint32_t epoll_events)
{
        struct process *process = context;
        siginfo_t info = { 0 };
        int status = -1;

        (void)epoll_events;
        if (process->is_child &&
            waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG) == 0) {
                if (info.si_pid == 0)
                        return;
                status = wait_status(&info);
        }
        process_forget(process);
        process->exited(process->context, status);
}

/* Takes the pidfd over, also when it fails. */
static int watch_process(struct loop *loop, struct process *process, pid_t pid, int pidfd,
                         bool is_child, struct err *err)
{
        int failed;

        process->watch = (struct loop_watch){
                .ready = pidfd_ready,
                .context = process,
                .fd = pidfd,
        };
        failed = loop_watch_add(loop, &process->watch, EPOLLIN, err);
        if (failed) {
                close(pidfd);
                return failed;
        }
        process->pid = pid;
        process->pidfd = pidfd;
        process->is_child = is_child;
        return 0;
}

/* What the child does before exec: all signals as new, nothing open but 0, 1 and 2. */
static int prepare(const struct process_options *options, int input_fd, int log_fd,
                   posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes)
{
        short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
        sigset_t none, all;
        int error;

        sigemptyset(&none);
        sigfillset(&all);
        if (options->new_session)
                flags |= POSIX_SPAWN_SETSID;
        error = posix_spawnattr_setflags(attributes, flags);
        if (!error)
                error = posix_spawnattr_setsigmask(attributes, &none);
        if (!error)
                error = posix_spawnattr_setsigdefault(attributes, &all);
        if (!error)
                error = posix_spawn_file_actions_adddup2(actions, input_fd, STDIN_FILENO);
        if (!error && log_fd >= 0)
                error = posix_spawn_file_actions_adddup2(actions, log_fd, STDOUT_FILENO);
        if (!error && log_fd >= 0)
                error = posix_spawn_file_actions_adddup2(actions, log_fd, STDERR_FILENO);
        if (!error)
                error = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
        return error;
}

static const char *program_of(const struct process_options *options)
{
        return options->program ? options->program : options->argv[0];
}

static int spawn(const struct process_options *options, int input_fd, int log_fd, pid_t *ret_pid)
{
        char *const *environment =
                options->environment ? (char *const *)options->environment : environ;
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        int error;

        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        error = prepare(options, input_fd, log_fd, &actions, &attributes);
        if (!error)
                error = posix_spawnp(ret_pid, program_of(options), &actions, &attributes,
                                     (char *const *)options->argv, environment);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return error;
}

static void kill_and_reap(pid_t pid)
{
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

int process_start(struct loop *loop, const struct process_options *options, struct process *process,
                  struct err *err)
{
        _cleanup_(closep) int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        _cleanup_(closep) int log_fd = -1;
        int error, pidfd;
        pid_t pid;

        CHECK(options->argv && options->argv[0] && process->exited);
        if (null_fd < 0)
                return os_error(err, errno, "open /dev/null");
        if (options->log_path)
                log_fd = open(options->log_path,
                              O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0640);
        if (options->log_path && log_fd < 0)
                return os_error(err, errno, "open log '%s'", options->log_path);
        error = spawn(options, options->input ? options->input : null_fd, log_fd, &pid);
        if (error)
                return os_error(err, error, "start '%s'", program_of(options));
        /* Our child and not reaped yet: the pid is still its own. */
        pidfd = pidfd_open(pid, 0);
        if (pidfd < 0) {
                error = errno;
                kill_and_reap(pid);
                return os_error(err, error, "watch '%s'", options->argv[0]);
        }
        error = watch_process(loop, process, pid, pidfd, true, err);
        if (error)
                kill_and_reap(pid);
        return error;
}

int process_adopt(struct loop *loop, pid_t pid, struct process *process, struct err *err)
{
        int pidfd;

        CHECK(process->exited);
        if (pid <= 0)
                return err_set(err, ERR_INVALID, "%d is not a process id", (int)pid);
        pidfd = pidfd_open(pid, 0);
        if (pidfd < 0)
                return os_error(err, errno, "find process %d", (int)pid);
        return watch_process(loop, process, pid, pidfd, false, err);
}

int process_signal(struct process *process, int signal, struct err *err)
{
        if (!process->watch.loop)
                return err_set(err, ERR_NOT_FOUND, "the process has exited");
        if (pidfd_send_signal(process->pidfd, signal, NULL, 0) < 0)
                return os_error(err, errno, "signal process %d", (int)process->pid);
        return 0;
}

void process_forget(struct process *process)
{
        if (!process->watch.loop)
                return;
        loop_watch_remove(&process->watch);
        close(process->pidfd);
        process->pidfd = -1;
}
