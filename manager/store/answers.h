/* What was answered to the last commits that carried a request id, so that repeating one is
 * harmless.  Part of the replicated state: equal on every replica, kept on disk. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/map.h"

enum { ANSWERS_MAX = 10000, ANSWERS_BYTES_MAX = 16 << 20, ANSWERS_ID_MAX = 64 };

/* A CommitResponse, packed. */
struct answer {
        uint64_t number; /* counts up from 1; lies in slot number % ANSWERS_MAX */
        size_t size;
        const uint8_t *data;
        char request_id[];
};

struct answers {
        struct answer *slots[ANSWERS_MAX];
        struct map by_id;
        uint64_t last;  /* number of the newest; 0: none yet */
        uint64_t first; /* of the oldest that is kept */
        size_t bytes;
};

/* A zeroed struct is empty. */
const struct answer *answers_find(const struct answers *answers, const char *request_id);

/* Remembers one more and forgets the oldest, as many as the limits ask for. */
void answers_add(struct answers *answers, const char *request_id, const uint8_t *data, size_t size);

/* Puts back what was on disk, in any order, then drops what was forgotten already: which answers
 * are kept follows from the newest alone. */
void answers_load(struct answers *answers, uint64_t number, const char *request_id,
                  const uint8_t *data, size_t size);
void answers_loaded(struct answers *answers);

/* The one with this number; NULL when it is forgotten. */
const struct answer *answers_at(const struct answers *answers, uint64_t number);

void answers_done(struct answers *answers);
