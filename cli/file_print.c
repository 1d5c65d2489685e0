/* Secrets and configs in lists and in words. */
#include "cli/file.h"
#include "cli/when.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

static const struct list_field secret_fields[] = {
        { "ID", "ID" },
        { "Name", "NAME" },
        { "Driver", "DRIVER" },
        { "CreatedAt", "CREATED" },
        { "UpdatedAt", "UPDATED" },
        { "Labels", "LABELS" },
        { 0 },
};

const struct list_kind secret_list = {
        .fields = secret_fields,
        .table = "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}",
        .quiet = "{{.ID}}",
        .setting = "secretFormat",
};

static const struct list_field config_fields[] = {
        { "ID", "ID" },
        { "Name", "NAME" },
        { "CreatedAt", "CREATED" },
        { "UpdatedAt", "UPDATED" },
        { "Labels", "LABELS" },
        { 0 },
};

const struct list_kind config_list = {
        .fields = config_fields,
        .table = "{{.ID}}\t{{.Name}}\t{{.CreatedAt}}\t{{.UpdatedAt}}",
        .quiet = "{{.ID}}",
        .setting = "configFormat",
};

void secret_shown(const Sk__Secret *secret, struct shown_file *ret)
{
        *ret = (struct shown_file){ .id = secret->id,
                                    .name = secret->name,
                                    .driver = secret->spec ? secret->spec->driver : "",
                                    .annotations = secret->spec ? secret->spec->annotations : NULL,
                                    .meta = secret->meta };
}

void config_shown(const Sk__Config *config, struct shown_file *ret)
{
        static const ProtobufCBinaryData none;

        *ret = (struct shown_file){ .id = config->id,
                                    .name = config->name,
                                    .annotations = config->spec ? config->spec->annotations : NULL,
                                    .meta = config->meta,
                                    .data = config->data ? &config->data->content : &none };
}

static json_t *ago(int64_t time_ns, int64_t now_ns)
{
        struct str text = { 0 };
        json_t *value;

        add_ago(&text, time_ns, now_ns);
        value = json_string(str_text(&text));
        str_done(&text);
        return value;
}

static json_t *label_text(const Sk__Annotations *annotations)
{
        struct str text = { 0 };
        json_t *value;

        for (size_t i = 0; annotations && i < annotations->n_labels; i++)
                str_addf(&text, "%s%s=%s", i ? "," : "", annotations->labels[i]->key,
                         annotations->labels[i]->value);
        value = json_string(str_text(&text));
        str_done(&text);
        return value;
}

json_t *file_row(const struct shown_file *file, int64_t now_ns)
{
        const Sk__Meta *meta = file->meta;
        json_t *row = json_pack("{ss ss so so so}", "ID", file->id, "Name", file->name, "CreatedAt",
                                ago(meta ? meta->created_at_ns : 0, now_ns), "UpdatedAt",
                                ago(meta ? meta->updated_at_ns : 0, now_ns), "Labels",
                                label_text(file->annotations));

        if (!file->data)
                json_object_set_new(row, "Driver", json_string(str_or(file->driver, "")));
        return row;
}

static void add_when(struct str *out, const char *title, const char *blanks, int64_t time_ns)
{
        str_addf(out, "%s:%s", title, blanks);
        add_go_time(out, time_ns);
        str_add_char(out, '\n');
}

/* The blanks are docker's: tabs for configs, spaces for secrets. */
void file_pretty(struct str *out, const struct shown_file *file)
{
        const Sk__Annotations *annotations = file->annotations;
        bool is_secret = !file->data;
        const char *blanks = is_secret ? "        " : "            \t";

        str_addf(out,
                 is_secret ? "ID:              %s\nName:              %s\n"
                           : "ID:\t\t\t%s\nName:\t\t\t%s\n",
                 file->id, file->name);
        str_add(out, annotations && annotations->n_labels ? "Labels:\n" : "");
        for (size_t i = 0; annotations && i < annotations->n_labels; i++)
                str_addf(out, " - %s%s%s\n", annotations->labels[i]->key,
                         str_is_empty(annotations->labels[i]->value) ? "" : "=",
                         annotations->labels[i]->value);
        if (is_secret)
                str_addf(out, "Driver:            %s\n", str_or(file->driver, ""));
        add_when(out, "Created at", blanks, file->meta ? file->meta->created_at_ns : 0);
        add_when(out, "Updated at", blanks, file->meta ? file->meta->updated_at_ns : 0);
        if (is_secret)
                return;
        str_add(out, "Data:\n");
        str_add_bytes(out, file->data->data, file->data->len);
        str_add_char(out, '\n');
}
