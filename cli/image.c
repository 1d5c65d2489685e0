/* skep image: what this node has. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/image.h"
#include "cli/login.h"
#include "cli/print.h"
#include "cli/size.h"
#include "cli/tables.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

/* --- ls --- */

static const struct list_field image_fields[] = {
        { "Repository", "REPOSITORY" },
        { "Tag", "TAG" },
        { "Digest", "DIGEST" },
        { "ID", "IMAGE ID" },
        { "CreatedSince", "CREATED" },
        { "CreatedAt", "CREATED AT" },
        { "Size", "SIZE" },
        { 0 },
};

static const struct list_kind image_list = {
        .fields = image_fields,
        .table = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
        .quiet = "{{.ID}}",
        .setting = "imagesFormat",
};

static const struct list_kind image_list_digests = {
        .fields = image_fields,
        .table = "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}",
        .quiet = "{{.ID}}",
};

static const struct flag image_ls_flags[] = {
        { "digests", 0, FLAG_BOOL, NULL, "Show digests", NULL },
        { "format", 0, FLAG_STRING, NULL,
          "Format output using a custom template: 'table', 'table TEMPLATE', 'json', or TEMPLATE",
          NULL },
        { "no-trunc", 0, FLAG_BOOL, NULL, "Don't truncate output", NULL },
        { "quiet", 'q', FLAG_BOOL, NULL, "Only show image IDs", NULL },
        { 0 },
};

json_t *image_row(struct arena *arena, const Sk__Image *image, const char *reference, bool whole,
                  int64_t now_ns)
{
        const char *id = image->id, *tag = "<none>", *repository = "<none>", *colon, *slash;
        struct str since = { 0 }, size = { 0 }, at = { 0 };
        json_t *row;

        if (reference) {
                repository = short_image(arena, reference, false);
                repository = arena_printf(arena, "%.*s", (int)strcspn(repository, "@"), repository);
                slash = strrchr(repository, '/');
                colon = strrchr(slash ? slash : repository, ':');
                if (colon) {
                        tag = colon + 1;
                        repository =
                                arena_printf(arena, "%.*s", (int)(colon - repository), repository);
                }
        }
        if (!whole && str_starts_with(id, "sha256:"))
                id += strlen("sha256:");
        add_ago(&since, image->created_at_ns, now_ns);
        str_add_time(&at, image->created_at_ns);
        add_size(&size, image->size_bytes);
        row = json_pack("{ss ss ss ss ss ss ss}", "Repository", repository, "Tag", tag, "Digest",
                        str_or(image->digest, "<none>"), "ID", short_id(arena, id, whole),
                        "CreatedSince", image->created_at_ns ? str_text(&since) : "N/A",
                        "CreatedAt", str_text(&at), "Size", str_text(&size));
        str_done(&since);
        str_done(&at);
        str_done(&size);
        return row;
}

/* "image ls nginx", "image ls nginx:1". */
static bool is_wanted(struct arena *arena, const char *wanted, const char *reference)
{
        const char *name = short_image(arena, reference, false);
        size_t length = wanted ? strlen(wanted) : 0;

        return !wanted || (strncmp(name, wanted, length) == 0 &&
                           (!name[length] || name[length] == ':' || name[length] == '@'));
}

static void add_image(struct cli *cli, const Sk__Image *image, const char *wanted, bool whole,
                      json_t *rows)
{
        int64_t now_ns = loop_now(cli->loop);

        for (size_t i = 0; i < image->n_references; i++)
                if (is_wanted(&cli->arena, wanted, image->references[i]))
                        json_array_append_new(rows, image_row(&cli->arena, image,
                                                              image->references[i], whole, now_ns));
        if (!image->n_references && !wanted)
                json_array_append_new(rows, image_row(&cli->arena, image, NULL, whole, now_ns));
}

static int image_ls(struct cli *cli, const struct arguments *arguments)
{
        Sk__ListImagesRequest request = SK__LIST_IMAGES_REQUEST__INIT;
        const Sk__ListImagesResponse *response;
        bool whole = argument_bool(arguments, "no-trunc");
        json_t *rows;
        const void *out;

        if (cli_call(cli, RPC_METHOD(node_agent, ListImages), &request.base, &out) < 0)
                return cli_fail(cli);
        response = out;
        rows = json_array();
        for (size_t i = 0; i < response->n_images; i++)
                add_image(cli, response->images[i], positional(arguments, 0), whole, rows);
        return print_list(cli, arguments,
                          argument_bool(arguments, "digests") ? &image_list_digests : &image_list,
                          rows);
}

/* --- pull --- */

static const struct flag image_pull_flags[] = {
        { "all-tags", 'a', FLAG_BOOL, NULL, "Download all tagged images in the repository",
          "pull them by name" },
        { "platform", 0, FLAG_STRING, NULL, "Set platform if server is multi-platform capable",
          "nodes pull for their own platform" },
        { "quiet", 'q', FLAG_BOOL, NULL, "Suppress verbose output", NULL },
        { 0 },
};

struct pulling {
        bool is_quiet;
        const char *reference;
        char digest[128];
};

static bool pull_news(struct cli *cli, void *context, const void *out)
{
        const Sk__PullImageResponse *news = out;
        struct pulling *pulling = context;

        (void)cli;
        if (!pulling->is_quiet && !str_is_empty(news->status))
                print_line(stdout, news->status);
        if (!str_is_empty(news->digest))
                snprintf(pulling->digest, sizeof pulling->digest, "%s", news->digest);
        fflush(stdout);
        return true;
}

static int image_pull(struct cli *cli, const struct arguments *arguments)
{
        Sk__PullImageRequest request = SK__PULL_IMAGE_REQUEST__INIT;
        struct pulling pulling = { .is_quiet = argument_bool(arguments, "quiet") };

        request.reference = positional(arguments, 0);
        request.auth = login_auth_for(cli, request.reference);
        if (cli_stream(cli, RPC_METHOD(node_agent, PullImage), &request.base, pull_news, &pulling) <
            0)
                return cli_fail(cli);
        if (!pulling.is_quiet && pulling.digest[0])
                printf("Digest: %s\n", pulling.digest);
        printf("%s\n", request.reference);
        return 0;
}

/* --- rm --- */

static const struct flag image_rm_flags[] = {
        { "force", 'f', FLAG_BOOL, NULL, "Force removal of the image", NULL },
        { "no-prune", 0, FLAG_BOOL, NULL, "Do not delete untagged parents",
          "images have no parents here" },
        { 0 },
};

static int image_rm(struct cli *cli, const struct arguments *arguments)
{
        Sk__RemoveImageRequest request = SK__REMOVE_IMAGE_REQUEST__INIT;
        const Sk__RemoveImageResponse *response;
        const void *out;
        int status = 0;

        request.force = argument_bool(arguments, "force");
        for (size_t i = 0; (request.reference = positional(arguments, i)); i++) {
                if (cli_call(cli, RPC_METHOD(node_agent, RemoveImage), &request.base, &out) < 0) {
                        status = cli_fail(cli);
                        continue;
                }
                response = out;
                for (size_t n = 0; n < response->n_untagged; n++)
                        printf("Untagged: %s\n", response->untagged[n]);
                for (size_t n = 0; n < response->n_deleted; n++)
                        printf("Deleted: %s\n", response->deleted[n]);
        }
        return status;
}

/* --- rows --- */

static const struct flag *const ls_tables[] = { image_ls_flags, NULL };
static const struct flag *const pull_tables[] = { image_pull_flags, NULL };
static const struct flag *const rm_tables[] = { image_rm_flags, NULL };
static const struct flag *const load_tables[] = { image_load_flags, NULL };

/* clang-format off */
/*        noun     verb    usage                            summary                                     aliases           side  least most flags first  flags */
const struct command image_commands[] = {
        { "image", "load", "[OPTIONS]",                     "Load an image from a tar archive or STDIN", NULL, COMMAND_NODE, 0,  0, false, load_tables, NULL, image_load },
        { "image", "ls",   "[OPTIONS] [REPOSITORY[:TAG]]",  "List images",                              "list", COMMAND_NODE, 0,  1, false, ls_tables, NULL, image_ls },
        { "image", "pull", "[OPTIONS] NAME[:TAG|@DIGEST]",  "Download an image from a registry",        NULL,  COMMAND_NODE, 1,  1, false, pull_tables, NULL, image_pull },
        { "image", "rm",   "[OPTIONS] IMAGE [IMAGE...]",    "Remove one or more images",                "remove", COMMAND_NODE, 1, -1, false, rm_tables, NULL, image_rm },
        { NULL,    "images", "[OPTIONS] [REPOSITORY[:TAG]]", "List images",                             NULL,  COMMAND_NODE, 0,  1, false, ls_tables, NULL, image_ls },
        { NULL,    "load", "[OPTIONS]",                     "Load an image from a tar archive or STDIN", NULL, COMMAND_NODE, 0,  0, false, load_tables, NULL, image_load },
        { NULL,    "pull", "[OPTIONS] NAME[:TAG|@DIGEST]",  "Download an image from a registry",        NULL,  COMMAND_NODE, 1,  1, false, pull_tables, NULL, image_pull },
        { NULL,    "rmi",  "[OPTIONS] IMAGE [IMAGE...]",    "Remove one or more images",                NULL,  COMMAND_NODE, 1, -1, false, rm_tables, NULL, image_rm },
        { 0 },
};
/* clang-format on */
