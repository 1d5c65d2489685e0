/* /etc/hosts and /etc/resolv.conf. */
#include "agent/oci/files.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/base/check.h"

static const char standard_hosts[] = "127.0.0.1\tlocalhost\n"
                                     "::1\tlocalhost ip6-localhost ip6-loopback\n"
                                     "fe00::0\tip6-localnet\n"
                                     "ff00::0\tip6-mcastprefix\n"
                                     "ff02::1\tip6-allnodes\n"
                                     "ff02::2\tip6-allrouters\n";

/* Asked when the node names no server that a container could reach, as docker does. */
static const char *const public_servers[] = { "8.8.8.8", "8.8.4.4" };

static bool is_address(const char *text, size_t length)
{
        char copy[INET6_ADDRSTRLEN], binary[16];

        if (length >= sizeof copy)
                return false;
        memcpy(copy, text, length);
        copy[length] = '\0';
        return inet_pton(AF_INET, copy, binary) == 1 || inet_pton(AF_INET6, copy, binary) == 1;
}

int oci_hosts_text(const Sk__ContainerSpec *container, const char *address, const char *hostname,
                   struct str *ret, struct err *err)
{
        str_add(ret, standard_hosts);
        for (size_t i = 0; i < container->n_hosts; i++) {
                const char *line = container->hosts[i];
                size_t length = strcspn(line, " \t");

                if (!is_address(line, length) || strchr(line, '\n') || !line[length])
                        return err_set(err, ERR_INVALID,
                                       "'%.200s' is no host entry: it must be 'IP name'", line);
                str_add_bytes(ret, line, length);
                str_add_char(ret, '\t');
                str_add(ret, line + length + 1);
                str_add_char(ret, '\n');
        }
        if (!str_is_empty(address))
                str_addf(ret, "%s\t%s\n", address, hostname);
        return 0;
}

static int add_words(struct str *ret, const char *keyword, char *const *words, size_t n,
                     struct err *err)
{
        if (n > 0)
                str_add(ret, keyword);
        for (size_t i = 0; i < n; i++) {
                if (!words[i][0] || strpbrk(words[i], " \t\r\n"))
                        return err_set(err, ERR_INVALID, "bad DNS setting '%.100s'", words[i]);
                str_add_char(ret, ' ');
                str_add(ret, words[i]);
        }
        if (n > 0)
                str_add_char(ret, '\n');
        return 0;
}

static bool is_loopback(const char *server)
{
        return str_starts_with(server, "127.") || str_starts_with(server, "::1");
}

/* Calls for each line of the node's file that begins with the keyword. */
static size_t copy_lines(struct str *ret, const char *text, const char *keyword, bool no_loopback)
{
        size_t length = strlen(keyword), n = 0;

        for (const char *line = text; *line;) {
                const char *end = strchrnul(line, '\n');
                bool is_wanted = strncmp(line, keyword, length) == 0;
                const char *value = is_wanted ? line + length : line;

                value += strspn(value, " \t");
                is_wanted = is_wanted && value > line + length;

                if (is_wanted && !(no_loopback && is_loopback(value))) {
                        str_add_bytes(ret, line, (size_t)(end - line));
                        str_add_char(ret, '\n');
                        n++;
                }
                line = *end ? end + 1 : end;
        }
        return n;
}

static void add_servers(struct str *ret, const char *dns_server, const char *node_text,
                        bool has_own_network)
{
        if (!str_is_empty(dns_server)) {
                str_addf(ret, "nameserver %s\n", dns_server);
                return;
        }
        if (copy_lines(ret, node_text, "nameserver", has_own_network) > 0 || !has_own_network)
                return;
        for (size_t i = 0; i < COUNT_OF(public_servers); i++)
                str_addf(ret, "nameserver %s\n", public_servers[i]);
}

int oci_resolv_text(const Sk__DnsConfig *dns, const char *dns_server, const char *node_text,
                    bool has_own_network, struct str *ret, struct err *err)
{
        static const Sk__DnsConfig nothing = SK__DNS_CONFIG__INIT;

        dns = dns ? dns : &nothing;
        for (size_t i = 0; i < dns->n_servers; i++) {
                if (!is_address(dns->servers[i], strlen(dns->servers[i])))
                        return err_set(err, ERR_INVALID, "the DNS server '%.100s' is no IP address",
                                       dns->servers[i]);
                str_addf(ret, "nameserver %s\n", dns->servers[i]);
        }
        if (dns->n_servers == 0)
                add_servers(ret, dns_server, node_text, has_own_network);
        if (dns->n_search == 0)
                copy_lines(ret, node_text, "search", false);
        TRY(add_words(ret, "search", (char *const *)dns->search, dns->n_search, err));
        if (dns->n_options == 0)
                copy_lines(ret, node_text, "options", false);
        return add_words(ret, "options", (char *const *)dns->options, dns->n_options, err);
}
