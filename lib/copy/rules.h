/* What paths mean to docker cp: which of two words names a task, what a trailing '/' or '/.' says,
 * and under which name something arrives.  Pure; text lives in the arena. */
#pragma once
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"

/* "web.1:/etc" is a task and a path in it; a word that begins with '/' or '.', or has no ':', is a
 * path here: *ret_task is then NULL. */
void copy_split_word(struct arena *arena, const char *word, const char **ret_task,
                     const char **ret_path);

/* The path as it is meant in 'folder', without "." and ".." on the way, but still saying that it is
 * a folder by a trailing '/' or '/.' if it did. */
const char *copy_path_in(struct arena *arena, const char *folder, const char *path);

/* Does it end in '/' or '/.'? */
bool copy_path_says_folder(const char *path);

/* "/a/b/" is 'b' in '/a', "/a/b/." is '.' in '/a/b', "/" is '/' in '/'. */
const char *copy_path_base(struct arena *arena, const char *path);
const char *copy_path_parent(struct arena *arena, const char *path);

/* Where to; symlinks have been followed. */
struct copy_destination {
        const char *path;
        bool exists, is_folder;
};

/* What is copied is put into 'folder'; the first part of its names becomes 'name', when that is not
 * NULL. */
struct copy_plan {
        const char *folder, *name;
};

struct copy_plan copy_plan(struct arena *arena, const struct copy_destination *to);

/* ERR_PRECONDITION with docker's words when a file, or a folder, cannot go there. */
int copy_check_kind(bool is_folder, const struct copy_destination *to, struct err *err);

/* A tar member's name, cleaned: no '/' before or after it, "." for the folder itself.  ERR_INVALID
 * when it leads out. */
int copy_member_path(struct arena *arena, const char *name, const char **ret, struct err *err);

/* The cleaned name with its first part 'from' replaced by 'to' (NULL: left); "." as 'from' stands
 * for all names.  ERR_INVALID when the name does not begin so: what was asked for has one name, and
 * nothing else shall appear beside it. */
int copy_member_rename(struct arena *arena, const char *name, const char *from, const char *to,
                       const char **ret, struct err *err);
