/* The node network: what a set of attachments means. */
#include "mesh/mesh.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"

static const struct {
        uint8_t protocol;
        const char *name;
        Sk__PortConfig__Protocol in_spec;
} protocols[] = {
        { IPPROTO_TCP, "tcp", SK__PORT_CONFIG__PROTOCOL__TCP },
        { IPPROTO_UDP, "udp", SK__PORT_CONFIG__PROTOCOL__UDP },
        { IPPROTO_SCTP, "sctp", SK__PORT_CONFIG__PROTOCOL__SCTP },
};

static const char *protocol_name(uint8_t protocol)
{
        for (size_t i = 0; i < COUNT_OF(protocols); i++)
                if (protocols[i].protocol == protocol)
                        return protocols[i].name;
        return "?";
}

/* --- addresses --- */

int mesh_subnet_parse(const char *text, struct mesh_subnet *ret, struct err *err)
{
        char address[INET_ADDRSTRLEN];
        const char *slash = strchr(text, '/');
        struct in_addr network;
        int64_t bits;
        uint32_t base, mask;

        if (!slash || (size_t)(slash - text) >= sizeof address ||
            str_to_int64(slash + 1, &bits, NULL) < 0 || bits < 8 || bits > 28)
                return err_set(err, ERR_INVALID,
                               "'%.40s' is not a subnet: write it as 172.30.0.0/16, with /8 to /28",
                               text);
        memcpy(address, text, (size_t)(slash - text));
        address[slash - text] = '\0';
        if (inet_pton(AF_INET, address, &network) != 1)
                return err_set(err, ERR_INVALID, "'%.40s' is not an IPv4 address", address);
        mask = UINT32_MAX << (32 - bits);
        base = ntohl(network.s_addr);
        if (base & ~mask)
                return err_set(err, ERR_INVALID, "'%.40s' has bits set behind its prefix", text);
        *ret = (struct mesh_subnet){ .first = base + 1,
                                     .last = (base | ~mask) - 1,
                                     .next = base + 1 };
        return 0;
}

static bool is_taken(const struct map *attachments, uint32_t address)
{
        const struct mesh_attachment *attachment;
        size_t at = 0;

        while ((attachment = map_next(attachments, &at)))
                if (attachment->address == address)
                        return true;
        return false;
}

uint32_t mesh_subnet_take(struct mesh_subnet *subnet, const struct map *attachments)
{
        size_t n = subnet->last - subnet->first + 1;

        /* One more try than there are attachments always meets a free address, unless all are
         * taken. */
        for (size_t i = 0; i <= attachments->n && i < n; i++) {
                uint32_t address = subnet->next;

                subnet->next = address == subnet->last ? subnet->first : address + 1;
                if (!is_taken(attachments, address))
                        return address;
        }
        return 0;
}

void mesh_device_name(const char *id, char ret[static MESH_DEVICE_SIZE])
{
        snprintf(ret, MESH_DEVICE_SIZE, "skep%011llx",
                 (unsigned long long)(hash_bytes(id, strlen(id)) & 0xfffffffffffu));
}

static void write_mac(uint8_t kind, uint32_t address, uint8_t ret[static 6])
{
        const uint8_t mac[6] = { 0x02,
                                 kind,
                                 (uint8_t)(address >> 24),
                                 (uint8_t)(address >> 16),
                                 (uint8_t)(address >> 8),
                                 (uint8_t)address };

        memcpy(ret, mac, sizeof mac);
}

void mesh_inner_mac(uint32_t address, uint8_t ret[static 6])
{
        write_mac(0x42, address, ret);
}

void mesh_outer_mac(uint32_t address, uint8_t ret[static 6])
{
        write_mac(0x43, address, ret);
}

/* --- what comes from the agent, and from devices --- */

static bool is_plain_id(const char *id)
{
        size_t length = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-_.");

        return length && !id[length] && length < MESH_ID_MAX && id[0] != '.';
}

int mesh_wanted_check(const Sk__MeshAttachment *wanted, struct err *err)
{
        if (!is_plain_id(wanted->id))
                return err_set(err, ERR_INVALID, "'%.70s' cannot be the id of an attachment",
                               wanted->id);
        if (wanted->n_host_ports > MESH_PORTS_MAX)
                return err_set(err, ERR_INVALID, "%zu published ports, at most %d are possible",
                               wanted->n_host_ports, MESH_PORTS_MAX);
        for (size_t i = 0; i < wanted->n_host_ports; i++) {
                const Sk__PortConfig *port = wanted->host_ports[i];

                if (!port->target_port || port->target_port > 65535 ||
                    port->published_port > 65535 ||
                    port->protocol > SK__PORT_CONFIG__PROTOCOL__SCTP)
                        return err_set(err, ERR_INVALID, "port %u:%u cannot be published",
                                       port->published_port, port->target_port);
        }
        return 0;
}

static void add_address(struct str *ret, uint32_t address)
{
        str_addf(ret, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
                 address & 255);
}

void mesh_alias_write(const struct mesh_attachment *attachment, struct str *ret)
{
        str_addf(ret, "skep %s ", attachment->id);
        add_address(ret, attachment->address);
        for (size_t i = 0; i < attachment->n_ports; i++)
                str_addf(ret, " %u:%u:%u", attachment->ports[i].protocol,
                         attachment->ports[i].target, attachment->ports[i].published);
}

int mesh_alias_read(const char *alias, struct mesh_attachment *ret, struct err *err)
{
        struct mesh_attachment attachment = { 0 };
        char address[INET_ADDRSTRLEN + 1];
        struct in_addr parsed;
        int length = 0, n;

        if (sscanf(alias, "skep %63s %16s%n", attachment.id, address, &length) != 2 ||
            !is_plain_id(attachment.id) || inet_pton(AF_INET, address, &parsed) != 1)
                return err_set(err, ERR_INVALID, "not a device of ours");
        attachment.address = ntohl(parsed.s_addr);
        for (const char *at = alias + length; attachment.n_ports < MESH_PORTS_MAX; at += n) {
                unsigned protocol, target, published;

                if (sscanf(at, " %u:%u:%u%n", &protocol, &target, &published, &n) != 3)
                        break;
                attachment.ports[attachment.n_ports++] =
                        (struct mesh_port){ (uint8_t)protocol, (uint16_t)target,
                                            (uint16_t)published };
        }
        mesh_device_name(attachment.id, attachment.device);
        *ret = attachment;
        return 0;
}

/* --- nft --- */

void mesh_nft_table(const char *subnet, struct str *ret)
{
        str_addf(ret,
                 "add table ip skep\n"
                 "flush table ip skep\n"
                 "add map ip skep ports { type inet_proto . inet_service : ipv4_addr . "
                 "inet_service ; }\n"
                 "flush map ip skep ports\n"
                 "add chain ip skep prerouting { type nat hook prerouting priority -100 ; policy "
                 "accept ; }\n"
                 "add chain ip skep output { type nat hook output priority -100 ; policy accept ; "
                 "}\n"
                 "add chain ip skep postrouting { type nat hook postrouting priority 100 ; policy "
                 "accept ; }\n"
                 "add rule ip skep prerouting fib daddr type local dnat ip addr . port to meta "
                 "l4proto . th dport map @ports\n"
                 "add rule ip skep output fib daddr type local dnat ip addr . port to meta l4proto "
                 ". th dport map @ports\n"
                 /* A task that reaches itself by a published port, and local clients of 127.0.0.1.
                  */
                 "add rule ip skep postrouting oifname \"skep*\" ip saddr 127.0.0.0/8 masquerade\n"
                 "add rule ip skep postrouting oifname \"skep*\" ip saddr %s ct status dnat "
                 "masquerade\n"
                 "add rule ip skep postrouting oifname != \"skep*\" ip saddr %s masquerade\n",
                 subnet, subnet);
}

void mesh_nft_ports(const struct mesh_attachment *attachment, bool open, struct str *ret)
{
        for (size_t i = 0; i < attachment->n_ports; i++) {
                const struct mesh_port *port = &attachment->ports[i];

                str_addf(ret, "%s element ip skep ports { %s . %u", open ? "add" : "delete",
                         protocol_name(port->protocol), port->published);
                if (open) {
                        str_add(ret, " : ");
                        add_address(ret, attachment->address);
                        str_addf(ret, " . %u", port->target);
                }
                str_add(ret, " }\n");
        }
}
