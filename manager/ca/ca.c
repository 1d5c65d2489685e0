/* Who may have which certificate. */
#include "manager/ca/ca.h"

#include <stdio.h>
#include <string.h>

#include "api/ports.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

const char *ca_unit(Sk__NodeRole role)
{
        return role == SK__NODE_ROLE__NODE_ROLE_MANAGER ? "swarm-manager" : "swarm-worker";
}

int ca_check_csrs(Sk__DaemonCsr *const *csrs, size_t n_csrs, Sk__NodeRole role, struct err *err)
{
        static const struct {
                const char *daemon;
                bool on_workers;
        } daemons[] = {
                { "agent", true },      { "mesh", true },        { "dns", true },
                { "store", false },     { "api", false },        { "ca", false },
                { "join", false },      { "dispatcher", false }, { "orchestrator", false },
                { "allocator", false }, { "scheduler", false },
        };
        unsigned seen = 0;

        if (!n_csrs || n_csrs > CA_CSRS_MAX)
                return err_set(err, ERR_INVALID,
                               "between 1 and %d certificate requests are taken, not %zu",
                               CA_CSRS_MAX, n_csrs);
        for (size_t i = 0; i < n_csrs; i++) {
                size_t d = 0;

                while (d < COUNT_OF(daemons) && strcmp(daemons[d].daemon, csrs[i]->daemon) != 0)
                        d++;
                if (d == COUNT_OF(daemons) ||
                    (!daemons[d].on_workers && role != SK__NODE_ROLE__NODE_ROLE_MANAGER))
                        return err_set(err, ERR_DENIED, "a %s has no certificate for '%.32s'",
                                       role == SK__NODE_ROLE__NODE_ROLE_MANAGER ? "manager"
                                                                                : "worker",
                                       csrs[i]->daemon);
                if (seen & 1u << d)
                        return err_set(err, ERR_INVALID, "two requests for '%.32s'",
                                       csrs[i]->daemon);
                seen |= 1u << d;
        }
        if (!(seen & 1u))
                return err_set(err, ERR_INVALID,
                               "a request for the agent's certificate is missing");
        return 0;
}

/* The cluster, once it has what signing needs. */
static int signing_cluster(const struct view *view, const Sk__Cluster **ret, struct err *err)
{
        const Sk__Cluster *cluster = view_cluster(view);

        if (!cluster || !cluster->trust || !cluster->keys ||
            str_is_empty(cluster->keys->root_key_pem))
                return err_set(err, ERR_UNAVAILABLE, "the CA has not read its key yet, try again");
        *ret = cluster;
        return 0;
}

/* What the cluster says, and no longer than a root lives: dates may not overflow. */
static int64_t lifetime_of(const Sk__Cluster *cluster)
{
        int64_t most = TRUST_ROOT_DAYS * NS_PER_DAY;
        int64_t wanted = cluster->spec ? cluster->spec->certificate_expiry_ns : 0;

        if (wanted <= 0)
                return TRUST_NODE_DAYS * NS_PER_DAY;
        return wanted < most ? wanted : most;
}

static void fill_grant(const Sk__Cluster *cluster, const char *node_id, Sk__NodeRole role,
                       struct ca_grant *ret)
{
        ret->cluster_id = cluster->id;
        ret->role = role;
        ret->lifetime_ns = lifetime_of(cluster);
        ret->issuer = (struct trust_issuer){ cluster->trust->root_certificate_pem,
                                             cluster->keys->root_key_pem };
        snprintf(ret->node_id, sizeof ret->node_id, "%s", node_id);
}

int ca_judge_join(const struct view *view, const Sk__JoinClusterRequest *in, const char *fresh_id,
                  struct ca_grant *ret, struct err *err)
{
        const Sk__Cluster *cluster;
        Sk__NodeRole role;

        TRY(signing_cluster(view, &cluster, err));
        TRY(trust_check_token(in->token, cluster->trust->root_certificate_pem, err));
        if (trust_same_token(in->token, cluster->trust->manager_token))
                role = SK__NODE_ROLE__NODE_ROLE_MANAGER;
        else if (trust_same_token(in->token, cluster->trust->worker_token))
                role = SK__NODE_ROLE__NODE_ROLE_WORKER;
        else
                return err_set(err, ERR_DENIED,
                               "A valid join token is necessary to join this cluster");
        if (strlen(in->hostname) > 255 || strlen(in->address) > 255)
                return err_set(err, ERR_INVALID,
                               "hostname and address may have 255 characters at most");
        TRY(ca_check_csrs(in->csrs, in->n_csrs, role, err));
        fill_grant(cluster, fresh_id, role, ret);
        return 0;
}

int ca_judge_renewal(const struct view *view, const char *node_id,
                     const Sk__RenewCertificatesRequest *in, struct ca_grant *ret, struct err *err)
{
        const Sk__Node *node = view_node(view, node_id);
        const Sk__Cluster *cluster;

        TRY(signing_cluster(view, &cluster, err));
        if (!node || !node->identity)
                return err_set(err, ERR_DENIED, "node %.64s is not part of this cluster any more",
                               node_id);
        TRY(ca_check_csrs(in->csrs, in->n_csrs, node->identity->role, err));
        fill_grant(cluster, node_id, node->identity->role, ret);
        return 0;
}

Sk__ManagerAddress **ca_list_managers(const struct view *view, struct arena *arena, size_t *ret_n)
{
        const Sk__Cluster *cluster = view_cluster(view);
        const Sk__ClusterMembership *membership = cluster ? cluster->membership : NULL;
        size_t n = membership ? membership->n_members : 0;
        Sk__ManagerAddress **list = arena_alloc(arena, (n + 1) * sizeof *list);

        *ret_n = 0;
        for (size_t i = 0; i < n; i++) {
                const Sk__ClusterMembership__Member *member = membership->members[i];
                const char *colon = strrchr(str_or(member->address, ""), ':');
                Sk__ManagerAddress *manager;

                if (!colon)
                        continue;
                manager = list[(*ret_n)++] = arena_alloc(arena, sizeof *manager);
                sk__manager_address__init(manager);
                manager->node_id = member->node_id;
                manager->address = arena_printf(arena, "%.*s:%d", (int)(colon - member->address),
                                                member->address, PORT_DISPATCHER);
        }
        return list;
}

static int availability_from(const char *word, Sk__NodeSpec__Availability *ret, struct err *err)
{
        static const char *const words[] = { "active", "pause", "drain" };

        if (str_is_empty(word))
                word = words[0];
        for (size_t i = 0; i < COUNT_OF(words); i++)
                if (strcmp(word, words[i]) == 0) {
                        *ret = (Sk__NodeSpec__Availability)i;
                        return 0;
                }
        return err_set(err, ERR_INVALID, "invalid availability %.32s: active, pause or drain",
                       word);
}

static Sk__NodeIdentity *identity_of(struct plan *plan, const struct ca_grant *grant,
                                     const char *certificate_pem)
{
        Sk__NodeIdentity *identity = arena_alloc(&plan->arena, sizeof *identity);

        *identity = (Sk__NodeIdentity)SK__NODE_IDENTITY__INIT;
        identity->role = grant->role;
        identity->certificate_pem = arena_strdup(&plan->arena, certificate_pem);
        trust_certificate_end(certificate_pem, &identity->certificate_not_after_ns, NULL);
        return identity;
}

int ca_plan_join(struct plan *plan, const struct ca_grant *grant, const Sk__JoinClusterRequest *in,
                 const char *agent_certificate_pem, struct err *err)
{
        Sk__NodeSpec *spec = arena_alloc(&plan->arena, sizeof *spec);
        struct plan_change *change;

        *spec = (Sk__NodeSpec)SK__NODE_SPEC__INIT;
        spec->desired_role = grant->role;
        TRY(availability_from(in->availability, &spec->availability, err));
        change = plan_create(plan, SK__KIND__KIND_NODE, grant->node_id);
        change->name = in->hostname;
        change->reason = "node joined";
        plan_set_part(change, PART_NODE_SPEC, &spec->base);
        plan_set_part(change, PART_NODE_IDENTITY,
                      &identity_of(plan, grant, agent_certificate_pem)->base);
        return 0;
}

int ca_plan_renewal(struct plan *plan, const struct view *view, const struct ca_grant *grant,
                    const char *agent_certificate_pem, struct err *err)
{
        const Sk__Node *node = view_node(view, grant->node_id);
        struct plan_change *change;

        if (!node || !node->identity || node->identity->role != grant->role)
                return err_set(err, ERR_CONFLICT, "the node changed meanwhile; try again");
        change = plan_update(plan, SK__KIND__KIND_NODE, grant->node_id);
        change->reason = "certificate renewed";
        plan_set_part(change, PART_NODE_IDENTITY,
                      &identity_of(plan, grant, agent_certificate_pem)->base);
        plan_require_unchanged(plan, SK__KIND__KIND_NODE, (const struct object_head *)node,
                               PART_NODE_IDENTITY);
        return 0;
}

int ca_plan_rotation(struct plan *plan, const struct view *view, Sk__NodeRole role,
                     const char *token, struct err *err)
{
        Sk__ClusterTrust *trust = arena_alloc(&plan->arena, sizeof *trust);
        struct plan_change *change;
        const Sk__Cluster *cluster;

        TRY(signing_cluster(view, &cluster, err));
        *trust = *cluster->trust;
        if (role == SK__NODE_ROLE__NODE_ROLE_MANAGER)
                trust->manager_token = token;
        else
                trust->worker_token = token;
        change = plan_update(plan, SK__KIND__KIND_CLUSTER, cluster->id);
        change->reason = "join token rotated";
        plan_set_part(change, PART_CLUSTER_TRUST, &trust->base);
        plan_require_unchanged(plan, SK__KIND__KIND_CLUSTER, (const struct object_head *)cluster,
                               PART_CLUSTER_TRUST);
        return 0;
}
