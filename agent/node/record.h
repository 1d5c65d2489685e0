/* What a node remembers of its own place, in <state>/node.conf: lines "key=value". */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum { RECORD_MANAGERS_MAX = 16, RECORD_ADDRESS_SIZE = 160 };

struct node_record {
        char node_id[64], cluster_id[64];
        char role[16];               /* "manager", "worker" */
        char advertise_address[128]; /* "10.0.0.1" or "[fd00::1]": without port */
        char advertise_port[8];
        char listen_host[128]; /* "0.0.0.0" */
        char listen_port[8];
        char managers[2048]; /* hosts of managers, with commas: whom to join or ask */
};

/* ERR_NOT_FOUND: there is none, the node is in no swarm. */
int node_record_read(const char *path, struct node_record *ret, struct err *err);
int node_record_write(const char *path, const struct node_record *record, struct err *err);

/* Notes the host of "host:port" unless it is there or there is no room: the first are kept. */
void node_record_add_manager(struct node_record *record, const char *address);

/* "host:port" for each of them; how many. */
size_t node_record_managers(const struct node_record *record, int port,
                            char ret[static RECORD_MANAGERS_MAX][RECORD_ADDRESS_SIZE]);
