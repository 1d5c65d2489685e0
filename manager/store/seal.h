/* Records as they lie on the disk: AES-256-GCM under the node's data key.  The place of a record
 * (its column family and key) goes into the seal, so one that was moved does not open, nor does one
 * of which a bit changed. */
#pragma once
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

enum { SEAL_KEY_SIZE = 32, SEAL_OVERHEAD = 12 + 16, SEAL_PREFIX_SIZE = 6 };

/* Where the nonces of a key come from: a prefix, drawn once, and a counter.  Two prefixes may be
 * the same by chance, and a nonce that comes twice gives the key away; so a key has one of these
 * per start of the process, whatever is made and freed meanwhile. */
struct seal_nonces {
        uint8_t prefix[SEAL_PREFIX_SIZE];
        atomic_uint_fast64_t n; /* 48 bits of it are used */
};

void seal_nonces_init(struct seal_nonces *nonces);

struct seal;

/* 'key' is copied; 'nonces' are borrowed, and may be shared by seals on several threads. */
struct seal *seal_new(const uint8_t key[static SEAL_KEY_SIZE], struct seal_nonces *nonces);
void seal_free(struct seal *seal); /* NULL is fine */

/* Adds the sealed record to 'out'.  From one thread at a time. */
void seal_close(struct seal *seal, const void *place, size_t place_size, const void *data,
                size_t size, struct str *out);

/* Replaces 'out' by what was sealed.  ERR_DATA_LOSS: not sealed with this key at this place. */
int seal_open(struct seal *seal, const void *place, size_t place_size, const void *sealed,
              size_t size, struct str *out, struct err *err);
