/* The way to a log server. */
#include "agent/logs/wire.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/logs/format.h"
#include "agent/logs/wire_tls.h"
#include "lib/base/check.h"
#include "lib/base/time.h"

enum { BLOCKING_MOST = 256 << 10, SENDS_PER_TURN = 64, TCP_PATIENCE_MS = 30000 };

static const int64_t pause_least_ns = 100 * NS_PER_MS, pause_most_ns = 5 * NS_PER_S;
static const int64_t connect_patience_ns = 10 * NS_PER_S, steady_ns = 5 * NS_PER_S;

/* The answer to a name; it outlives the wire when it is slow. */
struct lookup {
        struct log_wire *wire; /* NULL: not wanted any more */
        struct work work;
        char host[256], port[16];
        int type, result;
        struct addrinfo *found;
};

struct log_wire {
        struct log_wire_options options;
        struct lookup *lookup;
        struct addrinfo *addresses;
        const struct addrinfo *next; /* to be tried */
        int fd;                      /* -1: not connected */
        struct loop_watch watch;
        struct wire_tls *tls;
        bool is_connecting;
        struct loop_timer timer;  /* until the next try, or for as long as a connection may take */
        struct loop_timer steady; /* until a connection counts as one */
        int64_t pause_ns;
        struct str waiting; /* frames */
        size_t at;          /* where the first one begins */
        size_t n_sent;      /* of the first frame, on a stream */
        uint64_t n_dropped;
        bool was_full, is_unreached;
        struct err err;

        void (*done)(void *context);
        void *done_context;
        struct loop_timer patience;
};

static void connect_next(struct log_wire *wire);
static void try_again(void *context);

static bool is_stream(const struct log_wire *wire)
{
        enum log_transport transport = wire->options.config->transport;

        return transport != LOG_UDP && transport != LOG_UNIXGRAM;
}

static size_t waiting_bytes(const struct log_wire *wire)
{
        return wire->waiting.length - wire->at;
}

static const char *first_waiting(const struct log_wire *wire)
{
        return str_text(&wire->waiting) + wire->at;
}

/* --- the end of a connection --- */

static void hang_up(struct log_wire *wire)
{
        loop_timer_cancel(&wire->timer);
        loop_timer_cancel(&wire->steady);
        loop_watch_remove(&wire->watch);
        wire_tls_free(TAKE(wire->tls));
        if (wire->fd >= 0)
                close(TAKE_FD(wire->fd));
        wire->is_connecting = false;
        wire->n_sent = 0;
}

static void set_unreached(struct log_wire *wire, bool is_unreached)
{
        if (wire->is_unreached == is_unreached)
                return;
        wire->is_unreached = is_unreached;
        if (wire->options.trouble)
                wire->options.trouble(wire->options.context);
}

static void drop(struct log_wire *wire)
{
        if (wire->n_dropped++ == 0 && wire->options.trouble)
                wire->options.trouble(wire->options.context);
}

/* Not before: a server that takes connections and drops them would be news many times a second. */
static void has_lasted(void *context)
{
        struct log_wire *wire = context;

        wire->pause_ns = 0;
        wire->err = (struct err){ 0 };
        set_unreached(wire, false);
}

/* Another address, or all of them again after a pause. */
static void lost(struct log_wire *wire, const char *what, int error)
{
        if (error)
                err_set(&wire->err, ERR_UNAVAILABLE, "%s: %s", what, strerror(error));
        hang_up(wire);
        set_unreached(wire, true);
        wire->pause_ns = wire->pause_ns ? 2 * wire->pause_ns : pause_least_ns;
        if (wire->pause_ns > pause_most_ns)
                wire->pause_ns = pause_most_ns;
        wire->timer.fire = try_again;
        loop_timer_set(wire->options.loop, &wire->timer, wire->pause_ns);
}

/* --- sending --- */

/* The first frame is over; what was sent is forgotten when it is most of what is kept. */
static void drop_first(struct log_wire *wire, size_t size)
{
        struct str *waiting = &wire->waiting;

        wire->at += LOG_FRAME_HEAD + size;
        wire->n_sent = 0;
        if (wire->at < waiting->length / 2)
                return;
        memmove(waiting->text, waiting->text + wire->at, waiting->length - wire->at);
        waiting->length -= wire->at;
        waiting->text[waiting->length] = '\0';
        wire->at = 0;
}

static ssize_t send_some(struct log_wire *wire, const char *data, size_t size, bool *ret_wants_read)
{
        if (wire->tls)
                return wire_tls_write(wire->tls, data, size, ret_wants_read, &wire->err);
        return send(wire->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A datagram that nobody takes is lost, as datagrams are; a socket that is gone comes back. */
static bool is_lost_datagram(const struct log_wire *wire, int error)
{
        return wire->options.config->transport == LOG_UDP ||
               (wire->options.config->transport == LOG_UNIXGRAM && error == EMSGSIZE);
}

/* False: no more for now. */
static bool send_first(struct log_wire *wire, const char *frame, size_t size)
{
        bool wants_read = false;
        ssize_t n = send_some(wire, frame + wire->n_sent, size - wire->n_sent, &wants_read);

        if (n < 0 && errno == EINTR)
                return true;
        if (n < 0 && errno == EAGAIN) {
                (void)loop_watch_change(&wire->watch, wants_read ? EPOLLIN : EPOLLIN | EPOLLOUT,
                                        NULL);
                return false;
        }
        if (n < 0 && !is_lost_datagram(wire, errno)) {
                lost(wire, "send", wire->tls ? 0 : errno);
                return false;
        }
        if (n < 0)
                drop(wire);
        wire->n_sent += n < 0 ? size - wire->n_sent : (size_t)n;
        if (wire->n_sent >= size)
                drop_first(wire, size);
        return true;
}

static void tell_done(struct log_wire *wire)
{
        void (*done)(void *context) = TAKE(wire->done);

        loop_timer_cancel(&wire->patience);
        done(wire->done_context);
}

/* May free the wire, at its end. */
static void send_waiting(struct log_wire *wire)
{
        const char *frame;
        size_t size;
        int n = 0;

        while (wire->fd >= 0 && !wire->is_connecting && n++ < SENDS_PER_TURN &&
               log_frame_first(first_waiting(wire), waiting_bytes(wire), &frame, &size) &&
               send_first(wire, frame, size)) {
        }
        if (wire->fd >= 0 && !wire->is_connecting && n >= SENDS_PER_TURN)
                (void)loop_watch_change(&wire->watch, EPOLLIN | EPOLLOUT, NULL);
        else if (wire->fd >= 0 && waiting_bytes(wire) == 0)
                (void)loop_watch_change(&wire->watch, EPOLLIN, NULL);
        if (wire->was_full && waiting_bytes(wire) < BLOCKING_MOST / 2) {
                wire->was_full = false;
                wire->options.writable(wire->options.context);
        }
        if (wire->done && waiting_bytes(wire) == 0)
                tell_done(wire);
}

/* --- connecting --- */

/* False: it goes on, or is lost. */
static bool shake_hands(struct log_wire *wire)
{
        bool wants_read = false;
        int result = 0;

        if (!wire->tls)
                result = wire_tls_new(wire->options.config, wire->fd, &wire->tls, &wire->err);
        if (result == 0)
                result = wire_tls_shake_hands(wire->tls, &wants_read, &wire->err);
        if (result < 0)
                lost(wire, "TLS", 0);
        else if (result > 0)
                (void)loop_watch_change(&wire->watch, wants_read ? EPOLLIN : EPOLLOUT, NULL);
        return result == 0;
}

static bool finish_connecting(struct log_wire *wire)
{
        socklen_t size = sizeof(int);
        int error = 0;

        getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
                lost(wire, "connect", error);
                return false;
        }
        if (wire->options.config->transport == LOG_TLS && !shake_hands(wire))
                return false;
        wire->is_connecting = false;
        loop_timer_cancel(&wire->timer);
        loop_timer_set(wire->options.loop, &wire->steady,
                       wire->options.steady_ns ? wire->options.steady_ns : steady_ns);
        return true;
}

/* A log server has nothing to say; what it says is thrown away, and its end noticed. */
static bool is_still_there(struct log_wire *wire)
{
        char ignored[512];
        ssize_t n;

        if (wire->tls)
                return wire_tls_read(wire->tls, &wire->err) == 0;
        n = recv(wire->fd, ignored, sizeof ignored, MSG_DONTWAIT);
        return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)) || !is_stream(wire);
}

static void wire_ready(void *context, uint32_t events)
{
        struct log_wire *wire = context;

        if (wire->is_connecting && !finish_connecting(wire))
                return;
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !is_still_there(wire)) {
                lost(wire, "the server", wire->tls ? 0 : ECONNRESET);
                return;
        }
        send_waiting(wire);
}

static void took_too_long(void *context)
{
        lost(context, "connect", ETIMEDOUT);
}

static int open_socket(struct log_wire *wire, int family, const struct sockaddr *address,
                       socklen_t size)
{
        int type = is_stream(wire) ? SOCK_STREAM : SOCK_DGRAM, patience = TCP_PATIENCE_MS;

        wire->fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (wire->fd < 0)
                return errno;
        if (family != AF_UNIX && type == SOCK_STREAM)
                (void)setsockopt(wire->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience,
                                 sizeof patience);
        if (connect(wire->fd, address, size) < 0 && errno != EINPROGRESS)
                return errno;
        return 0;
}

static void dial(struct log_wire *wire, int family, const struct sockaddr *address, socklen_t size)
{
        int error = open_socket(wire, family, address, size);

        if (error) {
                lost(wire, "connect", error);
                return;
        }
        wire->watch = (struct loop_watch){ .ready = wire_ready, .context = wire, .fd = wire->fd };
        if (loop_watch_add(wire->options.loop, &wire->watch, EPOLLIN | EPOLLOUT, NULL) < 0) {
                lost(wire, "watch", ENOMEM);
                return;
        }
        wire->is_connecting = true;
        wire->timer.fire = took_too_long;
        loop_timer_set(wire->options.loop, &wire->timer,
                       wire->options.connect_patience_ns ? wire->options.connect_patience_ns
                                                         : connect_patience_ns);
}

static void connect_next(struct log_wire *wire)
{
        const struct addrinfo *address = wire->next;

        if (!address) {
                freeaddrinfo(TAKE(wire->addresses));
                lost(wire, "no address", EHOSTUNREACH);
                return;
        }
        wire->next = address->ai_next;
        dial(wire, address->ai_family, address->ai_addr, address->ai_addrlen);
}

/* --- names --- */

static void look_up(struct work *at)
{
        struct lookup *lookup = container_of(at, struct lookup, work);
        struct addrinfo hints = { .ai_socktype = lookup->type, .ai_flags = AI_ADDRCONFIG };

        lookup->result = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->found);
}

static void looked_up(struct work *at)
{
        struct lookup *lookup = container_of(at, struct lookup, work);
        struct log_wire *wire = lookup->wire;
        bool was_run = at->was_run, is_found = was_run && lookup->result == 0;

        if (wire) {
                wire->lookup = NULL;
                wire->addresses = is_found ? TAKE(lookup->found) : NULL;
                wire->next = wire->addresses;
        }
        if (lookup->found)
                freeaddrinfo(lookup->found);
        free(lookup);
        if (!wire || !was_run)
                return;
        if (is_found)
                connect_next(wire);
        else
                lost(wire, "the server's name is not known", EHOSTUNREACH);
}

static void ask_name(struct log_wire *wire)
{
        const struct log_config *config = wire->options.config;
        struct lookup *lookup = mem_alloc(sizeof *lookup);

        lookup->wire = wire;
        snprintf(lookup->host, sizeof lookup->host, "%s", config->host);
        snprintf(lookup->port, sizeof lookup->port, "%s", config->port);
        lookup->type = is_stream(wire) ? SOCK_STREAM : SOCK_DGRAM;
        lookup->work = (struct work){ .work = look_up, .done = looked_up };
        wire->lookup = lookup;
        worker_submit(wire->options.pool, &lookup->work);
}

static void try_again(void *context)
{
        struct log_wire *wire = context;
        const struct log_config *config = wire->options.config;
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (config->transport == LOG_UNIX || config->transport == LOG_UNIXGRAM) {
                snprintf(address.sun_path, sizeof address.sun_path, "%s", config->path);
                dial(wire, AF_UNIX, (const struct sockaddr *)&address, sizeof address);
        } else if (wire->next) {
                connect_next(wire);
        } else {
                if (wire->addresses)
                        freeaddrinfo(TAKE(wire->addresses));
                ask_name(wire);
        }
}

/* --- from outside --- */

bool log_wire_put(struct log_wire *wire, const struct str *frames)
{
        const struct log_config *config = wire->options.config;
        const char *at = str_text(frames), *end = at + frames->length, *frame;
        size_t size;

        while (log_frame_first(at, (size_t)(end - at), &frame, &size)) {
                size_t whole = LOG_FRAME_HEAD + size;

                if (size == 0 || (config->is_nonblocking && waiting_bytes(wire) > 0 &&
                                  waiting_bytes(wire) + whole > (size_t)config->buffer_size))
                        drop(wire);
                else
                        str_add_bytes(&wire->waiting, at, whole);
                at += whole;
        }
        send_waiting(wire);
        wire->was_full = !config->is_nonblocking && waiting_bytes(wire) > BLOCKING_MOST;
        return !wire->was_full;
}

uint64_t log_wire_dropped(const struct log_wire *wire)
{
        return wire->n_dropped;
}

const char *log_wire_error(const struct log_wire *wire)
{
        return wire->err.code ? wire->err.text : "";
}

/* What nobody took in time. */
static void give_up(void *context)
{
        struct log_wire *wire = context;
        const char *frame;
        size_t size;

        while (log_frame_first(first_waiting(wire), waiting_bytes(wire), &frame, &size)) {
                drop(wire);
                wire->at += LOG_FRAME_HEAD + size;
        }
        str_clear(&wire->waiting);
        wire->at = 0;
        TAKE(wire->done)(wire->done_context);
}

void log_wire_finish(struct log_wire *wire, int64_t patience_ns, void (*done)(void *context),
                     void *context)
{
        wire->done = done;
        wire->done_context = context;
        wire->patience = (struct loop_timer){ .fire = give_up, .context = wire };
        loop_timer_set(wire->options.loop, &wire->patience, waiting_bytes(wire) ? patience_ns : 0);
}

struct log_wire *log_wire_new(const struct log_wire_options *options)
{
        struct log_wire *wire = mem_alloc(sizeof *wire);

        wire->options = *options;
        wire->fd = -1;
        wire->timer = (struct loop_timer){ .fire = try_again, .context = wire };
        wire->steady = (struct loop_timer){ .fire = has_lasted, .context = wire };
        loop_timer_set(options->loop, &wire->timer, 0);
        return wire;
}

void log_wire_free(struct log_wire *wire)
{
        if (!wire)
                return;
        hang_up(wire);
        loop_timer_cancel(&wire->patience);
        if (wire->lookup)
                wire->lookup->wire = NULL;
        if (wire->addresses)
                freeaddrinfo(wire->addresses);
        str_done(&wire->waiting);
        free(wire);
}
