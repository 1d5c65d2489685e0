/* skep-store: what is true? */
#include "lib/base/time.h"
#include "lib/run/daemon.h"
#include "manager/store/check.h"
#include "manager/store/peers.h"
#include "manager/store/store.h"

static struct store_config config;

#define AT(member) offsetof(struct store_config, member)
static const struct setting settings[] = {
        { .key = "folder",
          .type = SETTING_PATH,
          .offset = AT(folder),
          .fallback = "/var/lib/skep/store",
          .help = "where the store keeps its data" },
        { .key = "bootstrap",
          .type = SETTING_STRING,
          .offset = AT(bootstrap),
          .fallback = "",
          .help = "the file that begins a cluster, when the folder is empty" },
        { .key = "advertise",
          .type = SETTING_STRING,
          .offset = AT(advertise),
          .fallback = "",
          .help = "the address by which other stores reach this one" },
        { .key = "raft-listen",
          .type = SETTING_STRING,
          .offset = AT(raft_listen),
          .fallback = "",
          .help = "where other stores reach this one's Raft; without it there can be no others" },
        { .key = "raft-advertise",
          .type = SETTING_STRING,
          .offset = AT(raft_advertise),
          .fallback = "",
          .help = "the address by which they do" },
        { .key = "join",
          .type = SETTING_STRING,
          .offset = AT(join),
          .fallback = "",
          .help = "addresses of stores to ask to be added, with commas between" },
        { .key = "force-new-cluster",
          .type = SETTING_BOOL,
          .offset = AT(force_new_cluster),
          .fallback = "false",
          .help = "the majority is lost for ever: go on with what is here, alone; for one start" },
        { .key = "heartbeat",
          .type = SETTING_DURATION,
          .offset = AT(heartbeat),
          .fallback = "50ms",
          .help = "how often the leader shows life; after six of them others take over",
          .least = NS_PER_MS,
          .most = NS_PER_MINUTE },
        { .key = "queue",
          .type = SETTING_BYTES,
          .offset = AT(queue_bytes),
          .fallback = "64m",
          .help = "commits that may wait, in bytes",
          .least = 1 << 20,
          .most = INT64_C(1) << 32 },
        { .key = "compact-after",
          .type = SETTING_COUNT,
          .offset = AT(compact_entries),
          .fallback = "0",
          .help = "log entries that gather before the log is cut; 0: as the cluster's settings say",
          .least = 0,
          .most = 10000000 },
        { .key = "compact-keep",
          .type = SETTING_COUNT,
          .offset = AT(keep_entries),
          .fallback = "0",
          .help = "log entries kept for followers that lag; 0: as the cluster's settings say",
          .least = 0,
          .most = 10000000 },
        {},
};

static void ready(void *context)
{
        daemon_ready(context);
}

static void failed(void *context, const struct err *err)
{
        daemon_fail(context, err);
}

static int start(struct daemon *daemon, struct err *err)
{
        struct store_options options = {
                .loop = daemon->loop,
                .node_id = rpc_identity_node_id(daemon->identity),
                .identity = daemon->identity,
                .config = &config,
                .ready = ready,
                .failed = failed,
                .context = daemon,
        };
        struct store *store;

        TRY(store_open(&options, &store, err));
        daemon->state = store;
        return 0;
}

static void stop(struct daemon *daemon)
{
        store_free(daemon->state);
}

static void metrics(struct daemon *daemon, struct str *str)
{
        store_metrics(daemon->state, str);
}

int main(int argc, char **argv)
{
        static const struct rpc_service *const serves[] = { &store_service, &store_peer_service,
                                                            NULL };

        return daemon_main(argc, argv,
                           &(struct daemon_spec){
                                   .name = "skep-store",
                                   .daemon = "store",
                                   .summary = "keeps what is true",
                                   .settings = settings,
                                   .config = &config,
                                   .listen_default = "unix:/run/skep/store.sock,0.0.0.0:2383",
                                   .trust = RPC_MUTUAL_TLS,
                                   .serves = serves,
                                   .message_size_max = CHECK_BYTES_MAX + (1 << 20),
                                   .start = start,
                                   .stop = stop,
                                   .metrics = metrics,
                           });
}
