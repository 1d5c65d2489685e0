/* Any certificate through rpc_peer_from_pem().
 *
 * The input is DER, wrapped as PEM here, so that the fuzzer reaches the names behind the base64; or
 * PEM as it is. */
#include <openssl/evp.h>
#include <string.h>

#include "api/roles.h"
#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/rpc/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_peer(const char *pem, size_t size)
{
        struct rpc_peer peer;
        struct err err = { 0 };

        if (rpc_peer_from_pem(pem, size, &peer, &err) < 0) {
                CHECK(err.code == ERR_UNAUTHENTICATED && err.text[0]);
                return;
        }
        CHECK(peer.node_id[0] && peer.cluster_id[0]);
        CHECK(str_is_utf8(peer.node_id, strlen(peer.node_id)));
        CHECK(!(peer.roles & (ROLE_LOCAL | ROLE_STRANGER)));
        CHECK(peer.is_manager || !(peer.roles & ROLE_MANAGER_DAEMONS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(str_done) struct str pem = { 0 };
        _cleanup_(freep) char *base64 = NULL;

        if (size > 32 * 1024)
                return 0;
        check_peer((const char *)data, size);
        base64 = mem_alloc(size / 3 * 4 + 8);
        EVP_EncodeBlock((unsigned char *)base64, data, (int)size);
        str_addf(&pem, "-----BEGIN CERTIFICATE-----\n");
        for (const char *at = base64; *at; at += strnlen(at, 64))
                str_addf(&pem, "%.64s\n", at);
        str_add(&pem, "-----END CERTIFICATE-----\n");
        check_peer(pem.text, pem.length);
        return 0;
}
