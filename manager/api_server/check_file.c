/* Rules for secrets and configs, and for the services that use them. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "api/objects.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/expand/expand.h"
#include "manager/api_server/check.h"

enum {
        NAME_MAX_LENGTH = 64,
        SECRET_LESS_THAN = 512000,
        CONFIG_LESS_THAN = 1024000,
        LABELS_MAX = 4096,
        REFERENCES_MAX = 1000, /* of each kind in a service */
};

static const char *word(Sk__Kind kind)
{
        return kind == SK__KIND__KIND_SECRET ? "secret" : "config";
}

/* --- new ones --- */

static int check_file_name(const char *name, struct err *err)
{
        size_t length = strlen(name);
        bool is_good = length && length <= NAME_MAX_LENGTH && isalnum((unsigned char)name[0]) &&
                       isalnum((unsigned char)name[length - 1]);

        if (!length)
                return err_set(err, ERR_INVALID, "name must be provided");
        for (size_t i = 0; i < length; i++)
                is_good = is_good && (isalnum((unsigned char)name[i]) || strchr("-_.", name[i]));
        if (!is_good)
                return err_set(err, ERR_INVALID,
                               "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the "
                               "start and end character must be [a-zA-Z0-9]");
        return 0;
}

/* The reason quotes the template: of a secret only the line is told. */
static int refuse_template(Sk__Kind kind, const struct err *why, struct err *err)
{
        int line = 0;

        if (kind == SK__KIND__KIND_CONFIG)
                return err_set(err, ERR_INVALID, "%s", why->text);
        if (sscanf(why->text, "template: expansion:%d:", &line) != 1)
                line = 1;
        return err_set(err, ERR_INVALID,
                       "the secret is a template that cannot be understood, in line %d", line);
}

static int check_content_template(Sk__Kind kind, const ProtobufCBinaryData *data, struct err *err)
{
        struct err why;

        if (expand_check_file(data->data, data->len, &why) == 0)
                return 0;
        return refuse_template(kind, &why, err);
}

int check_file_labels(Sk__Kind kind, const Sk__Annotations *annotations, struct err *err)
{
        if (annotations->n_labels > LABELS_MAX)
                return err_set(err, ERR_INVALID, "a %s may have %d labels, not %zu", word(kind),
                               LABELS_MAX, annotations->n_labels);
        return 0;
}

int check_file(Sk__Kind kind, const Sk__Annotations *annotations, const char *template_driver,
               const ProtobufCBinaryData *data, struct err *err)
{
        size_t less_than = kind == SK__KIND__KIND_SECRET ? SECRET_LESS_THAN : CONFIG_LESS_THAN;

        TRY(check_file_name(annotations ? annotations->name : "", err));
        TRY(check_file_labels(kind, annotations, err));
        if (!data->len || data->len >= less_than)
                return err_set(err, ERR_INVALID,
                               "%s data must be larger than 0 and less than %zu bytes", word(kind),
                               less_than);
        if (str_is_empty(template_driver))
                return 0;
        if (!str_equal(template_driver, "golang"))
                return err_set(err, ERR_INVALID,
                               "template driver '%.64s' is not known: 'golang' is",
                               template_driver);
        return check_content_template(kind, data, err);
}

/* --- those that a service uses --- */

static int check_owner(Sk__Kind kind, const char *what, const char *text, struct err *err)
{
        int64_t id;

        if (str_is_empty(text) || (str_to_int64(text, &id, NULL) == 0 && id >= 0 && id < INT32_MAX))
                return 0;
        return err_set(err, ERR_INVALID, "malformed %s reference: %s '%.64s' must be a number",
                       word(kind), what, text);
}

static int check_reference(Sk__Kind kind, const Sk__FileReference *reference, struct err *err)
{
        if (str_is_empty(reference->name))
                return err_set(err, ERR_INVALID, "malformed %s reference", word(kind));
        if (str_is_empty(reference->target))
                return err_set(err, ERR_INVALID, "malformed %s reference, no target provided",
                               word(kind));
        TRY(check_owner(kind, "uid", reference->uid, err));
        TRY(check_owner(kind, "gid", reference->gid, err));
        if (reference->mode > 07777)
                return err_set(err, ERR_INVALID, "malformed %s reference: mode %o is no file mode",
                               word(kind), reference->mode);
        return 0;
}

static int check_references(Sk__Kind kind, Sk__FileReference *const *references, size_t n,
                            struct err *err)
{
        _cleanup_(map_done) struct map targets = { 0 };
        const Sk__FileReference *other;

        if (n > REFERENCES_MAX)
                return err_set(err, ERR_INVALID, "a service may use %d %ss, not %zu",
                               REFERENCES_MAX, word(kind), n);
        for (size_t i = 0; i < n; i++) {
                TRY(check_reference(kind, references[i], err));
                other = map_put(&targets, references[i]->target, references[i]);
                if (other)
                        return err_set(err, ERR_INVALID,
                                       "%s references '%.64s' and '%.64s' have a conflicting "
                                       "target: '%.200s'",
                                       word(kind), other->name, references[i]->name, other->target);
        }
        return 0;
}

int check_files(const Sk__ServiceSpec *spec, struct err *err)
{
        const Sk__ContainerSpec *container = spec->task->container;

        TRY(check_references(SK__KIND__KIND_SECRET, container->secrets, container->n_secrets, err));
        return check_references(SK__KIND__KIND_CONFIG, container->configs, container->n_configs,
                                err);
}
