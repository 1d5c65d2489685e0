/* Lines as log servers want them. */
#include <string.h>

#include "agent/logs/format.h"
#include "tests/unit/test.h"

static bool has(const struct str *frames, const char *text, size_t size)
{
        return memmem(frames->text, frames->length, text, size);
}

struct made {
        struct log_format *format;
        struct str frames;
};

static void make_with(struct log_config config, const char *text, bool is_partial, const char *key,
                      const char *value, struct made *ret)
{
        const char *env[] = { "STAGE=test", "SECRET=x" };
        Sk__Label labels[2] = { SK__LABEL__INIT, SK__LABEL__INIT };
        const struct log_origin origin = { .id = "0123456789abcdef",
                                           .name = "web.1.id",
                                           .image = "busybox",
                                           .image_id = "sha256:1",
                                           .command = "sh",
                                           .host = "node 1",
                                           .labels = labels,
                                           .n_labels = 2,
                                           .env = env,
                                           .n_env = 2 };
        const struct log_line line = { .data = text,
                                       .size = strlen(text),
                                       .is_partial = is_partial,
                                       .stream = LOG_STDERR,
                                       .at_ns = 1792302828123456789 };
        struct err err;

        labels[0].key = "team";
        labels[0].value = "blue";
        labels[1].key = key;
        labels[1].value = value;
        *ret = (struct made){ 0 };
        if (log_format_new(&config, &origin, &ret->format, &err) < 0)
                fail_msg("%s", err.text);
        log_format_line(ret->format, &line, &ret->frames);
}

static void make(struct log_config config, const char *text, bool is_partial, struct made *ret)
{
        make_with(config, text, is_partial, "other", "y", ret);
}

static void done(struct made *made)
{
        log_format_free(made->format);
        str_done(&made->frames);
}

static void a_syslog_line_has_priority_time_host_and_tag(void **state)
{
        struct log_config config = { .driver = LOG_SYSLOG,
                                     .transport = LOG_UDP,
                                     .facility = 3,
                                     .syslog_format = SYSLOG_RFC5424_MICRO };
        struct made made;
        const char *frame;
        size_t size;

        (void)state;
        make(config, "hello", false, &made);
        assert_true(log_frame_first(made.frames.text, made.frames.length, &frame, &size));
        assert_int_equal(size, made.frames.length - LOG_FRAME_HEAD);
        assert_memory_equal(frame, "<27>1 2026-10-18T05:53:48.123456Z node_1 0123456789ab ", 54);
        assert_memory_equal(frame + size - 8, " - hello", 8);
        done(&made);
}

static void over_tls_messages_are_counted_and_over_tcp_end_in_a_newline(void **state)
{
        struct log_config config = { .driver = LOG_SYSLOG,
                                     .transport = LOG_TLS,
                                     .syslog_format = SYSLOG_RFC5424 };
        struct made made;
        const char *frame;
        size_t size, counted;
        char *end;

        (void)state;
        make(config, "hello", false, &made);
        assert_true(log_frame_first(made.frames.text, made.frames.length, &frame, &size));
        counted = strtoul(frame, &end, 10);
        assert_int_equal(counted, size - (size_t)(end + 1 - frame));
        done(&made);
        config.transport = LOG_TCP;
        make(config, "hello", false, &made);
        assert_int_equal(made.frames.text[made.frames.length - 1], '\n');
        done(&made);
}

static void what_goes_along_is_what_was_asked_for(void **state)
{
        struct log_config config = { .driver = LOG_GELF, .transport = LOG_TCP, .labels = "x,team" };
        struct arena arena = { 0 };
        struct made made;

        (void)state;
        assert_int_equal(pattern_compile(&arena, "^STA", PATTERN_EXACT_CASE, &config.env_pattern,
                                         NULL),
                         0);
        make(config, "a \"line\"", false, &made);
        arena_done(&arena);
        assert_non_null(strstr(made.frames.text + LOG_FRAME_HEAD, "\"_team\":\"blue\""));
        assert_non_null(strstr(made.frames.text + LOG_FRAME_HEAD, "\"_STAGE\":\"test\""));
        assert_non_null(strstr(made.frames.text + LOG_FRAME_HEAD, "a \\\"line\\\""));
        assert_null(strstr(made.frames.text + LOG_FRAME_HEAD, "_SECRET"));
        assert_null(strstr(made.frames.text + LOG_FRAME_HEAD, "_other"));
        assert_int_equal(made.frames.text[made.frames.length - 1], '\0');
        done(&made);
}

static void labels_forge_no_fields_of_the_journal(void **state)
{
        static const char *const keys[] = {
                "_", "__", "-.-", "_1", "message", "_PRIORITY", "container.id.full"
        };
        struct log_config config = { .driver = LOG_JOURNALD };
        struct made made;

        (void)state;
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
                config.labels = keys[i];
                make_with(config, "hello", false, keys[i], "\nMESSAGE=forged\n", &made);
                if (has(&made.frames, "forged", 6))
                        fail_msg("%s", keys[i]);
                done(&made);
        }
        config.labels = "_container.role";
        make_with(config, "hello", false, "_container.role", "x", &made);
        assert_true(has(&made.frames, "\nCONTAINER_ROLE\n\1\0\0\0\0\0\0\0x\n", 26));
        done(&made);
}

static void what_no_chunks_hold_is_an_empty_frame(void **state)
{
        struct log_config config = { .driver = LOG_GELF,
                                     .transport = LOG_UDP,
                                     .compression = GELF_PLAIN,
                                     .labels = "long" };
        _cleanup_(freep) char *value = mem_alloc((200 << 10) + 1);
        struct made made;
        const char *frame;
        size_t size;

        (void)state;
        memset(value, 'a', 200 << 10);
        make_with(config, "hello", false, "long", value, &made);
        assert_true(log_frame_first(made.frames.text, made.frames.length, &frame, &size));
        assert_int_equal(size, 0);
        assert_int_equal(made.frames.length, LOG_FRAME_HEAD);
        done(&made);
}

static void details_are_sorted_and_have_the_tag(void **state)
{
        struct log_config config = { .labels = "x,team", .env = "STAGE", .tag = "{{.Name}}!" };
        _cleanup_(str_done) struct str text = { 0 };
        struct made made;

        (void)state;
        make(config, "", false, &made);
        log_format_details(made.format, &text);
        assert_string_equal(str_text(&text), "STAGE=test,tag=web.1.id!,team=blue");
        done(&made);
}

static void a_torn_frame_is_none(void **state)
{
        struct log_config config = { .driver = LOG_FLUENTD };
        struct made made;
        const char *frame;
        size_t size;

        (void)state;
        make(config, "hello", true, &made);
        assert_true(log_frame_first(made.frames.text, made.frames.length, &frame, &size));
        assert_int_equal((uint8_t)frame[0], 0x93);
        for (size_t i = 0; i < made.frames.length; i++)
                assert_false(log_frame_first(made.frames.text, i, &frame, &size));
        done(&made);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_syslog_line_has_priority_time_host_and_tag),
                cmocka_unit_test(over_tls_messages_are_counted_and_over_tcp_end_in_a_newline),
                cmocka_unit_test(what_goes_along_is_what_was_asked_for),
                cmocka_unit_test(a_torn_frame_is_none),
                cmocka_unit_test(details_are_sorted_and_have_the_tag),
                cmocka_unit_test(labels_forge_no_fields_of_the_journal),
                cmocka_unit_test(what_no_chunks_hold_is_an_empty_frame),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
