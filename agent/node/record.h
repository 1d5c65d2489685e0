/* What a node remembers of its own place, in <state>/node.conf: lines "key=value". */
#pragma once
#include <stdint.h>

#include "lib/base/err.h"

struct node_record {
        char node_id[64], cluster_id[64];
        char role[16];               /* "manager", "worker" */
        char advertise_address[128]; /* "10.0.0.1" or "[fd00::1]": without port */
        char advertise_port[8];
        char listen_host[128]; /* "0.0.0.0" */
        char listen_port[8];
};

/* ERR_NOT_FOUND: there is none, the node is in no swarm. */
int node_record_read(const char *path, struct node_record *ret, struct err *err);
int node_record_write(const char *path, const struct node_record *record, struct err *err);
