/* Which daemons a node runs, and with what options. */
#pragma once
#include <stdbool.h>

#include "agent/node/record.h"
#include "lib/base/mem.h"

struct daemon_row {
        const char *name;      /* "store" */
        const char *arguments; /* words; %S state folder, %R run folder, %L listen host, %P listen
                                  port, %A advertise address, %J the stores of known managers */
        bool on_workers;
};

/* In the order they are started; ends with a zeroed row. */
extern const struct daemon_row daemon_rows[];

/* The row's words with places filled in; NULL-terminated, in 'arena'. */
const char *const *daemon_arguments(const struct daemon_row *row, const struct node_record *record,
                                    const char *state_folder, const char *run_folder,
                                    const char *extra, struct arena *arena);
