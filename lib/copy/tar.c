/* libarchive with its corners rounded. */
#include "lib/copy/tar.h"

struct utf8_scope utf8_scope_begin(void)
{
        struct utf8_scope scope = { .made = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0) };

        if (scope.made)
                scope.before = uselocale(scope.made);
        return scope;
}

void utf8_scope_end(struct utf8_scope *scope)
{
        if (!scope->made)
                return;
        uselocale(scope->before);
        freelocale(scope->made);
}

int tar_failed(struct err *err, struct archive *archive, const char *what)
{
        const char *text = archive_error_string(archive);

        return err_set(err, ERR_INVALID, "%s: %.200s", what, text ? text : "it is broken");
}
