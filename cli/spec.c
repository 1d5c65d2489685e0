/* A service's spec from what was typed: the tables, read by the parser, by help and by the
 * documentation. */
#include "cli/spec.h"

#include <stdlib.h>
#include <string.h>

#include "cli/print.h"
#include "cli/spec_private.h"
#include "lib/base/check.h"
#include "lib/base/str.h"

enum { FLAGS_MAX = 256 };

/* In the order in which they are applied: the mode before what depends on it. */
static const struct spec_option *const option_tables[] = {
        spec_service_options,   spec_job_options,    spec_update_options,
        spec_container_options, spec_health_options, spec_task_options,
};

Sk__TaskSpec *spec_task(struct spec_edit *edit)
{
        return SPEC_MAKE(edit, edit->spec->task, Sk__TaskSpec, SK__TASK_SPEC__INIT);
}

Sk__ContainerSpec *spec_container(struct spec_edit *edit)
{
        return SPEC_MAKE(edit, spec_task(edit)->container, Sk__ContainerSpec,
                         SK__CONTAINER_SPEC__INIT);
}

Sk__ServiceSpec *spec_new(struct arena *arena)
{
        Sk__ServiceSpec *spec = arena_alloc(arena, sizeof *spec);
        struct spec_edit edit = { .spec = spec, .arena = arena };

        *spec = (Sk__ServiceSpec)SK__SERVICE_SPEC__INIT;
        SPEC_MAKE(&edit, spec->annotations, Sk__Annotations, SK__ANNOTATIONS__INIT);
        spec->mode_case = SK__SERVICE_SPEC__MODE_REPLICATED;
        spec->replicated = NULL;
        SPEC_MAKE(&edit, spec->replicated, Sk__ReplicatedService, SK__REPLICATED_SERVICE__INIT);
        spec->replicated->replicas = 1;
        /* What docker's client always says. */
        SPEC_MAKE(&edit, spec_container(&edit)->init, Sk__ContainerSpec__Init,
                  SK__CONTAINER_SPEC__INIT__INIT);
        SPEC_MAKE(&edit, spec->task->limits, Sk__Resources, SK__RESOURCES__INIT);
        SPEC_MAKE(&edit, spec->task->reservations, Sk__Resources, SK__RESOURCES__INIT);
        SPEC_MAKE(&edit, spec->endpoint, Sk__EndpointSpec, SK__ENDPOINT_SPEC__INIT);
        return spec;
}

const char *spec_image(struct arena *arena, const char *image)
{
        const char *name = short_image(arena, image, true), *slash = strrchr(name, '/');

        if (!*name || strchr(slash ? slash : name, ':') || strchr(name, '@'))
                return name;
        return arena_printf(arena, "%s:latest", name);
}

static bool is_list(const struct spec_option *option)
{
        return option->type == FLAG_LIST;
}

/* cap-add and cap-drop undo each other, log-opt and env-file only add: these keep their names at
 * update. */
static bool keeps_name(const struct spec_option *option)
{
        return str_starts_with(option->name, "cap-") || strcmp(option->name, "log-opt") == 0;
}

static struct flag flag_of(const struct spec_option *option, const char *name, const char *help)
{
        return (struct flag){ name, option->letter, option->type, option->value_name,
                              help, option->refusal };
}

static const char *joined(const char *a, const char *b)
{
        struct str text = { 0 };

        str_add(&text, a);
        str_add(&text, b);
        return str_take(&text);
}

static void add_update_flags(const struct spec_option *option, struct flag *flags, size_t *n)
{
        if (!is_list(option) || keeps_name(option)) {
                flags[(*n)++] = flag_of(option, option->name, option->help);
                return;
        }
        flags[*n] = flag_of(option, joined(option->name, "-add"),
                            joined("Add or update: ", option->help));
        flags[(*n)++].letter = 0;
        flags[*n] = flag_of(option, joined(option->name, "-rm"), joined("Remove: ", option->help));
        flags[(*n)++].letter = 0;
}

static struct flag *make_flags(enum spec_use use)
{
        struct flag *flags = mem_alloc_array(FLAGS_MAX, sizeof *flags);
        size_t n = 0;

        for (size_t t = 0; t < COUNT_OF(option_tables); t++)
                for (const struct spec_option *option = option_tables[t]; option->name; option++) {
                        if (option->use != SPEC_BOTH && option->use != use)
                                continue;
                        CHECK(n + 2 < FLAGS_MAX);
                        if (use == SPEC_CREATE)
                                flags[n++] = flag_of(option, option->name, option->help);
                        else
                                add_update_flags(option, flags, &n);
                }
        return flags;
}

const struct flag *spec_create_flags(void)
{
        static struct flag *flags;

        if (!flags)
                flags = make_flags(SPEC_CREATE);
        return flags;
}

const struct flag *spec_update_flags(void)
{
        static struct flag *flags;

        if (!flags)
                flags = make_flags(SPEC_UPDATE);
        return flags;
}

static int apply_all(struct spec_edit *edit, const struct arguments *arguments, const char *name,
                     char letter, spec_setter *set)
{
        char letter_words[] = { '-', letter, ',', ' ', '\0' };
        const char *value;

        for (size_t i = 0; (value = argument_nth(arguments, name, i)); i++)
                if (set(edit, value) < 0)
                        return err_prefix(edit->err,
                                          "invalid argument \"%.64s\" for \"%s--%s\" flag", value,
                                          letter ? letter_words : "", name);
        return 0;
}

static int apply_option(struct spec_edit *edit, const struct arguments *arguments,
                        const struct spec_option *option)
{
        char name[64];

        if (!option->set)
                return 0;
        if (!edit->is_update || !is_list(option) || keeps_name(option))
                return apply_all(edit, arguments, option->name, option->letter, option->set);
        snprintf(name, sizeof name, "%s-rm", option->name);
        if (option->remove)
                TRY(apply_all(edit, arguments, name, 0, option->remove));
        snprintf(name, sizeof name, "%s-add", option->name);
        return apply_all(edit, arguments, name, 0, option->set);
}

int spec_apply(struct spec_edit *edit, const struct arguments *arguments)
{
        const char *mode = argument(arguments, "mode");

        TRY(check_health_flags(arguments, edit->err));
        /* The mode decides what the other options may say, so it goes first whatever the order of
         * the rows. */
        if (mode && !edit->is_update)
                for (const struct spec_option *option = spec_service_options; option->name;
                     option++)
                        if (strcmp(option->name, "mode") == 0)
                                TRY(apply_option(edit, arguments, option));
        for (size_t t = 0; t < COUNT_OF(option_tables); t++)
                for (const struct spec_option *option = option_tables[t]; option->name; option++)
                        if (strcmp(option->name, "mode") != 0 &&
                            (option->use == SPEC_BOTH ||
                             option->use == (edit->is_update ? SPEC_UPDATE : SPEC_CREATE)))
                                TRY(apply_option(edit, arguments, option));
        return 0;
}

static void print_row(FILE *out, const struct flag *flag)
{
        fprintf(out, "| `--%s` | %s | %s |\n", flag->name, flag->refusal ? "not yet" : "works",
                flag->refusal ? flag->refusal : flag->help);
}

static void print_rows(FILE *out, const char *command, const struct flag *flags)
{
        fprintf(out, "\n## skep service %s\n\n| flag | state | |\n|---|---|---|\n", command);
        for (const struct flag *flag = flags; flag->name; flag++)
                print_row(out, flag);
}

void spec_print_table(FILE *out)
{
        fprintf(out,
                "# Flags of services\n\nDocker's flags, all of them, and what becomes of them. "
                "Written by `skep docs flags`; a test compares.\n");
        print_rows(out, "create", spec_create_flags());
        print_rows(out, "update", spec_update_flags());
}
