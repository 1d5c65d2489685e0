/* What an image or a container can say: its configuration, its users, its log, and the words of a
 * spec that are expanded or looked up. The first byte chooses; a log line that is read says the
 * same when it is written and read again. */
#include <string.h>

#include "agent/logs/record.h"
#include "agent/oci/files.h"
#include "agent/oci/health.h"
#include "agent/oci/oci.h"
#include "lib/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_image(const char *text, size_t size, struct arena *arena)
{
        struct oci_health settings;
        struct oci_image image;
        const char *process;

        if (oci_image_parse(text, size, arena, &image, NULL) == 0)
                health_settings(NULL, &image.health, arena, &settings);
        (void)health_parse(text, size, arena, &settings, &process, NULL);
}

/* The first line is whom to look for. */
static void try_user(const char *text, struct arena *arena)
{
        const char *rest = strchrnul(text, '\n');
        const char *user = arena_printf(arena, "%.*s", (int)(rest - text), text);
        const char *const groups[] = { user };
        struct oci_user found;

        if (oci_user_find(user, groups, 1, rest, rest, arena, &found, NULL) == 0)
                CHECK(found.n_groups >= 1 && found.groups[0] == found.gid);
}

static void try_record(const char *text, size_t size)
{
        _cleanup_(str_done) struct str str = { 0 };
        struct log_line line, again;

        if (!log_record_parse(text, size, &line) || memchr(line.data, '\n', line.size))
                return;
        log_record_add(&str, &line);
        CHECK(log_record_parse(str.text, str.length - 1, &again));
        CHECK(again.at_ns == line.at_ns && again.size == line.size);
        CHECK(memcmp(again.data, line.data, line.size) == 0);
}

static void try_words(const char *text)
{
        _cleanup_(str_done) struct str hosts = { 0 }, resolv = { 0 };
        Sk__ContainerSpec container = SK__CONTAINER_SPEC__INIT;
        uint64_t capabilities;
        int signal;

        container.hosts = &text;
        container.n_hosts = 1;
        if (oci_parse_signal(text, &signal, NULL) == 0)
                CHECK(signal >= 1 && signal <= 64);
        if (oci_hosts_text(&container, "", "h", &hosts, NULL) == 0)
                CHECK(!strchr(text, '\n'));
        (void)oci_resolv_text(NULL, NULL, text, true, &resolv, NULL);
        (void)oci_capabilities(&text, 1, &text, 1, UINT64_MAX, &capabilities, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct arena arena = { 0 };
        char *text;

        if (size == 0)
                return 0;
        text = arena_alloc(&arena, size);
        memcpy(text, data + 1, size - 1);
        switch (data[0] % 4) {
        case 0:
                try_image(text, size - 1, &arena);
                break;
        case 1:
                try_user(text, &arena);
                break;
        case 2:
                try_record(text, size - 1);
                break;
        default:
                try_words(text);
        }
        arena_done(&arena);
        return 0;
}
