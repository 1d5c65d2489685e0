/* Process-wide settings of gRPC. */
#include "lib/rpc/environment.h"

#include <dlfcn.h>
#include <errno.h>
#include <grpc/support/log.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/str.h"

/* gRPC accepts TLS 1.2 and has no public way to refuse it; but it takes the names of the ciphers
 * for TLS 1.2 from this variable, and 1.3 has ciphers of its own.  A pre-shared key nobody has
 * leaves nothing to negotiate below 1.3. */
static void require_tls_1_3(void)
{
        static const char variable[] = "GRPC_SSL_CIPHER_SUITES", value[] = "PSK-AES256-GCM-SHA384";

        /* Once it is right it is left alone, since other threads may be reading the environment by
         * then. */
        if (!str_equal(getenv(variable), value))
                setenv(variable, value, 1);
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

/* Debian builds Abseil, gRPC's base, so that each of its mutexes looks for deadlocks.  It remembers
 * every pair that was ever held together in a table of fixed size, which takes a tenth of the
 * processor with one connection and most of it with thousands.  The switch is Abseil's public one,
 * but C++; if it goes by another name one day, this merely stays slow. */
static void spare_deadlock_detection(void)
{
        enum { IGNORE = 0 }; /* absl::OnDeadlockCycle::kIgnore */
        void (*set_mode)(int mode);

        *(void **)&set_mode =
                dlsym(RTLD_DEFAULT,
                      "_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE");
        if (set_mode)
                set_mode(IGNORE);
}

/* Connections from the network leave this part of the descriptors to files, to those whom we call,
 * and to who asks on this machine what is the matter. */
enum { SPARED_PART = 8 };

static bool is_local(int listener)
{
        int domain = 0;
        socklen_t size = sizeof domain;

        return getsockopt(listener, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
               domain == AF_UNIX;
}

static bool may_have(int listener, int fd)
{
        struct rlimit limit;

        return getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
               (rlim_t)fd < limit.rlim_cur - limit.rlim_cur / SPARED_PART || is_local(listener);
}

/* Takes the place of libc's in this process, and so in gRPC, which gives a listener up for ever at
 * any error but EAGAIN: once out of descriptors, it would be deaf until the next start.  What is
 * wrong with one connection is passed over, what is wrong with us ends the round; whoever comes
 * next begins another. */
int accept4(int listener, __SOCKADDR_ARG address, socklen_t *size, int flags)
{
        socklen_t room = size ? *size : 0;
        int fd;

        for (;;) {
                if (size)
                        *size = room;
                fd = (int)syscall(SYS_accept4, listener, address.__sockaddr__, size, flags);
                if (fd >= 0 && may_have(listener, fd))
                        return fd;
                if (fd >= 0)
                        close(fd);
                else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                        errno = EAGAIN;
                if (fd < 0 && errno != ECONNABORTED && errno != EPROTO)
                        return -1;
        }
}

void rpc_environment_init(void)
{
        spare_deadlock_detection();
        require_tls_1_3();
        require_silence();
        grpc_init();
}

void rpc_environment_done(void)
{
        grpc_shutdown();
}

void rpc_arguments(const struct rpc_setting *settings, size_t n, grpc_arg *ret)
{
        for (size_t i = 0; i < n; i++)
                ret[i] = (grpc_arg){
                        .type = GRPC_ARG_INTEGER,
                        .key = (char *)settings[i].name, /* gRPC only reads it */
                        .value.integer = settings[i].value,
                };
}
