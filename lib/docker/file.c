/* Secrets and configs. */
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/docker/field.h"

static void add_base64(json_t *object, const char *key, const ProtobufCBinaryData *data)
{
        _cleanup_(str_done) struct str text = { 0 };

        str_add_base64(&text, data->data, data->len);
        add_text_always(object, key, str_text(&text));
}

static json_t *add_spec(json_t *object, const char *name, const Sk__Annotations *annotations)
{
        json_t *shown = add_object(object, "Spec");

        add_text_always(shown, "Name", name);
        add_labels_always(shown, "Labels", annotations ? annotations->labels : NULL,
                          annotations ? annotations->n_labels : 0);
        return shown;
}

static void add_driver(json_t *object, const char *key, const char *name)
{
        if (!str_is_empty(name))
                add_text_always(add_object(object, key), "Name", name);
}

json_t *docker_secret(const Sk__Secret *secret)
{
        static const Sk__SecretSpec none = SK__SECRET_SPEC__INIT;
        const Sk__SecretSpec *spec = secret->spec ? secret->spec : &none;
        json_t *shown = json_object(), *part;

        add_head(shown, secret->id, secret->meta, 0);
        part = add_spec(shown, secret->name, spec->annotations);
        add_driver(part, "Driver", spec->driver);
        add_driver(part, "Templating", spec->template_driver);
        return shown;
}

json_t *docker_config(const Sk__Config *config)
{
        static const Sk__ConfigSpec none = SK__CONFIG_SPEC__INIT;
        const Sk__ConfigSpec *spec = config->spec ? config->spec : &none;
        json_t *shown = json_object(), *part;

        add_head(shown, config->id, config->meta, 0);
        part = add_spec(shown, config->name, spec->annotations);
        if (config->data && config->data->content.len)
                add_base64(part, "Data", &config->data->content);
        add_driver(part, "Templating", spec->template_driver);
        return shown;
}
