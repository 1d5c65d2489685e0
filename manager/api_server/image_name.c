/* An image's name, taken apart as docker does. */
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "manager/api_server/check.h"
#include "manager/api_server/registry.h"

static int copy_piece(char *ret, size_t size, const char *from, size_t length, struct err *err)
{
        if (length >= size)
                return err_set(err, ERR_INVALID, "image name is too long: %.64s...", from);
        memcpy(ret, from, length);
        ret[length] = '\0';
        return 0;
}

/* Is what stands before the first '/' a registry's host? */
static bool names_registry(const char *reference, size_t length)
{
        return memchr(reference, '.', length) || memchr(reference, ':', length) ||
               (length == 9 && memcmp(reference, "localhost", 9) == 0);
}

int image_name_parse(const char *reference, struct image_name *ret, struct err *err)
{
        const char *slash = strchr(reference, '/'), *rest = reference, *at, *colon, *end;
        struct image_name name = { .tag = "latest", .registry = "registry-1.docker.io" };
        const char *library = "";

        TRY(check_image(reference, err));
        if (slash && names_registry(reference, (size_t)(slash - reference))) {
                TRY(copy_piece(name.registry, sizeof name.registry, reference,
                               (size_t)(slash - reference), err));
                rest = slash + 1;
        } else if (!slash) {
                library = "library/";
        }
        if (strcmp(name.registry, "docker.io") == 0 ||
            strcmp(name.registry, "index.docker.io") == 0)
                snprintf(name.registry, sizeof name.registry, "registry-1.docker.io");
        end = rest + strlen(rest);
        at = strchr(rest, '@');
        if (at) {
                TRY(copy_piece(name.digest, sizeof name.digest, at + 1, (size_t)(end - at - 1),
                               err));
                end = at;
        }
        colon = memchr(rest, ':', (size_t)(end - rest));
        if (colon) {
                TRY(copy_piece(name.tag, sizeof name.tag, colon + 1, (size_t)(end - colon - 1),
                               err));
                end = colon;
        }
        if ((size_t)snprintf(name.repository, sizeof name.repository, "%s%.*s", library,
                             (int)(end - rest), rest) >= sizeof name.repository)
                return err_set(err, ERR_INVALID, "image name is too long: %.64s...", reference);
        *ret = name;
        return 0;
}
