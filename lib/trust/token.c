/* Join tokens. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "lib/trust/trust.h"

enum { DIGEST_BYTES = 32, DIGEST_DIGITS = 50, SECRET_BYTES = 16, SECRET_DIGITS = 25 };

static const char prefix[] = "SWMTKN-1-";

/* A big-endian number in base36, padded with zeros to 'n_digits'. */
static void to_base36(const unsigned char *bytes, size_t n_bytes, char *ret, size_t n_digits)
{
        unsigned char number[DIGEST_BYTES];

        memcpy(number, bytes, n_bytes);
        for (size_t digit = n_digits; digit-- > 0;) {
                unsigned rest = 0;

                for (size_t i = 0; i < n_bytes; i++) {
                        unsigned value = rest << 8 | number[i];

                        number[i] = (unsigned char)(value / 36);
                        rest = value % 36;
                }
                ret[digit] = "0123456789abcdefghijklmnopqrstuvwxyz"[rest];
        }
        ret[n_digits] = '\0';
}

static int root_digits(const char *root_certificate_pem, char ret[static DIGEST_DIGITS + 1],
                       struct err *err)
{
        unsigned char digest[DIGEST_BYTES];

        if (EVP_Digest(root_certificate_pem, strlen(root_certificate_pem), digest, NULL,
                       EVP_sha256(), NULL) != 1)
                return err_set(err, ERR_INTERNAL, "sha256 failed");
        to_base36(digest, sizeof digest, ret, DIGEST_DIGITS);
        return 0;
}

int trust_make_token(const char *root_certificate_pem, char ret_token[static TRUST_TOKEN_SIZE],
                     struct err *err)
{
        char digits[DIGEST_DIGITS + 1], secret[SECRET_DIGITS + 1];
        unsigned char bytes[SECRET_BYTES];

        TRY(root_digits(root_certificate_pem, digits, err));
        if (RAND_bytes(bytes, sizeof bytes) != 1)
                return err_set(err, ERR_INTERNAL, "no random bytes");
        to_base36(bytes, sizeof bytes, secret, SECRET_DIGITS);
        snprintf(ret_token, TRUST_TOKEN_SIZE, "%s%s-%s", prefix, digits, secret);
        OPENSSL_cleanse(bytes, sizeof bytes);
        return 0;
}

int trust_check_token_form(const char *token, struct err *err)
{
        static const char base36[] = "0123456789abcdefghijklmnopqrstuvwxyz";
        const size_t prefix_length = sizeof prefix - 1;

        if (strlen(token) != prefix_length + DIGEST_DIGITS + 1 + SECRET_DIGITS ||
            memcmp(token, prefix, prefix_length) != 0 ||
            strspn(token + prefix_length, base36) != DIGEST_DIGITS ||
            token[prefix_length + DIGEST_DIGITS] != '-' ||
            strspn(token + prefix_length + DIGEST_DIGITS + 1, base36) != SECRET_DIGITS)
                return err_set(err, ERR_INVALID, "invalid join token");
        return 0;
}

int trust_check_token(const char *token, const char *root_certificate_pem, struct err *err)
{
        const size_t prefix_length = sizeof prefix - 1;
        char digits[DIGEST_DIGITS + 1];

        TRY(trust_check_token_form(token, err));
        TRY(root_digits(root_certificate_pem, digits, err));
        if (CRYPTO_memcmp(token + prefix_length, digits, DIGEST_DIGITS) != 0)
                return err_set(
                        err, ERR_DENIED,
                        "remote CA does not match fingerprint: the token is another cluster's");
        return 0;
}

bool trust_same_token(const char *a, const char *b)
{
        size_t length = strlen(a);

        return length == strlen(b) && CRYPTO_memcmp(a, b, length) == 0;
}
