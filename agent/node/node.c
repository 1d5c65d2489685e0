/* A node's own side: its place in a swarm, and the daemons that run here because of it. */
#include "agent/node/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/node/daemons.h"
#include "agent/node/material.h"
#include "agent/node/node_private.h"
#include "api/ports.h"
#include "lib/base/check.h"
#include "lib/os/file.h"
#include "lib/os/log.h"

void node_state_path(const struct node *node, const char *name, struct str *ret)
{
        str_addf(ret, "%s/%s", node->options.state_folder, name);
}

void node_run_path(const struct node *node, const char *name, struct str *ret)
{
        str_addf(ret, "%s/%s", node->options.run_folder, name);
}

const char *node_state_name(const struct node *node)
{
        static const char *const names[] = { "inactive", "pending", "active", "active" };

        return names[node->state];
}

/* --- daemons --- */

/* Options given for one daemon in "store:--log-level=debug api:...": those words, in 'ret'. */
static void extra_options(const struct node *node, const char *name, struct str *ret)
{
        size_t length = strlen(name);

        for (const char *at = str_or(node->options.daemon_options, ""); *at;
             at += strcspn(at, " "), at += *at == ' ')
                if (strncmp(at, name, length) == 0 && at[length] == ':')
                        str_addf(ret, "%.*s ", (int)strcspn(at + length + 1, " "), at + length + 1);
}

static int start_daemon(struct node *node, const struct daemon_row *row, struct err *err)
{
        _cleanup_(str_done) struct str extra = { 0 };
        struct arena arena = { 0 };
        struct backend_daemon daemon = { .name = row->name };
        int result;

        extra_options(node, row->name, &extra);
        daemon.arguments = daemon_arguments(row, &node->record, node->options.state_folder,
                                            node->options.run_folder, str_text(&extra), &arena);
        result = node->backend->ops->start(node->backend, &daemon, err);
        arena_done(&arena);
        return result < 0 ? err_prefix(err, "skep-%s", row->name) : 0;
}

bool node_is_manager(const struct node *node)
{
        return strcmp(node->record.role, "manager") == 0;
}

int node_start_rows(struct node *node, struct err *err)
{
        for (const struct daemon_row *row = daemon_rows; row->name; row++)
                if (node_is_manager(node) || row->on_workers)
                        TRY(start_daemon(node, row, err));
        return 0;
}

int node_start_daemons(struct node *node, struct err *err)
{
        _cleanup_(str_done) struct str identity = { 0 }, dispatcher = { 0 };
        char addresses[RECORD_MANAGERS_MAX][RECORD_ADDRESS_SIZE];
        const char *managers[RECORD_MANAGERS_MAX + 1];
        size_t n = node_record_managers(&node->record, PORT_DISPATCHER, addresses);

        TRY(node_start_rows(node, err));
        node_state_path(node, "identity", &identity);
        str_add(&dispatcher, "unix:");
        node_run_path(node, "dispatcher.sock", &dispatcher);
        for (size_t i = 0; i < n; i++)
                managers[i] = addresses[i];
        if (node_is_manager(node))
                managers[n++] = str_text(&dispatcher);
        agent_set_address(node->options.agent, node->record.advertise_address);
        TRY(agent_join_cluster(node->options.agent, str_text(&identity), managers, n, err));
        node->state = NODE_ACTIVE;
        node->told_role = node_is_manager(node) ? SK__NODE_ROLE__NODE_ROLE_MANAGER
                                                : SK__NODE_ROLE__NODE_ROLE_WORKER;
        node_role_schedule(node);
        return 0;
}

/* Stopping goes through the rows from the last to the first, one after the other. */
struct stopping {
        struct node *node;
        const struct daemon_row *next;
        bool only_managers;
        void (*stopped)(void *context);
        void *context;
};

static void stop_next(void *context)
{
        struct stopping *stopping = context;

        if (stopping->next == daemon_rows) {
                stopping->stopped(stopping->context);
                free(stopping);
                return;
        }
        stopping->next--;
        if (stopping->only_managers && stopping->next->on_workers) {
                stop_next(stopping);
                return;
        }
        stopping->node->backend->ops->stop(stopping->node->backend, stopping->next->name, stop_next,
                                           stopping);
}

void node_stop_daemons(struct node *node, bool only_managers, void (*stopped)(void *context),
                       void *context)
{
        struct stopping *stopping = mem_alloc(sizeof *stopping);

        *stopping = (struct stopping){ node, daemon_rows, only_managers, stopped, context };
        while (stopping->next->name)
                stopping->next++;
        stop_next(stopping);
}

void node_forget_swarm(struct node *node)
{
        /* The identity first: without it the node is in no swarm, whatever else is left. */
        static const char *const names[] = { "identity", "node.conf", "store", "bootstrap" };
        struct err err;

        for (size_t i = 0; i < COUNT_OF(names); i++) {
                _cleanup_(str_done) struct str path = { 0 };

                node_state_path(node, names[i], &path);
                if (file_remove_tree(str_text(&path), &err) < 0)
                        LOG(ERROR, "not removed", STR("path", str_text(&path)),
                            STR("why", err.text));
        }
        node_role_cancel(node);
        node->record = (struct node_record){ 0 };
        node->state = NODE_INACTIVE;
}

/* --- life --- */

/* The folder this program is in: where the other daemons are installed, too. */
static int own_folder(char *ret, size_t size, struct err *err)
{
        ssize_t length = readlink("/proc/self/exe", ret, size - 1);
        char *slash;

        if (length <= 0)
                return err_set(err, ERR_INTERNAL, "where is this program? %s", strerror(errno));
        ret[length] = '\0';
        slash = strrchr(ret, '/');
        if (slash)
                *slash = '\0';
        return 0;
}

static int make_backend(struct node *node, const struct node_options *options, struct err *err)
{
        _cleanup_(str_done) struct str log_folder = { 0 };
        struct backend_options backend = { .loop = options->loop };
        char folder[512];
        bool use_systemd = strcmp(options->backend, "systemd") == 0 ||
                           (strcmp(options->backend, "auto") == 0 && backend_has_systemd());

        node_state_path(node, "log", &log_folder);
        TRY(own_folder(folder, sizeof folder, err));
        backend.program_folder = str_or(options->program_folder, folder);
        backend.run_folder = options->run_folder;
        backend.log_folder = str_text(&log_folder);
        if (use_systemd)
                return backend_systemd_new(&backend, &node->backend, err);
        return backend_spawn_new(&backend, &node->backend, err);
}

int node_new(const struct node_options *options, struct node **ret_node, struct err *err)
{
        _cleanup_(node_freep) struct node *node = mem_alloc(sizeof *node);

        node->options = *options;
        TRY(file_make_folders(options->state_folder, 0710, err));
        TRY(file_make_folders(options->run_folder, 0755, err));
        TRY(make_backend(node, options, err));
        *ret_node = TAKE(node);
        return 0;
}

void node_free(struct node *node)
{
        if (!node)
                return;
        node_join_cancel(node->join);
        node_role_cancel(node);
        if (node->backend)
                node->backend->ops->free(node->backend);
        free(node);
}

int node_start(struct node *node, struct err *err)
{
        _cleanup_(str_done) struct str identity = { 0 }, record = { 0 };

        node_state_path(node, "identity", &identity);
        node_state_path(node, "node.conf", &record);
        if (!file_exists(str_text(&identity))) {
                material_clean(node->options.state_folder);
                LOG(INFO, "this node is in no swarm: 'skep swarm init' or 'skep swarm join' "
                          "changes that");
                return 0;
        }
        TRY(node_record_read(str_text(&record), &node->record, err));
        if (!node_is_manager(node))
                TRY(node_role_clean(node, err));
        return node_start_daemons(node, err);
}

/* --- what the task side tells --- */

void node_on_connected(void *context, bool is_connected, const char *message)
{
        struct node *node = context;

        node->is_connected = is_connected;
        snprintf(node->connection_message, sizeof node->connection_message, "%s",
                 str_or(message, ""));
        if (is_connected)
                node_join_connected(node->join);
}

void node_on_node_changed(void *context, const Sk__Node *record)
{
        if (record->identity)
                node_role_told(context, record->identity->role);
}

/* Whom to ask for certificates, and whose store to join: what is true now replaces what was. */
void node_on_managers_told(void *context, const char *const *addresses, size_t n)
{
        struct node *node = context;
        struct node_record record = node->record;
        _cleanup_(str_done) struct str path = { 0 };
        struct err err;

        record.managers[0] = '\0';
        for (size_t i = 0; i < n; i++)
                node_record_add_manager(&record, addresses[i]);
        if (node->state != NODE_ACTIVE || !record.managers[0] ||
            str_equal(record.managers, node->record.managers))
                return;
        node->record = record;
        node_state_path(node, "node.conf", &path);
        if (node_record_write(str_text(&path), &record, &err) < 0)
                LOG(ERROR, "the managers' addresses are not written", STR("why", err.text));
}

void node_on_root_changed(void *context, const char *root_certificate_pem)
{
        _cleanup_(str_done) struct str path = { 0 }, now = { 0 };
        struct node *node = context;
        struct err err;

        node_state_path(node, "identity/root.crt", &path);
        if (file_read(str_text(&path), 64 * 1024, &now, &err) == 0 &&
            str_equal(str_text(&now), root_certificate_pem))
                return;
        if (file_write_atomic(str_text(&path), root_certificate_pem, strlen(root_certificate_pem),
                              0600, &err) < 0)
                LOG(ERROR, "root certificate not written", STR("why", err.text));
}

void node_on_refused(void *context, const struct err *err)
{
        struct node *node = context;

        LOG(WARN, "the managers do not know this node", STR("node", node->record.node_id),
            STR("why", err->text));
}
