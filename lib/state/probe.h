/* Where a probe without a program goes: ":8080/path", "127.0.0.1:8080", "[::1]:9000/service". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

enum { PROBE_ADDRESS_MAX = 1024 };

struct probe_address {
        char host[48]; /* an IP address; the task's own loopback when none was said */
        uint16_t port;
        const char *path; /* what follows the port, from its '/' on, within the text; may be "" */
};

/* Nothing but printable ASCII passes, so that a path may go into a request as it is. */
int probe_address_parse(const char *text, struct probe_address *ret, struct err *err);
