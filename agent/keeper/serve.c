/* The keeper itself. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/keeper/message.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"

enum { AGENTS_MAX = 4, FIRST_AGENT_MS = 10000 };

struct held {
        char name[KEEPER_NAME_SIZE];
        int fds[KEEPER_FDS_MAX];
        size_t n;
};

struct server {
        struct map held;                      /* struct held, by name */
        struct pollfd places[AGENTS_MAX + 1]; /* the listener, then agents: one goes, one comes */
        bool had_agent;
};

static void close_all(const int *fds, size_t n)
{
        for (size_t i = 0; i < n; i++)
                close(fds[i]);
}

static void held_free(struct held *held)
{
        close_all(held->fds, held->n);
        free(held);
}

static void hold(struct server *server, const char *name, const int *fds, size_t n)
{
        struct held *held = mem_alloc(sizeof *held), *before;

        strcpy(held->name, name);
        memcpy(held->fds, fds, n * sizeof *fds);
        held->n = n;
        before = map_put(&server->held, held->name, held);
        if (before)
                held_free(before);
}

static void release(struct server *server, const char *name)
{
        struct held *held = map_remove(&server->held, name);

        if (held)
                held_free(held);
}

static size_t take_fds(struct msghdr *message, int fds[static KEEPER_FDS_MAX])
{
        const struct cmsghdr *header = CMSG_FIRSTHDR(message);
        size_t n;

        if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
                return 0;
        n = (header->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
        memcpy(fds, CMSG_DATA(header), n * sizeof *fds);
        return n;
}

/* False: the agent is gone. */
static bool serve(struct server *server, int agent)
{
        char name[KEEPER_NAME_SIZE];
        struct iovec text = { .iov_base = name, .iov_len = sizeof name - 1 };
        union keeper_control control;
        struct msghdr message = { .msg_iov = &text,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof control };
        ssize_t size = recvmsg(agent, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        int fds[KEEPER_FDS_MAX];
        size_t n;

        if (size <= 0)
                return size < 0 && (errno == EAGAIN || errno == EINTR);
        name[size] = '\0';
        n = take_fds(&message, fds);
        if (message.msg_flags & MSG_CTRUNC)
                close_all(fds, n); /* not all found room here: what was held is worth more */
        else if (n)
                hold(server, name, fds, n);
        else
                release(server, name);
        return true;
}

static void admit(struct server *server)
{
        int fd = accept4(server->places[0].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        for (size_t i = 1; fd >= 0 && i <= AGENTS_MAX; i++) {
                if (server->places[i].fd >= 0)
                        continue;
                server->places[i].fd = fd;
                server->had_agent = true;
                return;
        }
        if (fd >= 0)
                close(fd);
}

static bool is_of_use(const struct server *server)
{
        if (server->held.n || !server->had_agent)
                return true;
        for (size_t i = 1; i <= AGENTS_MAX; i++)
                if (server->places[i].fd >= 0)
                        return true;
        return false;
}

/* False: nobody came at all. */
static bool turn(struct server *server)
{
        int n = poll(server->places, AGENTS_MAX + 1, server->had_agent ? -1 : FIRST_AGENT_MS);

        if (n < 0)
                return errno == EINTR;
        if (n == 0)
                return false;
        for (size_t i = 1; i <= AGENTS_MAX; i++) {
                struct pollfd *place = &server->places[i];

                if (place->fd < 0 || !place->revents || serve(server, place->fd))
                        continue;
                close(place->fd);
                place->fd = -1;
        }
        if (server->places[0].revents)
                admit(server);
        return true;
}

/* Two descriptors for each container. */
static void raise_limit(void)
{
        struct rlimit files;

        if (getrlimit(RLIMIT_NOFILE, &files) < 0)
                return;
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
}

int keeper_main(void)
{
        struct server server = { .places[0] = { .fd = STDIN_FILENO, .events = POLLIN } };
        struct held *held;

        prctl(PR_SET_NAME, KEEPER_PROGRAM);
        raise_limit();
        for (size_t i = 1; i <= AGENTS_MAX; i++)
                server.places[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
        while (is_of_use(&server) && turn(&server))
                ;
        for (size_t at = 0; (held = map_next(&server.held, &at));)
                held_free(held);
        map_done(&server.held);
        return 0;
}
