/* The agent's side of the keeper. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/keeper/message.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "lib/os/os_error.h"
#include "lib/os/process.h"

/* It does nothing else: who cannot take a name in this time hangs. */
static const struct timeval patience = { .tv_sec = 1 };

struct keeper {
        struct loop *loop;
        int fd; /* -1: it is gone */
        struct process process;
        void (*failed)(void *context, const struct err *err);
        void *context;
        struct err err;
        struct loop_post telling;
};

static int connect_to(const struct sockaddr_un *address)
{
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
            connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
                return -1;
        return TAKE_FD(fd);
}

static int listen_at(const struct sockaddr_un *address, int *ret_fd, struct err *err)
{
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        (void)unlink(address->sun_path);
        if (fd < 0 || bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ||
            chmod(address->sun_path, 0600) < 0 || listen(fd, 4) < 0)
                return os_error(err, errno, "listen at '%s'", address->sun_path);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static void process_exited(void *context, int status)
{
        (void)context;
        (void)status;
}

/* The socket is there before the process is, so that nobody need wait for it. */
static int start(struct keeper *keeper, const struct sockaddr_un *address, struct err *err)
{
        const char *const argv[] = { KEEPER_PROGRAM, address->sun_path, NULL };
        _cleanup_(closep) int listener = -1;
        struct process_options options = { .argv = argv,
                                           .program = "/proc/self/exe",
                                           .log_path = "/dev/null",
                                           .new_session = true };

        TRY(listen_at(address, &listener, err));
        options.input = listener;
        TRY(process_start(keeper->loop, &options, &keeper->process, err));
        keeper->fd = connect_to(address);
        if (keeper->fd < 0)
                return os_error(err, errno, "connect to '%s'", address->sun_path);
        return 0;
}

int keeper_new(struct loop *loop, const char *socket_path,
               void (*failed)(void *context, const struct err *err), void *context,
               struct keeper **ret_keeper, struct err *err)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct keeper *keeper;

        if (strlen(socket_path) >= sizeof address.sun_path)
                return err_set(err, ERR_INVALID, "'%s' is too long for a socket", socket_path);
        strcpy(address.sun_path, socket_path);
        keeper = mem_alloc(sizeof *keeper);
        *keeper = (struct keeper){ .loop = loop,
                                   .fd = connect_to(&address),
                                   .process = { .exited = process_exited },
                                   .failed = failed,
                                   .context = context };
        if (keeper->fd < 0 && start(keeper, &address, err) < 0) {
                keeper_free(keeper);
                return err->code;
        }
        *ret_keeper = keeper;
        return 0;
}

void keeper_free(struct keeper *keeper)
{
        if (!keeper)
                return;
        process_forget(&keeper->process);
        loop_post_cancel(keeper->loop, &keeper->telling);
        closep(&keeper->fd);
        free(keeper);
}

static void tell(struct loop_post *post)
{
        struct keeper *keeper = container_of(post, struct keeper, telling);

        keeper->failed(keeper->context, &keeper->err);
}

static void send_name(struct keeper *keeper, const char *name, const int *fds, size_t n)
{
        struct iovec text = { .iov_base = (char *)name, .iov_len = strlen(name) };
        union keeper_control control = { 0 };
        struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1 };

        CHECK(text.iov_len > 0 && text.iov_len < KEEPER_NAME_SIZE && n <= KEEPER_FDS_MAX);
        if (keeper->fd < 0)
                return;
        if (n) {
                message.msg_control = &control;
                message.msg_controllen = CMSG_SPACE(n * sizeof *fds);
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(n * sizeof *fds);
                memcpy(CMSG_DATA(&control.header), fds, n * sizeof *fds);
        }
        if (sendmsg(keeper->fd, &message, MSG_NOSIGNAL) >= 0)
                return;
        os_error(&keeper->err, errno, "hand a container's output to " KEEPER_PROGRAM);
        closep(&keeper->fd);
        keeper->fd = -1;
        keeper->telling.run = tell;
        loop_post(keeper->loop, &keeper->telling);
}

void keeper_hold(struct keeper *keeper, const char *name, const int *fds, size_t n)
{
        if (n)
                send_name(keeper, name, fds, n);
}

void keeper_release(struct keeper *keeper, const char *name)
{
        send_name(keeper, name, NULL, 0);
}
