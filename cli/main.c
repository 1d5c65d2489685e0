/* skep: what does the person want? */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/base/str.h"

int main(int argc, char **argv)
{
        struct cli cli = {
                .api_address = str_or(getenv("SKEP_HOST"), "unix:/run/skep/api.sock"),
                .node_address = str_or(getenv("SKEP_NODE"), "unix:/run/skep/node.sock"),
                .is_terminal = isatty(STDOUT_FILENO),
        };
        int status;

        if (loop_new(&cli.loop, &cli.err) < 0) {
                fprintf(stderr, "%s\n", cli.err.text);
                return 1;
        }
        status = command_run(&cli, argc - 1, argv + 1);
        rpc_client_free(cli.control);
        rpc_client_free(cli.node);
        loop_free(cli.loop);
        arena_done(&cli.arena);
        return status;
}
