/* A few texts by HTTP/1.0 over a local socket: one request per connection, nothing kept. */
#include "lib/run/text_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/time.h"

enum { CONNECTIONS_MAX = 16, REQUEST_SIZE_MAX = 4096, BACKLOG = 16, SOCKET_MODE = 0660 };
static const int64_t CONNECTION_NS = 5 * NS_PER_S;

struct connection {
        struct text_server *server;
        struct loop_watch watch;
        struct loop_timer timer;
        char request[REQUEST_SIZE_MAX + 1];
        size_t request_length;
        struct str response;
        size_t sent;
};

struct text_server {
        struct loop *loop;
        text_server_answer *answer;
        void *context;
        struct loop_watch watch;
        struct connection *connections[CONNECTIONS_MAX];
        char path[sizeof((struct sockaddr_un *)0)->sun_path];
};

/* --- a connection --- */

static void connection_close(struct connection *connection)
{
        struct text_server *server = connection->server;

        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
                if (server->connections[i] == connection)
                        server->connections[i] = NULL;
        loop_timer_cancel(&connection->timer);
        loop_watch_remove(&connection->watch);
        close(connection->watch.fd);
        str_done(&connection->response);
        free(connection);
}

static void connection_late(void *context)
{
        connection_close(context);
}

/* "METHOD /path HTTP/1.x" */
static void connection_answer(struct connection *connection)
{
        struct text_server *server = connection->server;
        char method[16], path[128];
        struct str body = { 0 };
        const char *status = "200 OK";

        if (sscanf(connection->request, "%15s %127s HTTP/1.", method, path) != 2) {
                status = "400 Bad Request";
        } else if (!server->answer(server->context, method, path, &body)) {
                status = "404 Not Found";
                str_clear(&body);
                str_add(&body, "There is no such page; try GET /metrics or GET /state.\n");
        }
        str_addf(&connection->response,
                 "HTTP/1.0 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                 "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                 status, body.length);
        str_add_bytes(&connection->response, str_text(&body), body.length);
        str_done(&body);
}

static bool has_whole_request(const struct connection *connection)
{
        return strstr(connection->request, "\r\n\r\n") || strstr(connection->request, "\n\n");
}

/* Reads until the request is whole; false when the connection is over. */
static bool connection_read(struct connection *connection)
{
        ssize_t n = recv(connection->watch.fd, connection->request + connection->request_length,
                         REQUEST_SIZE_MAX - connection->request_length, 0);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        if (n == 0)
                return false;
        connection->request_length += (size_t)n;
        connection->request[connection->request_length] = 0;
        if (!has_whole_request(connection))
                return connection->request_length < REQUEST_SIZE_MAX;
        connection_answer(connection);
        return loop_watch_change(&connection->watch, EPOLLOUT, NULL) == 0;
}

static bool connection_write(struct connection *connection)
{
        struct str *response = &connection->response;
        ssize_t n = send(connection->watch.fd, response->text + connection->sent,
                         response->length - connection->sent, MSG_NOSIGNAL);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        connection->sent += (size_t)n;
        return connection->sent < response->length;
}

static void connection_ready(void *context, uint32_t events)
{
        struct connection *connection = context;
        bool goes_on = connection->response.length ? connection_write(connection)
                                                   : connection_read(connection);

        if (!goes_on || (events & EPOLLERR))
                connection_close(connection);
}

static void connection_open(struct text_server *server, size_t place, int fd)
{
        struct connection *connection = mem_alloc(sizeof *connection);

        connection->server = server;
        connection->watch =
                (struct loop_watch){ .fd = fd, .ready = connection_ready, .context = connection };
        connection->timer = (struct loop_timer){ .fire = connection_late, .context = connection };
        if (loop_watch_add(server->loop, &connection->watch, EPOLLIN, NULL) < 0) {
                close(fd);
                free(connection);
                return;
        }
        server->connections[place] = connection;
        loop_timer_set(server->loop, &connection->timer, CONNECTION_NS);
}

/* --- the listener --- */

static void listener_ready(void *context, uint32_t events)
{
        struct text_server *server = context;
        size_t place = 0;
        int fd;

        (void)events;
        fd = accept4(server->watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
                return;
        while (place < CONNECTIONS_MAX && server->connections[place])
                place++;
        if (place == CONNECTIONS_MAX)
                close(fd);
        else
                connection_open(server, place, fd);
}

static int open_listener(const char *path, int *ret_fd, struct err *err)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return err_set(err, ERR_UNAVAILABLE, "socket: %s", strerror(errno));
        strcpy(address.sun_path, path);
        unlink(path);
        if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
            chmod(path, SOCKET_MODE) < 0 || listen(fd, BACKLOG) < 0)
                return err_set(err, ERR_UNAVAILABLE, "cannot listen on '%s': %s", path,
                               strerror(errno));
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int text_server_new(struct loop *loop, const char *address, text_server_answer *answer,
                    void *context, struct text_server **ret_server, struct err *err)
{
        const char *path = address + strlen("unix:");
        struct text_server *server;
        int fd = -1, result;

        if (!str_starts_with(address, "unix:/") || strlen(path) >= sizeof server->path)
                return err_set(err, ERR_INVALID,
                               "'%s': write unix:/path, of at most %zu characters", address,
                               sizeof server->path - 1);
        TRY(open_listener(path, &fd, err));
        server = mem_alloc(sizeof *server);
        server->loop = loop;
        server->answer = answer;
        server->context = context;
        strcpy(server->path, path);
        server->watch = (struct loop_watch){ .fd = fd, .ready = listener_ready, .context = server };
        result = loop_watch_add(loop, &server->watch, EPOLLIN, err);
        if (result < 0) {
                close(fd);
                free(server);
                return result;
        }
        *ret_server = server;
        return 0;
}

void text_server_free(struct text_server *server)
{
        if (!server)
                return;
        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
                if (server->connections[i])
                        connection_close(server->connections[i]);
        loop_watch_remove(&server->watch);
        close(server->watch.fd);
        unlink(server->path);
        free(server);
}
