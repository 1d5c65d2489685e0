/* Registry credentials, kept where docker keeps them. */
#pragma once
#include "cli/command.h"

/* The credentials for the registry of an image; NULL when there are none.  In the arena of the
 * program. */
Sk__RegistryAuth *login_auth_for(struct cli *cli, const char *image);

extern const struct flag login_flags[];
int login_run(struct cli *cli, const struct arguments *arguments);
int logout_run(struct cli *cli, const struct arguments *arguments);
