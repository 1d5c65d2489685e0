/* Log drivers' options, and docker's words when they are wrong. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/logging/config.h"
#include "tests/unit/test.h"

enum { OPTIONS_MAX = 4 };

/* "driver key=value key=value" */
static int read_config(const char *text, struct log_config *ret, struct err *err)
{
        static struct arena arena;
        Sk__Label options[OPTIONS_MAX], *list[OPTIONS_MAX];
        Sk__LogDriver driver = SK__LOG_DRIVER__INIT;
        char *rest = arena_strdup(&arena, text), *word;

        driver.name = strsep(&rest, " ");
        driver.options = list;
        while ((word = strsep(&rest, " "))) {
                Sk__Label *option = &options[driver.n_options];

                CHECK(driver.n_options < OPTIONS_MAX);
                sk__label__init(option);
                option->key = strsep(&word, "=");
                option->value = word ? word : "";
                list[driver.n_options++] = option;
        }
        return log_config_read(&driver, &arena, ret, err);
}

static void what_is_wrong_is_told_in_dockers_words(void **state)
{
        static const struct {
                const char *text, *told;
        } cases[] = {
                { "nosuch", "logger: no log driver named 'nosuch' is registered" },
                { "json-file foo=1", "unknown log opt 'foo' for json-file log driver" },
                { "gelf syslog-facility=x",
                  "unknown log opt 'syslog-facility' for gelf log driver" },
                { "local tag=x", "unknown log opt 'tag' for local log driver" },
                { "json-file mode=x", "logger: logging mode not supported: x" },
                { "json-file max-buffer-size=1m",
                  "logger: max-buffer-size option is only supported with 'mode=non-blocking'" },
                { "json-file mode=non-blocking max-buffer-size=x",
                  "error parsing option max-buffer-size: invalid size: 'x'" },
                { "json-file max-size=x", "invalid size: 'x'" },
                { "json-file max-file=0", "max-file cannot be less than 1" },
                { "json-file env-regex=(", "a ( has no )" },
                { "json-file env-regex=a{9}", "counts in { } are not known" },
                /* the C library takes any amount of memory for these */
                { "json-file labels-regex=a++++++++++++++++++++++++++++++++", "nothing to repeat" },
                { "json-file labels-regex=(a)\\1", "a \\ has nothing to stand for" },
                { "json-file tag={{.ID", "unclosed action" },
                { "syslog syslog-address=http://h", "unsupported scheme: 'http'" },
                { "syslog syslog-address=tcp://h:0", "a port is 1 to 65535" },
                { "syslog syslog-address=tcp://[::1", "an address is host:port" },
                { "syslog syslog-facility=x", "invalid syslog facility" },
                { "syslog syslog-format=x", "Invalid syslog format" },
                { "syslog syslog-tls-cert=/c", "are given together" },
                { "gelf", "gelf-address is a required parameter" },
                { "gelf gelf-address=unix:///x", "gelf: endpoint needs to be TCP or UDP" },
                { "gelf gelf-address=udp://h", "the port is missing" },
                { "gelf gelf-address=tcp://h:1 gelf-compression-type=gzip",
                  "compression is only supported on UDP" },
                { "fluentd fluentd-request-ack=true", "acknowledgements are not supported" },
        };

        (void)state;
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
                struct log_config config;
                struct err err = { 0 };

                assert_int_equal(read_config(cases[i].text, &config, &err), ERR_INVALID);
                if (!strstr(err.text, cases[i].told))
                        fail_msg("%s: %s", cases[i].text, err.text);
        }
}

/* Compiled by the C library, these took gigabytes. */
static void no_pattern_takes_all_memory(void **state)
{
        struct log_config config;
        char text[200] = "json-file env-regex=";

        (void)state;
        strcat(text, "((((((((((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)");
        assert_int_equal(read_config(text, &config, NULL), 0);
        assert_true(pattern_found(config.env_pattern, "xaay"));
        assert_false(pattern_found(config.env_pattern, "XAAY"));
}

static void addresses_are_taken_apart(void **state)
{
        struct log_config config;

        (void)state;
        assert_int_equal(read_config("syslog syslog-address=tcp+tls://[fe80::1]:99", &config, NULL),
                         0);
        assert_int_equal(config.transport, LOG_TLS);
        assert_string_equal(config.host, "fe80::1");
        assert_string_equal(config.port, "99");
        assert_int_equal(read_config("syslog syslog-address=udp://h", &config, NULL), 0);
        assert_string_equal(config.port, "514");
        assert_int_equal(read_config("fluentd fluentd-address=unix:///run/f", &config, NULL), 0);
        assert_int_equal(config.transport, LOG_UNIX);
        assert_string_equal(config.path, "/run/f");
        assert_int_equal(read_config("fluentd", &config, NULL), 0);
        assert_string_equal(config.port, "24224");
        assert_int_equal(read_config("syslog", &config, NULL), 0);
        assert_int_equal(config.transport, LOG_UNIXGRAM);
        assert_string_equal(config.path, "/dev/log");
}

static void what_is_not_said_is_as_docker_has_it(void **state)
{
        struct log_config config;

        (void)state;
        assert_int_equal(log_config_read(NULL, NULL, &config, NULL), 0);
        assert_int_equal(config.driver, LOG_JSON_FILE);
        assert_false(config.is_nonblocking);
        assert_int_equal(config.buffer_size, 1 << 20);
        assert_int_equal(read_config("none whatever=x", &config, NULL), 0);
        assert_false(log_driver_is_readable(config.driver));
        assert_int_equal(read_config("syslog syslog-facility=local7", &config, NULL), 0);
        assert_int_equal(config.facility, 23);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_wrong_is_told_in_dockers_words),
                cmocka_unit_test(no_pattern_takes_all_memory),
                cmocka_unit_test(addresses_are_taken_apart),
                cmocka_unit_test(what_is_not_said_is_as_docker_has_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
