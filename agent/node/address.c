/* Which address is this node's? */
#include "agent/node/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

static int take(char *ret, size_t size, const char *from, size_t length, struct err *err)
{
        if (!length || length >= size)
                return err_set(err, ERR_INVALID, "'%.64s' is not an address", from);
        memcpy(ret, from, length);
        ret[length] = '\0';
        return 0;
}

int address_split(const char *given, const char *default_port, char *ret_host, size_t host_size,
                  char *ret_port, size_t port_size, struct err *err)
{
        const char *end = given[0] == '[' ? strchr(given, ']') : NULL;
        const char *colon = strchr(end ? end : given, ':'), *port = default_port;
        int64_t number;

        if (!end && colon && strchr(colon + 1, ':'))
                colon = NULL; /* a bare IPv6 address */
        if (given[0] == '[' && !end)
                return err_set(err, ERR_INVALID, "'%.64s': the ']' is missing", given);
        if (colon)
                port = colon + 1;
        if (str_to_int64(port, &number, NULL) < 0 || number < 1 || number > 65535)
                return err_set(err, ERR_INVALID, "'%.64s': a port is a number from 1 to 65535",
                               given);
        TRY(take(ret_host, host_size, given, colon ? (size_t)(colon - given) : strlen(given), err));
        return take(ret_port, port_size, port, strlen(port), err);
}

static bool is_ip(const char *text)
{
        unsigned char bytes[16];

        return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1 ||
               text[0] == '[';
}

static bool is_candidate(const struct ifaddrs *address, const char *interface)
{
        if (!address->ifa_addr || address->ifa_addr->sa_family != AF_INET ||
            !(address->ifa_flags & IFF_UP))
                return false;
        if (interface)
                return strcmp(address->ifa_name, interface) == 0;
        /* What the cluster itself made, and container bridges, are no way for others to reach this
         * node. */
        return !(address->ifa_flags & IFF_LOOPBACK) &&
               !str_starts_with(address->ifa_name, "skep") &&
               !str_starts_with(address->ifa_name, "docker") &&
               !str_starts_with(address->ifa_name, "veth");
}

/* The one IPv4 address of an interface, or of this machine. */
static int obvious_address(const char *interface, char *ret_host, size_t size, struct err *err)
{
        _cleanup_(str_done) struct str names = { 0 };
        struct ifaddrs *addresses;
        char text[INET_ADDRSTRLEN], first[INET_ADDRSTRLEN] = "127.0.0.1";
        size_t n = 0;

        if (getifaddrs(&addresses) < 0)
                return err_set(err, ERR_UNAVAILABLE, "this machine's addresses cannot be read: %s",
                               strerror(errno));
        for (const struct ifaddrs *at = addresses; at; at = at->ifa_next) {
                if (!is_candidate(at, interface))
                        continue;
                inet_ntop(AF_INET, &((struct sockaddr_in *)at->ifa_addr)->sin_addr, text,
                          sizeof text);
                str_addf(&names, "%s%s on interface %s", n ? " and " : "", text, at->ifa_name);
                if (!n++)
                        memcpy(first, text, sizeof first);
        }
        freeifaddrs(addresses);
        if (n > 1)
                return err_set(err, ERR_INVALID,
                               "could not choose an IP address to advertise since this system has "
                               "multiple addresses (%.200s) - "
                               "specify one with --advertise-addr",
                               str_text(&names));
        if (!n && interface)
                return err_set(err, ERR_INVALID,
                               "there is no interface '%.32s' with an IPv4 address", interface);
        snprintf(ret_host, size, "%s", first);
        return 0;
}

int address_choose(const char *given, const char *default_port, char *ret_host, size_t host_size,
                   char *ret_port, size_t port_size, struct err *err)
{
        char host[128];

        if (str_is_empty(given)) {
                snprintf(ret_port, port_size, "%s", default_port);
                return obvious_address(NULL, ret_host, host_size, err);
        }
        TRY(address_split(given, default_port, host, sizeof host, ret_port, port_size, err));
        if (!is_ip(host))
                return obvious_address(host, ret_host, host_size, err);
        return take(ret_host, host_size, host, strlen(host), err);
}
