/* Who a container runs as: names looked up in the text of the image's own /etc/passwd and
 * /etc/group. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"

struct oci_user {
        uint32_t uid, gid;
        uint32_t *groups; /* supplementary ones; in the arena */
        size_t n_groups;
};

/* 'user' is "", "name", "uid", "name:group", "uid:gid", ... as docker takes it; 'groups' are
 * further names or numbers.  'passwd' and 'group' are the files' contents, "" when there is none.
 * A name nobody has is ERR_INVALID; a number needs no entry. */
int oci_user_find(const char *user, const char *const *groups, size_t n_groups, const char *passwd,
                  const char *group, struct arena *arena, struct oci_user *ret, struct err *err);
