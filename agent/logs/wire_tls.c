/* TLS to a log server. */
#include "agent/logs/wire_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

enum { READS_PER_TURN = 16 };

struct wire_tls {
        SSL_CTX *context;
        SSL *ssl;
};

static int tls_error(struct err *err, const char *what)
{
        unsigned long code = ERR_get_error();
        char text[200] = "the server closed the connection";

        if (code)
                ERR_error_string_n(code, text, sizeof text);
        ERR_clear_error();
        return err_set(err, ERR_UNAVAILABLE, "%s: %s", what, text);
}

static int set_up_trust(SSL_CTX *context, const struct log_config *config, struct err *err)
{
        SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
        SSL_CTX_set_mode(context,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_verify(context, config->skips_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
        if (config->ca ? SSL_CTX_load_verify_file(context, config->ca) != 1
                       : SSL_CTX_set_default_verify_paths(context) != 1)
                return tls_error(err, "syslog-tls-ca-cert");
        if (!config->certificate)
                return 0;
        if (SSL_CTX_use_certificate_chain_file(context, config->certificate) != 1)
                return tls_error(err, "syslog-tls-cert");
        if (SSL_CTX_use_PrivateKey_file(context, config->key, SSL_FILETYPE_PEM) != 1)
                return tls_error(err, "syslog-tls-key");
        return 0;
}

/* The name that is dialled is the one that the certificate must have. */
static int set_up_name(SSL *ssl, const struct log_config *config, struct err *err)
{
        X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);

        if (X509_VERIFY_PARAM_set1_ip_asc(parameters, config->host) == 1)
                return 0;
        ERR_clear_error();
        if (SSL_set_tlsext_host_name(ssl, config->host) != 1 ||
            SSL_set1_host(ssl, config->host) != 1)
                return tls_error(err, "the server's name");
        return 0;
}

static int set_up(struct wire_tls *tls, const struct log_config *config, int fd, struct err *err)
{
        tls->context = SSL_CTX_new(TLS_client_method());
        if (!tls->context)
                return tls_error(err, "TLS");
        TRY(set_up_trust(tls->context, config, err));
        tls->ssl = SSL_new(tls->context);
        if (!tls->ssl || SSL_set_fd(tls->ssl, fd) != 1)
                return tls_error(err, "TLS");
        SSL_set_connect_state(tls->ssl);
        return set_up_name(tls->ssl, config, err);
}

int wire_tls_new(const struct log_config *config, int fd, struct wire_tls **ret, struct err *err)
{
        struct wire_tls *tls = mem_alloc(sizeof *tls);
        int failed = set_up(tls, config, fd, err);

        if (failed) {
                wire_tls_free(tls);
                return failed;
        }
        *ret = tls;
        return 0;
}

void wire_tls_free(struct wire_tls *tls)
{
        if (!tls)
                return;
        SSL_free(tls->ssl);
        SSL_CTX_free(tls->context);
        free(tls);
}

static bool is_waiting(int error, bool *ret_wants_read)
{
        *ret_wants_read = error == SSL_ERROR_WANT_READ;
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

int wire_tls_shake_hands(struct wire_tls *tls, bool *ret_wants_read, struct err *err)
{
        int result;

        ERR_clear_error();
        result = SSL_do_handshake(tls->ssl);
        if (result == 1)
                return 0;
        return is_waiting(SSL_get_error(tls->ssl, result), ret_wants_read) ? 1
                                                                           : tls_error(err, "TLS");
}

ssize_t wire_tls_write(struct wire_tls *tls, const void *data, size_t size, bool *ret_wants_read,
                       struct err *err)
{
        size_t n = 0;
        int result;

        ERR_clear_error();
        result = SSL_write_ex(tls->ssl, data, size, &n);
        if (result == 1)
                return (ssize_t)n;
        if (is_waiting(SSL_get_error(tls->ssl, result), ret_wants_read)) {
                errno = EAGAIN;
                return -1;
        }
        tls_error(err, "TLS");
        errno = EPROTO;
        return -1;
}

int wire_tls_read(struct wire_tls *tls, struct err *err)
{
        char ignored[512];
        bool wants_read;
        size_t n;
        int result = 1;

        ERR_clear_error();
        for (int i = 0; i < READS_PER_TURN && result == 1; i++)
                result = SSL_read_ex(tls->ssl, ignored, sizeof ignored, &n);
        return result == 1 || is_waiting(SSL_get_error(tls->ssl, result), &wants_read)
                       ? 0
                       : tls_error(err, "TLS");
}
