/* Keys and certificates: OpenSSL behind a few verbs. */
#include "lib/trust/trust.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "lib/base/mem.h"
#include "lib/base/time.h"

#define DEFINE_OPENSSL(type, free_function)     \
        static void free_function##_p(type **p) \
        {                                       \
                free_function(*p);              \
        }
DEFINE_OPENSSL(EVP_PKEY, EVP_PKEY_free)
DEFINE_OPENSSL(X509, X509_free)
DEFINE_OPENSSL(X509_REQ, X509_REQ_free)
DEFINE_OPENSSL(BIO, BIO_free_all)

static int openssl_failed(struct err *err, const char *what)
{
        char reason[120] = "unknown";
        unsigned long code = ERR_get_error();

        if (code)
                ERR_error_string_n(code, reason, sizeof reason);
        ERR_clear_error();
        return err_set(err, ERR_INTERNAL, "%s: %s", what, reason);
}

static void take_bio(BIO *bio, struct str *ret)
{
        char *data;
        long size = BIO_get_mem_data(bio, &data);

        str_add_bytes(ret, data, size > 0 ? (size_t)size : 0);
}

static BIO *bio_of(const char *pem)
{
        return BIO_new_mem_buf(pem, (int)strnlen(pem, TRUST_PEM_MAX));
}

static X509 *read_certificate(const char *pem)
{
        _cleanup_(BIO_free_all_p) BIO *bio = bio_of(pem);

        return bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
}

static EVP_PKEY *read_key(const char *pem)
{
        _cleanup_(BIO_free_all_p) BIO *bio = bio_of(pem);

        return bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
}

static int write_key(EVP_PKEY *key, struct str *ret, struct err *err)
{
        _cleanup_(BIO_free_all_p) BIO *bio = BIO_new(BIO_s_secmem());

        if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
                return openssl_failed(err, "writing a key");
        take_bio(bio, ret);
        return 0;
}

static int write_certificate(X509 *certificate, struct str *ret, struct err *err)
{
        _cleanup_(BIO_free_all_p) BIO *bio = BIO_new(BIO_s_mem());

        if (!bio || PEM_write_bio_X509(bio, certificate) != 1)
                return openssl_failed(err, "writing a certificate");
        take_bio(bio, ret);
        return 0;
}

int trust_make_key(struct str *ret_key_pem, struct err *err)
{
        _cleanup_(EVP_PKEY_free_p) EVP_PKEY *key = EVP_EC_gen("P-256");

        if (!key)
                return openssl_failed(err, "making a key");
        return write_key(key, ret_key_pem, err);
}

static int add_name(X509_NAME *name, const char *field, const char *value)
{
        return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value,
                                          -1, -1, 0);
}

static int set_random_serial(X509 *certificate)
{
        unsigned char bytes[16];
        BIGNUM *number;
        int ok;

        if (RAND_bytes(bytes, sizeof bytes) != 1)
                return 0;
        bytes[0] &= 0x7f;
        number = BN_bin2bn(bytes, sizeof bytes, NULL);
        ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
        BN_free(number);
        return ok;
}

static int add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
        X509V3_CTX context;
        X509_EXTENSION *extension;
        int ok;

        X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
        X509V3_set_ctx_nodb(&context);
        extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        ok = extension && X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
        return ok;
}

static int set_validity(X509 *certificate, int64_t from_ns, int64_t to_ns)
{
        return ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(from_ns / NS_PER_S)) &&
               ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(to_ns / NS_PER_S));
}

int trust_make_root(struct str *ret_certificate_pem, struct str *ret_key_pem, struct err *err)
{
        _cleanup_(EVP_PKEY_free_p) EVP_PKEY *key = EVP_EC_gen("P-256");
        _cleanup_(X509_free_p) X509 *root = X509_new();
        int64_t now = (int64_t)time(NULL) * NS_PER_S;

        if (!key || !root || !X509_set_version(root, X509_VERSION_3) || !set_random_serial(root) ||
            !set_validity(root, now - NS_PER_HOUR, now + TRUST_ROOT_DAYS * NS_PER_DAY) ||
            !add_name(X509_get_subject_name(root), "CN", "swarm-ca") ||
            !X509_set_issuer_name(root, X509_get_subject_name(root)) ||
            !X509_set_pubkey(root, key) ||
            !add_extension(root, root, NID_basic_constraints, "critical,CA:TRUE") ||
            !add_extension(root, root, NID_key_usage, "critical,keyCertSign,cRLSign") ||
            !add_extension(root, root, NID_subject_key_identifier, "hash") ||
            !X509_sign(root, key, EVP_sha256()))
                return openssl_failed(err, "making the root certificate");
        TRY(write_certificate(root, ret_certificate_pem, err));
        return write_key(key, ret_key_pem, err);
}

int trust_make_csr(const char *key_pem, struct str *ret_csr_pem, struct err *err)
{
        _cleanup_(EVP_PKEY_free_p) EVP_PKEY *key = read_key(key_pem);
        _cleanup_(X509_REQ_free_p) X509_REQ *request = X509_REQ_new();
        _cleanup_(BIO_free_all_p) BIO *bio = BIO_new(BIO_s_mem());

        if (!key || !request || !bio || !X509_REQ_set_pubkey(request, key) ||
            !add_name(X509_REQ_get_subject_name(request), "CN", "skep") ||
            !X509_REQ_sign(request, key, EVP_sha256()) || !PEM_write_bio_X509_REQ(bio, request))
                return openssl_failed(err, "making a certificate request");
        take_bio(bio, ret_csr_pem);
        return 0;
}

/* Any curve may have 256 bits, one of the sender's own making included. */
static bool is_p256(const EVP_PKEY *key)
{
        char group[16];

        return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
               EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
               strcmp(group, "prime256v1") == 0;
}

/* The request's key, once the request proved that its sender has the private half. */
static int csr_key(const char *csr_pem, EVP_PKEY **ret, struct err *err)
{
        _cleanup_(BIO_free_all_p) BIO *bio = bio_of(csr_pem);
        _cleanup_(X509_REQ_free_p) X509_REQ *request =
                bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
        EVP_PKEY *key = request ? X509_REQ_get_pubkey(request) : NULL;
        bool is_good = key && is_p256(key) && X509_REQ_verify(request, key) == 1;

        ERR_clear_error();
        if (!is_good) {
                EVP_PKEY_free(key);
                return err_set(err, ERR_INVALID,
                               "not a certificate request with a P-256 key and its own signature");
        }
        *ret = key;
        return 0;
}

static int add_names(X509 *certificate, X509 *issuer, const struct trust_subject *subject)
{
        X509_NAME *name = X509_get_subject_name(certificate);
        char sans[300];

        if (!add_name(name, "O", subject->cluster_id) || !add_name(name, "OU", subject->unit) ||
            !add_name(name, "CN", subject->node_id))
                return 0;
        if (!subject->daemon)
                return 1;
        snprintf(sans, sizeof sans, "URI:skep://%s/%s/%s,DNS:%s.skep", subject->cluster_id,
                 subject->node_id, subject->daemon, subject->daemon);
        return add_extension(certificate, issuer, NID_subject_alt_name, sans);
}

/* These go into names and URIs: nothing that could change their meaning. */
static bool is_plain_word(const char *text)
{
        size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

        return length && length <= 64 && !text[length];
}

int trust_sign(const struct trust_issuer *issuer, const char *csr_pem,
               const struct trust_subject *subject, struct str *ret_certificate_pem,
               struct err *err)
{
        _cleanup_(X509_free_p) X509 *certificate = X509_new(),
                                    *root = read_certificate(issuer->certificate_pem);
        _cleanup_(EVP_PKEY_free_p) EVP_PKEY *root_key = read_key(issuer->key_pem), *key = NULL;

        if (!is_plain_word(subject->node_id) || !is_plain_word(subject->cluster_id) ||
            !is_plain_word(subject->unit) || (subject->daemon && !is_plain_word(subject->daemon)))
                return err_set(err, ERR_INVALID, "a certificate cannot name node '%.64s'",
                               subject->node_id);
        TRY(csr_key(csr_pem, &key, err));
        if (!certificate || !root || !root_key || !X509_set_version(certificate, X509_VERSION_3) ||
            !set_random_serial(certificate) ||
            !set_validity(certificate, subject->now_ns - NS_PER_HOUR,
                          subject->now_ns + subject->lifetime_ns) ||
            !X509_set_issuer_name(certificate, X509_get_subject_name(root)) ||
            !X509_set_pubkey(certificate, key) || !add_names(certificate, root, subject) ||
            !add_extension(certificate, root, NID_basic_constraints, "critical,CA:FALSE") ||
            !add_extension(certificate, root, NID_key_usage, "critical,digitalSignature") ||
            !add_extension(certificate, root, NID_ext_key_usage, "serverAuth,clientAuth") ||
            !X509_sign(certificate, root_key, EVP_sha256()))
                return openssl_failed(err, "signing a certificate");
        return write_certificate(certificate, ret_certificate_pem, err);
}

int trust_check_pair(const char *certificate_pem, const char *key_pem,
                     const char *root_certificate_pem, struct err *err)
{
        _cleanup_(X509_free_p) X509 *certificate = read_certificate(certificate_pem),
                                    *root = read_certificate(root_certificate_pem);
        _cleanup_(EVP_PKEY_free_p) EVP_PKEY *key = read_key(key_pem);
        bool is_good = certificate && root && key &&
                       X509_check_private_key(certificate, key) == 1 &&
                       X509_verify(certificate, X509_get0_pubkey(root)) == 1;

        ERR_clear_error();
        if (!is_good)
                return err_set(err, ERR_INVALID,
                               "a certificate is not for the key it was asked for, or not by the "
                               "cluster's root");
        return 0;
}

int trust_certificate_times(const char *certificate_pem, int64_t *ret_from_ns, int64_t *ret_to_ns,
                            struct err *err)
{
        _cleanup_(X509_free_p) X509 *certificate = read_certificate(certificate_pem);
        struct tm from, to;

        if (!certificate || ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &from) != 1 ||
            ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &to) != 1)
                return openssl_failed(err, "reading a certificate");
        *ret_from_ns = (int64_t)timegm(&from) * NS_PER_S;
        *ret_to_ns = (int64_t)timegm(&to) * NS_PER_S;
        return 0;
}

int trust_certificate_end(const char *certificate_pem, int64_t *ret_ns, struct err *err)
{
        int64_t from;

        return trust_certificate_times(certificate_pem, &from, ret_ns, err);
}

int trust_certificate_info(const char *certificate_pem, struct str *ret_subject,
                           struct str *ret_public_key, struct err *err)
{
        _cleanup_(X509_free_p) X509 *certificate = read_certificate(certificate_pem);
        unsigned char *der = NULL;
        int size;

        if (!certificate)
                return openssl_failed(err, "reading a certificate");
        size = i2d_X509_NAME(X509_get_subject_name(certificate), &der);
        if (size > 0)
                str_add_base64(ret_subject, der, (size_t)size);
        OPENSSL_free(der);
        der = NULL;
        size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
        if (size > 0)
                str_add_base64(ret_public_key, der, (size_t)size);
        OPENSSL_free(der);
        return 0;
}
