/* Registry credentials, kept where docker keeps them. */
#pragma once
#include "cli/command.h"

/* The credentials for the registry of an image; NULL when there are none.  In the arena of the
 * program. */
Sk__RegistryAuth *login_auth_for(struct cli *cli, const char *image);
