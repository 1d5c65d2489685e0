/* echo-server FOLDER DAEMON ADDRESS mtls|strangers|local: serves skep.test.Echo until SIGTERM. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/os/loop.h"
#include "lib/rpc/server.h"
#include "tests/lib/echo/echo.h"

static void stop(void *loop, int signal)
{
        (void)signal;
        loop_stop(loop);
}

static void print_metrics(struct rpc_server *server)
{
        struct str str = { 0 };

        rpc_server_metrics(server, &str);
        fputs(str_text(&str), stderr);
        str_done(&str);
}

static int serve(char **argv, struct err *err)
{
        enum rpc_trust trust = !strcmp(argv[4], "mtls")        ? RPC_MUTUAL_TLS
                               : !strcmp(argv[4], "strangers") ? RPC_ALLOW_STRANGERS
                                                               : RPC_LOCAL_ADMIN;
        struct rpc_server_options options = { 0 };
        struct rpc_identity *identity = NULL;
        struct rpc_server *server;
        struct loop *loop;
        struct echo echo = { 0 };

        TRY(loop_new(&loop, err));
        TRY(loop_signal(loop, SIGTERM, stop, loop, err));
        if (trust != RPC_LOCAL_ADMIN)
                TRY(rpc_identity_open(argv[1], argv[2], &identity, err));
        options.identity = identity;
        echo.loop = loop;
        TRY(rpc_server_new(loop, &options, &server, err));
        TRY(rpc_server_add(server, &echo_service, &echo, err));
        TRY(rpc_server_listen(server, argv[3], trust, 0600, err));
        TRY(rpc_server_start(server, err));
        rpc_server_set_serving(server, true);
        printf("port: %d\n", rpc_server_port(server));
        fflush(stdout);
        TRY(loop_run(loop, err));
        print_metrics(server);
        rpc_server_free(server, 1000);
        rpc_identity_free(identity);
        loop_free(loop);
        return 0;
}

int main(int argc, char **argv)
{
        struct err err;

        if (argc != 5) {
                fprintf(stderr, "usage: echo-server FOLDER DAEMON ADDRESS mtls|strangers|local\n");
                return 2;
        }
        if (serve(argv, &err) < 0) {
                fprintf(stderr, "echo-server: %s\n", err.text);
                return 1;
        }
        return 0;
}
