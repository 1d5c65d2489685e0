/* Looking things up in a FileDescriptorSet without unpacking it: it is asked rarely, and by people.
 */
#include "lib/rpc/descriptors.h"

#include <string.h>

#include "lib/base/check.h"

/* Field numbers of descriptor.proto. */
enum {
        SET_FILE = 1,
        FILE_NAME = 1,
        FILE_PACKAGE = 2,
        FILE_MESSAGE = 4,
        FILE_ENUM = 5,
        FILE_SERVICE = 6,
        SERVICE_METHOD = 2,
        METHOD_CLIENT_STREAMING = 5,
        METHOD_SERVER_STREAMING = 6,
};
enum { DEFINITION_NAME = 1 }; /* of messages, enums, services and methods alike */

struct span {
        const uint8_t *data;
        size_t size;
};

/* Our own build made the bytes, so anything but well-formed ones is a bug. */
static uint64_t take_varint(struct span *rest)
{
        uint64_t value = 0;

        for (unsigned shift = 0;; shift += 7) {
                uint8_t byte;

                CHECK(rest->size && shift < 64);
                byte = *rest->data++;
                rest->size--;
                value |= (uint64_t)(byte & 0x7f) << shift;
                if (byte < 0x80)
                        return value;
        }
}

static struct span take_span(struct span *rest, size_t size)
{
        struct span span = { rest->data, size };

        CHECK(size <= rest->size);
        rest->data += size;
        rest->size -= size;
        return span;
}

/* The next field: its bytes, or of a number only the value. */
static bool take_field(struct span *rest, unsigned *ret_number, struct span *ret,
                       uint64_t *ret_value)
{
        uint64_t tag;

        if (!rest->size)
                return false;
        tag = take_varint(rest);
        *ret_number = (unsigned)(tag >> 3);
        *ret = (struct span){ 0 };
        *ret_value = 0;
        switch (tag & 7) {
        case 0:
                *ret_value = take_varint(rest);
                return true;
        case 1:
                take_span(rest, 8);
                return true;
        case 5:
                take_span(rest, 4);
                return true;
        default:
                CHECK((tag & 7) == 2);
                *ret = take_span(rest, take_varint(rest));
                return true;
        }
}

/* The first field of that number; empty when there is none. */
static struct span find_field(struct span message, unsigned wanted)
{
        struct span value;
        unsigned number;
        uint64_t ignored;

        while (take_field(&message, &number, &value, &ignored))
                if (number == wanted)
                        return value;
        return (struct span){ 0 };
}

static bool find_flag(struct span message, unsigned wanted)
{
        struct span ignored;
        unsigned number;
        uint64_t value;

        while (take_field(&message, &number, &ignored, &value))
                if (number == wanted)
                        return value;
        return false;
}

static bool is_text(struct span span, const char *text, size_t size)
{
        return span.size == size && memcmp(span.data, text, size) == 0;
}

/* Does the file define the first part of 'symbol', its package taken off? */
static bool defines(struct span file, const char *symbol)
{
        struct span package = find_field(file, FILE_PACKAGE), value;
        unsigned number;
        uint64_t ignored;

        if (package.size) {
                if (strncmp(symbol, (const char *)package.data, package.size) != 0 ||
                    symbol[package.size] != '.')
                        return false;
                symbol += package.size + 1;
        }
        while (take_field(&file, &number, &value, &ignored))
                if ((number == FILE_MESSAGE || number == FILE_ENUM || number == FILE_SERVICE) &&
                    is_text(find_field(value, DEFINITION_NAME), symbol, strcspn(symbol, ".")))
                        return true;
        return false;
}

static bool is_named(struct span file, const char *name)
{
        return is_text(find_field(file, FILE_NAME), name, strlen(name));
}

static bool find_file(bool (*matches)(struct span file, const char *what), const char *what,
                      struct descriptor_file *ret)
{
        struct span set = { rpc_descriptors, rpc_descriptors_size }, file;
        unsigned number;
        uint64_t ignored;

        while (take_field(&set, &number, &file, &ignored))
                if (number == SET_FILE && matches(file, what)) {
                        *ret = (struct descriptor_file){ file.data, file.size };
                        return true;
                }
        return false;
}

bool descriptor_file_by_name(const char *name, struct descriptor_file *ret)
{
        return find_file(is_named, name, ret);
}

bool descriptor_file_by_symbol(const char *symbol, struct descriptor_file *ret)
{
        return find_file(defines, symbol, ret);
}

/* The definition of that field and name: a service in a file, a method in a service. */
static bool find_named(struct span within, unsigned field, const char *name, struct span *ret)
{
        unsigned number;
        uint64_t ignored;

        while (take_field(&within, &number, ret, &ignored))
                if (number == field &&
                    is_text(find_field(*ret, DEFINITION_NAME), name, strlen(name)))
                        return true;
        return false;
}

bool descriptor_method_streams(const char *service, const char *method, bool *ret_in, bool *ret_out)
{
        const char *dot = strrchr(service, '.');
        struct descriptor_file file;
        struct span found;

        if (!dot || !descriptor_file_by_symbol(service, &file))
                return false;
        if (!find_named((struct span){ file.data, file.size }, FILE_SERVICE, dot + 1, &found) ||
            !find_named(found, SERVICE_METHOD, method, &found))
                return false;
        *ret_in = find_flag(found, METHOD_CLIENT_STREAMING);
        *ret_out = find_flag(found, METHOD_SERVER_STREAMING);
        return true;
}
