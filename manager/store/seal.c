/* Seals: OpenSSL's AES-256-GCM. */
#include "manager/store/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"

enum { NONCE = 12, TAG = 16, PREFIX = SEAL_PREFIX_SIZE };

struct seal {
        EVP_CIPHER_CTX *closing, *opening; /* hold the key's schedule */
        struct seal_nonces *nonces;
};

void seal_nonces_init(struct seal_nonces *nonces)
{
        os_random(nonces->prefix, sizeof nonces->prefix);
        atomic_init(&nonces->n, 0);
}

static EVP_CIPHER_CTX *context_new(const uint8_t *key, int is_closing)
{
        EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

        CHECK(context);
        CHECK(EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, key, NULL, is_closing) == 1);
        return context;
}

struct seal *seal_new(const uint8_t key[static SEAL_KEY_SIZE], struct seal_nonces *nonces)
{
        struct seal *seal = mem_alloc(sizeof *seal);

        seal->closing = context_new(key, 1);
        seal->opening = context_new(key, 0);
        seal->nonces = nonces;
        return seal;
}

void seal_free(struct seal *seal)
{
        if (!seal)
                return;
        EVP_CIPHER_CTX_free(seal->closing);
        EVP_CIPHER_CTX_free(seal->opening);
        free(seal);
}

static void next_nonce(struct seal_nonces *nonces, uint8_t nonce[static NONCE])
{
        uint64_t n = atomic_fetch_add_explicit(&nonces->n, 1, memory_order_relaxed) + 1;

        CHECK(n < UINT64_C(1) << 48);
        memcpy(nonce, nonces->prefix, PREFIX);
        for (int i = NONCE - 1; i >= PREFIX; i--, n >>= 8)
                nonce[i] = (uint8_t)n;
}

/* Nonce, ciphertext, tag. */
void seal_close(struct seal *seal, const void *place, size_t place_size, const void *data,
                size_t size, struct str *out)
{
        EVP_CIPHER_CTX *context = seal->closing;
        uint8_t nonce[NONCE], tag[TAG];
        size_t start = out->length + NONCE;
        int n;

        CHECK(size < INT32_MAX && place_size < INT32_MAX);
        next_nonce(seal->nonces, nonce);
        str_add_bytes(out, nonce, sizeof nonce);
        str_add_bytes(out, data, size);
        CHECK(EVP_EncryptInit_ex(context, NULL, NULL, NULL, nonce) == 1);
        CHECK(EVP_EncryptUpdate(context, NULL, &n, place, (int)place_size) == 1);
        CHECK(EVP_EncryptUpdate(context, (uint8_t *)out->text + start, &n,
                                (uint8_t *)out->text + start, (int)size) == 1);
        CHECK(EVP_EncryptFinal_ex(context, tag, &n) == 1);
        CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1);
        str_add_bytes(out, tag, sizeof tag);
}

int seal_open(struct seal *seal, const void *place, size_t place_size, const void *sealed,
              size_t size, struct str *out, struct err *err)
{
        EVP_CIPHER_CTX *context = seal->opening;
        const uint8_t *bytes = sealed;
        uint8_t tag[TAG];
        size_t length = size - SEAL_OVERHEAD;
        int n;

        if (size < SEAL_OVERHEAD || size >= INT32_MAX)
                return err_set(err, ERR_DATA_LOSS, "a record is cut short");
        memcpy(tag, bytes + size - TAG, TAG);
        str_clear(out);
        str_add_bytes(out, bytes + NONCE, length);
        CHECK(EVP_DecryptInit_ex(context, NULL, NULL, NULL, bytes) == 1);
        CHECK(EVP_DecryptUpdate(context, NULL, &n, place, (int)place_size) == 1);
        CHECK(EVP_DecryptUpdate(context, (uint8_t *)out->text, &n, (uint8_t *)out->text,
                                (int)length) == 1);
        CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1);
        if (EVP_DecryptFinal_ex(context, tag, &n) == 1)
                return 0;
        OPENSSL_cleanse(out->text, out->length);
        str_clear(out);
        return err_set(err, ERR_DATA_LOSS, "a record is damaged, or was sealed with another key");
}
