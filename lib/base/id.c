/* Identifiers: 128 bits in base36. */
#include "lib/base/id.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

/* The last 'n' digits of 'value', ending before 'end'. */
static void put_digits(char *end, int n, uint64_t value)
{
        for (; n > 0; n--, value /= 36)
                *--end = "0123456789abcdefghijklmnopqrstuvwxyz"[value % 36];
}

/* Twelve digits at a time: dividing 128 bits is a function call, dividing 64 an instruction. */
void id_from_bits(const uint64_t bits[2], char ret[static ID_SIZE])
{
        const uint64_t twelve_digits = UINT64_C(4738381338321616896); /* 36^12 */
        unsigned __int128 rest = (unsigned __int128)bits[0] << 64 | bits[1];

        put_digits(ret + ID_LENGTH, 12, (uint64_t)(rest % twelve_digits));
        rest /= twelve_digits;
        put_digits(ret + ID_LENGTH - 12, 12, (uint64_t)(rest % twelve_digits));
        put_digits(ret + 1, 1, (uint64_t)(rest / twelve_digits));
        ret[ID_LENGTH] = '\0';
}

void id_from_parts(const char *const parts[], char ret[static ID_SIZE])
{
        _cleanup_(str_done) struct str joined = { 0 };
        uint64_t bits[2];

        for (size_t i = 0; parts[i]; i++)
                str_add_bytes(&joined, parts[i], strlen(parts[i]) + 1);
        hash_bytes_128(joined.text, joined.length, bits);
        id_from_bits(bits, ret);
}

void id_of_task(const char *service_id, const char *slot_key, uint64_t generation,
                char ret[static ID_SIZE])
{
        char number[24];

        snprintf(number, sizeof number, "%llu", (unsigned long long)generation);
        id_from_parts((const char *const[]){ "task", service_id, slot_key, number, NULL }, ret);
}

bool id_is_valid(const char *text)
{
        return text && strnlen(text, ID_SIZE) == ID_LENGTH &&
               strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz") == ID_LENGTH;
}
