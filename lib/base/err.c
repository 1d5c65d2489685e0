/* Errors: filling them in and naming their codes. */
#include "lib/base/err.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"

/* Cuts what the end of the buffer left of a UTF-8 character: the text crosses wires that refuse
 * half of one. */
static void drop_half_character(struct err *err)
{
        size_t n = strlen(err->text), at = n, length = 1;

        if (n + 1 < sizeof err->text)
                return;
        while (at > 0 && n - at < 3 && ((unsigned char)err->text[at - 1] & 0xc0) == 0x80)
                at--;
        if (at == 0 || (unsigned char)err->text[at - 1] < 0xc0)
                return;
        for (unsigned char lead = (unsigned char)err->text[--at]; lead & 0x40; lead <<= 1)
                length++;
        if (n - at < length)
                err->text[at] = '\0';
}

int err_set(struct err *err, enum err_code code, const char *format, ...)
{
        va_list args;

        if (!err)
                return code;
        err->code = code;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        drop_half_character(err);
        return code;
}

int err_prefix(struct err *err, const char *format, ...)
{
        char rest[sizeof err->text];
        size_t used;
        va_list args;

        if (!err)
                return ERR_UNKNOWN;
        memcpy(rest, err->text, sizeof rest);
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        used = strlen(err->text);
        strncat(err->text, ": ", sizeof err->text - used - 1);
        used = strlen(err->text);
        strncat(err->text, rest, sizeof err->text - used - 1);
        drop_half_character(err);
        return err->code;
}

const char *err_code_name(int code)
{
        static const char *const names[] = {
                "OK",
                "Canceled",
                "Unknown",
                "InvalidArgument",
                "DeadlineExceeded",
                "NotFound",
                "AlreadyExists",
                "PermissionDenied",
                "ResourceExhausted",
                "FailedPrecondition",
                "Aborted",
                "OutOfRange",
                "Unimplemented",
                "Internal",
                "Unavailable",
                "DataLoss",
                "Unauthenticated",
        };

        if (code > 0 || code <= -(int)COUNT_OF(names))
                return "Unknown";
        return names[-code];
}
