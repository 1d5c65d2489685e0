/* The part of main() that every daemon shares. */
#include "lib/run/daemon.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "lib/os/log.h"
#include "lib/run/notify.h"
#include "lib/run/process_metrics.h"
#include "lib/run/text_server.h"
#include "lib/base/version.h"

enum { HOOKS_MAX = 8, GRACE_MS = 300, UNIX_SOCKET_MODE = 0660, READY_FD_MAX = 1 << 20 };

struct hook {
        void (*stop)(void *context);
        daemon_adds *adds;
        void *context;
};

struct common_settings {
        const char *config, *log_level, *identity, *metrics;
        bool log_json;
        int64_t ready_fd;
        struct setting_list listen;
};

struct running {
        struct daemon daemon;
        struct common_settings common;
        struct setting rows[8]; /* the common table; --listen's fallback is the daemon's */
        struct settings sets[2];
        int argc;
        char **argv;
        struct rpc_identity *identity;
        struct text_server *texts;
        struct hook metrics[HOOKS_MAX], dumps[HOOKS_MAX], stops[HOOKS_MAX];
        size_t n_metrics, n_dumps, n_stops;
        bool is_open, is_ready, has_failed;
};

static struct running *running_of(struct daemon *daemon)
{
        return container_of(daemon, struct running, daemon);
}

/* --- settings --- */

#define COMMON(member) offsetof(struct common_settings, member)

static void settings_init(struct running *running, const struct daemon_spec *spec)
{
        const struct setting rows[] = {
                { "config", SETTING_PATH, COMMON(config), NULL, "read settings from this YAML file",
                  0, 0 },
                { "log-level", SETTING_STRING, COMMON(log_level), "info",
                  "debug, info, warn or error", 0, 0 },
                { "log-json", SETTING_BOOL, COMMON(log_json), "false", "log lines as JSON", 0, 0 },
                { "identity", SETTING_PATH, COMMON(identity), "/var/lib/skep/identity",
                  "folder of the keys and certificates", 0, 0 },
                { "listen", SETTING_ADDRESSES, COMMON(listen), spec->listen_default,
                  "where to listen, may be repeated", 0, 0 },
                { "metrics", SETTING_ADDRESS, COMMON(metrics), NULL,
                  "unix:/path where metrics and state are told", 0, 0 },
                { "ready-fd", SETTING_COUNT, COMMON(ready_fd), "0",
                  "write a byte to this descriptor when ready", 0, READY_FD_MAX },
                { 0 },
        };

        static_assert(sizeof rows == sizeof running->rows, "a common setting more or less");
        memcpy(running->rows, rows, sizeof rows);
        running->sets[0] = (struct settings){ running->rows, &running->common };
        running->sets[1] = (struct settings){ spec->settings, spec->config };
}

/* The value of --config, which says where to begin; NULL when it is not given. */
static const char *config_path(int argc, char **argv)
{
        for (int i = 1; i < argc; i++) {
                if (str_starts_with(argv[i], "--config="))
                        return argv[i] + strlen("--config=");
                if (str_equal(argv[i], "--config") && i + 1 < argc)
                        return argv[i + 1];
        }
        return NULL;
}

static int read_settings(struct running *running, struct err *err)
{
        TRY(settings_load_all(running->sets, COUNT_OF(running->sets),
                              config_path(running->argc, running->argv), running->argc,
                              running->argv, err));
        if (log_level_from_name(running->common.log_level) < 0)
                return err_set(err, ERR_INVALID,
                               "log-level '%s' is none of debug, info, warn, error",
                               running->common.log_level);
        return 0;
}

/* What only prints and ends. */
static bool asks_for(int argc, char **argv, const char *option)
{
        for (int i = 1; i < argc; i++)
                if (str_equal(argv[i], option))
                        return true;
        return false;
}

/* --- signals --- */

static void stop_asked(void *context, int signal)
{
        struct running *running = context;

        LOG(INFO, "stopping", STR("signal", strsignal(signal)));
        notify_systemd("STOPPING=1");
        loop_stop(running->daemon.loop);
}

/* Only the level may change while running: it is read from a second copy of everything. */
static void reload_asked(void *context, int signal)
{
        struct running *running = context;
        struct common_settings common = { 0 };
        const struct daemon_spec *spec = running->daemon.spec;
        size_t size = sizeof(struct setting_list);
        void *config;
        struct settings sets[2];
        struct err err;
        int level = -1;

        (void)signal;
        for (const struct setting *row = spec->settings; row && row->key; row++)
                if (row->offset + sizeof(struct setting_list) > size)
                        size = row->offset + sizeof(struct setting_list);
        config = mem_alloc(size);
        sets[0] = (struct settings){ running->rows, &common };
        sets[1] = (struct settings){ spec->settings, config };
        if (settings_load_all(sets, 2, config_path(running->argc, running->argv), running->argc,
                              running->argv, &err) == 0)
                level = log_level_from_name(common.log_level);
        else
                LOG(WARN, "the settings cannot be read again", STR("error", err.text));
        if (level >= 0)
                log_set_level((enum log_level)level);
        settings_done(sets, 2);
        free(config);
}

static int watch_signals(struct running *running, struct err *err)
{
        struct loop *loop = running->daemon.loop;

        signal(SIGPIPE, SIG_IGN);
        TRY(loop_signal(loop, SIGTERM, stop_asked, running, err));
        TRY(loop_signal(loop, SIGINT, stop_asked, running, err));
        return loop_signal(loop, SIGHUP, reload_asked, running, err);
}

/* --- metrics and state --- */

static void add_metrics(struct running *running, struct str *str)
{
        struct daemon *daemon = &running->daemon;

        process_metrics(str);
        if (daemon->server)
                rpc_server_metrics(daemon->server, str);
        if (daemon->spec->metrics)
                daemon->spec->metrics(daemon, str);
        for (size_t i = 0; i < running->n_metrics; i++)
                running->metrics[i].adds(running->metrics[i].context, str);
}

static void add_state(struct running *running, struct str *str)
{
        if (running->daemon.spec->dump)
                running->daemon.spec->dump(&running->daemon, str);
        for (size_t i = 0; i < running->n_dumps; i++)
                running->dumps[i].adds(running->dumps[i].context, str);
}

static bool set_level(const char *name, struct str *ret_body)
{
        int level = log_level_from_name(name);

        if (level < 0)
                return false;
        log_set_level((enum log_level)level);
        str_addf(ret_body, "The log level is %s.\n", name);
        return true;
}

static bool answer_text(void *context, const char *method, const char *path, struct str *ret_body)
{
        static const char level_path[] = "/log-level/";
        struct running *running = context;

        if (str_equal(method, "POST") && str_starts_with(path, level_path))
                return set_level(path + strlen(level_path), ret_body);
        if (!str_equal(method, "GET"))
                return false;
        if (str_equal(path, "/metrics"))
                add_metrics(running, ret_body);
        else if (str_equal(path, "/state"))
                add_state(running, ret_body);
        else
                return false;
        return true;
}

void daemon_add_metrics(struct daemon *daemon, daemon_adds *metrics, void *context)
{
        struct running *running = running_of(daemon);

        CHECK(running->n_metrics < HOOKS_MAX);
        running->metrics[running->n_metrics++] =
                (struct hook){ .adds = metrics, .context = context };
}

void daemon_add_dump(struct daemon *daemon, daemon_adds *dump, void *context)
{
        struct running *running = running_of(daemon);

        CHECK(running->n_dumps < HOOKS_MAX);
        running->dumps[running->n_dumps++] = (struct hook){ .adds = dump, .context = context };
}

void daemon_at_stop(struct daemon *daemon, void (*stop)(void *context), void *context)
{
        struct running *running = running_of(daemon);

        CHECK(running->n_stops < HOOKS_MAX);
        running->stops[running->n_stops++] = (struct hook){ .stop = stop, .context = context };
}

/* --- starting --- */

static int make_server(struct running *running, struct err *err)
{
        const struct daemon_spec *spec = running->daemon.spec;
        const struct rpc_server_options options = {
                .identity = running->identity,
                .message_size_max = spec->message_size_max,
        };

        if (!spec->serves)
                return 0;
        TRY(rpc_server_new(running->daemon.loop, &options, &running->daemon.server, err));
        for (size_t i = 0; spec->serves[i]; i++)
                TRY(rpc_server_add(running->daemon.server, spec->serves[i], &running->daemon, err));
        return 0;
}

/* No such group, or one that cannot own files here (in a user namespace): the socket stays as it
 * is. */
static void give_to_group(const char *path, const char *name)
{
        const struct group *group = name ? getgrnam(name) : NULL;

        if (group && chown(path, (uid_t)-1, group->gr_gid) < 0)
                LOG(WARN, "a socket is not given to its group", STR("path", path),
                    STR("group", name), STR("why", strerror(errno)));
}

static int listen_on(struct running *running, const char *address, struct err *err)
{
        const struct daemon_spec *spec = running->daemon.spec;
        enum rpc_trust trust = spec->trust;

        if (str_starts_with(address, "unix:"))
                trust = spec->local_admin ? RPC_LOCAL_ADMIN : RPC_MUTUAL_TLS;
        TRY(rpc_server_listen(running->daemon.server, address, trust, UNIX_SOCKET_MODE, err));
        if (str_starts_with(address, "unix:"))
                give_to_group(address + strlen("unix:"), spec->socket_group);
        LOG(INFO, "listening", STR("address", address));
        return 0;
}

static int open_listeners(struct running *running, struct err *err)
{
        const struct common_settings *common = &running->common;

        if (running->daemon.server) {
                for (size_t i = 0; i < common->listen.n; i++)
                        TRY(listen_on(running, common->listen.values[i], err));
                TRY(rpc_server_start(running->daemon.server, err));
        }
        if (common->metrics)
                TRY(text_server_new(running->daemon.loop, common->metrics, answer_text, running,
                                    &running->texts, err));
        return 0;
}

static int start(struct running *running, struct err *err)
{
        struct daemon *daemon = &running->daemon;
        const struct daemon_spec *spec = daemon->spec;

        TRY(loop_new(&daemon->loop, err));
        TRY(watch_signals(running, err));
        if (spec->daemon) {
                TRY(rpc_identity_open(running->common.identity, spec->daemon, &running->identity,
                                      err));
                daemon->identity = running->identity;
        }
        if (spec->n_workers)
                TRY(worker_pool_new(daemon->loop, spec->n_workers, &daemon->workers, err));
        TRY(make_server(running, err));
        if (spec->start)
                TRY(spec->start(daemon, err));
        return open_listeners(running, err);
}

/* --- readiness --- */

static void tell_ready(struct running *running)
{
        LOG(INFO, "ready");
        if (running->daemon.server)
                rpc_server_set_serving(running->daemon.server, true);
        notify_systemd("READY=1");
        if (running->common.ready_fd)
                notify_fd((int)running->common.ready_fd);
}

void daemon_ready(struct daemon *daemon)
{
        struct running *running = running_of(daemon);

        if (running->is_ready)
                return;
        running->is_ready = true;
        if (running->is_open)
                tell_ready(running);
}

void daemon_fail(struct daemon *daemon, const struct err *err)
{
        struct running *running = running_of(daemon);

        LOG(ERROR, "failed", STR("error", err->text), STR("code", err_code_name(err->code)));
        running->has_failed = true;
        loop_stop(daemon->loop);
}

/* --- stopping --- */

static void stop(struct running *running)
{
        struct daemon *daemon = &running->daemon;

        text_server_free(running->texts);
        if (daemon->server)
                rpc_server_free(daemon->server, GRACE_MS);
        daemon->server = NULL;
        if (daemon->workers)
                worker_pool_free(daemon->workers);
        daemon->workers = NULL;
        if (daemon->spec->stop)
                daemon->spec->stop(daemon);
        while (running->n_stops > 0) {
                struct hook *hook = &running->stops[--running->n_stops];

                hook->stop(hook->context);
        }
        rpc_identity_free(running->identity);
        loop_free(daemon->loop);
}

static int run(struct running *running)
{
        struct err err = { 0 };
        int result;

        if (start(running, &err) < 0) {
                LOG(ERROR, "cannot start", STR("error", err.text));
                /* What is half built cannot be taken apart, and threads still use it. */
                fflush(NULL);
                _exit(EXIT_FAILURE);
        }
        running->is_open = true;
        if (running->is_ready)
                tell_ready(running);
        result = loop_run(running->daemon.loop, &err);
        if (result < 0)
                LOG(ERROR, "failed", STR("error", err.text));
        stop(running);
        return result < 0 || running->has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int daemon_main(int argc, char **argv, const struct daemon_spec *spec)
{
        struct running running = { .daemon.spec = spec, .argc = argc, .argv = argv };
        struct err err;
        int result = EXIT_FAILURE;

        settings_init(&running, spec);
        if (asks_for(argc, argv, "--help")) {
                settings_print_help_all(stdout, spec->name, spec->summary, running.sets, 2);
                return EXIT_SUCCESS;
        }
        if (asks_for(argc, argv, "--version")) {
                printf("%s %s\n", spec->name, SKEP_VERSION);
                return EXIT_SUCCESS;
        }
        if (read_settings(&running, &err) == 0) {
                log_configure(spec->name,
                              (enum log_level)log_level_from_name(running.common.log_level),
                              running.common.log_json);
                result = run(&running);
        } else {
                fprintf(stderr, "%s: %s\n", spec->name, err.text);
        }
        settings_done(running.sets, 2);
        return result;
}
