/* Probes without a program: the agent itself asks, over a socket that was made in the container's
 * network namespace.  All that comes back is bounded, in bytes and in time. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/executor_containerd_probe.h"
#include "api/grpc/health.pb-c.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/rpc/client.h"
#include "lib/state/probe.h"

enum { ANSWER_MAX = 4096, REQUEST_MAX = PROBE_ADDRESS_MAX + 256, GRPC_MESSAGE_MAX = 4096 };

struct network_probe {
        struct probe probe;
        struct probe_address address;
        struct work work;
        bool is_working, is_cancelled, is_late;
        char *netns_path; /* NULL: the machine's own */
        int fd;
        struct err err; /* why there is no socket */

        struct loop_timer timer;
        struct loop_watch watch;
        char answer[ANSWER_MAX];
        size_t n_answer;
        struct rpc_client *client;
        struct loop_post post; /* the end, outside of what the client calls */
        bool is_posted, is_well;
        struct str said;
};

static const char *kind_of(const struct network_probe *probe)
{
        return probe->probe.request->settings->test.words[0];
}

/* --- the end --- */

static void free_network(struct network_probe *probe)
{
        free(probe->netns_path);
        str_done(&probe->said);
        free(probe);
}

static void stop(struct network_probe *probe)
{
        loop_timer_cancel(&probe->timer);
        loop_watch_remove(&probe->watch);
        rpc_client_free(TAKE(probe->client)); /* which may tell of its end */
        if (probe->is_posted)
                loop_post_cancel(probe->probe.request->task->executor->options.loop, &probe->post);
        closep(&probe->fd);
        probe->fd = -1;
}

static void cancel_network(struct probe *base)
{
        struct network_probe *probe = container_of(base, struct network_probe, probe);

        probe->is_cancelled = true;
        stop(probe);
        if (!probe->is_working)
                free_network(probe);
}

/* The client may tell of its own end, too, when it is stopped: that is not heard any more. */
static void end(struct network_probe *probe, bool is_void)
{
        _cleanup_(str_done) struct str said = probe->said;
        struct probe_end end = {
                .is_void = is_void,
                .result.exit_code = probe->is_well ? 0 : 1,
                .output = str_text(&said),
                .output_size = said.length,
        };

        probe->said = (struct str){ 0 };
        stop(probe);
        probe_tell(&probe->probe, &end);
        free_network(probe);
}

static void end_later(struct loop_post *post)
{
        struct network_probe *probe = container_of(post, struct network_probe, post);

        probe->is_posted = false;
        end(probe, false);
}

static void timed_out(void *context)
{
        struct network_probe *probe = context;

        probe->is_late = true;
        if (probe->is_working)
                return;
        str_clear(&probe->said);
        probe_add_timeout(&probe->probe, &probe->said);
        probe->is_well = false;
        end(probe, false);
}

static void end_badly(struct network_probe *probe, const char *doing, int error)
{
        str_addf(&probe->said, "%s %s: %s", doing, probe->probe.request->settings->test.words[1],
                 strerror(error));
        end(probe, false);
}

/* --- HTTP --- */

static void judge_answer(struct network_probe *probe, int status)
{
        size_t line = 0;

        while (line < probe->n_answer && probe->answer[line] != '\r' && probe->answer[line] != '\n')
                line++;
        if (status == PROBE_NOT_HTTP)
                str_add(&probe->said, "the answer is no HTTP");
        else
                str_add_bytes(&probe->said, probe->answer, line);
        probe->is_well = status >= 200 && status < 400;
        end(probe, false);
}

static void answer_ready(void *context, uint32_t events)
{
        struct network_probe *probe = context;
        ssize_t n = recv(probe->fd, probe->answer + probe->n_answer, ANSWER_MAX - probe->n_answer,
                         MSG_DONTWAIT);
        int status;

        (void)events;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n < 0) {
                end_badly(probe, "read from", errno);
                return;
        }
        probe->n_answer += (size_t)n;
        status = probe_http_status(probe->answer, probe->n_answer);
        if (status == PROBE_UNFINISHED && (n == 0 || probe->n_answer == ANSWER_MAX))
                status = PROBE_NOT_HTTP;
        if (status != PROBE_UNFINISHED)
                judge_answer(probe, status);
}

static void ask_http(struct network_probe *probe)
{
        const struct probe_address *address = &probe->address;
        bool is_ipv6 = strchr(address->host, ':');
        char request[REQUEST_MAX];
        int n = snprintf(request, sizeof request,
                         "GET %s HTTP/1.1\r\nHost: %s%s%s:%u\r\nUser-Agent: skep-health\r\n"
                         "Accept: */*\r\nConnection: close\r\n\r\n",
                         str_or(address->path, "/"), is_ipv6 ? "[" : "", address->host,
                         is_ipv6 ? "]" : "", address->port);

        CHECK(n > 0 && (size_t)n < sizeof request);
        if (send(probe->fd, request, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n) {
                end_badly(probe, "write to", errno);
                return;
        }
        probe->watch.ready = answer_ready;
        (void)loop_watch_change(&probe->watch, EPOLLIN, NULL);
}

/* --- gRPC --- */

static void grpc_answered(void *context, const void *out, const struct err *err)
{
        struct network_probe *probe = context;
        const Sk__Grpc__HealthCheckResponse *answer = out;
        const ProtobufCEnumValue *word =
                answer ? protobuf_c_enum_descriptor_get_value(
                                 &sk__grpc__health_check_response__serving_status__descriptor,
                                 (int)answer->status)
                       : NULL;

        if (err)
                str_add(&probe->said, err->text);
        else
                str_add(&probe->said, word ? word->name : "an unknown status");
        probe->is_well = answer &&
                         answer->status == SK__GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
        probe->is_posted = true;
        probe->post.run = end_later;
        loop_post(probe->probe.request->task->executor->options.loop, &probe->post);
}

static void ask_grpc(struct network_probe *probe)
{
        Sk__Grpc__HealthCheckRequest in = SK__GRPC__HEALTH_CHECK_REQUEST__INIT;
        struct loop *loop = probe->probe.request->task->executor->options.loop;
        struct err err;

        loop_watch_remove(&probe->watch);
        if (rpc_client_adopt(loop, TAKE_FD(probe->fd), GRPC_MESSAGE_MAX, &probe->client, &err) <
            0) {
                str_add(&probe->said, err.text);
                end(probe, true);
                return;
        }
        in.service = probe->address.path + (probe->address.path[0] == '/');
        (void)rpc_client_call(probe->client,
                              &(const struct rpc_method_id){ &sk__grpc__health__descriptor,
                                                             "Check" },
                              &in.base, probe->probe.request->settings->timeout_ns, true,
                              grpc_answered, probe);
}

/* --- connecting --- */

static void connected(void *context, uint32_t events)
{
        struct network_probe *probe = context;
        socklen_t size = sizeof(int);
        int error = 0;

        (void)events;
        if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                error = errno;
        if (error) {
                end_badly(probe, "connect to", error);
        } else if (str_equal(kind_of(probe), "HTTP")) {
                ask_http(probe);
        } else if (str_equal(kind_of(probe), "GRPC")) {
                ask_grpc(probe);
        } else {
                str_add(&probe->said, "connected");
                probe->is_well = true;
                end(probe, false);
        }
}

static int begin_connect(const struct network_probe *probe)
{
        struct sockaddr_in6 six = { .sin6_family = AF_INET6,
                                    .sin6_port = htons(probe->address.port) };
        struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(probe->address.port) };

        if (inet_pton(AF_INET, probe->address.host, &four.sin_addr) == 1)
                return connect(probe->fd, (const struct sockaddr *)&four, sizeof four);
        CHECK(inet_pton(AF_INET6, probe->address.host, &six.sin6_addr) == 1);
        return connect(probe->fd, (const struct sockaddr *)&six, sizeof six);
}

static void socket_made(struct work *work)
{
        struct network_probe *probe = container_of(work, struct network_probe, work);
        struct loop *loop;

        probe->is_working = false;
        if (probe->is_cancelled) {
                closep(&probe->fd);
                free_network(probe);
                return;
        }
        if (probe->is_late || probe->fd < 0) {
                str_add(&probe->said, work->was_run ? probe->err.text : "the agent stops");
                end(probe, true);
                return;
        }
        loop = probe->probe.request->task->executor->options.loop;
        if (begin_connect(probe) < 0 && errno != EINPROGRESS) {
                end_badly(probe, "connect to", errno);
                return;
        }
        probe->watch = (struct loop_watch){ .ready = connected, .context = probe, .fd = probe->fd };
        if (loop_watch_add(loop, &probe->watch, EPOLLOUT, &probe->err) < 0) {
                str_add(&probe->said, probe->err.text);
                end(probe, true);
        }
}

/* On the pool: only this thread goes there, and it comes back whatever happens. */
static int make_socket_in(const char *netns_path, int family, int *ret_fd, struct err *err)
{
        _cleanup_(closep) int there = -1, home = -1;

        if (netns_path) {
                home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
                there = open(netns_path, O_RDONLY | O_CLOEXEC);
                if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0)
                        return err_set(err, ERR_UNAVAILABLE, "enter the network '%s': %s",
                                       netns_path, strerror(errno));
        }
        *ret_fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (*ret_fd < 0)
                err_set(err, ERR_UNAVAILABLE, "make a socket: %s", strerror(errno));
        CHECK(home < 0 || setns(home, CLONE_NEWNET) == 0);
        return *ret_fd < 0 ? ERR_UNAVAILABLE : 0;
}

static void make_socket(struct work *work)
{
        struct network_probe *probe = container_of(work, struct network_probe, work);
        int family = strchr(probe->address.host, ':') ? AF_INET6 : AF_INET;

        (void)make_socket_in(probe->netns_path, family, &probe->fd, &probe->err);
}

static void cannot_be_asked(struct network_probe *probe, const struct err *err)
{
        struct loop *loop = probe->probe.request->task->executor->options.loop;

        str_add(&probe->said, err->text);
        probe->is_posted = true;
        probe->post.run = end_later;
        loop_post(loop, &probe->post);
}

struct probe *probe_begin_network(const struct probe_request *request)
{
        struct network_probe *probe = mem_alloc(sizeof *probe);
        const struct executor_containerd *executor = request->task->executor;
        struct err err;

        probe_init(&probe->probe, request, cancel_network);
        probe->fd = -1;
        if (request->task->netns_path)
                probe->netns_path = str_copy(request->task->netns_path);
        if (probe_address_parse(request->settings->test.words[1], &probe->address, &err) < 0) {
                cannot_be_asked(probe, &err);
                return &probe->probe;
        }
        probe->timer = (struct loop_timer){ .fire = timed_out, .context = probe };
        loop_timer_set(executor->options.loop, &probe->timer, request->settings->timeout_ns);
        probe->is_working = true;
        probe->work = (struct work){ .work = make_socket, .done = socket_made };
        worker_submit(executor->options.pool, &probe->work);
        return &probe->probe;
}
