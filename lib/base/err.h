/* Errors: a code that a machine acts on and a sentence that a person reads. */
#pragma once
#include <stdarg.h>

/* The values are gRPC's status codes, negated, so that an error crosses the wire as it is. */
enum err_code {
        ERR_OK = 0,
        ERR_CANCELLED = -1,
        ERR_UNKNOWN = -2,
        ERR_INVALID = -3,  /* the request is wrong, whatever the state */
        ERR_DEADLINE = -4, /* time ran out; it may or may not have happened */
        ERR_NOT_FOUND = -5,
        ERR_EXISTS = -6,
        ERR_DENIED = -7,       /* the caller is known and may not */
        ERR_EXHAUSTED = -8,    /* a limit was hit: queue, size, rate */
        ERR_PRECONDITION = -9, /* the state forbids it; do not retry unchanged */
        ERR_CONFLICT = -10,    /* someone changed it first: look again and retry */
        ERR_RANGE = -11,
        ERR_UNIMPLEMENTED = -12,
        ERR_INTERNAL = -13,
        ERR_UNAVAILABLE = -14, /* try again, here or elsewhere */
        ERR_DATA_LOSS = -15,
        ERR_UNAUTHENTICATED = -16,
};

/* Lives on the caller's stack, owns nothing, needs no release.  Outputs of a failed call are
 * untouched. */
struct err {
        enum err_code code;
        char text[480];
};

/* Fills 'err' (which may be NULL) and returns 'code', so that a failure is one line:
 *         return err_set(err, ERR_NOT_FOUND, "no network '%s'", name); */
int err_set(struct err *err, enum err_code code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Puts words before the sentence that is there: "while doing x: ...".  Returns err's code. */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "NotFound" for ERR_NOT_FOUND, as gRPC libraries print it; "Unknown" for a code that is none. */
const char *err_code_name(int code);

/* Hands a failure to the caller unchanged.  The only macro of the project that hides a return. */
#define TRY(call)                    \
        do {                         \
                int try_ = (call);   \
                if (try_ < 0)        \
                        return try_; \
        } while (0)
