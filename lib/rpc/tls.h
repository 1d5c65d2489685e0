/* Who we are: key, certificate and root, re-read when the files change, without dropping a
 * connection. */
#pragma once
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/rpc/service.h"

/* The longest certificate chain or root bundle, in bytes of PEM, that is looked at. */
enum { RPC_PEM_SIZE_MAX = 64 * 1024 };

/* Opens <folder>/<daemon>.key, <folder>/<daemon>.crt (chain) and <folder>/root.crt. */
struct rpc_identity;

int rpc_identity_open(const char *folder, const char *daemon, struct rpc_identity **ret_identity,
                      struct err *err);
void rpc_identity_free(struct rpc_identity *identity);

const char *rpc_identity_node_id(const struct rpc_identity *identity);
const char *rpc_identity_cluster_id(const struct rpc_identity *identity);

/* Reads node, cluster, daemon and roles out of a certificate (PEM; the first one of a chain).
 * Refuses with ERR_UNAUTHENTICATED what is not of the form in api/roles.h.  Without a URI SAN a
 * node's certificate gives no role.  The address stays empty. */
int rpc_peer_from_pem(const char *pem, size_t size, struct rpc_peer *ret_peer, struct err *err);
