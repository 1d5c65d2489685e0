/* What a service says about where its logs go: docker's drivers and their options, checked once,
 * when a service is made, and read again by the node that runs its tasks.  Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "api/specs.pb-c.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/base/pattern.h"

enum log_driver {
        LOG_JSON_FILE,
        LOG_LOCAL,
        LOG_NONE,
        LOG_JOURNALD,
        LOG_SYSLOG,
        LOG_FLUENTD,
        LOG_GELF,
        LOG_DRIVERS,
};

enum log_transport { LOG_UDP, LOG_TCP, LOG_TLS, LOG_UNIX, LOG_UNIXGRAM };
enum log_syslog_format { SYSLOG_UNIX, SYSLOG_RFC3164, SYSLOG_RFC5424, SYSLOG_RFC5424_MICRO };
enum log_compression { GELF_GZIP, GELF_ZLIB, GELF_PLAIN };

struct log_config {
        enum log_driver driver;
        bool is_nonblocking;
        int64_t buffer_size; /* of what waits, when it is */
        /* json-file, local; 0: not said */
        int64_t size_max, n_files_max;
        /* What goes along with each message; NULL: nothing.  Lists have commas. */
        const char *tag, *labels, *env;
        const struct pattern *labels_pattern, *env_pattern;
        /* Where to. */
        enum log_transport transport;
        const char *host, *port, *path; /* path: of a unix socket */
        const char *ca, *certificate, *key;
        bool skips_verify;
        /* syslog */
        int facility;
        enum log_syslog_format syslog_format;
        /* gelf */
        enum log_compression compression;
        int compression_level;
        /* fluentd */
        bool has_sub_seconds;
};

/* ERR_INVALID with docker's sentence.  Strings are the driver's or in 'arena'.  'driver' NULL:
 * json-file. */
int log_config_read(const Sk__LogDriver *driver, struct arena *arena, struct log_config *ret,
                    struct err *err);

/* "json-file"; in the order of the enum. */
const char *log_driver_name(enum log_driver driver);

/* Can what it was given be read back: from its files, or from the journal? */
bool log_driver_is_readable(enum log_driver driver);
