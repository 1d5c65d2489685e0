/* A tar archive becomes files.
 *
 * The archive is hostile, and so is the folder it goes to: others write there meanwhile.  Every
 * member is put where its root says that its path leads, files are always new ones, device nodes
 * are left out, and libarchive's own memory is bounded.  Blocking. */
#pragma once
#include "lib/copy/inside.h"

struct copy_unpacking {
        struct copy_root root;
        const char *folder; /* in the root; exists */
        /* The first part of all names, and what it becomes (copy_member_rename()); NULL: names are
         * taken as they are. */
        const char *from, *to;
        const struct copy_destination
                *destination; /* checked against what comes; NULL: by nothing */
        bool keeps_owners; /* else what is made belongs to this process; set-id bits are dropped */
};

/* Reads the archive to its end.  *ret_n_skipped: device nodes. */
int copy_unpack(const struct copy_unpacking *what, int in_fd, size_t *ret_n_skipped,
                struct err *err);
