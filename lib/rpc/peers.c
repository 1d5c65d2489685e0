/* The table of peers, and how gRPC's word about a connection becomes roles. */
#include "lib/rpc/peers.h"

#include <ctype.h>
#include <grpc/grpc_security_constants.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <string.h>

#include "api/roles.h"
#include "lib/base/str.h"
#include "lib/rpc/tls.h"

static const grpc_auth_property *find_property(const grpc_auth_context *context, const char *name)
{
        grpc_auth_property_iterator at = grpc_auth_context_find_properties_by_name(context, name);

        return grpc_auth_property_iterator_next(&at);
}

/* The listener decided what it lets in (enum rpc_trust); here only what came is told apart. */
static int identify(const struct peers *peers, const grpc_auth_context *context,
                    struct rpc_peer *peer, struct err *err)
{
        const grpc_auth_property *transport =
                find_property(context, GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);
        const grpc_auth_property *pem = find_property(context, GRPC_X509_PEM_CERT_PROPERTY_NAME);

        if (!transport)
                return err_set(err, ERR_UNAUTHENTICATED, "it is not known how the caller came");
        if (str_equal(transport->value, "insecure")) {
                peer->roles = ROLE_ADMIN | ROLE_LOCAL;
                return 0;
        }
        if (!pem) {
                peer->roles = ROLE_STRANGER;
                return 0;
        }
        TRY(rpc_peer_from_pem(pem->value, pem->value_length, peer, err));
        if (!peers->cluster_id || !str_equal(peer->cluster_id, peers->cluster_id))
                return err_set(err, ERR_UNAUTHENTICATED,
                               "the certificate is of cluster '%s', which is not this one",
                               peer->cluster_id);
        return 0;
}

void peer_address(const char *uri, char *ret, size_t size)
{
        bool is_escaped = str_starts_with(uri, "ipv6:"); /* else it may be bytes of anybody's */
        size_t n = 0;
        unsigned byte;

        for (; *uri && n + 1 < size; uri++) {
                if (is_escaped && *uri == '%' && isxdigit((unsigned char)uri[1]) &&
                    isxdigit((unsigned char)uri[2]) && sscanf(uri + 1, "%2x", &byte) == 1 && byte) {
                        ret[n++] = (char)byte;
                        uri += 2;
                } else {
                        ret[n++] = *uri;
                }
        }
        ret[n] = '\0';
}

static struct known_peer *make_peer(const struct peers *peers, grpc_call *call,
                                    grpc_auth_context *context)
{
        struct known_peer *known = mem_alloc(sizeof *known);
        char *address = grpc_call_get_peer(call);

        known->context = context;
        known->n_refs = 1;
        if (identify(peers, context, &known->peer, &known->err) < 0)
                known->peer = (struct rpc_peer){ 0 };
        peer_address(address, known->peer.address, sizeof known->peer.address);
        gpr_free(address);
        return known;
}

static size_t slot_of(const grpc_auth_context *context)
{
        return ((uintptr_t)context * UINT64_C(0x9e3779b97f4a7c15)) >> 56;
}

struct known_peer *peers_find(struct peers *peers, grpc_call *call)
{
        grpc_auth_context *context = grpc_call_auth_context(call);
        struct known_peer **slot = &peers->slots[slot_of(context)];

        if (*slot && (*slot)->context == context) {
                grpc_auth_context_release(context);
        } else {
                known_peer_unref(*slot);
                *slot = make_peer(peers, call, context);
        }
        (*slot)->n_refs++;
        return *slot;
}

void known_peer_unref(struct known_peer *peer)
{
        if (!peer || --peer->n_refs)
                return;
        grpc_auth_context_release(peer->context);
        free(peer);
}

void peers_done(struct peers *peers)
{
        for (size_t i = 0; i < PEERS_SLOTS; i++)
                known_peer_unref(TAKE(peers->slots[i]));
}
