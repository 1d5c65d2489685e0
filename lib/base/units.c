/* Durations and sizes: numbers with units. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/base/parse.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

/* A decimal without sign: whole + part / scale. */
struct decimal {
        uint64_t whole, part, scale;
};

/* Reads "12", "1.5", ".5" or "2."; returns what follows, NULL when there is no digit or too large a
 * number. Digits of the fraction beyond the 18th are below any unit's smallest step and are
 * dropped. */
static const char *read_decimal(const char *at, struct decimal *ret)
{
        bool has_digit = false;

        *ret = (struct decimal){ .scale = 1 };
        for (; *at >= '0' && *at <= '9'; at++) {
                has_digit = true;
                if (__builtin_mul_overflow(ret->whole, 10, &ret->whole) ||
                    __builtin_add_overflow(ret->whole, (uint64_t)(*at - '0'), &ret->whole))
                        return NULL;
        }
        if (*at != '.')
                return has_digit ? at : NULL;
        for (at++; *at >= '0' && *at <= '9'; at++) {
                has_digit = true;
                if (ret->scale >= UINT64_C(1000000000000000000))
                        continue;
                ret->part = ret->part * 10 + (uint64_t)(*at - '0');
                ret->scale *= 10;
        }
        return has_digit ? at : NULL;
}

/* *sum += decimal * unit; false when that is more than 2^63. */
static bool add_scaled(uint64_t *sum, const struct decimal *decimal, uint64_t unit)
{
        unsigned __int128 value = (unsigned __int128)decimal->whole * unit + *sum;

        value += (unsigned __int128)decimal->part * unit / decimal->scale;
        if (value > (uint64_t)INT64_MAX + 1)
                return false;
        *sum = (uint64_t)value;
        return true;
}

/* Longer names first where one begins with another. */
static const struct {
        const char *name;
        int64_t ns;
} duration_units[] = {
        { "ns", 1 },
        { "us", NS_PER_US },
        { "\xc2\xb5s", NS_PER_US }, /* micro sign */
        { "\xce\xbcs", NS_PER_US }, /* small mu */
        { "ms", NS_PER_MS },
        { "s", NS_PER_S },
        { "m", NS_PER_MINUTE },
        { "h", NS_PER_HOUR },
};

static const char *read_duration_unit(const char *at, int64_t *ret_ns)
{
        for (size_t i = 0; i < COUNT_OF(duration_units); i++)
                if (str_starts_with(at, duration_units[i].name)) {
                        *ret_ns = duration_units[i].ns;
                        return at + strlen(duration_units[i].name);
                }
        return NULL;
}

static bool read_duration(const char *at, uint64_t *ret_ns)
{
        struct decimal decimal;
        uint64_t sum = 0;
        int64_t unit;

        if (!*at)
                return false;
        while (*at) {
                at = read_decimal(at, &decimal);
                if (!at)
                        return false;
                at = read_duration_unit(at, &unit);
                if (!at || !add_scaled(&sum, &decimal, (uint64_t)unit))
                        return false;
        }
        *ret_ns = sum;
        return true;
}

int str_to_duration(const char *text, int64_t *ret_ns, struct err *err)
{
        bool is_negative = text && *text == '-', is_signed = is_negative || (text && *text == '+');
        uint64_t ns = 0;

        if (!text || (!str_equal(text + is_signed, "0") && !read_duration(text + is_signed, &ns)) ||
            ns > (uint64_t)INT64_MAX + is_negative)
                return parse_error(text, "a duration such as 300ms, 1.5s or 1h30m", err);
        *ret_ns = is_negative ? (int64_t)(0 - ns) : (int64_t)ns;
        return 0;
}

/* "1.5" for 1500000000 in units of 10^9: the whole, then the fraction without trailing zeros. */
static void add_fixed(struct str *str, uint64_t value, uint64_t unit)
{
        uint64_t part = value % unit;

        str_addf(str, "%llu", (unsigned long long)(value / unit));
        if (part)
                str_add_char(str, '.');
        while (part) {
                unit /= 10;
                str_add_char(str, (char)('0' + part / unit));
                part %= unit;
        }
}

void str_add_duration(struct str *str, int64_t ns)
{
        uint64_t rest = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

        if (ns < 0)
                str_add_char(str, '-');
        if (rest >= (uint64_t)NS_PER_S || rest == 0) {
                if (rest >= (uint64_t)NS_PER_HOUR)
                        str_addf(str, "%lluh", (unsigned long long)(rest / NS_PER_HOUR));
                if (rest >= (uint64_t)NS_PER_MINUTE)
                        str_addf(str, "%llum",
                                 (unsigned long long)(rest % NS_PER_HOUR / NS_PER_MINUTE));
                add_fixed(str, rest % NS_PER_MINUTE, NS_PER_S);
                str_add(str, "s");
        } else if (rest >= (uint64_t)NS_PER_MS) {
                add_fixed(str, rest, NS_PER_MS);
                str_add(str, "ms");
        } else if (rest >= (uint64_t)NS_PER_US) {
                add_fixed(str, rest, NS_PER_US);
                str_add(str, "\xc2\xb5s");
        } else {
                str_addf(str, "%lluns", (unsigned long long)rest);
        }
}

/* "", "b", or one of kmgtp alone or before "b" or "ib", in any case: how far to shift; -1 for
 * another word. */
static int read_size_unit(const char *unit)
{
        static const char letters[] = "kmgtp";
        const char *letter = *unit ? strchr(letters, *unit | 0x20) : NULL;

        if (!letter)
                return !*unit || strcasecmp(unit, "b") == 0 ? 0 : -1;
        unit++;
        if (*unit && strcasecmp(unit, "b") != 0 && strcasecmp(unit, "ib") != 0)
                return -1;
        return 10 * (int)(letter - letters + 1);
}

int str_to_bytes(const char *text, int64_t *ret_bytes, struct err *err)
{
        struct decimal decimal;
        const char *unit = text ? read_decimal(text, &decimal) : NULL;
        uint64_t bytes = 0;
        int shift = -1;

        if (unit)
                shift = read_size_unit(unit + (unit[0] == ' ' && unit[1] != '\0'));
        if (shift < 0 || !add_scaled(&bytes, &decimal, UINT64_C(1) << shift) || bytes > INT64_MAX)
                return parse_error(text, "a size such as 512, 64m or 1.5g", err);
        *ret_bytes = (int64_t)bytes;
        return 0;
}

void str_add_bytes_iec(struct str *str, double bytes)
{
        static const char *const units[] = { "B",   "KiB", "MiB", "GiB", "TiB",
                                             "PiB", "EiB", "ZiB", "YiB" };
        size_t unit = 0;

        while (bytes >= 1024 && unit + 1 < COUNT_OF(units)) {
                bytes /= 1024;
                unit++;
        }
        str_addf(str, "%.4g%s", bytes, units[unit]);
}
