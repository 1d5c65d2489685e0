/* The node network: what a set of attachments means in links, addresses and ports.  Pure.
 *
 * Every attachment is a network namespace with one veth: eth0 inside with a /32 from the node's
 * subnet, no bridge, no ARP (permanent neighbours), default route by 169.254.1.1; outside a device
 * "skep<hash>" with a /32 route.  What leaves the node is masqueraded; published host ports are
 * DNATed. */
#pragma once
#include <netinet/in.h>

#include "api/node.h"
#include "lib/base/err.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"

enum { MESH_ID_MAX = 64, MESH_PORTS_MAX = TASK_HOST_PORTS_MAX, MESH_DEVICE_SIZE = 16 };

struct mesh_port {
        uint8_t protocol; /* IPPROTO_TCP, _UDP, _SCTP */
        uint16_t target, published;
};

/* One attachment as it is or shall be. */
struct mesh_attachment {
        char id[MESH_ID_MAX];
        char device[MESH_DEVICE_SIZE]; /* on the node */
        uint32_t address;              /* host byte order */
        struct mesh_port ports[MESH_PORTS_MAX];
        size_t n_ports;
};

/* The node's subnet and what is taken of it. */
struct mesh_subnet {
        uint32_t first, last; /* host byte order; usable addresses */
        uint32_t next; /* where the search for a free one goes on: an address is not reused soon */
};

/* "172.30.0.0/16"; /8 to /28. */
int mesh_subnet_parse(const char *text, struct mesh_subnet *ret, struct err *err);

/* A free address, or 0 when all are taken.  'attachments' holds those in use by id. */
uint32_t mesh_subnet_take(struct mesh_subnet *subnet, const struct map *attachments);

/* The device's name: stable, 15 characters at most. */
void mesh_device_name(const char *id, char ret[static MESH_DEVICE_SIZE]);

/* Locally administered hardware addresses of the two ends. */
void mesh_inner_mac(uint32_t address, uint8_t ret[static 6]);
void mesh_outer_mac(uint32_t address, uint8_t ret[static 6]);

/* What is asked for, checked: id and ports.  ERR_INVALID for nonsense. */
int mesh_wanted_check(const Sk__MeshAttachment *wanted, struct err *err);

/* A device's alias carries what a restarted mesh must know: "skep <id> <address>
 * [<protocol>:<target>:<published> ...]". */
void mesh_alias_write(const struct mesh_attachment *attachment, struct str *ret);
/* ERR_INVALID: not ours. */
int mesh_alias_read(const char *alias, struct mesh_attachment *ret, struct err *err);

/* The nft commands that make the table, and those that open or close the ports of an attachment. */
void mesh_nft_table(const char *subnet, struct str *ret);
void mesh_nft_ports(const struct mesh_attachment *attachment, bool open, struct str *ret);
