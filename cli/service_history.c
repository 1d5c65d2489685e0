/* skep service history, diff, promote: the revisions of a service. */
#include <stdlib.h>
#include <string.h>

#include "cli/print.h"
#include "cli/service.h"
#include "cli/spec_diff.h"
#include "lib/base/str.h"
#include "lib/base/time.h"

static const struct list_field history_fields[] = {
        { "Revision", "REVISION" },
        { "CreatedSince", "CREATED" },
        { "CreatedAt", "CREATED AT" },
        { "Image", "IMAGE" },
        { "Changes", "CHANGES" },
        { "Current", "" },
        { 0 },
};

static const struct list_kind history_list = {
        .fields = history_fields,
        .table = "{{.Revision}}{{if .Current}} "
                 "*{{end}}\t{{.CreatedSince}}\t{{.Image}}\t{{.Changes}}",
        .quiet = "{{.Revision}}",
};

const struct flag service_history_flags[] = {
        { "format", 0, FLAG_STRING, NULL,
          "Format output using a custom template: 'table', 'table TEMPLATE', 'json', or TEMPLATE",
          NULL },
        { "quiet", 'q', FLAG_BOOL, NULL, "Only display revisions", NULL },
        { 0 },
};

static const Sk__ListServiceRevisionsResponse *list(struct cli *cli, const char *name)
{
        Sk__ListServiceRevisionsRequest request = SK__LIST_SERVICE_REVISIONS_REQUEST__INIT;
        const void *out;

        request.id = name;
        if (cli_call(cli, RPC_METHOD(control, ListServiceRevisions), &request.base, &out) < 0)
                return NULL;
        return out;
}

json_t *service_history_row(struct arena *arena, const Sk__ServiceRevisionView *revision,
                            const Sk__ServiceRevisionView *before, int64_t now_ns)
{
        const Sk__ServiceSpec *spec = revision->spec;
        _cleanup_(str_done) struct str since = { 0 }, at = { 0 }, changes = { 0 };
        const char *image =
                spec && spec->task && spec->task->container ? spec->task->container->image : "";

        add_ago(&since, revision->created_at_ns, now_ns);
        str_add_time(&at, revision->created_at_ns);
        if (before)
                spec_diff_summary(before->spec, spec, &changes);
        else
                str_add(&changes, "created");
        return json_pack("{sI ss ss ss ss sb}", "Revision", (json_int_t)revision->revision,
                         "CreatedSince", str_text(&since), "CreatedAt", str_text(&at), "Image",
                         short_image(arena, image, false), "Changes", str_text(&changes), "Current",
                         revision->is_current);
}

int service_history(struct cli *cli, const struct arguments *arguments)
{
        const Sk__ListServiceRevisionsResponse *response = list(cli, positional(arguments, 0));
        json_t *rows;

        if (!response)
                return cli_fail(cli);
        rows = json_array();
        for (size_t i = 0; i < response->n_revisions; i++) {
                bool is_oldest = i + 1 == response->n_revisions;
                json_t *row = service_history_row(&cli->arena, response->revisions[i],
                                                  is_oldest ? NULL : response->revisions[i + 1],
                                                  loop_now(cli->loop));

                /* The oldest that is kept need not be the first. */
                if (is_oldest && response->revisions[i]->revision > 1)
                        json_object_set_new(row, "Changes", json_string(""));
                json_array_append_new(rows, row);
        }
        return print_list(cli, arguments, &history_list, rows);
}

/* --- diff --- */

static const Sk__ServiceRevisionView *find(struct cli *cli, const char *service,
                                           const Sk__ListServiceRevisionsResponse *response,
                                           const char *typed)
{
        uint64_t number;

        if (str_to_uint64(typed, &number, NULL) < 0) {
                err_set(&cli->err, ERR_INVALID, "\"%.32s\" is no revision: a number is", typed);
                return NULL;
        }
        for (size_t i = 0; i < response->n_revisions; i++)
                if (response->revisions[i]->revision == number)
                        return response->revisions[i];
        err_set(&cli->err, ERR_NOT_FOUND,
                "service %.64s has no revision %llu: see 'skep service history %.64s'", service,
                (unsigned long long)number, service);
        return NULL;
}

static const Sk__ServiceRevisionView *current(const Sk__ListServiceRevisionsResponse *response)
{
        for (size_t i = 0; i < response->n_revisions; i++)
                if (response->revisions[i]->is_current)
                        return response->revisions[i];
        return response->n_revisions ? response->revisions[0] : NULL;
}

static const Sk__ServiceRevisionView *previous(struct cli *cli, const char *service,
                                               const Sk__ListServiceRevisionsResponse *response)
{
        const Sk__ServiceRevisionView *now = current(response), *before = NULL;

        for (size_t i = 0; now && i < response->n_revisions; i++) {
                const Sk__ServiceRevisionView *revision = response->revisions[i];

                if (revision->revision < now->revision &&
                    (!before || revision->revision > before->revision))
                        before = revision;
        }
        if (!before)
                err_set(&cli->err, ERR_NOT_FOUND, "service %.64s has no previous revision",
                        service);
        return before;
}

/* A revision that is not given is the present one; without any, it is compared with the previous
 * one. */
int service_diff(struct cli *cli, const struct arguments *arguments)
{
        const char *name = positional(arguments, 0), *first = positional(arguments, 1),
                   *second = positional(arguments, 2);
        const Sk__ListServiceRevisionsResponse *response = list(cli, name);
        const Sk__ServiceRevisionView *a, *b;
        _cleanup_(str_done) struct str out = { 0 };

        if (!response)
                return cli_fail(cli);
        a = first ? find(cli, name, response, first) : previous(cli, name, response);
        b = second ? find(cli, name, response, second) : current(response);
        if (!a || !b)
                return print_failure(cli);
        spec_diff(a->spec, b->spec, &out);
        print_words(&out);
        return 0;
}

/* --- promote --- */

int service_promote(struct cli *cli, const struct arguments *arguments)
{
        Sk__UpdateServiceRequest request = SK__UPDATE_SERVICE_REQUEST__INIT;
        const void *out;

        request.id = positional(arguments, 0);
        request.promote = true;
        if (cli_call(cli, RPC_METHOD(control, UpdateService), &request.base, &out) < 0)
                return cli_fail(cli);
        return service_wait(cli, arguments, request.id);
}
