/* What a commit must look like before anybody proposes it, whatever the state: bounds, ids, names,
 * and who may write what.  Pure; asked again at apply, so that no replica depends on another's
 * care. */
#pragma once
#include "api/objects.h"
#include "api/store.pb-c.h"
#include "lib/base/err.h"

enum {
        CHECK_BYTES_MAX = 8 << 20,   /* of a packed commit */
        CHECK_PART_MAX = 1280 << 10, /* a config may hold 1,000 KiB */
        CHECK_GROUPS_MAX = 20000,
        CHECK_CHANGES_MAX = 50000, /* in all groups */
        CHECK_PRECONDITIONS_MAX = 50000,
        CHECK_REFERENCES_MAX = 4096, /* of one object */
        CHECK_NAME_MAX = 256,
        CHECK_REASON_MAX = 512,
        CHECK_LOOP_MAX = 32,
        CHECK_REPEATED_MAX = 16, /* changes of one object in one group */
};

/* 'writer': the caller's role bits.  ERR_INVALID, ERR_DENIED, ERR_EXHAUSTED (too much at once). */
int check_commit(const Sk__CommitRequest *request, uint32_t writer, struct err *err);

/* Are the parts' bytes messages of their types, and does each change give something?  Only at the
 * door: it is the costly half.  ERR_INVALID, ERR_EXHAUSTED. */
int check_contents(const Sk__CommitRequest *request, struct err *err);
