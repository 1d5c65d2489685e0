/* Templates in a spec. */
#include <string.h>

#include "lib/base/check.h"
#include "lib/expand/context.h"
#include "lib/template/template.h"

enum { RESULT_MAX = 1 << 20, STEPS_MAX = 10000 };

/* Of all templates of a container together. */
enum { TEMPLATES_MAX = 1000, ALL_RESULTS_MAX = 4 << 20 };

const struct expand_values expand_dummies = {
        .service_id = "serviceid",
        .service_name = "servicename",
        .node_id = "nodeid",
        .node_hostname = "nodeHostname",
        .node_os = "os",
        .node_architecture = "architecture",
        .task_id = "taskid",
        .task_name = "taskname",
        .task_slot = "1",
};

static void set(json_t *object, const char *key, const char *text)
{
        CHECK(json_object_set_new(object, key, json_string_nocheck(str_or(text, ""))) == 0);
}

static json_t *labels_of(const struct expand_values *values)
{
        json_t *labels = json_object();

        for (size_t i = 0; i < values->n_service_labels; i++)
                CHECK(json_object_set_new_nocheck(labels, values->service_labels[i]->key,
                                                  json_string_nocheck(
                                                          values->service_labels[i]->value)) == 0);
        return labels;
}

json_t *expand_context(const struct expand_values *values)
{
        json_t *context = template_struct("*template.Context");
        json_t *service =
                template_struct("struct { ID string; Name string; Labels map[string]string }");
        json_t *node = template_struct(
                "struct { ID string; Hostname string; Platform template.Platform }");
        json_t *platform = template_struct("template.Platform");
        json_t *task = template_struct("struct { ID string; Name string; Slot string }");

        set(service, "ID", values->service_id);
        set(service, "Name", values->service_name);
        json_object_set_new(service, "Labels", labels_of(values));
        set(platform, "Architecture", values->node_architecture);
        set(platform, "OS", values->node_os);
        set(node, "ID", values->node_id);
        set(node, "Hostname", values->node_hostname);
        json_object_set_new(node, "Platform", platform);
        set(task, "ID", values->task_id);
        set(task, "Name", values->task_name);
        set(task, "Slot", values->task_slot);
        json_object_set_new(context, "Service", service);
        json_object_set_new(context, "Node", node);
        json_object_set_new(context, "Task", task);
        return context;
}

/* --- one text --- */

int expand_join(void *context, json_t *const *arguments, size_t n, json_t **ret, struct err *err)
{
        _cleanup_(str_done) struct str text = { 0 };

        (void)context;
        for (size_t i = 0; i < n; i++) {
                if (!json_is_string(arguments[i]))
                        return err_set(err, ERR_INVALID, "wrong type for value; expected string");
                if (i > 1)
                        str_add(&text, json_string_value(arguments[0]));
                if (i > 0)
                        str_add_bytes(&text, json_string_value(arguments[i]),
                                      json_string_length(arguments[i]));
        }
        *ret = json_stringn_nocheck(str_text(&text), text.length);
        return 0;
}

/* A task's context and what expanding with it takes. */
struct expander {
        json_t *context;
        struct arena *arena;
        struct err *err;
        size_t n, made; /* templates, and bytes that they made */
};

/* One text may be small and cost much, and a spec has room for many. */
static int check_all(const struct expander *expander)
{
        if (expander->n > TEMPLATES_MAX)
                return err_set(expander->err, ERR_INVALID, "template: more than %d of them",
                               TEMPLATES_MAX);
        if (expander->made > ALL_RESULTS_MAX)
                return err_set(expander->err, ERR_INVALID,
                               "template: all of them together print more than %d bytes",
                               ALL_RESULTS_MAX);
        return 0;
}

static int run(struct expander *expander, const char *text, struct str *out)
{
        static const struct template_function_row functions[] = { { "join", expand_join }, { 0 } };
        static const struct template_place place = { "expansion", functions };
        static const struct template_options options = { .has_maps = true,
                                                         .steps_max = STEPS_MAX,
                                                         .output_max = RESULT_MAX };
        const struct template *template;
        struct err why;

        TRY(template_parse_for(expander->arena, &place, text, &template, expander->err));
        if (template_run(template, &options, expander->context, out, &why) < 0)
                return err_set(expander->err, ERR_INVALID, "%s", why.text);
        if (memchr(str_text(out), 0, out->length) ||
            (!str_is_utf8(str_text(out), out->length) && str_is_utf8(text, strlen(text))))
                return err_set(expander->err, ERR_INVALID, "template: the result is no text");
        return 0;
}

/* *text becomes what it expands to. */
static int expand(struct expander *expander, const char **text)
{
        _cleanup_(str_done) struct str out = { 0 };

        if (!*text || !strstr(*text, "{{"))
                return 0;
        expander->n++;
        TRY(check_all(expander));
        TRY(run(expander, *text, &out));
        expander->made += out.length;
        TRY(check_all(expander));
        *text = arena_strdup(expander->arena, str_text(&out));
        return 0;
}

int expand_text(const char *text, const struct expand_values *values, struct arena *arena,
                const char **ret, struct err *err)
{
        struct err why;
        struct expander expander = { expand_context(values), arena, &why, 0, 0 };
        int result;

        *ret = text;
        result = expand(&expander, ret);
        json_decref(expander.context);
        return result < 0 ? err_set(err, ERR_INVALID, "%s", why.text) : 0;
}

/* --- all of a container --- */

static int expand_labels(struct expander *expander, Sk__Label ***labels, size_t n, const char *what)
{
        Sk__Label **copies = arena_copy(expander->arena, *labels, n * sizeof *copies);

        for (size_t i = 0; i < n; i++) {
                copies[i] = arena_copy(expander->arena, copies[i], sizeof *copies[i]);
                if (expand(expander, &copies[i]->value) < 0)
                        return err_prefix(expander->err, "expanding %s: %.64s", what,
                                          copies[i]->key);
        }
        *labels = copies;
        return 0;
}

static int expand_volume(struct expander *expander, Sk__Mount *mount)
{
        Sk__Mount__VolumeOptions *volume;

        if (!mount->volume)
                return 0;
        volume = arena_copy(expander->arena, mount->volume, sizeof *volume);
        mount->volume = volume;
        TRY(expand_labels(expander, &volume->labels, volume->n_labels, "volume labels"));
        return expand_labels(expander, &volume->driver_options, volume->n_driver_options,
                             "volume driver options");
}

static int expand_mount(struct expander *expander, Sk__Mount *mount)
{
        const char *before = mount->source;

        if (expand(expander, &mount->source) < 0)
                return err_prefix(expander->err, "expanding mount source \"%.200s\"", before);
        before = mount->target;
        if (expand(expander, &mount->target) < 0)
                return err_prefix(expander->err, "expanding mount target \"%.200s\"", before);
        return expand_volume(expander, mount);
}

static int expand_mounts(struct expander *expander, Sk__ContainerSpec *container)
{
        container->mounts = arena_copy(expander->arena, container->mounts,
                                       container->n_mounts * sizeof *container->mounts);
        for (size_t i = 0; i < container->n_mounts; i++) {
                container->mounts[i] = arena_copy(expander->arena, container->mounts[i],
                                                  sizeof *container->mounts[i]);
                if (expand_mount(expander, container->mounts[i]) < 0)
                        return err_prefix(expander->err, "expanding mounts failed");
        }
        return 0;
}

static int expand_env(struct expander *expander, Sk__ContainerSpec *container)
{
        container->env = arena_copy(expander->arena, container->env,
                                    container->n_env * sizeof *container->env);
        for (size_t i = 0; i < container->n_env; i++) {
                const char *before = container->env[i];

                if (expand(expander, &container->env[i]) < 0)
                        return err_prefix(expander->err,
                                          "expanding env failed: expanding env \"%.100s\"", before);
        }
        return 0;
}

static int expand_all(struct expander *expander, Sk__ContainerSpec *container)
{
        TRY(expand_mounts(expander, container));
        TRY(expand_env(expander, container));
        if (expand(expander, &container->hostname) < 0)
                return err_prefix(expander->err, "expanding hostname failed");
        return 0;
}

int expand_container(const Sk__ContainerSpec *container, const struct expand_values *values,
                     struct arena *arena, Sk__ContainerSpec **ret, struct err *err)
{
        struct err why;
        struct expander expander = { expand_context(values), arena, &why, 0, 0 };
        Sk__ContainerSpec *copy = arena_copy(arena, container, sizeof *copy);
        int result = expand_all(&expander, copy);

        json_decref(expander.context);
        if (result < 0)
                return err_set(err, ERR_INVALID, "%s", why.text);
        *ret = copy;
        return 0;
}
