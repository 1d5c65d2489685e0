/* A cluster as 'swarm init' would begin it. */
#include "tests/lib/manager/bootstrap.h"

#include <stdio.h>

#include "api/objects.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/message/message.h"
#include "lib/os/file.h"

void manager_check(int r, const struct err *err)
{
        if (r < 0)
                fprintf(stderr, "%s\n", err->text);
        CHECK(r >= 0);
}

void manager_node_id(size_t i, char ret[static 26])
{
        snprintf(ret, 26, "node%021zu", i);
}

static void add_part(struct arena *arena, Sk__Change *change, uint32_t part,
                     const ProtobufCMessage *content)
{
        Sk__Part *out = arena_alloc(arena, sizeof *out);

        sk__part__init(out);
        out->index = part;
        message_pack(arena, content, &out->data.data, &out->data.len);
        change->parts[change->n_parts++] = out;
}

static void add_create(struct arena *arena, Sk__Group *group, Sk__Kind kind, const char *id,
                       const char *name, uint32_t part, const ProtobufCMessage *content)
{
        Sk__Change *change = arena_alloc(arena, sizeof *change);

        sk__change__init(change);
        change->op = SK__CHANGE__OP__CREATE;
        change->kind = kind;
        change->id = arena_strdup(arena, id);
        change->name = name;
        change->parts = arena_alloc(arena, OBJECT_PARTS_MAX * sizeof *change->parts);
        add_part(arena, change, part, content);
        group->changes[group->n_changes++] = change;
}

void manager_read_identity(const struct manager *manager, const char *name, struct str *ret)
{
        _cleanup_(str_done) struct str path = { 0 };
        struct err err;

        str_addf(&path, "%s/identity/%s", manager->folder, name);
        manager_check(file_read(path.text, 1 << 16, ret, &err), &err);
}

static void add_cluster(const struct manager *manager, struct arena *arena, Sk__Group *group)
{
        Sk__ClusterSpec spec = SK__CLUSTER_SPEC__INIT;
        Sk__ClusterTrust trust = SK__CLUSTER_TRUST__INIT;
        Sk__ClusterKeys keys = SK__CLUSTER_KEYS__INIT;
        _cleanup_(str_done) struct str root = { 0 }, key = { 0 };

        manager_read_identity(manager, "root.crt", &root);
        manager_read_identity(manager, "root.key", &key);
        spec.task_history_limit = 5;
        trust.root_certificate_pem = root.text;
        trust.worker_token = manager->worker_token;
        keys.root_key_pem = key.text;
        add_create(arena, group, SK__KIND__KIND_CLUSTER, MANAGER_CLUSTER, "default", 0, &spec.base);
        add_part(arena, group->changes[0], 1, &trust.base);
        add_part(arena, group->changes[0], 2, &keys.base);
}

void manager_write_bootstrap(const struct manager *manager, size_t n_nodes)
{
        struct arena arena = { 0 };
        Sk__Group group = SK__GROUP__INIT, *groups[] = { &group };
        Sk__NodeSpec node = SK__NODE_SPEC__INIT;
        Sk__CommitRequest request = SK__COMMIT_REQUEST__INIT;
        Sk__LogCommit commit = SK__LOG_COMMIT__INIT, *commits[] = { &commit };
        Sk__LogEntry entry = SK__LOG_ENTRY__INIT;
        _cleanup_(str_done) struct str path = { 0 };
        char id[26];
        uint8_t *data;
        size_t size;
        struct err err;

        group.changes = arena_alloc(&arena, (n_nodes + 1) * sizeof *group.changes);
        add_cluster(manager, &arena, &group);
        for (size_t i = 0; i < n_nodes; i++) {
                manager_node_id(i, id);
                add_create(&arena, &group, SK__KIND__KIND_NODE, id, "", 0, &node.base);
        }
        request.groups = groups;
        request.n_groups = 1;
        commit.request = &request;
        commit.writer = ROLE_STORE;
        entry.commits = commits;
        entry.n_commits = 1;
        message_pack(&arena, &entry.base, &data, &size);
        str_addf(&path, "%s/bootstrap", manager->folder);
        manager_check(file_write_atomic(path.text, data, size, 0600, &err), &err);
        arena_done(&arena);
}
