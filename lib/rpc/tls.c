/* Keys and certificates from files, and how they get into gRPC.
 *
 * Both sides look at the files' times when they need them: servers in each handshake, clients when
 * they start a call.  Neither touches connections that are up. */
#include "lib/rpc/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "lib/rpc/credentials.h"
#include "lib/rpc/environment.h"

DEFINE_CLEANUP(struct rpc_identity, rpc_identity_free)
DEFINE_CLEANUP(BIO, BIO_free_all)
DEFINE_CLEANUP(X509, X509_free)
DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free)

struct paths {
        char *key, *certificate, *root;
};

/* The three files, as they were at one moment. */
struct pems {
        struct str key, certificate, root;
};

/* Never changes, so that threads may share it. */
struct rpc_identity {
        struct paths paths;
        struct rpc_peer self;
        struct pems pems;
        struct file_times times; /* of what is in 'pems' */
};

static void pems_done(struct pems *pems)
{
        if (pems->key.text)
                explicit_bzero(pems->key.text, pems->key.capacity);
        str_done(&pems->key);
        str_done(&pems->certificate);
        str_done(&pems->root);
}

/* While they are being replaced one after the other, the key may not be the certificate's for a
 * moment. */
static int check_key(const struct paths *paths, const struct pems *pems, struct err *err)
{
        _cleanup_(BIO_free_allp) BIO *key_bio =
                BIO_new_mem_buf(pems->key.text, (int)pems->key.length);
        _cleanup_(BIO_free_allp) BIO *certificate_bio =
                BIO_new_mem_buf(pems->certificate.text, (int)pems->certificate.length);
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key =
                PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
        _cleanup_(X509_freep) X509 *certificate =
                PEM_read_bio_X509(certificate_bio, NULL, NULL, NULL);
        bool is_pair = key && certificate && X509_check_private_key(certificate, key);

        ERR_clear_error();
        if (!is_pair)
                return err_set(err, ERR_UNAUTHENTICATED, "'%s' is not the key of '%s'", paths->key,
                               paths->certificate);
        return 0;
}

static int read_pems(const struct paths *paths, struct pems *pems, struct err *err)
{
        TRY(file_read(paths->key, RPC_PEM_SIZE_MAX, &pems->key, err));
        TRY(file_read(paths->certificate, RPC_PEM_SIZE_MAX, &pems->certificate, err));
        TRY(file_read(paths->root, RPC_PEM_SIZE_MAX, &pems->root, err));
        return check_key(paths, pems, err);
}

static bool has_changed(const char *path, struct timespec *time)
{
        struct stat status;

        if (stat(path, &status) < 0)
                return false;
        if (status.st_mtim.tv_sec == time->tv_sec && status.st_mtim.tv_nsec == time->tv_nsec)
                return false;
        *time = status.st_mtim;
        return true;
}

/* Are the files others than those of 'times'?  Brings these up to date. */
static bool have_changed(const struct paths *paths, struct file_times *times)
{
        bool key = has_changed(paths->key, &times->of[0]);
        bool certificate = has_changed(paths->certificate, &times->of[1]);
        bool root = has_changed(paths->root, &times->of[2]);

        return key || certificate || root;
}

static struct paths paths_copy(const struct paths *paths)
{
        return (struct paths){
                .key = str_copy(paths->key),
                .certificate = str_copy(paths->certificate),
                .root = str_copy(paths->root),
        };
}

static void paths_done(struct paths *paths)
{
        free(paths->key);
        free(paths->certificate);
        free(paths->root);
}

/* --- identity --- */

static char *path_in(const char *folder, const char *name, const char *suffix)
{
        struct str path = { 0 };

        str_addf(&path, "%s/%s%s", folder, name, suffix);
        return str_take(&path);
}

int rpc_identity_open(const char *folder, const char *daemon, struct rpc_identity **ret_identity,
                      struct err *err)
{
        _cleanup_(rpc_identity_freep) struct rpc_identity *identity = mem_alloc(sizeof *identity);
        struct pems *pems = &identity->pems;

        rpc_environment_init();
        identity->paths = (struct paths){
                .key = path_in(folder, daemon, ".key"),
                .certificate = path_in(folder, daemon, ".crt"),
                .root = path_in(folder, "root", ".crt"),
        };
        have_changed(&identity->paths, &identity->times);
        TRY(read_pems(&identity->paths, pems, err));
        if (rpc_peer_from_pem(pems->certificate.text, pems->certificate.length, &identity->self,
                              err) < 0)
                return err_prefix(err, "'%s'", identity->paths.certificate);
        *ret_identity = TAKE(identity);
        return 0;
}

void rpc_identity_free(struct rpc_identity *identity)
{
        if (!identity)
                return;
        pems_done(&identity->pems);
        paths_done(&identity->paths);
        free(identity);
        rpc_environment_done();
}

const char *rpc_identity_node_id(const struct rpc_identity *identity)
{
        return identity->self.node_id;
}

const char *rpc_identity_cluster_id(const struct rpc_identity *identity)
{
        return identity->self.cluster_id;
}

/* --- servers --- */

/* One per listener; gRPC asks from any of its threads, one handshake at a time. */
struct reloader {
        struct paths paths;
        struct file_times times;
        atomic_uint
                n_asked; /* hands 'times' from the thread that asked to the one that asks next */
};

void reloader_free(struct reloader *reloader)
{
        if (!reloader)
                return;
        paths_done(&reloader->paths);
        free(reloader);
}

/* Files that do not fit together are as good as unchanged: the next handshake looks again. */
static grpc_ssl_certificate_config_reload_status reload_files(
        struct reloader *reloader, grpc_ssl_server_certificate_config **ret_config)
{
        const struct paths *paths = &reloader->paths;
        struct file_times times = reloader->times;
        _cleanup_(pems_done) struct pems pems = { 0 };
        grpc_ssl_pem_key_cert_pair pair;

        if (!have_changed(paths, &times) || read_pems(paths, &pems, NULL) < 0)
                return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
        pair.private_key = pems.key.text;
        pair.cert_chain = pems.certificate.text;
        *ret_config = grpc_ssl_server_certificate_config_create(pems.root.text, &pair, 1);
        reloader->times = times;
        return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

static grpc_ssl_certificate_config_reload_status reload(
        void *context, grpc_ssl_server_certificate_config **ret_config)
{
        grpc_ssl_certificate_config_reload_status status;
        struct reloader *reloader = context;

        atomic_load_explicit(&reloader->n_asked, memory_order_acquire);
        status = reload_files(reloader, ret_config);
        atomic_fetch_add_explicit(&reloader->n_asked, 1, memory_order_release);
        return status;
}

grpc_server_credentials *credentials_of_listener(const struct rpc_identity *identity,
                                                 enum rpc_trust trust,
                                                 struct reloader **ret_reloader)
{
        struct reloader *reloader;

        *ret_reloader = NULL;
        if (trust == RPC_LOCAL_ADMIN)
                return grpc_insecure_server_credentials_create();
        reloader = mem_alloc(sizeof *reloader);
        reloader->paths = paths_copy(&identity->paths);
        *ret_reloader = reloader;
        return grpc_ssl_server_credentials_create_with_options(
                grpc_ssl_server_credentials_create_options_using_config_fetcher(
                        trust == RPC_ALLOW_STRANGERS
                                ? GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY
                                : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY,
                        reload, reloader));
}

/* --- clients --- */

/* TLS without a certificate of our own, for those who are about to get one. */
static grpc_channel_credentials *credentials_of_stranger(const struct rpc_client_options *options)
{
        grpc_tls_credentials_options *tls;

        if (options->root_pem)
                return grpc_ssl_credentials_create_ex(options->root_pem, NULL, NULL, NULL);
        tls = grpc_tls_credentials_options_create();
        grpc_tls_credentials_options_set_verify_server_cert(tls, 0);
        return grpc_tls_credentials_create(tls);
}

static grpc_channel_credentials *credentials_of_member(const struct pems *pems)
{
        grpc_tls_credentials_options *tls = grpc_tls_credentials_options_create();
        grpc_tls_identity_pairs *pairs = grpc_tls_identity_pairs_create();
        grpc_tls_certificate_provider *provider;

        grpc_tls_identity_pairs_add_pair(pairs, pems->key.text, pems->certificate.text);
        provider = grpc_tls_certificate_provider_static_data_create(pems->root.text, pairs);
        grpc_tls_credentials_options_set_certificate_provider(tls, provider);
        grpc_tls_certificate_provider_release(provider);
        grpc_tls_credentials_options_watch_root_certs(tls);
        grpc_tls_credentials_options_watch_identity_key_cert_pairs(tls);
        return grpc_tls_credentials_create(tls);
}

/* Files that do not fit together are as good as unchanged: they are looked at again. */
grpc_channel_credentials *credentials_if_changed(const struct rpc_identity *identity,
                                                 struct file_times *times)
{
        _cleanup_(pems_done) struct pems pems = { 0 };
        struct file_times seen = *times;

        if (!have_changed(&identity->paths, &seen) || read_pems(&identity->paths, &pems, NULL) < 0)
                return NULL;
        *times = seen;
        return credentials_of_member(&pems);
}

grpc_channel_credentials *credentials_of_client(const struct rpc_client_options *options,
                                                struct file_times *ret_times)
{
        const struct rpc_identity *identity = options->identity;
        grpc_channel_credentials *changed;

        if (options->root_pem || options->is_unverified)
                return credentials_of_stranger(options);
        if (!identity)
                return grpc_insecure_credentials_create();
        *ret_times = identity->times;
        changed = credentials_if_changed(identity, ret_times);
        return changed ? changed : credentials_of_member(&identity->pems);
}
