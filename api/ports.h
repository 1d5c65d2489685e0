/* Where a manager's daemons listen for other machines.  Who knows one address of a manager knows
 * them all: only the join port can be chosen (--listen-addr), since it is what people type. */
#pragma once

enum {
        PORT_JOIN = 2377,
        PORT_API = 2381,
        PORT_DISPATCHER = 2382,
        PORT_STORE = 2383,
        PORT_CA = 2384,
        PORT_RAFT = 2385,
};
