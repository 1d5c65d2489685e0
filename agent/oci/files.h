/* The texts of the files that every container gets: /etc/hosts and /etc/resolv.conf. */
#pragma once
#include "api/specs.pb-c.h"
#include "lib/base/err.h"
#include "lib/base/str.h"

/* Docker's /etc/hosts: the standard names, the spec's ("IP name [name...]"), and the container's
 * own when it has an address. */
int oci_hosts_text(const Sk__ContainerSpec *container, const char *address, const char *hostname,
                   struct str *ret, struct err *err);

/* What the spec says, else 'dns_server' alone, else what the node has ('node_text').  Options and
 * search domains not said are the node's; with a network of its own the node's loopback servers are
 * of no use and left out. */
int oci_resolv_text(const Sk__DnsConfig *dns, const char *dns_server, const char *node_text,
                    bool has_own_network, struct str *ret, struct err *err);
