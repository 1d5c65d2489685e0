/* The OCI configuration, put together. */
#include <jansson.h>
#include <string.h>

#include "agent/oci/health.h"
#include "agent/oci/parts.h"
#include "lib/base/check.h"
#include "lib/base/str.h"

/* The version of the runtime specification whose fields are used. */
static const char oci_version[] = "1.0.2";

json_t *oci_strings(const char *const *texts, size_t n)
{
        json_t *array = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(array, json_string(texts[i]));
        return array;
}

static json_t *annotations_section(const struct oci_input *input)
{
        json_t *annotations = json_object();

        for (size_t i = 0; i < input->n_labels; i++) {
                if (!str_is_empty(input->labels[i].key))
                        json_object_set_new(annotations, input->labels[i].key,
                                            json_string(input->labels[i].value));
        }
        /* After the labels: whom to share a shim with is not for a label to say. */
        json_object_set_new(annotations, "io.containerd.runc.v2.group",
                            json_string(str_is_empty(input->shim_group) ? input->id
                                                                        : input->shim_group));
        return annotations;
}

static int find_capabilities(const struct oci_input *input, uint64_t *ret, struct err *err)
{
        const Sk__ContainerSpec *container = input->spec->task->container;

        return oci_capabilities((const char *const *)container->capability_add,
                                container->n_capability_add,
                                (const char *const *)container->capability_drop,
                                container->n_capability_drop, input->host->capabilities, ret, err);
}

static int build(const struct oci_input *input, json_t *root, struct err *err)
{
        const Sk__ContainerSpec *container = input->spec->task->container;
        uint64_t capabilities;
        json_t *section;

        TRY(find_capabilities(input, &capabilities, err));
        json_object_set_new(root, "ociVersion", json_string(oci_version));
        json_object_set_new(root, "root",
                            json_pack("{s:s,s:b}", "path", "rootfs", "readonly",
                                      (int)container->read_only));
        json_object_set_new(root, "hostname", json_string(input->hostname));
        TRY(oci_process_section(input, capabilities, &section, err));
        json_object_set_new(root, "process", section);
        json_object_set_new(root, "mounts", oci_mounts_section(input));
        TRY(oci_linux_section(input, capabilities, &section, err));
        json_object_set_new(root, "linux", section);
        json_object_set_new(root, "annotations", annotations_section(input));
        oci_apply_devices(input, root);
        return 0;
}

/* Unlimited is the largest unsigned number, which jansson's integers cannot hold: it is put in
 * place of -1 in the text.  Quotes inside JSON strings are escaped, so the words found are members.
 */
static char *spell_unlimited(const char *text, struct arena *arena)
{
        static const char *const members[] = { "\"soft\":", "\"hard\":" };
        struct str str = { 0 };
        char *copy;

        while (*text) {
                size_t length = strcspn(text + 1, "\"") + 1;

                for (size_t i = 0; i < COUNT_OF(members); i++) {
                        if (str_starts_with(text, members[i]) && text[7] == '-') {
                                str_add(&str, members[i]);
                                str_add(&str, "18446744073709551615");
                                text += strlen(members[i]) + strlen("-1");
                                length = 0;
                                break;
                        }
                }
                str_add_bytes(&str, text, length);
                text += length;
        }
        copy = arena_strdup(arena, str_text(&str));
        str_done(&str);
        return copy;
}

int oci_spec_build(const struct oci_input *input, struct arena *arena, const char **ret_json,
                   size_t *ret_size, struct err *err)
{
        json_t *root = json_object();
        int failed = build(input, root, err);
        char *text;

        if (failed) {
                json_decref(root);
                return failed;
        }
        text = json_dumps(root, JSON_COMPACT);
        json_decref(root);
        if (!text)
                return err_set(err, ERR_INVALID, "the spec holds text that is not UTF-8");
        *ret_json = spell_unlimited(text, arena);
        *ret_size = strlen(*ret_json);
        free(text);
        return 0;
}

static json_t *health_section(const struct oci_health *settings)
{
        return json_pack("{s:{s:o,s:I,s:I,s:I,s:I,s:I}}", "Healthcheck", "Test",
                         oci_strings(settings->test.words, settings->test.n), "Interval",
                         (json_int_t)settings->interval_ns, "Timeout",
                         (json_int_t)settings->timeout_ns, "StartPeriod",
                         (json_int_t)settings->start_period_ns, "StartInterval",
                         (json_int_t)settings->start_interval_ns, "Retries",
                         (json_int_t)settings->retries);
}

/* A probe without a program has no process. */
static int probe_process(const struct oci_input *input, struct oci_words program, json_t **ret,
                         struct err *err)
{
        uint64_t capabilities;

        *ret = NULL;
        if (program.n == 0)
                return 0;
        TRY(find_capabilities(input, &capabilities, err));
        TRY(oci_process_section(input, capabilities, ret, err));
        json_object_set_new(*ret, "args", oci_strings(program.words, program.n));
        json_object_set_new(*ret, "terminal", json_false());
        json_object_del(*ret, "rlimits");
        return 0;
}

int oci_probe_build(const struct oci_input *input, const struct oci_health *settings,
                    struct arena *arena, const char **ret_json, struct err *err)
{
        json_t *process, *root;
        char *text;

        TRY(probe_process(input, health_program(settings->test, arena), &process, err));
        root = json_pack("{s:o}", "config", health_section(settings));
        if (process)
                json_object_set_new(root, "process", process);
        text = json_dumps(root, JSON_COMPACT);
        json_decref(root);
        if (!text)
                return err_set(err, ERR_INVALID, "the health check holds text that is not UTF-8");
        *ret_json = arena_strdup(arena, text);
        free(text);
        return 0;
}
