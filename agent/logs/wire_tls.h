/* TLS to a log server over a socket that does not block. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

#include "lib/logging/config.h"

struct wire_tls;

int wire_tls_new(const struct log_config *config, int fd, struct wire_tls **ret, struct err *err);
void wire_tls_free(struct wire_tls *tls); /* accepts NULL */

/* 0: hands are shaken; 1: not yet, *ret_wants_read tells whether it is the server's turn. */
int wire_tls_shake_hands(struct wire_tls *tls, bool *ret_wants_read, struct err *err);

/* As write(2): -1 and errno; EAGAIN sets *ret_wants_read when it is the server's turn. */
ssize_t wire_tls_write(struct wire_tls *tls, const void *data, size_t size, bool *ret_wants_read,
                       struct err *err);
/* Takes some of what the server says besides; an error: it closed. */
int wire_tls_read(struct wire_tls *tls, struct err *err);
