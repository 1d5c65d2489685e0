/* Finding secrets and configs, and who uses them. */
#include "manager/api_server/file.h"

#include <string.h>

#include "lib/base/id.h"
#include "lib/base/str.h"
#include "lib/message/message.h"
#include "manager/api_server/service.h"
#include "manager/api_server/show.h"

const char *file_word(Sk__Kind kind)
{
        return object_kind(kind)->name;
}

#define TAKE_FACTS(object, ret)                                                                 \
        do {                                                                                    \
                if ((object)->spec) {                                                           \
                        (ret)->annotations = (object)->spec->annotations;                       \
                        (ret)->family = str_or((object)->spec->family, (object)->name);         \
                        (ret)->version = (object)->spec->version ? (object)->spec->version : 1; \
                        (ret)->template_driver = (object)->spec->template_driver;               \
                }                                                                               \
        } while (0)

void file_of(Sk__Kind kind, const struct object_head *object, struct file *ret)
{
        *ret = (struct file){ .kind = kind,
                              .head = object,
                              .family = object->name,
                              .version = 1,
                              .template_driver = "" };
        if (kind == SK__KIND__KIND_SECRET)
                TAKE_FACTS((const Sk__Secret *)object, ret);
        else
                TAKE_FACTS((const Sk__Config *)object, ret);
}

bool file_find(const struct view *view, Sk__Kind kind, const char *family, uint64_t version,
               struct file *ret)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *object;
        bool is_found = false;
        struct file file;

        while ((object = view_each(view, kind, &cursor))) {
                file_of(kind, object, &file);
                if (!str_equal(file.family, family) || (version && version != file.version) ||
                    (is_found && file.version < ret->version))
                        continue;
                *ret = file;
                is_found = true;
        }
        return is_found;
}

const char *file_split_name(struct arena *arena, const char *name, uint64_t *ret_version)
{
        const char *at = strrchr(name, '@');
        int64_t version;

        *ret_version = 0;
        if (!at || at == name || str_to_int64(at + 1, &version, NULL) < 0 || version < 1)
                return name;
        *ret_version = (uint64_t)version;
        return arena_printf(arena, "%.*s", (int)(at - name), name);
}

int file_resolve(const struct view *view, Sk__Kind kind, const char *what, struct file *ret,
                 struct err *err)
{
        _cleanup_(arena_done) struct arena arena = { 0 };
        const struct object_head *object = view_find(view, kind, what);
        uint64_t version;
        const char *family = file_split_name(&arena, what, &version);

        if (!object && file_find(view, kind, family, version, ret))
                return 0;
        if (!object)
                TRY(view_resolve(view, kind, what, &object, err));
        file_of(kind, object, ret);
        return 0;
}

/* --- who uses it --- */

static const Sk__ContainerSpec *container_of_service(const struct view *view,
                                                     const Sk__Service *service)
{
        const Sk__ServiceSpec *spec = service_spec_now(view, service);

        return spec && spec->task ? spec->task->container : NULL;
}

static Sk__FileReference **references_of(const Sk__ContainerSpec *container, Sk__Kind kind,
                                         size_t *ret_n)
{
        bool is_secret = kind == SK__KIND__KIND_SECRET;

        *ret_n = is_secret ? container->n_secrets : container->n_configs;
        return is_secret ? container->secrets : container->configs;
}

static bool is_named_by(const Sk__ContainerSpec *container, Sk__Kind kind, const char *id)
{
        size_t n;
        Sk__FileReference *const *references = references_of(container, kind, &n);

        for (size_t i = 0; i < n; i++)
                if (str_equal(references[i]->id, id))
                        return true;
        return false;
}

size_t file_users(const struct view *view, const struct file *file, struct arena *arena,
                  const char *const **ret)
{
        size_t n = 0, most = view_count(view, SK__KIND__KIND_SERVICE);
        const char **names = arena_alloc(arena, (most + 1) * sizeof *names);
        struct view_cursor cursor = { 0 };
        const struct object_head *object;

        while ((object = view_each(view, SK__KIND__KIND_SERVICE, &cursor))) {
                const Sk__ContainerSpec *container =
                        container_of_service(view, (const Sk__Service *)object);

                if (container && is_named_by(container, file->kind, file->head->id))
                        names[n++] = object->name;
        }
        *ret = names;
        return n;
}

static void add_named(const Sk__ServiceSpec *spec, Sk__Kind kind, struct map *map)
{
        Sk__FileReference *const *references;
        size_t n = 0;

        if (!spec || !spec->task || !spec->task->container)
                return;
        references = references_of(spec->task->container, kind, &n);
        for (size_t i = 0; i < n; i++)
                map_put(map, references[i]->id, references[i]);
}

void file_needed(const struct view *view, Sk__Kind kind, struct map *map)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *object;

        while ((object = view_each(view, SK__KIND__KIND_SERVICE, &cursor))) {
                const Sk__Service *service = (const Sk__Service *)object;
                const Sk__ServiceSpecObject *previous =
                        view_service_spec(view, str_or(service->spec->previous_spec_id, ""));

                add_named(service_spec_now(view, service), kind, map);
                add_named(previous && previous->spec ? previous->spec->spec : NULL, kind, map);
        }
}

/* --- references --- */

/* All that is missing is told at once, as docker does: "secrets not found: a, b". */
static int missing(struct call *call, Sk__Kind kind, const struct str *names, size_t n)
{
        return err_set(call->err, ERR_INVALID, "%s%s not found: %.200s", file_word(kind),
                       n == 1 ? "" : "s", str_text(names));
}

static bool find_referenced(struct call *call, Sk__Kind kind, Sk__FileReference *reference)
{
        const struct object_head *object = NULL;
        uint64_t version;
        const char *family = file_split_name(call->arena, reference->name, &version);
        struct file file;

        if (!str_is_empty(reference->id)) {
                object = view_find(call->view, kind, reference->id);
        } else if (file_find(call->view, kind, family, version, &file)) {
                object = file.head;
                reference->version = version;
        }
        if (!object)
                return false;
        reference->id = object->id;
        plan_require(call->plan, kind, object->id)->test = PLAN_EXISTS;
        return true;
}

static int fill(struct call *call, Sk__Kind kind, Sk__FileReference **references, size_t n)
{
        _cleanup_(str_done) struct str names = { 0 };
        size_t n_missing = 0;

        for (size_t i = 0; i < n; i++) {
                references[i] = arena_copy(call->arena, references[i], sizeof **references);
                if (find_referenced(call, kind, references[i]))
                        continue;
                str_addf(&names, "%s%s", n_missing++ ? ", " : "", references[i]->name);
        }
        return n_missing ? missing(call, kind, &names, n_missing) : 0;
}

int file_fill_references(struct call *call, Sk__ContainerSpec *container)
{
        container->secrets = arena_copy(call->arena, container->secrets,
                                        container->n_secrets * sizeof *container->secrets);
        container->configs = arena_copy(call->arena, container->configs,
                                        container->n_configs * sizeof *container->configs);
        TRY(fill(call, SK__KIND__KIND_SECRET, container->secrets, container->n_secrets));
        return fill(call, SK__KIND__KIND_CONFIG, container->configs, container->n_configs);
}

int file_require_references(struct call *call, const Sk__ContainerSpec *container)
{
        Sk__ContainerSpec copy = *container;

        return file_fill_references(call, &copy);
}

/* --- followers --- */

static bool is_follower(const Sk__FileReference *reference, const char *family)
{
        return !reference->version && str_equal(reference->name, family);
}

static bool follows(const Sk__ContainerSpec *container, const struct file *file)
{
        size_t n;
        Sk__FileReference *const *references = references_of(container, file->kind, &n);

        for (size_t i = 0; i < n; i++)
                if (is_follower(references[i], file->family))
                        return true;
        return false;
}

/* A job that ran is not run again for a new password. */
static bool is_done_once(const struct view *view, const Sk__Service *service)
{
        const Sk__ServiceSpec *spec = service_spec_now(view, service);

        return !spec->schedule && (spec->mode_case == SK__SERVICE_SPEC__MODE_REPLICATED_JOB ||
                                   spec->mode_case == SK__SERVICE_SPEC__MODE_GLOBAL_JOB);
}

static void move_service(struct call *call, const Sk__Service *service, const struct file *before,
                         const char *id)
{
        const Sk__ServiceSpec *now = service_spec_now(call->view, service);
        Sk__ServiceSpec *spec = (Sk__ServiceSpec *)message_copy(call->arena, &now->base);
        size_t n;
        Sk__FileReference **references = references_of(spec->task->container, before->kind, &n);
        char spec_id[ID_SIZE];

        /* However often the call is tried again: the same. */
        id_from_parts((const char *const[]){ id, service->id, "follows", NULL }, spec_id);
        for (size_t i = 0; i < n; i++)
                if (is_follower(references[i], before->family))
                        references[i]->id = id;
        service_plan_revision(call, service, arena_strdup(call->arena, spec_id), spec,
                              before->kind == SK__KIND__KIND_SECRET
                                      ? "a secret it follows has a new version"
                                      : "a config it follows has a new version");
}

void file_move_followers(struct call *call, const struct file *before, const char *id,
                         char ***ret_names, size_t *ret_n)
{
        size_t most = view_count(call->view, SK__KIND__KIND_SERVICE);
        struct view_cursor cursor = { 0 };
        const struct object_head *object;

        *ret_names = arena_alloc(call->arena, (most + 1) * sizeof **ret_names);
        while ((object = view_each(call->view, SK__KIND__KIND_SERVICE, &cursor))) {
                const Sk__Service *service = (const Sk__Service *)object;
                const Sk__ContainerSpec *container = container_of_service(call->view, service);

                if (!container || !follows(container, before) || is_done_once(call->view, service))
                        continue;
                move_service(call, service, before, id);
                (*ret_names)[(*ret_n)++] = arena_strdup(call->arena, service->name);
        }
}
