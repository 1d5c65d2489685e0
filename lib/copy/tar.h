/* libarchive with its corners rounded; private to lib/copy. */
#pragma once
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include "lib/base/err.h"

/* Names are bytes that are UTF-8 where they can be, whatever the program's own locale: libarchive
 * asks the thread's, which is put back at the end of the scope. */
struct utf8_scope {
        locale_t made, before;
};

struct utf8_scope utf8_scope_begin(void);
void utf8_scope_end(struct utf8_scope *scope);

/* What libarchive says went wrong. */
int tar_failed(struct err *err, struct archive *archive, const char *what);

static inline void archive_entry_freep(struct archive_entry **entry)
{
        archive_entry_free(*entry);
}
