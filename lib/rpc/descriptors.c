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
        FILE_SERVICE = 6
};
enum { DEFINITION_NAME = 1 }; /* of messages, enums and services alike */

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

/* The next field that has a length; others are skipped. */
static bool take_field(struct span *rest, unsigned *ret_number, struct span *ret)
{
        while (rest->size) {
                uint64_t tag = take_varint(rest);

                switch (tag & 7) {
                case 0:
                        take_varint(rest);
                        break;
                case 1:
                        take_span(rest, 8);
                        break;
                case 5:
                        take_span(rest, 4);
                        break;
                default:
                        CHECK((tag & 7) == 2);
                        *ret_number = (unsigned)(tag >> 3);
                        *ret = take_span(rest, take_varint(rest));
                        return true;
                }
        }
        return false;
}

/* The first field of that number; empty when there is none. */
static struct span find_field(struct span message, unsigned wanted)
{
        struct span value;
        unsigned number;

        while (take_field(&message, &number, &value))
                if (number == wanted)
                        return value;
        return (struct span){ 0 };
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

        if (package.size) {
                if (strncmp(symbol, (const char *)package.data, package.size) != 0 ||
                    symbol[package.size] != '.')
                        return false;
                symbol += package.size + 1;
        }
        while (take_field(&file, &number, &value))
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

        while (take_field(&set, &number, &file))
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
