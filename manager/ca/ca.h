/* Who may have which certificate: pure; signing and committing are the shell's (serve.c). */
#pragma once
#include "api/ca.h"
#include "lib/state/plan.h"
#include "lib/trust/trust.h"

enum { CA_CSRS_MAX = 16, PART_CLUSTER_TRUST = 1, PART_NODE_SPEC = 0, PART_NODE_IDENTITY = 1 };

/* What may be signed for somebody. */
struct ca_grant {
        const char *cluster_id;
        char node_id[64];
        Sk__NodeRole role;
        int64_t lifetime_ns;
        struct trust_issuer issuer; /* borrowed from the view */
};

/* A stranger with a token: which role does the token give?  'fresh_id' becomes the node's id.
 * ERR_DENIED: no such token. */
int ca_judge_join(const struct view *view, const Sk__JoinClusterRequest *in, const char *fresh_id,
                  struct ca_grant *ret, struct err *err);

/* A node that proved who it is: the role is what the store says, never what the node says.
 * ERR_DENIED: it was removed. */
int ca_judge_renewal(const struct view *view, const char *node_id,
                     const Sk__RenewCertificatesRequest *in, struct ca_grant *ret, struct err *err);

/* Is every request for a daemon that a node of this role has, each once? */
int ca_check_csrs(Sk__DaemonCsr *const *csrs, size_t n_csrs, Sk__NodeRole role, struct err *err);

/* OU of a role's certificates. */
const char *ca_unit(Sk__NodeRole role);

/* Where to find the managers: their dispatchers. */
Sk__ManagerAddress **ca_list_managers(const struct view *view, struct arena *arena, size_t *ret_n);

/* The node exists from now on, with this certificate (its agent's). */
int ca_plan_join(struct plan *plan, const struct ca_grant *grant, const Sk__JoinClusterRequest *in,
                 const char *agent_certificate_pem, struct err *err);

/* The node's identity is renewed.  ERR_CONFLICT: it was removed, or has another role than it was
 * granted, meanwhile. */
int ca_plan_renewal(struct plan *plan, const struct view *view, const struct ca_grant *grant,
                    const char *agent_certificate_pem, struct err *err);

/* The token of a role becomes 'token'. */
int ca_plan_rotation(struct plan *plan, const struct view *view, Sk__NodeRole role,
                     const char *token, struct err *err);
