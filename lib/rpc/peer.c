/* Who a certificate says the peer is. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "api/roles.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/rpc/tls.h"

DEFINE_CLEANUP(BIO, BIO_free_all)
DEFINE_CLEANUP(X509, X509_free)
DEFINE_CLEANUP(GENERAL_NAMES, GENERAL_NAMES_free)

static const struct {
        const char *daemon;
        uint32_t role;
        bool may_be_worker; /* runs on nodes that are no managers, too */
} daemons[] = {
#define DAEMON_ROLE(bit, constant, daemon) \
        { daemon, constant, (constant) & (ROLE_AGENT | ROLE_MESH | ROLE_DNS) },
        API_ROLES(DAEMON_ROLE)
#undef DAEMON_ROLE
};

/* Ids, names of daemons and OUs are made of these alone, so that they need no quoting anywhere. */
static bool is_plain(const char *text, size_t length)
{
        static const char plain[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

        for (size_t i = 0; i < length; i++)
                if (!text[i] || !strchr(plain, text[i]))
                        return false;
        return length > 0;
}

static int copy_plain(const char *what, const char *text, size_t length, char *ret, size_t size,
                      struct err *err)
{
        if (length >= size || !is_plain(text, length))
                return err_set(err, ERR_UNAUTHENTICATED,
                               "the certificate's %s must be 1 to %zu letters, digits, - _ .", what,
                               size - 1);
        memcpy(ret, text, length);
        ret[length] = '\0';
        return 0;
}

/* The one entry of a kind in the subject. */
static int read_subject(const X509 *certificate, int nid, const char *what, char *ret, size_t size,
                        struct err *err)
{
        const X509_NAME *subject = X509_get_subject_name(certificate);
        int at = X509_NAME_get_index_by_NID(subject, nid, -1);
        const ASN1_STRING *value;

        if (at < 0 || X509_NAME_get_index_by_NID(subject, nid, at) >= 0)
                return err_set(err, ERR_UNAUTHENTICATED,
                               "the certificate's subject must have exactly one %s", what);
        value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        return copy_plain(what, (const char *)ASN1_STRING_get0_data(value),
                          (size_t)ASN1_STRING_length(value), ret, size, err);
}

/* What follows skep:// in the one URI of that kind; NULL when there is none. */
static int find_uri(const GENERAL_NAMES *names, struct str *ret, struct err *err)
{
        static const char scheme[] = "skep://";
        size_t n = sizeof scheme - 1;

        for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
                const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
                const char *text;
                size_t length;

                if (name->type != GEN_URI)
                        continue;
                text = (const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
                length = (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier);
                if (length < n || memcmp(text, scheme, n) != 0)
                        continue;
                if (ret->length)
                        return err_set(err, ERR_UNAUTHENTICATED,
                                       "the certificate names more than one daemon");
                str_add_bytes(ret, text + n, length - n);
        }
        return 0;
}

static int give_role(struct rpc_peer *peer, struct err *err)
{
        for (size_t i = 0; i < COUNT_OF(daemons); i++) {
                if (!str_equal(daemons[i].daemon, peer->daemon))
                        continue;
                if (!peer->is_manager && !daemons[i].may_be_worker)
                        return err_set(err, ERR_UNAUTHENTICATED,
                                       "the certificate is for '%s', which only managers run",
                                       peer->daemon);
                peer->roles |= daemons[i].role;
                return 0;
        }
        return err_set(err, ERR_UNAUTHENTICATED, "the certificate is for '%s', which is no daemon",
                       peer->daemon);
}

/* "cluster/node/daemon", the first two as in the subject. */
static int read_uri(const struct str *uri, struct rpc_peer *peer, struct err *err)
{
        char expected[sizeof peer->cluster_id + sizeof peer->node_id + 2];
        size_t n;

        snprintf(expected, sizeof expected, "%s/%s/", peer->cluster_id, peer->node_id);
        n = strlen(expected);
        if (uri->length <= n || memcmp(uri->text, expected, n) != 0)
                return err_set(err, ERR_UNAUTHENTICATED,
                               "the certificate's URI is not of its subject's cluster and node");
        TRY(copy_plain("daemon", uri->text + n, uri->length - n, peer->daemon, sizeof peer->daemon,
                       err));
        return give_role(peer, err);
}

static int read_names(const X509 *certificate, struct rpc_peer *peer, struct err *err)
{
        _cleanup_(GENERAL_NAMES_freep) GENERAL_NAMES *names =
                X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
        _cleanup_(str_done) struct str uri = { 0 };

        TRY(find_uri(names, &uri, err));
        return uri.length ? read_uri(&uri, peer, err) : 0;
}

static int read_unit(const X509 *certificate, struct rpc_peer *peer, struct err *err)
{
        char unit[32];

        TRY(read_subject(certificate, NID_organizationalUnitName, "OU", unit, sizeof unit, err));
        peer->is_manager = str_equal(unit, "swarm-manager");
        if (str_equal(unit, "swarm-admin"))
                peer->roles |= ROLE_ADMIN;
        else if (!peer->is_manager && !str_equal(unit, "swarm-worker"))
                return err_set(err, ERR_UNAUTHENTICATED,
                               "the certificate's OU is '%s'; swarm-manager, swarm-worker or "
                               "swarm-admin are known",
                               unit);
        return 0;
}

int rpc_peer_from_pem(const char *pem, size_t size, struct rpc_peer *ret_peer, struct err *err)
{
        _cleanup_(BIO_free_allp) BIO *bio = NULL;
        _cleanup_(X509_freep) X509 *certificate = NULL;
        struct rpc_peer peer = { 0 };

        if (size == 0 || size > RPC_PEM_SIZE_MAX)
                return err_set(err, ERR_UNAUTHENTICATED, "a certificate of %zu bytes", size);
        bio = BIO_new_mem_buf(pem, (int)size);
        CHECK(bio);
        certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        ERR_clear_error();
        if (!certificate)
                return err_set(err, ERR_UNAUTHENTICATED, "the certificate is no X.509 in PEM");
        TRY(read_subject(certificate, NID_commonName, "CN", peer.node_id, sizeof peer.node_id,
                         err));
        TRY(read_subject(certificate, NID_organizationName, "O", peer.cluster_id,
                         sizeof peer.cluster_id, err));
        TRY(read_unit(certificate, &peer, err));
        TRY(read_names(certificate, &peer, err));
        *ret_peer = peer;
        return 0;
}
