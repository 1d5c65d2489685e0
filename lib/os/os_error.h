/* errno as an error. */
#pragma once
#include "lib/base/err.h"

/* The code that says the same as an errno: ERR_NOT_FOUND for ENOENT, ERR_EXHAUSTED for ENOSPC, ...;
 * ERR_UNAVAILABLE for those without a sibling. */
enum err_code os_error_code(int error);

/* Fills 'err' with "<what>: No such file or directory" and returns the code:
 *         return os_error(err, errno, "open '%s'", path); */
int os_error(struct err *err, int error, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
