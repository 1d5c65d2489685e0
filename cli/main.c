/* skep: what does the person want? */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

static volatile sig_atomic_t catches_interrupt;
static int interrupt_fd = -1;

static void interrupted(int signal)
{
        const uint64_t one = 1;

        if (!catches_interrupt || write(interrupt_fd, &one, sizeof one) < 0)
                _exit(128 + signal);
}

int main(int argc, char **argv)
{
        struct cli cli = {
                .api_address = str_or(getenv("SKEP_HOST"), "unix:/run/skep/api.sock"),
                .node_address = str_or(getenv("SKEP_NODE"), "unix:/run/skep/node.sock"),
                .is_terminal = isatty(STDOUT_FILENO),
                .patience_ns = 2 * NS_PER_S,
                .catches_interrupt = &catches_interrupt,
        };
        int status;

        cli.interrupt_fd = interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        signal(SIGINT, interrupted);
        signal(SIGPIPE, SIG_DFL);

        if (loop_new(&cli.loop, &cli.err) < 0) {
                fprintf(stderr, "%s\n", cli.err.text);
                return 1;
        }
        status = command_run(&cli, argc - 1, argv + 1);
        /* Also what went wrong earlier: a full disk is no success. */
        if (fflush(stdout) != 0 || ferror(stdout)) {
                fprintf(stderr, "skep: the output could not be written\n");
                status = status ? status : 1;
        }
        rpc_client_free(cli.control);
        rpc_client_free(cli.node);
        loop_free(cli.loop);
        arena_done(&cli.arena);
        return status;
}
