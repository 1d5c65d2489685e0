/* Where a probe without a program goes: ":8080/path", "127.0.0.1:8080", "[::1]:9000/service". */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum { PROBE_ADDRESS_MAX = 1024 };

struct probe_address {
        char host[48]; /* an IP address; the task's own loopback when none was said */
        uint16_t port;
        const char *path; /* what follows the port, from its '/' on, within the text; may be "" */
};

/* The status of an HTTP answer, from its first bytes: 100 to 599, PROBE_UNFINISHED while more is
 * needed to tell, or PROBE_NOT_HTTP. */
enum { PROBE_UNFINISHED = 0, PROBE_NOT_HTTP = -1 };
int probe_http_status(const char *data, size_t size);

/* Nothing but printable ASCII passes, so that a path may go into a request as it is. */
int probe_address_parse(const char *text, struct probe_address *ret, struct err *err);
