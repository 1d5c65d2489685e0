/* Errors: filling them in and naming their codes. */
#include "lib/base/err.h"

#include <stdio.h>
#include <string.h>

int err_set(struct err *err, enum err_code code, const char *format, ...)
{
        va_list args;

        if (!err)
                return code;
        err->code = code;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        return code;
}

int err_prefix(struct err *err, const char *format, ...)
{
        char rest[sizeof err->text];
        va_list args;
        int n;

        if (!err)
                return ERR_UNKNOWN;
        memcpy(rest, err->text, sizeof rest);
        va_start(args, format);
        n = vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        if (n >= 0 && (size_t)n < sizeof err->text)
                snprintf(err->text + n, sizeof err->text - n, ": %s", rest);
        return err->code;
}

const char *err_code_name(int code)
{
        static const char *const names[] = {
                "OK",           "Canceled",           "Unknown",       "InvalidArgument",
                "DeadlineExceeded", "NotFound",       "AlreadyExists", "PermissionDenied",
                "ResourceExhausted", "FailedPrecondition", "Aborted",  "OutOfRange",
                "Unimplemented", "Internal",          "Unavailable",   "DataLoss",
                "Unauthenticated",
        };

        if (code > 0 || (size_t)-code >= sizeof names / sizeof *names)
                return "Unknown";
        return names[-code];
}
