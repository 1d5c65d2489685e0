/* Process-wide settings of gRPC. */
#include "lib/rpc/environment.h"

#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <stdlib.h>

/* gRPC accepts TLS 1.2 and has no public way to refuse it; but it takes the names of the ciphers
 * for TLS 1.2 from this variable, and 1.3 has ciphers of its own.  A pre-shared key nobody has
 * leaves nothing to negotiate below 1.3. */
static void require_tls_1_3(void)
{
        setenv("GRPC_SSL_CIPHER_SUITES", "PSK-AES256-GCM-SHA384", 1);
}

static void stay_silent(gpr_log_func_args *args)
{
        (void)args;
}

/* Failures come back as errors and are logged by whoever started the call; gRPC's own lines only on
 * demand. */
static void require_silence(void)
{
        if (!getenv("GRPC_VERBOSITY"))
                gpr_set_log_function(stay_silent);
}

void rpc_environment_init(void)
{
        require_tls_1_3();
        require_silence();
        grpc_init();
}

void rpc_environment_done(void)
{
        grpc_shutdown();
}
