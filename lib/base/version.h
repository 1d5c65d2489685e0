/* Which Skep this is. */
#pragma once

#define SKEP_VERSION "0.1.0"
