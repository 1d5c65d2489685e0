/* Keys, certificates and tokens. */
#include "lib/trust/trust.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/time.h"
#include "tests/unit/test.h"

static const struct trust_subject a_subject = {
        .node_id = "node1",
        .cluster_id = "cluster1",
        .unit = "swarm-manager",
        .daemon = "store",
        .now_ns = INT64_C(1800000000) * NS_PER_S,
        .lifetime_ns = 90 * NS_PER_DAY,
};

static int sign(const struct trust_subject *subject, const char *csr, struct str *ret,
                struct err *err)
{
        _cleanup_(str_done) struct str root = { 0 }, key = { 0 };
        struct trust_issuer issuer;

        assert_int_equal(trust_make_root(&root, &key, err), 0);
        issuer = (struct trust_issuer){ str_text(&root), str_text(&key) };
        return trust_sign(&issuer, csr, subject, ret, err);
}

static void a_signed_certificate_ends_when_its_life_is_over(void **state)
{
        _cleanup_(str_done) struct str key = { 0 }, csr = { 0 }, certificate = { 0 };
        struct err err;
        int64_t end;

        (void)state;
        assert_int_equal(trust_make_key(&key, &err), 0);
        assert_int_equal(trust_make_csr(str_text(&key), &csr, &err), 0);
        assert_int_equal(sign(&a_subject, str_text(&csr), &certificate, &err), 0);
        assert_int_equal(trust_certificate_end(str_text(&certificate), &end, &err), 0);
        assert_int_equal(end, a_subject.now_ns + a_subject.lifetime_ns);
}

static void what_is_no_request_is_not_signed(void **state)
{
        _cleanup_(str_done) struct str certificate = { 0 };
        struct err err;

        (void)state;
        assert_int_equal(sign(&a_subject, "-----BEGIN NONSENSE-----", &certificate, &err),
                         ERR_INVALID);
        assert_int_equal(sign(&a_subject, "", &certificate, &err), ERR_INVALID);
        assert_int_equal(certificate.length, 0);
}

static void only_keys_of_our_curve_are_signed(void **state)
{
        _cleanup_(str_done) struct str csr = { 0 }, certificate = { 0 };
        EVP_PKEY *key = EVP_EC_gen("secp256k1");
        BIO *bio = BIO_new(BIO_s_mem());
        char *pem;
        struct err err;

        (void)state;
        assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
        BIO_write(bio, "", 1);
        BIO_get_mem_data(bio, &pem);
        assert_int_equal(trust_make_csr(pem, &csr, &err), 0);
        assert_int_equal(sign(&a_subject, str_text(&csr), &certificate, &err), ERR_INVALID);
        BIO_free(bio);
        EVP_PKEY_free(key);
}

static void a_node_id_cannot_smuggle_in_another_name(void **state)
{
        _cleanup_(str_done) struct str key = { 0 }, csr = { 0 }, certificate = { 0 };
        struct trust_subject subject = a_subject;
        struct err err;

        (void)state;
        subject.node_id = "n,DNS:store.skep";
        assert_int_equal(trust_make_key(&key, &err), 0);
        assert_int_equal(trust_make_csr(str_text(&key), &csr, &err), 0);
        assert_int_equal(sign(&subject, str_text(&csr), &certificate, &err), ERR_INVALID);
}

static void a_token_is_good_for_its_own_root_only(void **state)
{
        _cleanup_(str_done) struct str root = { 0 }, key = { 0 }, other = { 0 }, other_key = { 0 };
        char token[TRUST_TOKEN_SIZE];
        struct err err;

        (void)state;
        assert_int_equal(trust_make_root(&root, &key, &err), 0);
        assert_int_equal(trust_make_root(&other, &other_key, &err), 0);
        assert_int_equal(trust_make_token(str_text(&root), token, &err), 0);
        assert_int_equal(strlen(token), strlen("SWMTKN-1-") + 50 + 1 + 25);
        assert_int_equal(trust_check_token(token, str_text(&root), &err), 0);
        assert_int_equal(trust_check_token(token, str_text(&other), &err), ERR_DENIED);
}

static void what_is_no_token_is_refused(void **state)
{
        static const char *const bad[] = { "", "SWMTKN-1-", "SWMTKN-2-x-y", "SWMTKN-1-abc-def" };
        struct err err;

        (void)state;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_int_equal(trust_check_token(bad[i], "root", &err), ERR_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_signed_certificate_ends_when_its_life_is_over),
                cmocka_unit_test(what_is_no_request_is_not_signed),
                cmocka_unit_test(only_keys_of_our_curve_are_signed),
                cmocka_unit_test(a_node_id_cannot_smuggle_in_another_name),
                cmocka_unit_test(a_token_is_good_for_its_own_root_only),
                cmocka_unit_test(what_is_no_token_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
