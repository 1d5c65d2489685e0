/* Log drivers and their options. */
#include "lib/logging/config.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/template/template.h"

enum { BUFFER_DEFAULT = 1 << 20, BUFFER_MAX = 128 << 20, FILES_MAX = 100, FACILITY_DAEMON = 3 };

#define BIT(driver) (1U << LOG_##driver)
enum {
        FILES = BIT(JSON_FILE) | BIT(LOCAL),
        REMOTE = BIT(JOURNALD) | BIT(SYSLOG) | BIT(FLUENTD) | BIT(GELF),
        WITH_EXTRA = REMOTE | BIT(JSON_FILE),
        ALL = FILES | REMOTE,
};

static const char *const driver_names[] = { "json-file", "local",   "none", "journald",
                                            "syslog",    "fluentd", "gelf" };
static_assert(COUNT_OF(driver_names) == LOG_DRIVERS, "a name per driver");

const char *log_driver_name(enum log_driver driver)
{
        return driver_names[driver];
}

bool log_driver_is_readable(enum log_driver driver)
{
        return (FILES | BIT(JOURNALD)) >> driver & 1;
}

/* One option being read. */
struct reading {
        struct log_config *config;
        struct arena *arena;
        const char *key, *value;
        struct err *err;
};

static int bad_value(const struct reading *reading, const char *what)
{
        return err_set(reading->err, ERR_INVALID, "invalid value \"%.100s\" for log option %s: %s",
                       reading->value, reading->key, what);
}

static int read_bool(const struct reading *reading, bool *ret)
{
        if (str_to_bool(reading->value, ret, NULL) < 0)
                return bad_value(reading, "it is true or false");
        return 0;
}

/* --- of all drivers --- */

static int set_mode(const struct reading *reading)
{
        reading->config->is_nonblocking = str_equal(reading->value, "non-blocking");
        if (!reading->config->is_nonblocking && reading->value[0] &&
            !str_equal(reading->value, "blocking"))
                return err_set(reading->err, ERR_INVALID,
                               "logger: logging mode not supported: %.64s", reading->value);
        return 0;
}

static int set_buffer_size(const struct reading *reading)
{
        int64_t *size = &reading->config->buffer_size;

        if (str_to_bytes(reading->value, size, NULL) < 0)
                return err_set(reading->err, ERR_INVALID,
                               "error parsing option max-buffer-size: invalid size: '%.64s'",
                               reading->value);
        if (*size < 1 || *size > BUFFER_MAX)
                return bad_value(reading, "1 byte to 128 MiB");
        return 0;
}

/* --- files --- */

static int set_max_size(const struct reading *reading)
{
        int64_t *size = &reading->config->size_max;

        if (str_equal(reading->value, "-1"))
                return 0;
        if (str_to_bytes(reading->value, size, NULL) < 0)
                return err_set(reading->err, ERR_INVALID, "invalid size: '%.64s'", reading->value);
        return *size > 0 ? 0
                         : err_set(reading->err, ERR_INVALID, "max-size must be a positive number");
}

static int set_max_file(const struct reading *reading)
{
        int64_t *n = &reading->config->n_files_max;

        if (str_to_int64(reading->value, n, NULL) < 0)
                return bad_value(reading, "a number of files");
        if (*n < 1)
                return err_set(reading->err, ERR_INVALID, "max-file cannot be less than 1");
        return *n <= FILES_MAX ? 0 : bad_value(reading, "at most 100 files are kept");
}

static int set_compress(const struct reading *reading)
{
        bool compresses;

        TRY(read_bool(reading, &compresses));
        return compresses ? bad_value(reading, "rotated logs are not compressed here") : 0;
}

/* --- what goes along --- */

static int set_tag(const struct reading *reading)
{
        const struct template *template;

        reading->config->tag = reading->value;
        return template_parse(reading->arena, reading->value, &template, reading->err);
}

static int set_labels(const struct reading *reading)
{
        reading->config->labels = reading->value;
        return 0;
}

static int set_env(const struct reading *reading)
{
        reading->config->env = reading->value;
        return 0;
}

/* Not the C library's: some texts of a few characters take that all memory. */
static int set_pattern(const struct reading *reading, const struct pattern **ret)
{
        struct err why;

        if (pattern_compile(reading->arena, reading->value, PATTERN_EXACT_CASE, ret, &why) < 0)
                return bad_value(reading, why.text);
        return 0;
}

static int set_labels_pattern(const struct reading *reading)
{
        return set_pattern(reading, &reading->config->labels_pattern);
}

static int set_env_pattern(const struct reading *reading)
{
        return set_pattern(reading, &reading->config->env_pattern);
}

/* --- addresses --- */

struct scheme {
        const char *prefix;
        enum log_transport transport;
        unsigned drivers;
};

static const struct scheme schemes[] = {
        { "udp://", LOG_UDP, BIT(SYSLOG) | BIT(GELF) },
        { "tcp://", LOG_TCP, BIT(SYSLOG) | BIT(GELF) | BIT(FLUENTD) },
        { "tcp+tls://", LOG_TLS, BIT(SYSLOG) },
        { "unix://", LOG_UNIX, BIT(SYSLOG) | BIT(FLUENTD) },
        { "unixgram://", LOG_UNIXGRAM, BIT(SYSLOG) },
};

/* "host:port", "[::1]:port", "host" when there is a usual port. */
static int set_host(const struct reading *reading, const char *text, const char *usual_port)
{
        struct log_config *config = reading->config;
        const char *start = text[0] == '[' ? text + 1 : text;
        const char *end = text[0] == '[' ? strchr(text, ']') : strchrnul(text, ':');
        const char *rest = end && *end == ']' ? end + 1 : end;
        uint64_t port = 0;

        if (!end || end == start || (*rest && *rest != ':'))
                return bad_value(reading, "an address is host:port");
        config->host = arena_printf(reading->arena, "%.*s", (int)(end - start), start);
        config->port = *rest ? rest + 1 : usual_port;
        if (!config->port)
                return bad_value(reading, "the port is missing");
        if (str_to_uint64(config->port, &port, NULL) < 0 || port < 1 || port > 65535)
                return bad_value(reading, "a port is 1 to 65535");
        return 0;
}

static int set_address(const struct reading *reading, const char *usual_port)
{
        struct log_config *config = reading->config;

        for (size_t i = 0; i < COUNT_OF(schemes); i++) {
                const char *rest = reading->value + strlen(schemes[i].prefix);

                if (!str_starts_with(reading->value, schemes[i].prefix) ||
                    !(schemes[i].drivers >> config->driver & 1))
                        continue;
                config->transport = schemes[i].transport;
                if (config->transport < LOG_UNIX)
                        return set_host(reading, rest, usual_port);
                config->path = rest;
                /* sockaddr_un has room for 107 */
                return rest[0] == '/' && strlen(rest) < 108 ? 0 : bad_value(reading, "no path");
        }
        if (!strstr(reading->value, "://") && config->driver == LOG_FLUENTD) {
                config->transport = LOG_TCP;
                return set_host(reading, reading->value, usual_port);
        }
        if (config->driver == LOG_GELF)
                return err_set(reading->err, ERR_INVALID,
                               "gelf: endpoint needs to be TCP or UDP: %.100s", reading->value);
        return err_set(reading->err, ERR_INVALID, "unsupported scheme: '%.*s'",
                       (int)strcspn(reading->value, ":"), reading->value);
}

static int set_syslog_address(const struct reading *reading)
{
        return set_address(reading, "514");
}

static int set_fluentd_address(const struct reading *reading)
{
        return set_address(reading, "24224");
}

static int set_gelf_address(const struct reading *reading)
{
        return set_address(reading, NULL);
}

/* --- syslog --- */

static int set_facility(const struct reading *reading)
{
        static const char *const names[] = {
                "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
                "uucp",   "cron",   "authpriv", "ftp",    "",       "",       "",       "",
                "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7",
        };
        uint64_t number;

        for (size_t i = 0; i < COUNT_OF(names); i++)
                if (names[i][0] && str_equal(names[i], reading->value)) {
                        reading->config->facility = (int)i;
                        return 0;
                }
        if (str_to_uint64(reading->value, &number, NULL) < 0 || number >= COUNT_OF(names))
                return err_set(reading->err, ERR_INVALID, "invalid syslog facility");
        reading->config->facility = (int)number;
        return 0;
}

static int set_syslog_format(const struct reading *reading)
{
        static const char *const names[] = { "", "rfc3164", "rfc5424", "rfc5424micro" };

        for (size_t i = 0; i < COUNT_OF(names); i++)
                if (str_equal(names[i], reading->value)) {
                        reading->config->syslog_format = (enum log_syslog_format)i;
                        return 0;
                }
        return err_set(reading->err, ERR_INVALID, "Invalid syslog format");
}

static int set_file(const struct reading *reading, const char **ret)
{
        *ret = reading->value;
        return reading->value[0] == '/' ? 0 : bad_value(reading, "an absolute path on the node");
}

static int set_ca(const struct reading *reading)
{
        return set_file(reading, &reading->config->ca);
}

static int set_certificate(const struct reading *reading)
{
        return set_file(reading, &reading->config->certificate);
}

static int set_key(const struct reading *reading)
{
        return set_file(reading, &reading->config->key);
}

static int set_skip_verify(const struct reading *reading)
{
        return read_bool(reading, &reading->config->skips_verify);
}

/* --- gelf --- */

static int set_compression(const struct reading *reading)
{
        static const char *const names[] = { "gzip", "zlib", "none" };

        for (size_t i = 0; i < COUNT_OF(names); i++)
                if (str_equal(names[i], reading->value)) {
                        reading->config->compression = (enum log_compression)i;
                        return 0;
                }
        return err_set(reading->err, ERR_INVALID,
                       "unknown value \"%.64s\" for log opt \"gelf-compression-type\" for gelf log "
                       "driver",
                       reading->value);
}

static int set_compression_level(const struct reading *reading)
{
        int64_t level;

        if (str_to_int64(reading->value, &level, NULL) < 0 || level < -1 || level > 9)
                return bad_value(reading, "a level is -1 to 9");
        reading->config->compression_level = (int)level;
        return 0;
}

/* --- fluentd --- */

static int set_sub_seconds(const struct reading *reading)
{
        return read_bool(reading, &reading->config->has_sub_seconds);
}

static int set_no_acknowledgement(const struct reading *reading)
{
        bool wants;

        TRY(read_bool(reading, &wants));
        return wants ? bad_value(reading, "acknowledgements are not supported") : 0;
}

/* What always holds here: it connects in the background, and tries for as long as it takes. */
static int check_bool(const struct reading *reading)
{
        bool value;

        return read_bool(reading, &value);
}

static int refuse_retries(const struct reading *reading)
{
        return bad_value(reading, "it is tried for as long as the container runs, with pauses of "
                                  "100 ms to 5 s");
}

/* --- the rows --- */

/* clang-format off */
/*        name, of which drivers, how it is read */
static const struct option {
        const char *name;
        unsigned drivers;
        int (*set)(const struct reading *reading);
} options[] = {
        { "mode",                             ALL,             set_mode },
        { "max-buffer-size",                  ALL,             set_buffer_size },
        { "max-size",                         FILES,           set_max_size },
        { "max-file",                         FILES,           set_max_file },
        { "compress",                         FILES,           set_compress },
        { "tag",                              WITH_EXTRA,      set_tag },
        { "labels",                           WITH_EXTRA,      set_labels },
        { "labels-regex",                     WITH_EXTRA,      set_labels_pattern },
        { "env",                              WITH_EXTRA,      set_env },
        { "env-regex",                        WITH_EXTRA,      set_env_pattern },
        { "syslog-address",                   BIT(SYSLOG),     set_syslog_address },
        { "syslog-facility",                  BIT(SYSLOG),     set_facility },
        { "syslog-format",                    BIT(SYSLOG),     set_syslog_format },
        { "syslog-tls-ca-cert",               BIT(SYSLOG),     set_ca },
        { "syslog-tls-cert",                  BIT(SYSLOG),     set_certificate },
        { "syslog-tls-key",                   BIT(SYSLOG),     set_key },
        { "syslog-tls-skip-verify",           BIT(SYSLOG),     set_skip_verify },
        { "gelf-address",                     BIT(GELF),       set_gelf_address },
        { "gelf-compression-type",            BIT(GELF),       set_compression },
        { "gelf-compression-level",           BIT(GELF),       set_compression_level },
        { "gelf-tcp-max-reconnect",           BIT(GELF),       refuse_retries },
        { "gelf-tcp-reconnect-delay",         BIT(GELF),       refuse_retries },
        { "fluentd-address",                  BIT(FLUENTD),    set_fluentd_address },
        { "fluentd-async",                    BIT(FLUENTD),    check_bool },
        { "fluentd-async-connect",            BIT(FLUENTD),    check_bool },
        { "fluentd-sub-second-precision",     BIT(FLUENTD),    set_sub_seconds },
        { "fluentd-request-ack",              BIT(FLUENTD),    set_no_acknowledgement },
        { "fluentd-buffer-limit",             BIT(FLUENTD),    set_buffer_size },
        { "fluentd-retry-wait",               BIT(FLUENTD),    refuse_retries },
        { "fluentd-max-retries",              BIT(FLUENTD),    refuse_retries },
        { "fluentd-async-reconnect-interval", BIT(FLUENTD),    refuse_retries },
        { "fluentd-write-timeout",            BIT(FLUENTD),    refuse_retries },
};
/* clang-format on */

static int read_option(struct log_config *config, const Sk__Label *label, struct arena *arena,
                       struct err *err)
{
        const struct reading reading = { config, arena, label->key, label->value, err };

        for (size_t i = 0; i < COUNT_OF(options); i++)
                if (str_equal(options[i].name, label->key) &&
                    options[i].drivers >> config->driver & 1)
                        return options[i].set(&reading);
        return err_set(err, ERR_INVALID, "unknown log opt '%.64s' for %s log driver", label->key,
                       log_driver_name(config->driver));
}

static int find_driver(const char *name, enum log_driver *ret, struct err *err)
{
        for (size_t i = 0; i < LOG_DRIVERS; i++)
                if (str_equal(driver_names[i], str_or(name, "json-file"))) {
                        *ret = (enum log_driver)i;
                        return 0;
                }
        return err_set(err, ERR_INVALID, "logger: no log driver named '%.64s' is registered", name);
}

static const Sk__Label *find_option(const Sk__LogDriver *driver, const char *key)
{
        for (size_t i = 0; driver && i < driver->n_options; i++)
                if (str_equal(driver->options[i]->key, key))
                        return driver->options[i];
        return NULL;
}

/* What options mean for each other. */
static int check_whole(const struct log_config *config, const Sk__LogDriver *driver,
                       struct err *err)
{
        if (find_option(driver, "max-buffer-size") && !config->is_nonblocking)
                return err_set(err, ERR_INVALID,
                               "logger: max-buffer-size option is only supported with "
                               "'mode=non-blocking'");
        if (config->driver == LOG_GELF && !config->host)
                return err_set(err, ERR_INVALID, "gelf-address is a required parameter");
        if (config->driver == LOG_GELF && config->transport == LOG_TCP &&
            (find_option(driver, "gelf-compression-type") ||
             find_option(driver, "gelf-compression-level")))
                return err_set(err, ERR_INVALID, "compression is only supported on UDP");
        if (!config->certificate != !config->key)
                return err_set(err, ERR_INVALID,
                               "syslog-tls-cert and syslog-tls-key are given together");
        return 0;
}

int log_config_read(const Sk__LogDriver *driver, struct arena *arena, struct log_config *ret,
                    struct err *err)
{
        *ret = (struct log_config){ .buffer_size = BUFFER_DEFAULT,
                                    .facility = FACILITY_DAEMON,
                                    .compression_level = 1,
                                    .transport = LOG_UNIXGRAM,
                                    .path = "/dev/log" };
        TRY(find_driver(driver ? driver->name : NULL, &ret->driver, err));
        if (ret->driver == LOG_JOURNALD)
                ret->path = "/run/systemd/journal/socket";
        if (ret->driver == LOG_FLUENTD) {
                ret->transport = LOG_TCP;
                ret->host = "127.0.0.1";
                ret->port = "24224";
        }
        for (size_t i = 0; driver && ret->driver != LOG_NONE && i < driver->n_options; i++)
                TRY(read_option(ret, driver->options[i], arena, err));
        return check_whole(ret, driver, err);
}
