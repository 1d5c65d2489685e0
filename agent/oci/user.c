/* Looking up users and groups. */
#include "agent/oci/user.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/str.h"

enum { ID_MOST = INT32_MAX, FIELDS = 7, GROUPS_MAX = 65536 };

/* A line of passwd or group, cut at its colons. */
struct entry {
        const char *field[FIELDS];
        size_t length[FIELDS];
        size_t n;
};

/* Takes the next line from *at; false at the end. */
static bool next_entry(const char **at, struct entry *ret)
{
        const char *line = *at, *end;

        if (!*line)
                return false;
        end = strchrnul(line, '\n');
        *at = *end ? end + 1 : end;
        *ret = (struct entry){ 0 };
        while (ret->n < FIELDS) {
                const char *colon = memchr(line, ':', (size_t)(end - line));
                const char *stop = colon && ret->n < FIELDS - 1 ? colon : end;

                ret->field[ret->n] = line;
                ret->length[ret->n++] = (size_t)(stop - line);
                if (stop == end)
                        break;
                line = stop + 1;
        }
        return true;
}

static bool field_is(const struct entry *entry, size_t i, const char *text, size_t length)
{
        return i < entry->n && entry->length[i] == length &&
               memcmp(entry->field[i], text, length) == 0;
}

static bool parse_id(const char *text, size_t length, uint32_t *ret)
{
        uint64_t number = 0;

        if (length == 0 || length > 10)
                return false;
        for (size_t i = 0; i < length; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return false;
                number = number * 10 + (uint64_t)(text[i] - '0');
        }
        if (number > ID_MOST)
                return false;
        *ret = (uint32_t)number;
        return true;
}

static bool field_id(const struct entry *entry, size_t i, uint32_t *ret)
{
        return i < entry->n && parse_id(entry->field[i], entry->length[i], ret);
}

/* The entry called 'name', else the one numbered so. */
static bool find_entry(const char *text, const char *name, size_t length, struct entry *ret)
{
        uint32_t wanted = 0, id;
        bool is_number = parse_id(name, length, &wanted);
        struct entry entry;

        for (const char *at = text; next_entry(&at, &entry);) {
                if (!field_is(&entry, 0, name, length) &&
                    !(is_number && field_id(&entry, 2, &id) && id == wanted))
                        continue;
                *ret = entry;
                return true;
        }
        return false;
}

static void add_group(struct oci_user *user, uint32_t gid)
{
        for (size_t i = 0; i < user->n_groups; i++) {
                if (user->groups[i] == gid)
                        return;
        }
        user->groups[user->n_groups++] = gid;
}

/* Is 'name' in the comma-separated list of members? */
static bool is_member(const struct entry *group, const char *name, size_t length)
{
        const char *at, *end;

        if (group->n < 4)
                return false;
        at = group->field[3];
        end = at + group->length[3];
        while (at < end) {
                const char *comma = memchr(at, ',', (size_t)(end - at));
                const char *stop = comma ? comma : end;

                if ((size_t)(stop - at) == length && memcmp(at, name, length) == 0)
                        return true;
                at = stop + 1;
        }
        return false;
}

static void add_memberships(struct oci_user *user, const struct entry *passwd, const char *group,
                            size_t most)
{
        struct entry entry;
        uint32_t gid = 0;

        for (const char *at = group; user->n_groups < most && next_entry(&at, &entry);) {
                if (is_member(&entry, passwd->field[0], passwd->length[0]) &&
                    field_id(&entry, 2, &gid))
                        add_group(user, gid);
        }
}

static int find_group(const char *group, const char *name, size_t length, uint32_t *ret,
                      struct err *err)
{
        struct entry entry;

        if (find_entry(group, name, length, &entry) && field_id(&entry, 2, ret))
                return 0;
        if (parse_id(name, length, ret))
                return 0;
        return err_set(err, ERR_INVALID,
                       "unable to find group %.*s: no matching entries in group file",
                       (int)(length > 100 ? 100 : length), name);
}

int oci_user_find(const char *user, const char *const *groups, size_t n_groups, const char *passwd,
                  const char *group, struct arena *arena, struct oci_user *ret, struct err *err)
{
        const char *colon = strchr(user, ':');
        size_t length = colon ? (size_t)(colon - user) : strlen(user);
        const char *name = length ? user : "0";
        size_t most = n_groups + 1024;
        struct oci_user found = { 0 };
        struct entry entry;
        bool is_known;
        uint32_t gid = 0;

        if (n_groups > GROUPS_MAX)
                return err_set(err, ERR_INVALID, "too many groups");
        length = length ? length : 1;
        found.groups = arena_alloc(arena, (most + 1) * sizeof *found.groups);
        is_known = find_entry(passwd, name, length, &entry) && field_id(&entry, 2, &found.uid);
        if (!is_known && !parse_id(name, length, &found.uid))
                return err_set(err, ERR_INVALID,
                               "unable to find user %.*s: no matching entries in passwd file",
                               (int)(length > 100 ? 100 : length), name);
        if (is_known && !field_id(&entry, 3, &found.gid))
                found.gid = 0;
        if (colon && colon[1])
                TRY(find_group(group, colon + 1, strlen(colon + 1), &found.gid, err));
        add_group(&found, found.gid);
        if (is_known && !(colon && colon[1]))
                add_memberships(&found, &entry, group, 1024);
        for (size_t i = 0; i < n_groups; i++) {
                TRY(find_group(group, groups[i], strlen(groups[i]), &gid, err));
                add_group(&found, gid);
        }
        *ret = found;
        return 0;
}
