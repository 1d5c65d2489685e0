/* The rows of all commands. */
#include "cli/tables.h"

const struct command *const command_tables[] = {
        service_commands, node_commands,   task_commands,   swarm_commands,
        image_commands,   volume_commands, secret_commands, config_commands,
        inside_commands,  usage_commands,  system_commands, NULL,
};
