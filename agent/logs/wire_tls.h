/* TLS to a log server over a socket that does not block. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

#include "lib/logging/config.h"

struct wire_tls;

int wire_tls_new(const struct log_config *config, int fd, struct wire_tls **ret, struct err *err);
void wire_tls_free(struct wire_tls *tls); /* accepts NULL */

/* As write(2): -1 and errno; EAGAIN sets *ret_wants_read when it is the server's turn.  Shakes
 * hands first. */
ssize_t wire_tls_write(struct wire_tls *tls, const void *data, size_t size, bool *ret_wants_read,
                       struct err *err);
/* Takes what the server says besides; false: it closed. */
bool wire_tls_read(struct wire_tls *tls);
