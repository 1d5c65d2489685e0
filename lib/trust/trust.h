/* Keys, certificates and join tokens: OpenSSL behind a few verbs, everything in PEM text.
 *
 * ECDSA on P-256 throughout.  A certificate's shape is in api/roles.h.  Blocking for about a
 * millisecond; no files, no sockets. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

enum {
        TRUST_ROOT_DAYS = 20 * 365,
        TRUST_NODE_DAYS = 90,
        TRUST_TOKEN_SIZE = 96, /* with NUL */
        TRUST_PEM_MAX = 64 * 1024,
};

/* A fresh private key. */
int trust_make_key(struct str *ret_key_pem, struct err *err);

/* A root that signs itself: CN swarm-ca. */
int trust_make_root(struct str *ret_certificate_pem, struct str *ret_key_pem, struct err *err);

/* PKCS#10 for a key; the subject is a placeholder, whoever signs says who it is. */
int trust_make_csr(const char *key_pem, struct str *ret_csr_pem, struct err *err);

/* Whom a certificate names. */
struct trust_subject {
        const char *node_id;    /* CN */
        const char *cluster_id; /* O */
        const char *unit;       /* OU: "swarm-manager", "swarm-worker", "swarm-admin" */
        const char *daemon;     /* URI and DNS SAN; NULL for a person */
        int64_t now_ns;         /* valid from an hour before */
        int64_t lifetime_ns;
};

struct trust_issuer {
        const char *certificate_pem, *key_pem;
};

/* Signs the request's key for 'subject'; the request proves that its sender has the key.
 * ERR_INVALID: no good request. */
int trust_sign(const struct trust_issuer *issuer, const char *csr_pem,
               const struct trust_subject *subject, struct str *ret_certificate_pem,
               struct err *err);

/* Is the certificate for this key, and signed by this root?  ERR_INVALID: no. */
int trust_check_pair(const char *certificate_pem, const char *key_pem,
                     const char *root_certificate_pem, struct err *err);

/* From when to when a certificate is valid, in ns. */
int trust_certificate_times(const char *certificate_pem, int64_t *ret_from_ns, int64_t *ret_to_ns,
                            struct err *err);

/* When a certificate ends, in ns. */
int trust_certificate_end(const char *certificate_pem, int64_t *ret_ns, struct err *err);

/* Subject and public key as docker's TLSInfo shows them: base64 of the DER. */
int trust_certificate_info(const char *certificate_pem, struct str *ret_subject,
                           struct str *ret_public_key, struct err *err);

/* --- join tokens: SWMTKN-1-<root digest, 50 base36 digits>-<secret, 25 base36 digits> --- */

/* A fresh secret under the root's digest. */
int trust_make_token(const char *root_certificate_pem, char ret_token[static TRUST_TOKEN_SIZE],
                     struct err *err);

/* Does it look like a token?  ERR_INVALID: no. */
int trust_check_token_form(const char *token, struct err *err);

/* Is the token for this root?  A stranger's only way to know that it speaks to the right cluster.
 * ERR_INVALID: not a token; ERR_DENIED: another root's. */
int trust_check_token(const char *token, const char *root_certificate_pem, struct err *err);

/* Compared in constant time. */
bool trust_same_token(const char *a, const char *b);
