/* Secrets and configs, as far as they are alike: content under a name, in versions.
 *
 * A version is an object of its own, and never changes but for its labels.  The first is named as
 * the person said, the others "NAME@2", "NAME@3", ...; all say that their family is NAME. */
#pragma once
#include "lib/base/map.h"
#include "manager/api_server/call.h"

struct file {
        Sk__Kind kind;
        const struct object_head *head;
        const Sk__Annotations *annotations;
        const char *family;
        uint64_t version; /* from 1 */
        const char *template_driver;
};

/* How people call it: "secret", "config". */
const char *file_word(Sk__Kind kind);

void file_of(Sk__Kind kind, const struct object_head *object, struct file *ret);

/* The family's newest version, or exactly 'version' when that is not 0. */
bool file_find(const struct view *view, Sk__Kind kind, const char *family, uint64_t version,
               struct file *ret);

/* What a person typed: an id, "NAME" (its newest version), "NAME@2", or the start of an id. */
int file_resolve(const struct view *view, Sk__Kind kind, const char *what, struct file *ret,
                 struct err *err);

/* "NAME@2" is 2 of NAME, which lies in 'arena'; what names no version is 0 of itself. */
const char *file_split_name(struct arena *arena, const char *name, uint64_t *ret_version);

/* The names of the services whose present spec uses it, in 'arena'. */
size_t file_users(const struct view *view, const struct file *file, struct arena *arena,
                  const char *const **ret);

/* Puts the ids of all that a service uses, or its previous spec, into 'map'.  They are the view's.
 */
void file_needed(const struct view *view, Sk__Kind kind, struct map *map);

/* The references of 'container' become whole: the object that each name means, or the one whose id
 * was said, must be there, and stays there until the plan was applied.  What is shared with the
 * request is copied first. */
int file_fill_references(struct call *call, Sk__ContainerSpec *container);
/* The same for a spec that is kept as it is. */
int file_require_references(struct call *call, const Sk__ContainerSpec *container);

/* Services that follow the family of 'before' (any of its versions) use the object 'id' from now
 * on, but for jobs that run once; their names. */
void file_move_followers(struct call *call, const struct file *before, const char *id,
                         char ***ret_names, size_t *ret_n);
