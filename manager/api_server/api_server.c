/* The API server's shell: connections, the mirror, start and stop. */
#include "manager/api_server/api_server.h"

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "manager/api_server/watch.h"

static void view_changed(void *context, const Sk__Event *const *events, size_t n_events,
                         bool is_restart)
{
        struct api_server *api = context;

        if (!api->is_ready && view_cluster(mirror_view(api->mirror))) {
                api->is_ready = true;
                daemon_ready(api->daemon);
        }
        watchers_news(api, is_restart ? NULL : events, is_restart ? 0 : n_events);
}

static int connect_to(struct api_server *api, const char *address, const char *daemon_name,
                      struct rpc_client **ret, struct err *err)
{
        return rpc_client_new(api->daemon->loop,
                              &(struct rpc_client_options){
                                      .address = address,
                                      .identity = api->daemon->identity,
                                      .server_daemon = daemon_name,
                              },
                              ret, err);
}

static int start_mirror(struct api_server *api, struct err *err)
{
        static const Sk__Kind kinds[] = {
                SK__KIND__KIND_CLUSTER,      SK__KIND__KIND_NODE,    SK__KIND__KIND_SERVICE,
                SK__KIND__KIND_SERVICE_SPEC, SK__KIND__KIND_NETWORK, SK__KIND__KIND_TASK,
                SK__KIND__KIND_SECRET,       SK__KIND__KIND_CONFIG,
        };
        Sk__KindMask masks[COUNT_OF(kinds)];

        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
                masks[i] = (Sk__KindMask)SK__KIND_MASK__INIT;
                masks[i].kind = kinds[i];
                /* What a secret says is not for this daemon: its data stays away. */
                masks[i].parts = kinds[i] == SK__KIND__KIND_SECRET ? 1 : UINT32_MAX;
        }
        return mirror_new(
                &(struct mirror_options){
                        .loop = api->daemon->loop,
                        .store = api->store,
                        .kinds = masks,
                        .n_kinds = COUNT_OF(masks),
                        .changed = view_changed,
                        .context = api,
                },
                &api->mirror, err);
}

int api_server_start(struct daemon *daemon, struct err *err)
{
        struct api_server *api = mem_alloc(sizeof *api);

        api->daemon = daemon;
        api->config = daemon->spec->config;
        daemon->state = api;
        TRY(connect_to(api, api->config->store, "store", &api->store, err));
        TRY(connect_to(api, api->config->dispatcher, "dispatcher", &api->dispatcher, err));
        TRY(connect_to(api, api->config->ca, "ca", &api->ca, err));
        TRY(start_mirror(api, err));
        return committer_new(&(struct committer_options){ .loop = daemon->loop,
                                                          .store = api->store },
                             &api->committer, err);
}

void api_server_stop(struct daemon *daemon)
{
        struct api_server *api = daemon->state;

        committer_free(api->committer);
        mirror_free(api->mirror);
        rpc_client_free(api->ca);
        rpc_client_free(api->dispatcher);
        rpc_client_free(api->store);
        free(api);
}
