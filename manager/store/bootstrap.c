/* The first entry: what `swarm init` wrote down before any daemon ran becomes the state of a new
 * cluster. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/message/message.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "manager/store/check.h"
#include "manager/store/store.h"

static void fail(struct store *store, struct err *err)
{
        err_prefix(err, "'%s'", store->options.config->bootstrap);
        store->options.failed(store->options.context, err);
}

static void remove_file(struct store *store)
{
        const char *path = store->options.config->bootstrap;

        if (unlink(path) < 0 && errno != ENOENT)
                LOG(WARN, "bootstrap file cannot be removed", STR("path", path),
                    STR("error", strerror(errno)));
        store_become_ready(store);
}

static void applied(struct store *store, void *context, const struct applied *result,
                    const struct err *err)
{
        struct err refused;

        (void)context;
        store->is_bootstrapping = false;
        if (err)
                refused = *err;
        else if (result->code)
                err_set(&refused, result->code, "%s", result->why);
        else if (result->response->n_results)
                err_set(&refused, ERR_INVALID, "%s", result->response->results[0]->message);
        else {
                LOG(INFO, "cluster begun", INT("objects", (int64_t)state_count_all(store->state)));
                remove_file(store);
                return;
        }
        fail(store, &refused);
}

static int propose(struct store *store, const struct str *text, struct err *err)
{
        struct arena arena = { 0 };
        const Sk__LogEntry *entry;
        ProtobufCMessage *message;
        int r = message_unpack(&arena, &sk__log_entry__descriptor, (const uint8_t *)text->text,
                               text->length, &message, err);

        entry = r == 0 ? (const Sk__LogEntry *)message : NULL;
        if (entry && (entry->n_commits != 1 || !entry->commits[0]->request))
                r = err_set(err, ERR_INVALID, "it must hold exactly one commit");
        if (r == 0)
                r = store_propose(store, entry->commits[0]->request, entry->commits[0]->writer,
                                  applied, NULL, err);
        arena_done(&arena);
        return r;
}

static bool has_file(const struct store *store)
{
        const char *path = store->options.config->bootstrap;

        return path && *path && file_exists(path);
}

bool bootstrap_is_pending(const struct store *store)
{
        return !store->is_ready && has_file(store) &&
               !state_count(store->state, SK__KIND__KIND_CLUSTER);
}

void bootstrap_role(struct store *store)
{
        const char *path = store->options.config->bootstrap;
        _cleanup_(str_done) struct str text = { 0 };
        struct err err;

        if (store->is_ready || store->is_bootstrapping || !replica_role(store->replica)->is_ready)
                return;
        if (!has_file(store)) {
                store_become_ready(store);
                return;
        }
        if (state_count(store->state, SK__KIND__KIND_CLUSTER)) {
                remove_file(store);
                return;
        }
        store->is_bootstrapping = true;
        if (file_read(path, CHECK_BYTES_MAX, &text, &err) < 0 || propose(store, &text, &err) < 0)
                fail(store, &err);
}
