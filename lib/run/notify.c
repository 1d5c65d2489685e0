/* Telling systemd, or another parent, how we are. */
#include "lib/run/notify.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/mem.h"

void notify_systemd(const char *text)
{
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t size;
        _cleanup_(closep) int fd = -1;

        if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof address.sun_path)
                return;
        strcpy(address.sun_path, path);
        if (*path == '@')
                address.sun_path[0] = 0; /* an abstract name */
        size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0)
                (void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
                              size);
}

void notify_fd(int fd)
{
        (void)!write(fd, "\n", 1);
        close(fd);
}
