/* Handlers for secrets and configs: what a secret says goes into the plan and nowhere else. */
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/message/message.h"
#include "manager/api_server/check.h"
#include "manager/api_server/file.h"
#include "manager/api_server/filter.h"
#include "manager/api_server/show.h"

enum { PART_FILE_SPEC = 0, PART_FILE_DATA = 1 };

/* --- making and changing --- */

/* The id is its salt: the same data in two secrets does not show. */
static ProtobufCBinaryData digest_of(struct call *call, const char *id,
                                     const ProtobufCBinaryData *data)
{
        size_t length = strlen(id);
        uint8_t *salted = arena_alloc(call->arena, length + data->len);
        uint8_t *digest = arena_alloc(call->arena, SHA256_DIGEST_LENGTH);

        memcpy(salted, id, length);
        memcpy(salted + length, data->data, data->len);
        SHA256(salted, length + data->len, digest);
        explicit_bzero(salted, length + data->len);
        return (ProtobufCBinaryData){ SHA256_DIGEST_LENGTH, digest };
}

static bool is_same_data(struct call *call, const struct file *file,
                         const ProtobufCBinaryData *data)
{
        ProtobufCBinaryData known = { 0 }, asked = *data;

        if (file->kind == SK__KIND__KIND_SECRET) {
                known = ((const Sk__Secret *)file->head)->spec->digest;
                asked = digest_of(call, file->head->id, data);
        } else if (((const Sk__Config *)file->head)->data) {
                known = ((const Sk__Config *)file->head)->data->content;
        }
        return known.len == asked.len && CRYPTO_memcmp(known.data, asked.data, asked.len) == 0;
}

/* A secret's or config's spec; 'digest' is a secret's. */
static const ProtobufCMessage *make_spec(struct call *call, const struct file *file,
                                         const Sk__Annotations *annotations,
                                         ProtobufCBinaryData digest)
{
        Sk__SecretSpec *secret;
        Sk__ConfigSpec *config;

        if (file->kind == SK__KIND__KIND_CONFIG) {
                config = CALL_NEW(call, Sk__ConfigSpec, SK__CONFIG_SPEC__INIT);
                config->annotations = (Sk__Annotations *)annotations;
                config->template_driver = file->template_driver;
                config->family = file->family;
                config->version = file->version;
                return &config->base;
        }
        secret = CALL_NEW(call, Sk__SecretSpec, SK__SECRET_SPEC__INIT);
        secret->annotations = (Sk__Annotations *)annotations;
        secret->template_driver = file->template_driver;
        secret->family = file->family;
        secret->version = file->version;
        secret->digest = digest;
        return &secret->base;
}

/* Returns the name. */
static const char *plan_file(struct call *call, const struct file *file,
                             const Sk__Annotations *annotations, const ProtobufCBinaryData *data)
{
        const char *id = call->fresh_ids[0];
        Sk__FileData *part = CALL_NEW(call, Sk__FileData, SK__FILE_DATA__INIT);
        struct plan_change *change = plan_create(call->plan, file->kind, id);

        part->content = *data;
        change->name = file->version == 1 ? file->family
                                          : arena_printf(call->arena, "%s@%llu", file->family,
                                                         (unsigned long long)file->version);
        change->reason = file->version == 1 ? "created" : "a new version";
        plan_set_part(change, PART_FILE_SPEC,
                      make_spec(call, file, annotations,
                                file->kind == SK__KIND__KIND_SECRET ? digest_of(call, id, data)
                                                                    : (ProtobufCBinaryData){ 0 }));
        plan_set_part(change, PART_FILE_DATA, &part->base);
        return change->name;
}

/* The first version of a name. */
static int create_file(struct call *call, Sk__Kind kind, const Sk__Annotations *annotations,
                       const char *template_driver, const ProtobufCBinaryData *data,
                       const char **ret_id)
{
        struct file file = { .kind = kind, .version = 1, .template_driver = template_driver };
        struct file other;

        TRY(check_file(kind, annotations, template_driver, data, call->err));
        file.family = annotations->name;
        if (file_find(call->view, kind, file.family, 0, &other))
                return err_set(call->err, ERR_EXISTS, "%s %s already exists", file_word(kind),
                               file.family);
        plan_file(call, &file, annotations, data);
        *ret_id = call->fresh_ids[0];
        return 0;
}

/* What a person wants to be changed, of a secret or config. */
struct file_update {
        Sk__Kind kind;
        const char *id;
        uint64_t version;
        bool is_new_version;
        const Sk__Annotations *annotations; /* NULL: unchanged */
        const char *template_driver, *driver;
        const ProtobufCBinaryData *data;
};

struct file_updated {
        const char *id, *name;
        char **services; /* that were moved */
        size_t n_services;
};

static bool is_named_so(const struct file *file, const Sk__Annotations *annotations)
{
        const char *name = annotations ? annotations->name : "";

        return str_is_empty(name) || str_equal(name, file->family) ||
               str_equal(name, file->head->name);
}

/* The family's next version: annotated as the newest is, unless others were said. */
static int new_version(struct call *call, const struct file *asked, const struct file_update *in,
                       struct file_updated *out)
{
        Sk__Annotations *annotations = CALL_NEW(call, Sk__Annotations, SK__ANNOTATIONS__INIT);
        struct file newest;

        if (!is_named_so(asked, in->annotations))
                return err_set(call->err, ERR_INVALID, "a %s cannot be renamed",
                               file_word(asked->kind));
        if (!file_find(call->view, asked->kind, asked->family, 0, &newest))
                newest = *asked;
        if (in->annotations || newest.annotations)
                *annotations = in->annotations ? *in->annotations : *newest.annotations;
        annotations->name = newest.family;
        TRY(check_file(asked->kind, annotations, newest.template_driver, in->data, call->err));
        out->id = newest.head->id;
        out->name = newest.head->name;
        if (is_same_data(call, &newest, in->data))
                return 0;
        newest.version++;
        out->id = call->fresh_ids[0];
        out->name = plan_file(call, &newest, annotations, in->data);
        file_move_followers(call, &newest, out->id, &out->services, &out->n_services);
        return 0;
}

static int change_labels(struct call *call, const struct file *file, const struct file_update *in)
{
        bool is_secret = file->kind == SK__KIND__KIND_SECRET;
        const Sk__SecretSpec *secret = is_secret ? ((const Sk__Secret *)file->head)->spec : NULL;
        Sk__Annotations *annotations;
        struct plan_change *change;

        if (!in->annotations || !is_named_so(file, in->annotations) ||
            (in->data->len && !is_same_data(call, file, in->data)) ||
            !str_equal(in->driver, secret ? secret->driver : "") ||
            !str_equal(in->template_driver, file->template_driver))
                return err_set(call->err, ERR_INVALID, "only updates to Labels are allowed");
        TRY(check_file_labels(file->kind, in->annotations, call->err));
        if (in->version && in->version != object_part_version(file->head, PART_FILE_SPEC))
                return err_set(call->err, ERR_PRECONDITION, "update out of sequence");
        annotations = arena_copy(call->arena, in->annotations, sizeof *annotations);
        annotations->name = file->annotations->name;
        plan_require_unchanged(call->plan, file->kind, file->head, PART_FILE_SPEC);
        change = plan_update(call->plan, file->kind, file->head->id);
        change->reason = "labels changed";
        plan_set_part(change, PART_FILE_SPEC,
                      make_spec(call, file, annotations,
                                secret ? secret->digest : (ProtobufCBinaryData){ 0 }));
        return 0;
}

static int update_file(struct call *call, const struct file_update *in, struct file_updated *out)
{
        struct file file;

        TRY(file_resolve(call->view, in->kind, in->id, &file, call->err));
        if (in->is_new_version)
                return new_version(call, &file, in, out);
        out->id = file.head->id;
        out->name = file.head->name;
        return change_labels(call, &file, in);
}

/* --- removing --- */

static int refuse_in_use(struct call *call, const struct file *file)
{
        _cleanup_(str_done) struct str names = { 0 };
        const char *const *users;
        size_t n = file_users(call->view, file, call->arena, &users);

        for (size_t i = 0; i < n && names.length < 300; i++)
                str_addf(&names, "%s%s", i ? ", " : "", users[i]);
        if (!n)
                return 0;
        return err_set(call->err, ERR_INVALID, "%s '%s' is in use by the following service%s: %s",
                       file_word(file->kind), file->head->name, n > 1 ? "s" : "", str_text(&names));
}

static void plan_removal(struct call *call, const struct file *file, char **ret_name)
{
        plan_remove(call->plan, file->kind, file->head->id)->reason = "removed";
        plan_require(call->plan, file->kind, file->head->id)->test = PLAN_NO_REFERRER;
        *ret_name = arena_strdup(call->arena, file->head->name);
}

/* The versions of a family that nobody uses nor may come back to. */
static size_t remove_unused(struct call *call, const struct file *family, char **ret_names)
{
        _cleanup_(map_done) struct map needed = { 0 };
        struct view_cursor cursor = { 0 };
        const struct object_head *object;
        struct file file;
        size_t n = 0;

        file_needed(call->view, family->kind, &needed);
        while ((object = view_each(call->view, family->kind, &cursor))) {
                file_of(family->kind, object, &file);
                if (str_equal(file.family, family->family) && !map_find(&needed, object->id))
                        plan_removal(call, &file, &ret_names[n++]);
        }
        return n;
}

static size_t count_versions(const struct view *view, const struct file *family)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *object;
        struct file file;
        size_t n = 0;

        while ((object = view_each(view, family->kind, &cursor))) {
                file_of(family->kind, object, &file);
                n += str_equal(file.family, family->family);
        }
        return n;
}

static int remove_files(struct call *call, Sk__Kind kind, const char *what, char ***ret_names,
                        size_t *ret_n)
{
        struct file file;
        size_t n_versions;

        TRY(file_resolve(call->view, kind, what, &file, call->err));
        n_versions = count_versions(call->view, &file);
        *ret_names = arena_alloc(call->arena, n_versions * sizeof **ret_names);
        if (n_versions > 1 && str_equal(what, file.family))
                *ret_n = remove_unused(call, &file, *ret_names);
        if (*ret_n)
                return 0;
        TRY(refuse_in_use(call, &file));
        if (n_versions > 1 && str_equal(what, file.family))
                return err_set(call->err, ERR_INVALID,
                               "all versions of %s '%s' are in use, or a rollback may need them",
                               file_word(kind), file.family);
        *ret_n = 1;
        plan_removal(call, &file, *ret_names);
        return 0;
}

/* --- looking --- */

static bool file_matches(const struct file *file, Sk__Filter *const *filters, size_t n)
{
        const Sk__Annotations *annotations = file->annotations;

        return filters_match_prefix(filters, n, "id", file->head->id) &&
               filters_match_prefix(filters, n, "name", file->head->name) &&
               filters_match_exact(filters, n, "names", file->head->name) &&
               filters_match_labels(filters, n, "label", annotations ? annotations->labels : NULL,
                                    annotations ? annotations->n_labels : 0);
}

/* Those that match, as an array of objects. */
static int list_files(struct call *call, Sk__Kind kind, Sk__Filter *const *filters,
                      size_t n_filters, const struct object_head ***ret, size_t *ret_n)
{
        static const char *const known[] = { "id", "name", "names", "label", NULL };
        struct view_cursor cursor = { 0 };
        const struct object_head *object;
        struct file file;

        TRY(filters_check(filters, n_filters, known, call->err));
        *ret = arena_alloc(call->arena, (view_count(call->view, kind) + 1) * sizeof **ret);
        while ((object = view_each(call->view, kind, &cursor))) {
                file_of(kind, object, &file);
                if (file_matches(&file, filters, n_filters))
                        (*ret)[(*ret_n)++] = object;
        }
        return 0;
}

/* --- secrets --- */

/* Never with its data, whatever this daemon is told one day, nor with what would let guesses be
 * tried. */
static Sk__Secret *show_secret(struct call *call, const struct object_head *object)
{
        Sk__Secret *shown = arena_copy(call->arena, object, sizeof *shown);

        shown->data = NULL;
        if (!shown->spec)
                return shown;
        shown->spec = arena_copy(call->arena, shown->spec, sizeof *shown->spec);
        shown->spec->digest = (ProtobufCBinaryData){ 0 };
        return shown;
}

int handle_create_secret(struct call *call, const Sk__CreateSecretRequest *in,
                         Sk__CreateSecretResponse *out)
{
        if (!in->spec)
                return err_set(call->err, ERR_INVALID, "secret spec must be provided");
        if (!str_is_empty(in->spec->driver))
                return err_set(call->err, ERR_UNIMPLEMENTED,
                               "plugin \"%.64s\" not found: secret drivers are not supported",
                               in->spec->driver);
        return create_file(call, SK__KIND__KIND_SECRET, in->spec->annotations,
                           in->spec->template_driver, &in->data, &out->id);
}

int handle_get_secret(struct call *call, const Sk__GetSecretRequest *in, Sk__GetSecretResponse *out)
{
        struct file file;

        TRY(file_resolve(call->view, SK__KIND__KIND_SECRET, in->id, &file, call->err));
        out->secret = show_secret(call, file.head);
        return 0;
}

int handle_list_secrets(struct call *call, const Sk__ListSecretsRequest *in,
                        Sk__ListSecretsResponse *out)
{
        const struct object_head **found;

        TRY(list_files(call, SK__KIND__KIND_SECRET, in->filters, in->n_filters, &found,
                       &out->n_secrets));
        out->secrets = arena_alloc(call->arena, (out->n_secrets + 1) * sizeof *out->secrets);
        for (size_t i = 0; i < out->n_secrets; i++)
                out->secrets[i] = show_secret(call, found[i]);
        return 0;
}

int handle_update_secret(struct call *call, const Sk__UpdateSecretRequest *in,
                         Sk__UpdateSecretResponse *out)
{
        const struct file_update update = {
                .kind = SK__KIND__KIND_SECRET,
                .id = in->id,
                .version = in->version,
                .is_new_version = in->new_version,
                .annotations = in->spec ? in->spec->annotations : NULL,
                .template_driver = in->spec ? in->spec->template_driver : "",
                .driver = in->spec ? in->spec->driver : "",
                .data = &in->data,
        };
        struct file_updated updated = { 0 };

        TRY(update_file(call, &update, &updated));
        out->id = updated.id;
        out->name = updated.name;
        out->services = (const char **)updated.services;
        out->n_services = updated.n_services;
        return 0;
}

int handle_remove_secret(struct call *call, const Sk__RemoveSecretRequest *in,
                         Sk__RemoveSecretResponse *out)
{
        return remove_files(call, SK__KIND__KIND_SECRET, in->id, (char ***)&out->names,
                            &out->n_names);
}

/* --- configs --- */

int handle_create_config(struct call *call, const Sk__CreateConfigRequest *in,
                         Sk__CreateConfigResponse *out)
{
        if (!in->spec)
                return err_set(call->err, ERR_INVALID, "config spec must be provided");
        return create_file(call, SK__KIND__KIND_CONFIG, in->spec->annotations,
                           in->spec->template_driver, &in->data, &out->id);
}

int handle_get_config(struct call *call, const Sk__GetConfigRequest *in, Sk__GetConfigResponse *out)
{
        struct file file;

        TRY(file_resolve(call->view, SK__KIND__KIND_CONFIG, in->id, &file, call->err));
        out->config = (Sk__Config *)file.head;
        return 0;
}

int handle_list_configs(struct call *call, const Sk__ListConfigsRequest *in,
                        Sk__ListConfigsResponse *out)
{
        const struct object_head **found;

        TRY(list_files(call, SK__KIND__KIND_CONFIG, in->filters, in->n_filters, &found,
                       &out->n_configs));
        out->configs = arena_alloc(call->arena, (out->n_configs + 1) * sizeof *out->configs);
        for (size_t i = 0; i < out->n_configs; i++)
                out->configs[i] = (Sk__Config *)found[i];
        return 0;
}

int handle_update_config(struct call *call, const Sk__UpdateConfigRequest *in,
                         Sk__UpdateConfigResponse *out)
{
        const struct file_update update = {
                .kind = SK__KIND__KIND_CONFIG,
                .id = in->id,
                .version = in->version,
                .is_new_version = in->new_version,
                .annotations = in->spec ? in->spec->annotations : NULL,
                .template_driver = in->spec ? in->spec->template_driver : "",
                .driver = "",
                .data = &in->data,
        };
        struct file_updated updated = { 0 };

        TRY(update_file(call, &update, &updated));
        out->id = updated.id;
        out->name = updated.name;
        out->services = (const char **)updated.services;
        out->n_services = updated.n_services;
        return 0;
}

int handle_remove_config(struct call *call, const Sk__RemoveConfigRequest *in,
                         Sk__RemoveConfigResponse *out)
{
        return remove_files(call, SK__KIND__KIND_CONFIG, in->id, (char ***)&out->names,
                            &out->n_names);
}
