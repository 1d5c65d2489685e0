/* Carries out: namespaces, devices, addresses, routes over netlink; nft tables.  Blocking, about a
 * millisecond an attachment (20 to take one down): for one worker thread, which is the only writer.
 */
#pragma once
#include "mesh/mesh.h"

/* Makes the namespace (bound to netns_path), the veth and everything in and around it.  What an
 * interrupted earlier try left is replaced. */
int link_attach(const struct mesh_attachment *attachment, const char *netns_path, struct err *err);

/* Takes the device down and lets go of the namespace.  Missing pieces are fine. */
int link_detach(const struct mesh_attachment *attachment, const char *netns_path, struct err *err);

/* All attachments that this node's devices tell of, one by one. */
int link_list(void (*found)(void *context, const struct mesh_attachment *attachment), void *context,
              struct err *err);

/* Takes down what an interrupted attach left: everything in the folder of namespaces that
 * 'is_known' does not know. */
void link_sweep(const char *netns_folder, bool (*is_known)(void *context, const char *id),
                void *context);

/* Runs nft commands as one transaction. */
int link_nft(const char *commands, struct err *err);

/* The address and port are free on this node, and stay ours while *ret_fd is open.  port 0: one is
 * chosen (30000-32767 first). ERR_EXISTS: somebody listens there. */
int link_reserve_port(uint8_t protocol, uint16_t port, int *ret_fd, uint16_t *ret_port,
                      struct err *err);

/* Packets may pass from interface to interface.  *ret_was: how it was before, '0' or '1'. */
int link_enable_forwarding(char *ret_was, struct err *err);
