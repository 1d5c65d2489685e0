/* Handlers for secrets and configs: what a secret says goes into the plan and nowhere else. */
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/message/message.h"
#include "manager/api_server/check.h"
#include "manager/api_server/file.h"
#include "manager/api_server/filter.h"
#include "manager/api_server/show.h"

enum { PART_FILE_SPEC = 0, PART_FILE_DATA = 1 };

/* --- making and changing --- */

static void plan_file(struct call *call, const struct file *file, const ProtobufCMessage *spec,
                      const ProtobufCBinaryData *data)
{
        Sk__FileData *part = CALL_NEW(call, Sk__FileData, SK__FILE_DATA__INIT);
        struct plan_change *change = plan_create(call->plan, file->kind, call->fresh_ids[0]);

        part->content = *data;
        change->name = file->version == 1 ? file->family
                                          : arena_printf(call->arena, "%s@%llu", file->family,
                                                         (unsigned long long)file->version);
        change->reason = file->version == 1 ? "created" : "a new version";
        plan_set_part(change, PART_FILE_SPEC, spec);
        plan_set_part(change, PART_FILE_DATA, &part->base);
}

/* The first version of a name. */
static int create_file(struct call *call, Sk__Kind kind, const Sk__Annotations *annotations,
                       const char *template_driver, const ProtobufCBinaryData *data,
                       struct file *ret)
{
        struct file other;

        TRY(check_file(kind, annotations, template_driver, data, call->err));
        if (file_find(call->view, kind, annotations->name, 0, &other))
                return err_set(call->err, ERR_EXISTS, "%s %s already exists", file_word(kind),
                               annotations->name);
        *ret = (struct file){ .kind = kind, .family = annotations->name, .version = 1 };
        return 0;
}

static bool is_named_so(const struct file *file, const Sk__Annotations *annotations)
{
        const char *name = annotations ? annotations->name : "";

        return str_is_empty(name) || str_equal(name, file->family) ||
               str_equal(name, file->head->name);
}

/* The family's next version: 'annotations' are those of the newest, with 'labels' if any were said.
 */
static int next_version(struct call *call, const struct file *asked, const Sk__Annotations *said,
                        const ProtobufCBinaryData *data, struct file *ret_newest,
                        Sk__Annotations *ret_annotations)
{
        static const Sk__Annotations none = SK__ANNOTATIONS__INIT;

        if (!is_named_so(asked, said))
                return err_set(call->err, ERR_INVALID, "a %s cannot be renamed",
                               file_word(asked->kind));
        if (!file_find(call->view, asked->kind, asked->family, 0, ret_newest))
                *ret_newest = *asked;
        *ret_annotations = said ? *said : ret_newest->annotations ? *ret_newest->annotations : none;
        ret_annotations->name = ret_newest->family;
        return check_file(asked->kind, ret_annotations, ret_newest->template_driver, data,
                          call->err);
}

static int check_change(struct call *call, const struct file *file, uint64_t version,
                        bool is_only_labels)
{
        if (!is_only_labels)
                return err_set(call->err, ERR_INVALID, "only updates to Labels are allowed");
        if (version && version != object_part_version(file->head, PART_FILE_SPEC))
                return err_set(call->err, ERR_PRECONDITION, "update out of sequence");
        plan_require_unchanged(call->plan, file->kind, file->head, PART_FILE_SPEC);
        return 0;
}

static void plan_labels(struct call *call, const struct file *file, const ProtobufCMessage *spec)
{
        struct plan_change *change = plan_update(call->plan, file->kind, file->head->id);

        change->reason = "labels changed";
        plan_set_part(change, PART_FILE_SPEC, spec);
}

/* --- removing --- */

/* May going back to a service's previous spec still need it? */
static bool is_needed_later(struct call *call, const struct file *file)
{
        struct view_cursor cursor = { 0 };
        const struct object_head *object;

        while ((object = view_each(call->view, SK__KIND__KIND_SERVICE, &cursor))) {
                const Sk__Service *service = (const Sk__Service *)object;
                const Sk__ServiceSpecObject *previous =
                        view_service_spec(call->view, str_or(service->spec->previous_spec_id, ""));
                const Sk__ContainerSpec *container =
                        previous && previous->spec ? previous->spec->spec->task->container : NULL;

                if (container && file_is_named_by(container, file->kind, file->head->id))
                        return true;
        }
        return false;
}

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
        struct view_cursor cursor = { 0 };
        const struct object_head *object;
        struct file file;
        size_t n = 0;

        while ((object = view_each(call->view, family->kind, &cursor))) {
                const char *const *users;

                file_of(family->kind, object, &file);
                if (str_equal(file.family, family->family) &&
                    !file_users(call->view, &file, call->arena, &users) &&
                    !is_needed_later(call, &file))
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

static bool is_same_secret(struct call *call, const struct object_head *object,
                           const ProtobufCBinaryData *data)
{
        const Sk__SecretSpec *spec = ((const Sk__Secret *)object)->spec;
        ProtobufCBinaryData digest = digest_of(call, object->id, data);

        return spec->digest.len == digest.len &&
               CRYPTO_memcmp(spec->digest.data, digest.data, digest.len) == 0;
}

int handle_create_secret(struct call *call, const Sk__CreateSecretRequest *in,
                         Sk__CreateSecretResponse *out)
{
        Sk__SecretSpec *spec;
        struct file file;

        if (!in->spec)
                return err_set(call->err, ERR_INVALID, "secret spec must be provided");
        TRY(create_file(call, SK__KIND__KIND_SECRET, in->spec->annotations,
                        in->spec->template_driver, &in->data, &file));
        if (!str_is_empty(in->spec->driver))
                return err_set(call->err, ERR_UNIMPLEMENTED,
                               "plugin \"%.64s\" not found: secret drivers are not supported",
                               in->spec->driver);
        spec = arena_copy(call->arena, in->spec, sizeof *spec);
        spec->family = file.family;
        spec->version = file.version;
        spec->digest = digest_of(call, call->fresh_ids[0], &in->data);
        plan_file(call, &file, &spec->base, &in->data);
        out->id = call->fresh_ids[0];
        return 0;
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

static int new_secret_version(struct call *call, const struct file *asked,
                              const Sk__UpdateSecretRequest *in, Sk__UpdateSecretResponse *out)
{
        Sk__SecretSpec *spec = CALL_NEW(call, Sk__SecretSpec, SK__SECRET_SPEC__INIT);
        Sk__Annotations *annotations = arena_alloc(call->arena, sizeof *annotations);
        struct file newest;

        TRY(next_version(call, asked, in->spec ? in->spec->annotations : NULL, &in->data, &newest,
                         annotations));
        if (is_same_secret(call, newest.head, &in->data)) {
                out->id = newest.head->id;
                out->name = newest.head->name;
                return 0;
        }
        spec->annotations = annotations;
        spec->template_driver = newest.template_driver;
        spec->family = newest.family;
        spec->version = ++newest.version;
        spec->digest = digest_of(call, call->fresh_ids[0], &in->data);
        plan_file(call, &newest, &spec->base, &in->data);
        out->id = call->fresh_ids[0];
        out->name = arena_printf(call->arena, "%s@%llu", newest.family,
                                 (unsigned long long)newest.version);
        file_move_followers(call, &newest, out->id, (char ***)&out->services, &out->n_services);
        return 0;
}

int handle_update_secret(struct call *call, const Sk__UpdateSecretRequest *in,
                         Sk__UpdateSecretResponse *out)
{
        const Sk__SecretSpec *said = in->spec, *before;
        Sk__SecretSpec *spec;
        struct file file;

        TRY(file_resolve(call->view, SK__KIND__KIND_SECRET, in->id, &file, call->err));
        if (in->new_version)
                return new_secret_version(call, &file, in, out);
        before = ((const Sk__Secret *)file.head)->spec;
        TRY(check_change(call, &file, in->version,
                         said && said->annotations && is_named_so(&file, said->annotations) &&
                                 (!in->data.len || is_same_secret(call, file.head, &in->data)) &&
                                 str_equal(said->driver, before->driver) &&
                                 str_equal(said->template_driver, before->template_driver)));
        spec = arena_copy(call->arena, before, sizeof *spec);
        spec->annotations = arena_copy(call->arena, said->annotations, sizeof *said->annotations);
        spec->annotations->name = before->annotations->name;
        plan_labels(call, &file, &spec->base);
        out->id = file.head->id;
        out->name = file.head->name;
        return 0;
}

int handle_remove_secret(struct call *call, const Sk__RemoveSecretRequest *in,
                         Sk__RemoveSecretResponse *out)
{
        return remove_files(call, SK__KIND__KIND_SECRET, in->id, (char ***)&out->names,
                            &out->n_names);
}

/* --- configs --- */

static bool is_same_data(const Sk__Config *config, const ProtobufCBinaryData *data)
{
        return config->data && config->data->content.len == data->len &&
               memcmp(config->data->content.data, data->data, data->len) == 0;
}

int handle_create_config(struct call *call, const Sk__CreateConfigRequest *in,
                         Sk__CreateConfigResponse *out)
{
        Sk__ConfigSpec *spec;
        struct file file;

        if (!in->spec)
                return err_set(call->err, ERR_INVALID, "config spec must be provided");
        TRY(create_file(call, SK__KIND__KIND_CONFIG, in->spec->annotations,
                        in->spec->template_driver, &in->data, &file));
        spec = arena_copy(call->arena, in->spec, sizeof *spec);
        spec->family = file.family;
        spec->version = file.version;
        plan_file(call, &file, &spec->base, &in->data);
        out->id = call->fresh_ids[0];
        return 0;
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

static int new_config_version(struct call *call, const struct file *asked,
                              const Sk__UpdateConfigRequest *in, Sk__UpdateConfigResponse *out)
{
        Sk__ConfigSpec *spec = CALL_NEW(call, Sk__ConfigSpec, SK__CONFIG_SPEC__INIT);
        Sk__Annotations *annotations = arena_alloc(call->arena, sizeof *annotations);
        struct file newest;

        TRY(next_version(call, asked, in->spec ? in->spec->annotations : NULL, &in->data, &newest,
                         annotations));
        if (is_same_data((const Sk__Config *)newest.head, &in->data)) {
                out->id = newest.head->id;
                out->name = newest.head->name;
                return 0;
        }
        spec->annotations = annotations;
        spec->template_driver = newest.template_driver;
        spec->family = newest.family;
        spec->version = ++newest.version;
        plan_file(call, &newest, &spec->base, &in->data);
        out->id = call->fresh_ids[0];
        out->name = arena_printf(call->arena, "%s@%llu", newest.family,
                                 (unsigned long long)newest.version);
        file_move_followers(call, &newest, out->id, (char ***)&out->services, &out->n_services);
        return 0;
}

int handle_update_config(struct call *call, const Sk__UpdateConfigRequest *in,
                         Sk__UpdateConfigResponse *out)
{
        const Sk__ConfigSpec *said = in->spec, *before;
        const Sk__Config *now;
        Sk__ConfigSpec *spec;
        struct file file;

        TRY(file_resolve(call->view, SK__KIND__KIND_CONFIG, in->id, &file, call->err));
        if (in->new_version)
                return new_config_version(call, &file, in, out);
        now = (const Sk__Config *)file.head;
        before = now->spec;
        TRY(check_change(call, &file, in->version,
                         said && said->annotations && is_named_so(&file, said->annotations) &&
                                 (!in->data.len || is_same_data(now, &in->data)) &&
                                 str_equal(said->template_driver, before->template_driver)));
        spec = arena_copy(call->arena, before, sizeof *spec);
        spec->annotations = arena_copy(call->arena, said->annotations, sizeof *said->annotations);
        spec->annotations->name = before->annotations->name;
        plan_labels(call, &file, &spec->base);
        out->id = file.head->id;
        out->name = file.head->name;
        return 0;
}

int handle_remove_config(struct call *call, const Sk__RemoveConfigRequest *in,
                         Sk__RemoveConfigResponse *out)
{
        return remove_files(call, SK__KIND__KIND_CONFIG, in->id, (char ***)&out->names,
                            &out->n_names);
}
