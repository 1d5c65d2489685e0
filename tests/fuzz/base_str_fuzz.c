/* Any text through every parser of lib/base: what is accepted survives being printed and read
 * again. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/id.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_numbers(const char *text)
{
        _cleanup_(str_done) struct str printed = { 0 };
        uint64_t natural, natural_again;
        int64_t whole, whole_again;
        double number;
        bool flag;

        if (str_to_int64(text, &whole, NULL) == 0) {
                str_addf(&printed, "%lld", (long long)whole);
                CHECK(str_to_int64(printed.text, &whole_again, NULL) == 0 && whole_again == whole);
        }
        str_clear(&printed);
        if (str_to_uint64(text, &natural, NULL) == 0) {
                str_addf(&printed, "%llu", (unsigned long long)natural);
                CHECK(str_to_uint64(printed.text, &natural_again, NULL) == 0);
                CHECK(natural_again == natural);
        }
        if (str_to_double(text, &number, NULL) == 0)
                CHECK(number - number == 0);
        str_to_bool(text, &flag, NULL);
}

static void try_units(const char *text)
{
        _cleanup_(str_done) struct str printed = { 0 };
        int64_t ns, again, bytes;

        if (str_to_duration(text, &ns, NULL) == 0) {
                str_add_duration(&printed, ns);
                CHECK(str_to_duration(printed.text, &again, NULL) == 0 && again == ns);
        }
        str_clear(&printed);
        if (str_to_time(text, &ns, NULL) == 0) {
                str_add_time(&printed, ns);
                CHECK(str_to_time(printed.text, &again, NULL) == 0 && again == ns);
                str_add_human_duration(&printed, ns);
        }
        if (str_to_bytes(text, &bytes, NULL) == 0) {
                CHECK(bytes >= 0);
                str_add_bytes_iec(&printed, (double)bytes);
        }
}

static void try_renderings(const char *text)
{
        _cleanup_(str_done) struct str quoted = { 0 }, json = { 0 };
        struct err err;

        str_add_quoted(&quoted, text, 40);
        CHECK(quoted.length <= 45 && str_is_utf8(quoted.text, quoted.length));
        str_add_json(&json, text);
        CHECK(str_is_utf8(str_text(&json), json.length));
        for (size_t i = 0; i < json.length; i++)
                CHECK((unsigned char)json.text[i] >= ' ');
        if (str_is_utf8(text, strlen(text))) {
                err_set(&err, ERR_INVALID, "%s", text);
                err_prefix(&err, "%s", text);
                CHECK(str_is_utf8(err.text, strlen(err.text)));
        }
        id_is_valid(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        /* On the heap and of the exact size: a read beyond the end is seen. */
        _cleanup_(freep) char *text = mem_alloc(size + 1);

        if (size)
                memcpy(text, data, size);
        str_is_utf8((const char *)data, size);
        hash_bytes(data, size);
        try_numbers(text);
        try_units(text);
        try_renderings(text);
        return 0;
}
