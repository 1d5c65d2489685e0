/* What images say of users, for the next container of the same image: to look means to mount it.
 * Not for threads. */
#pragma once
#include <stddef.h>

#include "lib/base/map.h"

/* More images, or longer texts, are looked at again. */
enum { KNOWN_USERS_IMAGES_MOST = 64, KNOWN_USERS_SIZE_MOST = 64 << 10 };

/* The contents of an image's /etc/passwd and /etc/group. */
struct image_users {
        const char *passwd, *group;
};

/* Zeroed: nothing is known. */
struct known_users {
        struct map images;
};

/* NULL when it is not known; valid until something is kept. */
const struct image_users *known_users_find(const struct known_users *known, const char *image);

/* Copied.  'image' names what never changes: a digest. */
void known_users_keep(struct known_users *known, const char *image,
                      const struct image_users *users);

void known_users_done(struct known_users *known); /* forgets all; usable again */
