/* Records as they lie on the disk: AES-256-GCM under the node's data key.  The place of a record
 * (its column family and key) goes into the seal, so one that was moved does not open, nor does one
 * of which a bit changed. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

enum { SEAL_KEY_SIZE = 32, SEAL_OVERHEAD = 12 + 16 };

struct seal;

/* 'key' is copied.  Nonces are a prefix drawn here and a counter: one seal, however long it is
 * used, never repeats one. */
struct seal *seal_new(const uint8_t key[static SEAL_KEY_SIZE]);
void seal_free(struct seal *seal); /* NULL is fine */

/* Adds the sealed record to 'out'.  From one thread at a time. */
void seal_close(struct seal *seal, const void *place, size_t place_size, const void *data,
                size_t size, struct str *out);

/* Replaces 'out' by what was sealed.  ERR_DATA_LOSS: not sealed with this key at this place. */
int seal_open(struct seal *seal, const void *place, size_t place_size, const void *sealed,
              size_t size, struct str *out, struct err *err);
