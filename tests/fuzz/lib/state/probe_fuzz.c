/* What a hostile server answers a probe, what a probe prints, and what was written down of it. */
#include <string.h>

#include "agent/oci/health.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/state/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is told of some bytes stays true when more come. */
static void try_answer(const char *data, size_t size)
{
        int whole = probe_http_status(data, size);

        CHECK(whole == PROBE_UNFINISHED || whole == PROBE_NOT_HTTP ||
              (whole >= 100 && whole < 600));
        for (size_t n = 0; n < size && n < 64; n++) {
                int part = probe_http_status(data, n);

                CHECK(part == PROBE_UNFINISHED || part == whole);
        }
}

static void try_address(const char *text)
{
        struct probe_address address;

        if (probe_address_parse(text, &address, NULL) < 0)
                return;
        CHECK(address.port > 0 && address.host[0]);
        CHECK(!address.path[0] || address.path[0] == '/');
        CHECK(!strpbrk(address.path, " \r\n\t"));
}

static void try_output(const char *data, size_t size)
{
        struct oci_health settings = { .retries = 3 };
        struct health_result result = { .exit_code = 1 };
        struct health health;
        const char *kept;

        health_begin(&health, &settings, 0);
        (void)health_read(&health, data, size, NULL);
        (void)health_probed(&health, &result, data, size, 1);
        for (size_t i = 0; i < health.n_results; i++) {
                kept = health.results[i].output;
                CHECK(str_is_utf8(kept, strlen(kept)));
        }
        health_done(&health);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct arena arena = { 0 };
        char *text = arena_alloc(&arena, size + 1);

        memcpy(text, data, size);
        try_answer(text, size);
        try_address(text);
        try_output(text, size);
        arena_done(&arena);
        return 0;
}
