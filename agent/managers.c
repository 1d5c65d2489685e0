/* A list of addresses and a place in it. */
#include "agent/managers.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

enum { MANAGERS_MAX = 64, ADDRESS_MAX = 256 };

void managers_init(struct managers *managers)
{
        *managers = (struct managers){ .joined = VEC_OF(char *), .told = VEC_OF(char *) };
}

static void clear(struct vec *addresses)
{
        for (size_t i = 0; i < addresses->n; i++)
                free(VEC_AT(addresses, char *, i));
        vec_clear(addresses);
}

void managers_done(struct managers *managers)
{
        clear(&managers->joined);
        clear(&managers->told);
        vec_done(&managers->joined);
        vec_done(&managers->told);
}

static bool has(const struct vec *addresses, const char *address)
{
        for (size_t i = 0; i < addresses->n; i++)
                if (str_equal(VEC_AT(addresses, char *, i), address))
                        return true;
        return false;
}

static void add(struct vec *addresses, const char *address)
{
        char *copy;

        if (str_is_empty(address) || strlen(address) > ADDRESS_MAX || strchr(address, '\n') ||
            addresses->n >= MANAGERS_MAX || has(addresses, address))
                return;
        copy = str_copy(address);
        vec_push(addresses, &copy);
}

void managers_add_joined(struct managers *managers, const char *address)
{
        add(&managers->joined, address);
}

static const char *address_at(const struct managers *managers, size_t i)
{
        if (i < managers->told.n)
                return VEC_AT(&managers->told, char *, i);
        return VEC_AT(&managers->joined, char *, i - managers->told.n);
}

static bool is_same(const struct vec *addresses, const char *const *others, size_t n)
{
        if (addresses->n != n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!str_equal(VEC_AT(addresses, char *, i), others[i]))
                        return false;
        return true;
}

bool managers_set_told(struct managers *managers, const char *const *addresses, size_t n)
{
        _cleanup_(freep) char *current = str_copy(managers_current(managers));

        if (is_same(&managers->told, addresses, n))
                return false;
        clear(&managers->told);
        for (size_t i = 0; i < n; i++)
                add(&managers->told, addresses[i]);
        managers->at = 0;
        for (size_t i = 0; current && i < managers_count(managers); i++)
                if (str_equal(address_at(managers, i), current))
                        managers->at = i;
        return true;
}

size_t managers_count(const struct managers *managers)
{
        return managers->told.n + managers->joined.n;
}

const char *managers_current(const struct managers *managers)
{
        return managers_count(managers) ? address_at(managers, managers->at) : NULL;
}

void managers_choose(struct managers *managers, size_t i)
{
        if (managers_count(managers))
                managers->at = i % managers_count(managers);
}

void managers_next(struct managers *managers)
{
        managers_choose(managers, managers->at + 1);
}

void managers_print(const struct managers *managers, struct str *ret)
{
        for (size_t i = 0; i < managers->joined.n; i++)
                str_addf(ret, "joined %s\n", VEC_AT(&managers->joined, char *, i));
        for (size_t i = 0; i < managers->told.n; i++)
                str_addf(ret, "told %s\n", VEC_AT(&managers->told, char *, i));
}

void managers_parse(struct managers *managers, const char *lines)
{
        char line[ADDRESS_MAX + 16];

        for (const char *end; *lines; lines = *end ? end + 1 : end) {
                size_t n;

                end = lines + strcspn(lines, "\n");
                n = (size_t)(end - lines);
                if (n >= sizeof line)
                        continue;
                memcpy(line, lines, n);
                line[n] = 0;
                if (str_starts_with(line, "joined "))
                        add(&managers->joined, line + strlen("joined "));
                else if (str_starts_with(line, "told "))
                        add(&managers->told, line + strlen("told "));
        }
}
