/* The part of main() that every daemon shares.
 *
 * daemon_main(): --help and --version, settings (YAML by --config FILE, then arguments), logging,
 * loop, signals (TERM, INT: stop in order; HUP: re-read the log level), identity (when the daemon
 * has one), the gRPC server with its listeners, readiness to systemd (sd_notify) and to whoever
 * gave --ready-fd N (a byte is written and N closed), and a metrics text on the local socket.
 *
 * Settings that every daemon has: --config FILE, --log-level, --log-json, --identity FOLDER,
 * --listen ADDRESS (may repeat),
 * --metrics unix:/path, --ready-fd N.
 *
 * The local socket speaks HTTP: GET /metrics (Prometheus text), GET /state (what the daemon has in
 * mind, for people), POST /log-level/debug. */
#pragma once
#include "lib/os/loop.h"
#include "lib/os/worker.h"
#include "lib/rpc/server.h"
#include "lib/run/settings.h"

struct daemon {
        struct loop *loop;
        struct worker_pool *workers; /* n_workers threads; NULL when the spec asks for none */
        const struct rpc_identity *identity; /* NULL when the spec asks for none */
        struct rpc_server *server;           /* NULL when it serves nothing */
        const struct daemon_spec *spec;
        void *state; /* the daemon's own, set by start() */
};

struct daemon_spec {
        const char *name;    /* "skep-store" */
        const char *daemon;  /* "store": the identity's file name and role; NULL: no identity */
        const char *summary; /* "keeps what is true" */
        const struct setting *settings;
        void *config;
        const char *listen_default; /* with commas between several; NULL: no listener unless asked
                                       for */
        enum rpc_trust
                trust;    /* of TCP listeners; unix ones are mutual TLS too unless local_admin */
        bool local_admin; /* unix listeners are plain: RPC_LOCAL_ADMIN */
        /* Whoever is in this group may use the unix sockets, when there is such a group; NULL: only
         * the daemon's own user and group. */
        const char *socket_group;
        const struct rpc_service *const
                *serves;         /* NULL-terminated; the handlers' context is the struct daemon */
        size_t message_size_max; /* of requests to this server; 0: rpc_server's default */
        int n_workers;
        int (*start)(struct daemon *daemon,
                     struct err *err); /* returns quickly; the server starts accepting afterwards */
        /* Only after a start that went well; the server has ended all calls and the workers all
         * work by then (both are NULL). */
        void (*stop)(struct daemon *daemon);
        void (*metrics)(struct daemon *daemon,
                        struct str *str);                     /* adds its own lines; may be NULL */
        void (*dump)(struct daemon *daemon, struct str *str); /* for GET /state; may be NULL */
};

int daemon_main(int argc, char **argv, const struct daemon_spec *spec);

/* More of the same, for what is shared by daemons: called back after 'metrics', after 'dump', and
 * after 'stop' (the newest first).  At most 8 each. */
typedef void daemon_adds(void *context, struct str *str);
void daemon_add_metrics(struct daemon *daemon, daemon_adds *metrics, void *context);
void daemon_add_dump(struct daemon *daemon, daemon_adds *dump, void *context);
void daemon_at_stop(struct daemon *daemon, void (*stop)(void *context), void *context);

/* Says "ready" once, as soon as the listeners are open (readiness, health SERVING): after the first
 * snapshot of a mirror, when the store leads, ... */
void daemon_ready(struct daemon *daemon);

/* Ends the process in order, with an error; logged once. */
void daemon_fail(struct daemon *daemon, const struct err *err);
