/* The rows of all commands, one table per file. */
#pragma once
#include "cli/command.h"

extern const struct command service_commands[], node_commands[], task_commands[], swarm_commands[],
        image_commands[], volume_commands[], secret_commands[], config_commands[],
        inside_commands[], usage_commands[], system_commands[];
