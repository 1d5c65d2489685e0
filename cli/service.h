/* skep service: what its files share. */
#pragma once
#include "cli/command.h"

extern const struct flag service_create_flags[], service_update_flags[];

int service_create(struct cli *cli, const struct arguments *arguments);
int service_update(struct cli *cli, const struct arguments *arguments);

/* A name for a service that was given none: "adjective_noun", as docker does. */
const char *service_random_name(struct arena *arena);
