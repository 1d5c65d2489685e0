/* Remembering them. */
#include "agent/oci/known_users.h"

#include <string.h>

#include "lib/base/mem.h"

struct entry {
        struct image_users users;
        struct arena arena; /* of all texts, the key too */
};

void known_users_done(struct known_users *known)
{
        struct entry *entry;

        for (size_t at = 0; (entry = map_next(&known->images, &at));) {
                arena_done(&entry->arena);
                free(entry);
        }
        map_done(&known->images);
}

const struct image_users *known_users_find(const struct known_users *known, const char *image)
{
        const struct entry *entry = map_find(&known->images, image);

        return entry ? &entry->users : NULL;
}

void known_users_keep(struct known_users *known, const char *image, const struct image_users *users)
{
        struct entry *entry;

        if (map_find(&known->images, image) ||
            strlen(users->passwd) + strlen(users->group) > KNOWN_USERS_SIZE_MOST)
                return;
        if (known->images.n == KNOWN_USERS_IMAGES_MOST)
                known_users_done(known);
        entry = mem_alloc(sizeof *entry);
        entry->users.passwd = arena_strdup(&entry->arena, users->passwd);
        entry->users.group = arena_strdup(&entry->arena, users->group);
        map_put(&known->images, arena_strdup(&entry->arena, image), entry);
}
