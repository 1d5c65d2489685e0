/* Which address is this node's? */
#pragma once
#include <stddef.h>

#include "lib/base/err.h"

/* An address as a person gives it, "IP", "IP:port", "interface", "interface:port", "[v6]:port", or
 * NULL/"" for the one obvious address.  More than one candidate is an error that lists them, as
 * docker's. */
int address_choose(const char *given, const char *default_port, char *ret_host, size_t host_size,
                   char *ret_port, size_t port_size, struct err *err);

/* Takes "host:port" apart ("host" alone: default_port); checks that port is 1..65535. */
int address_split(const char *given, const char *default_port, char *ret_host, size_t host_size,
                  char *ret_port, size_t port_size, struct err *err);
