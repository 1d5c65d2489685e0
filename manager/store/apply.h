/* A log entry applied to the state.  Pure and total: the same state and entry give the same result
 * on every replica, and no content can make it fail; what cannot be applied is refused. */
#pragma once
#include "api/store.pb-c.h"
#include "lib/base/err.h"
#include "manager/store/state.h"

/* How one commit of an entry ended. */
struct applied {
        enum err_code code; /* ERR_OK: see 'response'; else the whole commit was refused */
        const char *why;
        Sk__CommitResponse *response;
};

/* Applies the packed LogEntry of 'index' and advances the state.  The results, one per commit, lie
 * in the arena; none when the bytes are no LogEntry. */
void apply_entry(struct state *state, uint64_t index, const uint8_t *data, size_t size,
                 struct arena *arena, struct applied **ret_results, size_t *ret_n);

/* The lease object of a loop. */
void apply_lease_id(const char *loop, char ret_id[static 26]);
