/* Finding what a person named. */
#include "lib/base/str.h"
#include "lib/state/view_internal.h"

/* The first object of this name by id, and how many have it; for kinds whose names may repeat
 * (there are thousands of nodes, not millions, and only people ask). */
static const struct object_head *scan_names(const struct view *view, Sk__Kind kind,
                                            const char *name, size_t *ret_n)
{
        const struct object_head *object, *first = NULL;
        struct view_cursor cursor = { 0 };

        *ret_n = 0;
        while ((object = view_each(view, kind, &cursor)))
                if (str_equal(object->name, name) && !(*ret_n)++)
                        first = object;
        return first;
}

static const struct object_head *find_name(const struct view *view, Sk__Kind kind, const char *name,
                                           size_t *ret_n)
{
        const struct record *record;

        *ret_n = 0;
        if (!object_kind(kind) || str_is_empty(name))
                return NULL;
        if (!object_kind(kind)->has_unique_names)
                return scan_names(view, kind, name, ret_n);
        record = map_find(&view->kinds[kind].by_name, name);
        *ret_n = record != NULL;
        return record ? &record->object : NULL;
}

const struct object_head *view_find_name(const struct view *view, Sk__Kind kind, const char *name)
{
        size_t n;

        return find_name(view, kind, name, &n);
}

static const struct object_head *find_prefix(const struct view *view, Sk__Kind kind,
                                             const char *prefix, size_t *ret_n)
{
        const struct order *by_id = &view->kinds[kind].by_id;
        struct order_cursor cursor =
                order_seek(by_id, order_rank_of_text(prefix), prefix, view_compare_id);
        const struct record *record, *first = NULL;

        *ret_n = 0;
        while ((record = order_next(by_id, &cursor)) && str_starts_with(record->object.id, prefix))
                if (!(*ret_n)++)
                        first = record;
        return first ? &first->object : NULL;
}

int view_resolve(const struct view *view, Sk__Kind kind, const char *what,
                 const struct object_head **ret, struct err *err)
{
        const struct object_kind *row = object_kind(kind);
        const struct object_head *found;
        size_t n = 1;

        if (!row || str_is_empty(what))
                return err_set(err, ERR_NOT_FOUND, "%s not found", row ? row->name : "kind");
        found = view_find(view, kind, what);
        if (!found)
                found = find_name(view, kind, what, &n);
        if (!found)
                found = find_prefix(view, kind, what, &n);
        if (!found)
                return err_set(err, ERR_NOT_FOUND, "%s %s not found", row->name, what);
        if (n > 1)
                return err_set(err, ERR_INVALID, "%s %s is ambiguous (%zu matches found)",
                               row->name, what, n);
        *ret = found;
        return 0;
}
