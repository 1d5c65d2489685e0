/* Making roots and certificates with OpenSSL. */
#include "tests/lib/identity/identity.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

enum { HOUR = 3600, DAY = 24 * HOUR };

DEFINE_CLEANUP(X509, X509_free)
DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free)
DEFINE_CLEANUP(BIO, BIO_free_all)

static char *path_of(const char *folder, const char *name, const char *suffix)
{
        struct str path = { 0 };

        str_addf(&path, "%s/%s%s", folder, name, suffix);
        return str_take(&path);
}

/* Atomic, so that a running daemon may read while it is replaced. */
static void write_bio(const char *folder, const char *name, const char *suffix, BIO *bio)
{
        _cleanup_(freep) char *path = path_of(folder, name, suffix);
        char *data;
        long size = BIO_get_mem_data(bio, &data);

        CHECK(size > 0);
        CHECK(file_write_atomic(path, data, (size_t)size, 0600, NULL) == 0);
}

static void write_key(const char *folder, const char *name, EVP_PKEY *key)
{
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

        CHECK(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
        write_bio(folder, name, ".key", bio);
}

static void write_certificate(const char *folder, const char *name, X509 *certificate)
{
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

        CHECK(PEM_write_bio_X509(bio, certificate));
        write_bio(folder, name, ".crt", bio);
}

static void add_name(X509_NAME *name, const char *field, const char *value)
{
        CHECK(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value,
                                         -1, -1, 0));
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
        X509V3_CTX context;
        X509_EXTENSION *extension;

        X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
        extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        CHECK(extension);
        CHECK(X509_add_ext(certificate, extension, -1));
        X509_EXTENSION_free(extension);
}

static X509 *new_certificate(EVP_PKEY *key, const char *cluster, const char *node, const char *unit)
{
        X509 *certificate = X509_new();
        X509_NAME *subject = X509_get_subject_name(certificate);
        uint64_t serial;

        os_random(&serial, sizeof serial);
        CHECK(X509_set_version(certificate, 2));
        CHECK(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1));
        X509_gmtime_adj(X509_getm_notBefore(certificate), -HOUR);
        X509_gmtime_adj(X509_getm_notAfter(certificate), 90L * DAY);
        CHECK(X509_set_pubkey(certificate, key));
        add_name(subject, "O", cluster);
        add_name(subject, "OU", unit);
        add_name(subject, "CN", node);
        return certificate;
}

void test_identity_make_root(const char *folder, const char *cluster)
{
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
        _cleanup_(X509_freep) X509 *root = new_certificate(key, cluster, "swarm-ca", "swarm-ca");

        CHECK(file_make_folders(folder, 0700, NULL) == 0);
        CHECK(X509_set_issuer_name(root, X509_get_subject_name(root)));
        add_extension(root, root, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(root, root, NID_key_usage, "critical,keyCertSign,cRLSign");
        add_extension(root, root, NID_subject_key_identifier, "hash");
        CHECK(X509_sign(root, key, EVP_sha256()));
        write_key(folder, "root", key);
        write_certificate(folder, "root", root);
}

static void read_root(const char *folder, EVP_PKEY **ret_key, X509 **ret_root)
{
        _cleanup_(freep) char *key_path = path_of(folder, "root", ".key");
        _cleanup_(freep) char *root_path = path_of(folder, "root", ".crt");
        _cleanup_(BIO_free_allp) BIO *key_bio = BIO_new_file(key_path, "r");
        _cleanup_(BIO_free_allp) BIO *root_bio = BIO_new_file(root_path, "r");

        CHECK(key_bio && root_bio);
        *ret_key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
        *ret_root = PEM_read_bio_X509(root_bio, NULL, NULL, NULL);
        CHECK(*ret_key && *ret_root);
}

static void add_names(X509 *certificate, X509 *root, const char *cluster, const char *node,
                      const char *daemon)
{
        _cleanup_(str_done) struct str names = { 0 };

        str_addf(&names, "URI:skep://%s/%s/%s,DNS:%s.skep", cluster, node, daemon, daemon);
        add_extension(certificate, root, NID_subject_alt_name, str_text(&names));
}

void test_identity_make(const char *folder, const char *cluster, const char *node, const char *unit,
                        const char *daemon)
{
        _cleanup_(freep) char *root_path = path_of(folder, "root", ".crt");
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_EC_gen("P-256"), *root_key = NULL;
        _cleanup_(X509_freep) X509 *certificate = NULL, *root = NULL;
        const char *name = daemon[0] ? daemon : "admin";

        if (!file_exists(root_path))
                test_identity_make_root(folder, cluster);
        read_root(folder, &root_key, &root);
        certificate = new_certificate(key, cluster, node, unit);
        CHECK(X509_set_issuer_name(certificate, X509_get_subject_name(root)));
        add_extension(certificate, root, NID_basic_constraints, "critical,CA:FALSE");
        add_extension(certificate, root, NID_key_usage, "critical,digitalSignature");
        add_extension(certificate, root, NID_ext_key_usage, "serverAuth,clientAuth");
        if (daemon[0])
                add_names(certificate, root, cluster, node, daemon);
        CHECK(X509_sign(certificate, root_key, EVP_sha256()));
        write_key(folder, name, key);
        write_certificate(folder, name, certificate);
}
