/* errno as an error. */
#include "lib/os/os_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"

static const struct {
        int error;
        enum err_code code;
} codes[] = {
        { ENOENT, ERR_NOT_FOUND },
        { ESRCH, ERR_NOT_FOUND },
        { EEXIST, ERR_EXISTS },
        { EACCES, ERR_DENIED },
        { EPERM, ERR_DENIED },
        { EROFS, ERR_DENIED },
        { ENOSPC, ERR_EXHAUSTED },
        { EDQUOT, ERR_EXHAUSTED },
        { EMFILE, ERR_EXHAUSTED },
        { ENFILE, ERR_EXHAUSTED },
        { ENOMEM, ERR_EXHAUSTED },
        { EFBIG, ERR_EXHAUSTED },
        { EINVAL, ERR_INVALID },
        { ENAMETOOLONG, ERR_INVALID },
        { E2BIG, ERR_INVALID },
        { ENOTDIR, ERR_PRECONDITION },
        { EISDIR, ERR_PRECONDITION },
        { ENOTEMPTY, ERR_PRECONDITION },
        { EBUSY, ERR_PRECONDITION },
        { ELOOP, ERR_PRECONDITION },
        { EXDEV, ERR_PRECONDITION },
        { EIO, ERR_DATA_LOSS },
        { EBADMSG, ERR_DATA_LOSS },
        { ETIMEDOUT, ERR_DEADLINE },
        { EOPNOTSUPP, ERR_UNIMPLEMENTED },
        { ENOSYS, ERR_UNIMPLEMENTED },
        { EBADF, ERR_INTERNAL },
};

enum err_code os_error_code(int error)
{
        for (size_t i = 0; i < COUNT_OF(codes); i++)
                if (codes[i].error == error)
                        return codes[i].code;
        return ERR_UNAVAILABLE;
}

int os_error(struct err *err, int error, const char *format, ...)
{
        const char *reason = strerrordesc_np(error);
        char what[sizeof err->text];
        va_list args;

        va_start(args, format);
        vsnprintf(what, sizeof what, format, args);
        va_end(args);
        if (reason)
                return err_set(err, os_error_code(error), "%s: %s", what, reason);
        return err_set(err, os_error_code(error), "%s: error %d", what, error);
}
