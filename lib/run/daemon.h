/* The part of main() that every daemon shares.
 *
 * daemon_main(): --help and --version, settings (YAML by --config FILE, then arguments), logging,
 * loop, signals (TERM, INT: stop in order; HUP: re-read the log level), identity (when the daemon
 * has one), the gRPC server with its listeners, readiness to systemd (sd_notify) and to whoever
 * gave --ready-fd N (a byte is written and N closed), and a metrics text on the local socket.
 *
 * Settings that every daemon has: --config, --log-level, --log-json, --identity FOLDER, --listen
 * ADDRESS (may repeat),
 * --metrics unix:/path, --ready-fd N. */
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

struct daemon_service {
        const struct rpc_service *service;
};

struct daemon_spec {
        const char *name;    /* "skep-store" */
        const char *daemon;  /* "store": the identity's file name and role; NULL: no identity */
        const char *summary; /* "keeps what is true" */
        const struct setting *settings;
        void *config;
        const char *listen_default; /* NULL: no listener unless asked for */
        enum rpc_trust
                trust;    /* of TCP listeners; unix ones are mutual TLS too unless local_admin */
        bool local_admin; /* unix listeners are plain: RPC_LOCAL_ADMIN */
        const struct rpc_service *const
                *serves; /* NULL-terminated; the handlers' context is the struct daemon */
        int n_workers;
        int (*start)(struct daemon *daemon,
                     struct err *err); /* returns quickly; the server starts accepting afterwards */
        void (*stop)(struct daemon *daemon);
        void (*metrics)(struct daemon *daemon,
                        struct str *str); /* adds its own lines; may be NULL */
};

int daemon_main(int argc, char **argv, const struct daemon_spec *spec);

/* Says "ready" once (readiness, health SERVING): after the first snapshot of a mirror, when the
 * store leads, ... */
void daemon_ready(struct daemon *daemon);

/* Ends the process with an error; logged once. */
void daemon_fail(struct daemon *daemon, const struct err *err);
