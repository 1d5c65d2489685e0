/* Addresses of probes. */
#include "lib/state/probe.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static int bad_address(const char *text, struct err *err)
{
        return err_set(err, ERR_INVALID,
                       "'%.100s' is no address for a probe: it takes [IP]:PORT[/PATH], as in "
                       "\":8080/health\"",
                       text);
}

static bool is_printable(const char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f)
                        return false;
        return true;
}

static bool is_ip(const char *text)
{
        unsigned char binary[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, text, binary) == 1;
}

static bool take_port(const char **at, uint16_t *ret)
{
        uint32_t port = 0;

        for (; **at >= '0' && **at <= '9' && port <= UINT16_MAX; (*at)++)
                port = port * 10 + (uint32_t)(**at - '0');
        *ret = (uint16_t)port;
        return port > 0 && port <= UINT16_MAX;
}

int probe_address_parse(const char *text, struct probe_address *ret, struct err *err)
{
        const char *host = text[0] == '[' ? text + 1 : text;
        size_t length = strcspn(host, text[0] == '[' ? "]" : ":/");
        const char *at = host + length;

        *ret = (struct probe_address){ .host = "127.0.0.1" };
        if (length >= sizeof ret->host || strlen(text) > PROBE_ADDRESS_MAX || !is_printable(text))
                return bad_address(text, err);
        if (text[0] == '[' && *at++ != ']')
                return bad_address(text, err);
        if (length > 0)
                snprintf(ret->host, sizeof ret->host, "%.*s", (int)length, host);
        if (*at++ != ':' || !take_port(&at, &ret->port) || (*at && *at != '/') || !is_ip(ret->host))
                return bad_address(text, err);
        ret->path = at;
        return 0;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK\r\n"; what follows the number may be left out. */
int probe_http_status(const char *data, size_t size)
{
        static const char shape[] = "HTTP/1.# ###";
        const size_t length = sizeof shape - 1;
        int status;

        for (size_t i = 0; i < size && i < length; i++)
                if (shape[i] == '#' ? !is_digit(data[i]) : data[i] != shape[i])
                        return PROBE_NOT_HTTP;
        if (size > length && data[length] != ' ' && data[length] != '\r' && data[length] != '\n')
                return PROBE_NOT_HTTP;
        if (size <= length || !memchr(data, '\n', size))
                return PROBE_UNFINISHED;
        status = (data[9] - '0') * 100 + (data[10] - '0') * 10 + (data[11] - '0');
        return status >= 100 && status <= 599 ? status : PROBE_NOT_HTTP;
}
