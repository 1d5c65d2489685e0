/* --secret and --config: "NAME", or source=NAME,target=FILE,uid=0,gid=0,mode=0444. */
#include <stdlib.h>
#include <string.h>

#include "cli/spec_private.h"
#include "lib/base/str.h"

enum { MODE_DEFAULT = 0444 };

/* One of the container's two lists. */
struct file_list {
        const char *word;
        Sk__FileReference ***references;
        size_t *n;
};

static struct file_list secrets(struct spec_edit *edit)
{
        Sk__ContainerSpec *container = spec_container(edit);

        return (struct file_list){ "secret", &container->secrets, &container->n_secrets };
}

static struct file_list configs(struct spec_edit *edit)
{
        Sk__ContainerSpec *container = spec_container(edit);

        return (struct file_list){ "config", &container->configs, &container->n_configs };
}

/* As docker reads it: decimal, or octal with a leading 0. */
static int set_mode(struct spec_edit *edit, Sk__FileReference *reference, const char *value)
{
        char *end;
        unsigned long mode = strtoul(value, &end, 0);

        if (!*value || *end || mode > 07777 || value[0] == '-')
                return err_set(edit->err, ERR_INVALID, "invalid mode specified: %.32s", value);
        reference->mode = (uint32_t)mode;
        return 0;
}

struct taking {
        Sk__FileReference *reference;
        const char *word;
};

static int take_field(struct spec_edit *edit, void *context, const char *key, const char *value)
{
        const struct taking *taking = context;
        Sk__FileReference *reference = taking->reference;

        if (!value || !*key)
                return err_set(edit->err, ERR_INVALID,
                               "invalid field '%.64s' must be a key=value pair", key);
        if (strcmp(key, "source") == 0 || strcmp(key, "src") == 0)
                reference->name = value;
        else if (strcmp(key, "target") == 0)
                reference->target = value;
        else if (strcmp(key, "uid") == 0)
                reference->uid = value;
        else if (strcmp(key, "gid") == 0)
                reference->gid = value;
        else if (strcmp(key, "mode") == 0)
                return set_mode(edit, reference, value);
        else
                return err_set(edit->err, ERR_INVALID, "invalid field in %s request: %.64s",
                               taking->word, key);
        return 0;
}

/* The name without its version. */
static const char *family_of(struct spec_edit *edit, const char *name)
{
        return arena_printf(edit->arena, "%.*s", (int)strcspn(name, "@"), name);
}

static int add_file(struct spec_edit *edit, const struct file_list *list, const char *value)
{
        Sk__FileReference *reference = arena_alloc(edit->arena, sizeof *reference);

        *reference = (Sk__FileReference)SK__FILE_REFERENCE__INIT;
        reference->uid = reference->gid = "0";
        reference->mode = MODE_DEFAULT;
        if (strpbrk(value, ",="))
                TRY(each_pair(edit, value, take_field, &(struct taking){ reference, list->word }));
        else
                reference->name = arena_strdup(edit->arena, value);
        if (str_is_empty(reference->name))
                return err_set(edit->err, ERR_INVALID, "source is required");
        if (str_is_empty(reference->target))
                reference->target = family_of(edit, reference->name);
        for (size_t i = 0; i < *list->n; i++)
                if (str_equal((*list->references)[i]->target, reference->target))
                        return err_set(edit->err, ERR_INVALID,
                                       "duplicate %s target for %.64s not allowed", list->word,
                                       reference->name);
        pointers_add(edit, (void ***)list->references, list->n, reference);
        return 0;
}

/* "NAME" is any version of it, "NAME@2" only that one. */
static int remove_file(struct spec_edit *edit, const struct file_list *list, const char *name)
{
        for (size_t i = *list->n; i-- > 0;) {
                const char *known = (*list->references)[i]->name;

                if (str_equal(known, name) || str_equal(family_of(edit, known), name))
                        pointers_remove((void **)*list->references, list->n, i);
        }
        return 0;
}

int add_secret(struct spec_edit *edit, const char *value)
{
        struct file_list list = secrets(edit);

        return add_file(edit, &list, value);
}

int remove_secret(struct spec_edit *edit, const char *value)
{
        struct file_list list = secrets(edit);

        return remove_file(edit, &list, value);
}

int add_config(struct spec_edit *edit, const char *value)
{
        struct file_list list = configs(edit);

        return add_file(edit, &list, value);
}

int remove_config(struct spec_edit *edit, const char *value)
{
        struct file_list list = configs(edit);

        return remove_file(edit, &list, value);
}
