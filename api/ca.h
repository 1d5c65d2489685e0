/* The methods of the CA and of the join endpoint in front of it: one row each, read by servers and
 * clients. */
#pragma once
#include "api/ca.pb-c.h"
#include "api/roles.h"

/* The largest request: a few certificate requests of half a kilobyte.  Strangers may send one, and
 * unpacking takes up to 32 times its size. */
enum { CA_MESSAGE_MAX = 128 * 1024 };

/*  method, function, request, response, shape (lib/rpc/service.h), who may call */
/* clang-format off */
#define JOIN_METHODS(X)                                                                            \
        X(GetRootCertificate, get_root_certificate, GetRootCertificateRequest,                     \
          GetRootCertificateResponse, UNARY, ROLE_ANYONE)                                          \
        X(JoinCluster, join_cluster, JoinClusterRequest, JoinClusterResponse, UNARY, ROLE_ANYONE)

#define CA_METHODS(X)                                                                              \
        X(IssueNodeCertificate, issue_node_certificate, JoinClusterRequest, JoinClusterResponse,   \
          UNARY, ROLE_JOIN)                                                                        \
        X(RenewCertificates, renew_certificates, RenewCertificatesRequest,                         \
          RenewCertificatesResponse, UNARY, ROLE_AGENT)                                            \
        X(RotateJoinToken, rotate_join_token, RotateJoinTokenRequest, RotateJoinTokenResponse,     \
          UNARY, ROLE_API)
/* clang-format on */
