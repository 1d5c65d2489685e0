/* skep volume: what this node keeps for its containers. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/print.h"
#include "cli/spec_private.h"
#include "cli/tables.h"
#include "lib/base/check.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

#define NO_CLUSTER "cluster volumes come with a later release"

static const char anonymous_label[] = "com.docker.volume.anonymous";

/* --- as JSON --- */

static json_t *pairs(Sk__Label *const *labels, size_t n)
{
        json_t *shown = n ? json_object() : json_null();

        for (size_t i = 0; i < n; i++)
                json_object_set_new(shown, labels[i]->key, json_string(labels[i]->value));
        return shown;
}

static json_t *volume_json(const Sk__NodeVolume *volume)
{
        struct str created = { 0 };
        json_t *shown;

        str_add_time(&created, volume->created_at_ns);
        shown = json_pack("{ss ss so ss ss so ss}", "CreatedAt", str_text(&created), "Driver",
                          volume->driver, "Labels", pairs(volume->labels, volume->n_labels),
                          "Mountpoint", volume->mountpoint, "Name", volume->name, "Options",
                          pairs(volume->options, volume->n_options), "Scope", "local");
        str_done(&created);
        return shown;
}

static const Sk__ListVolumesResponse *get_volumes(struct cli *cli)
{
        Sk__ListVolumesRequest request = SK__LIST_VOLUMES_REQUEST__INIT;
        const void *out;

        return cli_call(cli, RPC_METHOD(node_agent, ListVolumes), &request.base, &out) < 0 ? NULL
                                                                                           : out;
}

/* --- which --- */

static const char *find_label(const Sk__NodeVolume *volume, const char *key)
{
        for (size_t i = 0; i < volume->n_labels; i++)
                if (strcmp(volume->labels[i]->key, key) == 0)
                        return volume->labels[i]->value;
        return NULL;
}

/* "key" or "key=value" */
static bool has_label(struct cli *cli, const Sk__NodeVolume *volume, const char *wanted)
{
        size_t length = strcspn(wanted, "=");
        const char *value =
                find_label(volume, arena_printf(&cli->arena, "%.*s", (int)length, wanted));

        return value && (!wanted[length] || strcmp(value, wanted + length + 1) == 0);
}

static int meets(struct cli *cli, const Sk__NodeVolume *volume, const char *key, const char *value,
                 bool *ret)
{
        bool truth;

        if (strcmp(key, "dangling") == 0) {
                if (str_to_bool(value, &truth, NULL) < 0)
                        return err_set(&cli->err, ERR_INVALID, "invalid filter 'dangling=[%s]'",
                                       value);
                *ret = truth == (volume->n_tasks == 0);
        } else if (strcmp(key, "name") == 0) {
                *ret = strstr(volume->name, value) != NULL;
        } else if (strcmp(key, "driver") == 0) {
                *ret = strcmp(volume->driver, value) == 0;
        } else if (strcmp(key, "label") == 0) {
                *ret = has_label(cli, volume, value);
        } else if (strcmp(key, "label!") == 0) {
                *ret = !has_label(cli, volume, value);
        } else {
                return err_set(&cli->err, ERR_INVALID, "invalid filter '%.64s'", key);
        }
        return 0;
}

/* Values of one key go together, except of labels: one of them must fit. */
static int is_wanted(struct cli *cli, const Sk__NodeVolume *volume, Sk__Filter *const *filters,
                     size_t n, bool *ret)
{
        *ret = true;
        for (size_t i = 0; i < n && *ret; i++) {
                bool needs_all = str_starts_with(filters[i]->key, "label"), fits = needs_all,
                     one = false;

                for (size_t k = 0; k < filters[i]->n_values; k++) {
                        TRY(meets(cli, volume, filters[i]->key, filters[i]->values[k], &one));
                        fits = needs_all ? fits && one : fits || one;
                }
                *ret = fits;
        }
        return 0;
}

/* --- create --- */

static const struct flag create_flags[] = {
        { "driver", 'd', FLAG_STRING, NULL, "Specify volume driver name (default \"local\")",
          NULL },
        { "label", 0, FLAG_LIST, NULL, "Set metadata for a volume", NULL },
        { "opt", 'o', FLAG_LIST, "map", "Set driver specific options", NULL },
        { "availability", 0, FLAG_STRING, NULL, "Cluster Volume availability", NO_CLUSTER },
        { "group", 0, FLAG_STRING, NULL, "Cluster Volume group", NO_CLUSTER },
        { "limit-bytes", 0, FLAG_BYTES, NULL, "Maximum size of the Cluster Volume", NO_CLUSTER },
        { "required-bytes", 0, FLAG_BYTES, NULL, "Minimum size of the Cluster Volume", NO_CLUSTER },
        { "scope", 0, FLAG_STRING, NULL, "Cluster Volume access scope", NO_CLUSTER },
        { "secret", 0, FLAG_LIST, "map", "Cluster Volume secrets", NO_CLUSTER },
        { "sharing", 0, FLAG_STRING, NULL, "Cluster Volume access sharing", NO_CLUSTER },
        { "topology-preferred", 0, FLAG_LIST, NULL, "Preferred topology", NO_CLUSTER },
        { "topology-required", 0, FLAG_LIST, NULL, "Required topology", NO_CLUSTER },
        { "type", 0, FLAG_STRING, NULL, "Cluster Volume access type", NO_CLUSTER },
        { 0 },
};

static int volume_create_command(struct cli *cli, const struct arguments *arguments)
{
        struct spec_edit edit = { .arena = &cli->arena, .err = &cli->err };
        Sk__CreateVolumeRequest request = SK__CREATE_VOLUME_REQUEST__INIT;
        Sk__NodeVolume volume = SK__NODE_VOLUME__INIT;
        const void *out;
        const char *one;

        volume.name = str_or(positional(arguments, 0), "");
        volume.driver = str_or(argument(arguments, "driver"), "local");
        for (size_t i = 0; (one = argument_nth(arguments, "label", i)); i++)
                if (label_set(&edit, &volume.labels, &volume.n_labels, one) < 0)
                        return print_failure(cli);
        for (size_t i = 0; (one = argument_nth(arguments, "opt", i)); i++)
                if (label_set(&edit, &volume.options, &volume.n_options, one) < 0)
                        return print_failure(cli);
        request.volume = &volume;
        if (cli_call(cli, RPC_METHOD(node_agent, CreateVolume), &request.base, &out) < 0)
                return cli_fail(cli);
        printf("%s\n", ((const Sk__CreateVolumeResponse *)out)->volume->name);
        return 0;
}

/* --- ls --- */

static const struct list_field volume_fields[] = {
        { "Driver", "DRIVER" },
        { "Name", "VOLUME NAME" },
        { "Scope", "SCOPE" },
        { "Labels", "LABELS" },
        { "Mountpoint", "MOUNTPOINT" },
        { "Links", "LINKS" },
        { 0 },
};

static const struct list_kind volume_kind = {
        .fields = volume_fields,
        .table = "{{.Driver}}\t{{.Name}}",
        .quiet = "{{.Name}}",
        .setting = "volumesFormat",
};

static json_t *volume_row(struct cli *cli, const Sk__NodeVolume *volume)
{
        _cleanup_(str_done) struct str labels = { 0 };

        for (size_t i = 0; i < volume->n_labels; i++)
                str_addf(&labels, "%s%s=%s", i ? "," : "", volume->labels[i]->key,
                         volume->labels[i]->value);
        return json_pack("{ss ss ss ss ss ss}", "Driver", volume->driver, "Name", volume->name,
                         "Scope", "local", "Labels", str_text(&labels), "Mountpoint",
                         volume->mountpoint, "Links",
                         arena_printf(&cli->arena, "%zu", volume->n_tasks));
}

static int volume_ls(struct cli *cli, const struct arguments *arguments)
{
        const Sk__ListVolumesResponse *volumes = get_volumes(cli);
        Sk__Filter **filters = NULL;
        size_t n_filters = 0;
        json_t *rows;
        bool fits;

        if (!volumes)
                return cli_fail(cli);
        filters_from(cli, arguments, &filters, &n_filters);
        rows = json_array();
        for (size_t i = 0; i < volumes->n_volumes; i++) {
                if (is_wanted(cli, volumes->volumes[i], filters, n_filters, &fits) < 0) {
                        json_decref(rows);
                        return print_failure(cli);
                }
                if (fits)
                        json_array_append_new(rows, volume_row(cli, volumes->volumes[i]));
        }
        return print_list(cli, arguments, &volume_kind, rows);
}

/* --- inspect --- */

static json_t *get_json(struct cli *cli, const char *name)
{
        const Sk__ListVolumesResponse *volumes = get_volumes(cli);

        for (size_t i = 0; volumes && i < volumes->n_volumes; i++)
                if (strcmp(volumes->volumes[i]->name, name) == 0)
                        return volume_json(volumes->volumes[i]);
        if (volumes)
                err_set(&cli->err, ERR_NOT_FOUND, "get %.200s: no such volume", name);
        return NULL;
}

static void inspect_fail(struct cli *cli, const char *name)
{
        (void)name;
        cli_fail(cli);
}

static int volume_inspect(struct cli *cli, const struct arguments *arguments)
{
        static const struct inspection inspection = { get_json, NULL, inspect_fail };

        return print_inspection(cli, arguments, &inspection);
}

/* --- rm --- */

static int remove_one(struct cli *cli, const char *name, bool force)
{
        Sk__RemoveVolumeRequest request = SK__REMOVE_VOLUME_REQUEST__INIT;
        const void *out;

        request.name = name;
        request.force = force;
        if (cli_call(cli, RPC_METHOD(node_agent, RemoveVolume), &request.base, &out) < 0)
                return cli_fail(cli);
        printf("%s\n", name);
        return 0;
}

static const struct flag rm_flags[] = {
        { "force", 'f', FLAG_BOOL, NULL, "Force the removal of one or more volumes", NULL },
        { 0 },
};

static int volume_rm(struct cli *cli, const struct arguments *arguments)
{
        int status = 0, failed;
        const char *name;

        for (size_t i = 0; (name = positional(arguments, i)); i++) {
                failed = remove_one(cli, name, argument_bool(arguments, "force"));
                status = failed ? failed : status;
        }
        return status;
}

/* --- prune --- */

static const struct flag prune_flags[] = {
        { "all", 'a', FLAG_BOOL, NULL, "Remove all unused volumes, not just anonymous ones", NULL },
        { "filter", 0, FLAG_FILTER, NULL, "Provide filter values (e.g. \"label=<label>\")", NULL },
        { "force", 'f', FLAG_BOOL, NULL, "Do not prompt for confirmation", NULL },
        { 0 },
};

static bool is_confirmed(bool all)
{
        char line[16] = "";

        printf("WARNING! This will remove %s not used by at least one container.\n"
               "Are you sure you want to continue? [y/N] ",
               all ? "all local volumes" : "anonymous local volumes");
        fflush(stdout);
        return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int volume_prune(struct cli *cli, const struct arguments *arguments)
{
        bool all = argument_bool(arguments, "all"), fits, is_first = true;
        const Sk__ListVolumesResponse *volumes;
        Sk__Filter **filters = NULL;
        size_t n_filters = 0;
        int status = 0;

        if (!argument_bool(arguments, "force") && !is_confirmed(all))
                return 0;
        volumes = get_volumes(cli);
        if (!volumes)
                return cli_fail(cli);
        filters_from(cli, arguments, &filters, &n_filters);
        for (size_t i = 0; i < volumes->n_volumes; i++) {
                const Sk__NodeVolume *volume = volumes->volumes[i];

                if (is_wanted(cli, volume, filters, n_filters, &fits) < 0)
                        return print_failure(cli);
                if (!fits || volume->n_tasks || (!all && !find_label(volume, anonymous_label)))
                        continue;
                fputs(is_first ? "Deleted Volumes:\n" : "", stdout);
                is_first = false;
                status |= remove_one(cli, volume->name, false);
        }
        return status;
}

/* --- rows --- */

static const struct flag *const create_tables[] = { create_flags, NULL };
static const struct flag *const ls_tables[] = { list_flags, NULL };
static const struct flag *const inspect_tables[] = { inspect_flags, NULL };
static const struct flag *const rm_tables[] = { rm_flags, NULL };
static const struct flag *const prune_tables[] = { prune_flags, NULL };

/* clang-format off */
/*        noun      verb       usage                          summary                                              aliases   side  least most flags first  flags */
const struct command volume_commands[] = {
        { "volume", "create",  "[OPTIONS] [VOLUME]",          "Create a volume",                                   NULL,     COMMAND_NODE, 0,  1, false, create_tables, NULL, volume_create_command },
        { "volume", "inspect", "[OPTIONS] VOLUME [VOLUME...]", "Display detailed information on one or more volumes", NULL,  COMMAND_NODE, 1, -1, false, inspect_tables, NULL, volume_inspect },
        { "volume", "ls",      "[OPTIONS]",                   "List volumes",                                      "list",   COMMAND_NODE, 0,  0, false, ls_tables, NULL, volume_ls },
        { "volume", "prune",   "[OPTIONS]",                   "Remove unused local volumes",                       NULL,     COMMAND_NODE, 0,  0, false, prune_tables, NULL, volume_prune },
        { "volume", "rm",      "[OPTIONS] VOLUME [VOLUME...]", "Remove one or more volumes",                       "remove", COMMAND_NODE, 1, -1, false, rm_tables, NULL, volume_rm },
        { 0 },
};
/* clang-format on */
