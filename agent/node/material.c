/* Everything a new swarm begins with. */
#include "agent/node/material.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/node/keys.h"
#include "api/objects.h"
#include "api/store.pb-c.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/time.h"
#include "lib/message/message.h"
#include "lib/os/file.h"
#include "lib/state/plan.h"
#include "lib/trust/trust.h"

enum { PART_CLUSTER_SPEC, PART_CLUSTER_TRUST, PART_CLUSTER_KEYS };
enum { PART_NODE_SPEC, PART_NODE_IDENTITY };

/* What goes into files and into the first entry. */
struct material {
        const char *state_folder;
        const Sk__InitSwarmRequest *in;
        struct node_record *record;
        const char *hostname;
        struct str root_pem, root_key_pem, agent_pem;
        char worker_token[TRUST_TOKEN_SIZE], manager_token[TRUST_TOKEN_SIZE];
        int64_t now_ns;
};

static void material_done(struct material *material)
{
        if (material->root_key_pem.text)
                explicit_bzero(material->root_key_pem.text, material->root_key_pem.length);
        str_done(&material->root_pem);
        str_done(&material->root_key_pem);
        str_done(&material->agent_pem);
}

static int write_file(const struct material *material, const char *name, const char *suffix,
                      const char *text, struct err *err)
{
        _cleanup_(str_done) struct str path = { 0 };

        str_addf(&path, "%s/identity.new/%s%s", material->state_folder, name, suffix);
        return file_write_atomic(str_text(&path), text, strlen(text), 0600, err);
}

static int64_t lifetime_of(const Sk__InitSwarmRequest *in)
{
        return in->certificate_expiry_ns > 0 ? in->certificate_expiry_ns
                                             : TRUST_NODE_DAYS * NS_PER_DAY;
}

static int certify(struct material *material, const char *daemon, struct err *err)
{
        _cleanup_(str_done) struct str key = { 0 }, csr = { 0 }, certificate = { 0 };
        const struct trust_issuer issuer = { str_text(&material->root_pem),
                                             str_text(&material->root_key_pem) };
        const struct trust_subject subject = {
                .node_id = material->record->node_id,
                .cluster_id = material->record->cluster_id,
                .unit = "swarm-manager",
                .daemon = daemon,
                .now_ns = material->now_ns,
                .lifetime_ns = lifetime_of(material->in),
        };

        TRY(trust_make_key(&key, err));
        TRY(trust_make_csr(str_text(&key), &csr, err));
        TRY(trust_sign(&issuer, str_text(&csr), &subject, &certificate, err));
        TRY(write_file(material, daemon, ".key", str_text(&key), err));
        if (strcmp(daemon, "agent") == 0)
                str_add(&material->agent_pem, str_text(&certificate));
        return write_file(material, daemon, ".crt", str_text(&certificate), err);
}

/* --- log entry 1 --- */

#define NEW(plan, Type, INIT)                                           \
        __extension__({                                                 \
                Type *new_ = arena_alloc(&(plan)->arena, sizeof *new_); \
                *new_ = (Type)INIT;                                     \
                new_;                                                   \
        })

static void plan_cluster(struct plan *plan, const struct material *material)
{
        Sk__ClusterSpec *spec = NEW(plan, Sk__ClusterSpec, SK__CLUSTER_SPEC__INIT);
        Sk__ClusterTrust *trust = NEW(plan, Sk__ClusterTrust, SK__CLUSTER_TRUST__INIT);
        Sk__ClusterKeys *keys = NEW(plan, Sk__ClusterKeys, SK__CLUSTER_KEYS__INIT);
        struct plan_change *change =
                plan_create(plan, SK__KIND__KIND_CLUSTER, material->record->cluster_id);
        const Sk__InitSwarmRequest *in = material->in;

        spec->annotations = NEW(plan, Sk__Annotations, SK__ANNOTATIONS__INIT);
        spec->annotations->name = "default";
        spec->task_history_limit = in->task_history_limit ? in->task_history_limit : 5;
        spec->dispatcher_heartbeat_ns =
                in->dispatcher_heartbeat_ns ? in->dispatcher_heartbeat_ns : 5 * NS_PER_S;
        spec->certificate_expiry_ns = lifetime_of(in);
        spec->snapshot_interval = in->snapshot_interval ? in->snapshot_interval : 10000;
        spec->log_entries_for_slow_followers = 500;
        spec->election_tick = 10;
        spec->heartbeat_tick = 1;
        trust->root_certificate_pem = str_text(&material->root_pem);
        trust->worker_token = material->worker_token;
        trust->manager_token = material->manager_token;
        keys->root_key_pem = str_text(&material->root_key_pem);
        change->name = "default";
        change->reason = "swarm initialised";
        plan_set_part(change, PART_CLUSTER_SPEC, &spec->base);
        plan_set_part(change, PART_CLUSTER_TRUST, &trust->base);
        plan_set_part(change, PART_CLUSTER_KEYS, &keys->base);
}

static void plan_node(struct plan *plan, const struct material *material)
{
        Sk__NodeSpec *spec = NEW(plan, Sk__NodeSpec, SK__NODE_SPEC__INIT);
        Sk__NodeIdentity *identity = NEW(plan, Sk__NodeIdentity, SK__NODE_IDENTITY__INIT);
        struct plan_change *change =
                plan_create(plan, SK__KIND__KIND_NODE, material->record->node_id);

        spec->desired_role = SK__NODE_ROLE__NODE_ROLE_MANAGER;
        if (strcmp(str_or(material->in->availability, ""), "pause") == 0)
                spec->availability = SK__NODE_SPEC__AVAILABILITY__PAUSE;
        else if (strcmp(str_or(material->in->availability, ""), "drain") == 0)
                spec->availability = SK__NODE_SPEC__AVAILABILITY__DRAIN;
        identity->role = SK__NODE_ROLE__NODE_ROLE_MANAGER;
        identity->certificate_pem = str_text(&material->agent_pem);
        identity->certificate_not_after_ns = material->now_ns + lifetime_of(material->in);
        change->name = material->hostname;
        change->reason = "swarm initialised";
        plan_set_part(change, PART_NODE_SPEC, &spec->base);
        plan_set_part(change, PART_NODE_IDENTITY, &identity->base);
}

static int write_first_entry(const struct material *material, struct err *err)
{
        _cleanup_(str_done) struct str path = { 0 };
        Sk__LogEntry entry = SK__LOG_ENTRY__INIT;
        Sk__LogCommit commit = SK__LOG_COMMIT__INIT, *commits[] = { &commit };
        struct plan plan;
        uint8_t *data;
        size_t size;
        int result;

        plan_init(&plan);
        plan_cluster(&plan, material);
        plan_node(&plan, material);
        commit.request = plan_pack(&plan, &plan.arena);
        commit.writer = ROLE_STORE;
        entry.time_ns = material->now_ns;
        entry.commits = commits;
        entry.n_commits = 1;
        message_pack(&plan.arena, &entry.base, &data, &size);
        str_addf(&path, "%s/bootstrap", material->state_folder);
        result = file_write_atomic(str_text(&path), data, size, 0600, err);
        explicit_bzero(data, size);
        plan_done(&plan);
        return result;
}

/* --- the steps --- */

static int make_all(struct material *material, struct err *err)
{
        _cleanup_(str_done) struct str folder = { 0 };

        str_addf(&folder, "%s/identity.new", material->state_folder);
        TRY(file_make_folders(str_text(&folder), 0700, err));
        TRY(trust_make_root(&material->root_pem, &material->root_key_pem, err));
        TRY(trust_make_token(str_text(&material->root_pem), material->worker_token, err));
        TRY(trust_make_token(str_text(&material->root_pem), material->manager_token, err));
        for (const char *const *daemon = keys_daemons(SK__NODE_ROLE__NODE_ROLE_MANAGER); *daemon;
             daemon++)
                TRY(certify(material, *daemon, err));
        TRY(write_file(material, "root", ".crt", str_text(&material->root_pem), err));
        return write_first_entry(material, err);
}

int material_make(const char *state_folder, const Sk__InitSwarmRequest *in, const char *hostname,
                  struct node_record *record, char ret_token[static 96], struct err *err)
{
        _cleanup_(material_done) struct material material = {
                .state_folder = state_folder,
                .in = in,
                .hostname = hostname,
                .record = record,
                .now_ns = (int64_t)time(NULL) * NS_PER_S,
        };

        material_clean(state_folder);
        os_random_id(record->node_id);
        os_random_id(record->cluster_id);
        snprintf(record->role, sizeof record->role, "manager");
        TRY(make_all(&material, err));
        memcpy(ret_token, material.worker_token, TRUST_TOKEN_SIZE);
        return 0;
}

int material_commit(const char *state_folder, const struct node_record *record, struct err *err)
{
        _cleanup_(str_done) struct str from = { 0 }, to = { 0 }, record_path = { 0 };

        str_addf(&from, "%s/identity.new", state_folder);
        str_addf(&to, "%s/identity", state_folder);
        str_addf(&record_path, "%s/node.conf", state_folder);
        TRY(node_record_write(str_text(&record_path), record, err));
        if (rename(str_text(&from), str_text(&to)) < 0)
                return err_set(err, ERR_UNAVAILABLE, "rename '%s': %s", str_text(&from),
                               strerror(errno));
        return 0;
}

void material_clean(const char *state_folder)
{
        static const char *const leftovers[] = { "identity.new", "bootstrap", "store" };

        for (size_t i = 0; i < COUNT_OF(leftovers); i++) {
                _cleanup_(str_done) struct str path = { 0 };

                str_addf(&path, "%s/%s", state_folder, leftovers[i]);
                file_remove_tree(str_text(&path), NULL);
        }
}
